"""Whether a trial's name is the hash of its config: what somebody else's word for it is held against.

Looks at no file and imports nothing, whatever a config names. So there is no answer for a config that names a class of the user's own or a
file of weights without its hash, nor for one that this version does not read, nor where nothing says what the images were.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from model.config import NUMERICS_VERSION, DigitsData, Precision, TrainConfig
from model.errors import ModelError
from model.train_trial import facts
from sweeper.plan.fingerprint import SeededFingerprint

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
_KEPT = 512
"""Configs that are remembered: the trials of a sweep differ in their seed more than in anything else."""


@dataclass(frozen=True)
class Basis:
    """What a name is made of beside the config."""

    data: str
    """Content hash of the images and labels."""
    precision: Precision
    numerics: int


@dataclass
class TrialNames:
    """Makes names again."""

    _read: dict[str, TrainConfig | None] = field(default_factory=dict)
    _hashes: dict[tuple[str, Basis], SeededFingerprint] = field(default_factory=dict)

    def basis(self, fingerprint: str, config: Mapping[str, Any], contents: Iterable[str]) -> Basis | None:
        """On which the name is that of the config, where the images were one of `contents`; None where none is found."""
        text, read = self._config(config)
        if read is None:
            return None
        known = [*contents, facts(read.data).content_hash] if isinstance(read.data, DigitsData) else contents
        return next((basis for basis in _bases(dict.fromkeys(known), read) if self._name(text, read, basis, config) == fingerprint), None)

    def fits(self, fingerprint: str, config: Mapping[str, Any], basis: Basis) -> bool | None:
        """Whether the name is that of the config on this basis; None where this version cannot tell."""
        text, read = self._config(config)
        return None if read is None else self._name(text, read, basis, config) == fingerprint

    def same(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two configs would train the same weights on the same images."""
        if one == other:
            return True
        basis = Basis("", "fp32", NUMERICS_VERSION)
        names = [None if read is None else self._name(text, read, basis, c) for c in (one, other) for text, read in [self._config(c)]]
        return None not in names and names[0] == names[1]

    def _config(self, config: Mapping[str, Any]) -> tuple[str, TrainConfig | None]:
        """But for the seed."""
        text = json.dumps({key: value for key, value in config.items() if key != "seed"}, sort_keys=True)
        if text not in self._read:
            if len(self._read) >= _KEPT:
                self._read.clear()
                self._hashes.clear()
            self._read[text] = _read(json.loads(text))
        return text, self._read[text] if isinstance(config.get("seed"), int) else None

    def _name(self, text: str, read: TrainConfig, basis: Basis, config: Mapping[str, Any]) -> str:
        key = (text, basis)
        if key not in self._hashes:
            self._hashes[key] = SeededFingerprint(read.identity_with({"data": basis.data}, basis.precision, basis.numerics))
        return self._hashes[key].at(config["seed"])


def _read(config: dict[str, Any]) -> TrainConfig | None:
    if _needs_a_file(config):
        return None
    try:
        read = TrainConfig.model_validate(config)
    except (ValueError, ModelError, RecursionError):
        return None
    return None if "." in read.partition.assignment else read


def _needs_a_file(value: Any) -> bool:
    """Whether reading the config would hash a file of weights, or of a reference, that it names."""
    if isinstance(value, Mapping):
        unnamed = ("weights" in value and not value.get("weights_hash")) or (
            value.get("reference", "training") != "training" and not value.get("reference_hash")
        )
        unnamed = unnamed or ("." in str(value.get("kind", "")) and not value.get("source_hash"))
        return unnamed or any(map(_needs_a_file, value.values()))
    return isinstance(value, list) and any(map(_needs_a_file, value))


def _bases(contents: Iterable[str], config: TrainConfig) -> Iterator[Basis]:
    """The likeliest first."""
    precisions = PRECISIONS if config.precision == "auto" else (config.precision,)
    for numerics in range(NUMERICS_VERSION, 0, -1):
        for data in contents:
            for precision in precisions:
                yield Basis(data, precision, numerics)
