"""Shows in MLflow what the store holds. The store is the truth; nothing here can hurt or slow a trial."""

import logging

# What the mirror logs is for whoever configured logging (`service/mlflow_sync_process`); else Python prints it to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())
