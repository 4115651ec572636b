"""The names of results: one hash for the weights, one for the metrics."""

import hashlib
import json
from typing import Any

from model.config import Precision, TrainConfig

LENGTH = 16


def training_fingerprint(config: TrainConfig, *, content_hash: str, precision: Precision) -> str:
    """Names a trial and its checkpoints: everything that changes the weights at a given step, not how far it trains."""
    return _hash(config.training_identity(content_hash=content_hash, precision=precision))


def evaluation_fingerprint(config: TrainConfig, *, content_hash: str) -> str:
    """Names a result at a step: everything that changes the metrics of given weights."""
    return _hash(config.evaluation_identity(content_hash=content_hash))


def _hash(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:LENGTH]
