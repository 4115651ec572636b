"""Shows in MLflow, and in trackers of users' own, what the store holds. The store is the truth; nothing here can hurt or slow a trial."""

import logging

# What is logged here is for whoever configured logging (`service/tracker_process`); else Python prints it to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())
