"""How good a network is. Imported by `train_trial` and the training loop."""
