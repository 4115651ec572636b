"""Fingerprints of the random streams of a trial, from its stored config."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from model.config import TrainConfig, stream_identities

LENGTH = 12
_NOT_DRAWN = ("seed", "steps", "optimizer")
"""Parts of a config that no training stream depends on but for the seed, which is told apart by itself."""


def stream_fingerprints(config: Mapping[str, Any]) -> Mapping[str, str]:
    """Stream -> fingerprint, which with the trial's seed names its draws; empty for a config that this release does not read."""
    return _fingerprints(json.dumps({name: value for name, value in config.items() if name not in _NOT_DRAWN}, sort_keys=True))


@lru_cache(maxsize=4096)
def _fingerprints(config: str) -> Mapping[str, str]:
    try:
        read = TrainConfig.model_validate(json.loads(config))
    except (ValidationError, ValueError):
        return {}
    return {name: _hash(found) for name, found in stream_identities(read).items()}


def _hash(found: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:LENGTH]
