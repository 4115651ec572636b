"""Steps, their state, and the loop around them. Imported by `train_trial`."""
