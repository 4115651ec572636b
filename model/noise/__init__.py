"""The laws of noise: path, noise levels, partition. Imported by the objective; knows nothing of networks or data."""
