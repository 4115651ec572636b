"""The config of one trial: frozen, typed, without unknown keys; loads nothing heavier than pydantic."""

from model.config.assignment_source import is_users, modules_also_in, source_files
from model.config.data import DataConfig, DigitsData, FolderData, ImagesData, LatentsData, NpzData, PhotographsData
from model.config.evaluation import EXTRA_METRICS, NAMED_BY_FEATURES
from model.config.extractor import named_by_features
from model.config.streams import stream_identities
from model.config.train import NUMERICS_VERSION, Precision, TrainConfig

__all__ = [
    "EXTRA_METRICS",
    "NAMED_BY_FEATURES",
    "NUMERICS_VERSION",
    "DataConfig",
    "DigitsData",
    "FolderData",
    "ImagesData",
    "LatentsData",
    "NpzData",
    "PhotographsData",
    "Precision",
    "TrainConfig",
    "is_users",
    "modules_also_in",
    "named_by_features",
    "source_files",
    "stream_identities",
]
