"""The names of results: one hash for the weights, one for the metrics."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from model.config import Precision, TrainConfig

LENGTH = 16


def training_fingerprint(config: TrainConfig, *, content_hash: str, precision: Precision) -> str:
    """Names a trial and its checkpoints: everything that changes the weights at a given step, not how far it trains."""
    return SeededFingerprint(config.training_identity(content_hash=content_hash, precision=precision)).at(config.seed)


class SeededFingerprint:
    """The training fingerprints of one config at any seed: all but the seed is written down and hashed once."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        """`payload`: the config's `training_identity`."""
        before = _text({key: value for key, value in payload.items() if key < "seed"})
        self._before = hashlib.sha256(f'{before[:-1]},"seed":'.encode())
        self._after = ("," + _text({key: value for key, value in payload.items() if key > "seed"})[1:]).encode()

    def at(self, seed: int) -> str:
        whole = self._before.copy()
        whole.update(str(seed).encode() + self._after)
        return whole.hexdigest()[:LENGTH]


def evaluation_fingerprint(config: TrainConfig, *, content_hash: str) -> str:
    """Names a result at a step: everything that changes the metrics of given weights."""
    return _hash(config.evaluation_identity(content_hash=content_hash))


def _hash(payload: dict[str, Any]) -> str:
    return hashlib.sha256(_text(payload).encode()).hexdigest()[:LENGTH]


def _text(payload: dict[str, Any]) -> str:
    return json.dumps(payload, sort_keys=True, separators=(",", ":"))
