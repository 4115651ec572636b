"""The config of one trial: frozen, typed, without unknown keys; loads nothing heavier than pydantic."""

from model.config.data import DataConfig, DigitsData, FolderData, ImagesData, LatentsData, NpzData, PhotographsData
from model.config.evaluation import EXTRA_METRICS, NAMED_BY_FEATURES
from model.config.extractor import named_by_features
from model.config.named_files import content_on_this_machine, outside_files
from model.config.noise import PartitionConfig
from model.config.own_metric import OwnMetric, is_taken
from model.config.section import identity
from model.config.streams import stream_identities
from model.config.train import NUMERICS_VERSION, Precision, TrainConfig
from model.config.user_classes import modules_also_in, named_classes, source_files

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
    "OwnMetric",
    "PartitionConfig",
    "PhotographsData",
    "Precision",
    "TrainConfig",
    "content_on_this_machine",
    "identity",
    "is_taken",
    "modules_also_in",
    "named_by_features",
    "named_classes",
    "outside_files",
    "source_files",
    "stream_identities",
]
