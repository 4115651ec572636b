"""The config of one trial: frozen, typed, without unknown keys; loads nothing heavier than pydantic."""

from model.config.assignment_source import modules_also_in
from model.config.data import DataConfig, DigitsData, FolderData, LatentsData, NpzData
from model.config.evaluation import EXTRA_METRICS
from model.config.streams import stream_identities
from model.config.train import NUMERICS_VERSION, Precision, TrainConfig

__all__ = [
    "EXTRA_METRICS",
    "NUMERICS_VERSION",
    "DataConfig",
    "DigitsData",
    "FolderData",
    "LatentsData",
    "NpzData",
    "Precision",
    "TrainConfig",
    "modules_also_in",
    "stream_identities",
]
