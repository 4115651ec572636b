"""The second loss: teacher, head, distance of features. Imported by the objective."""
