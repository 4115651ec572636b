"""What Optuna does for a search: it proposes, says which factors matter, and keeps a copy that its own tools read."""
