"""The transformer. Imported by the objective and by sampling; knows nothing of noise levels' laws, losses or data."""
