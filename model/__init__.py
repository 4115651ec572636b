"""Train and evaluate one diffusion transformer from one frozen config.

Knows nothing of sweeps, Ray, MLflow, SQL or the command line. The entry points are `model.config`, `model.presets`, `model.errors` and
`model.train_trial`; the first three never load torch.
"""
