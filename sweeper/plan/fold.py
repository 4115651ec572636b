"""Cells that are one trial: variants whose configs train alike, by the fields that do nothing in them or by another spelling of one law."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.config import TrainConfig
from model.train_trial import DataFacts
from sweeper.records import Variant

OWN = ("evaluation", "steps", "log_every", "held_out_every", "checkpoint_every", "accumulation", "compile")
"""Fields that a variant keeps when it is trained as another: none of them names the weights."""


@dataclass(frozen=True)
class Cell:
    """A variant with the config that its trials have."""

    variant: Variant
    config: TrainConfig
    because: str = ""
    """Why it is trained as an earlier variant of the sweep, if it is."""


def fold(configs: Sequence[tuple[Variant, TrainConfig]], facts: Mapping[str, DataFacts]) -> tuple[Cell, ...]:
    """Every variant, with the config of the first one that trains like it, and evaluated as the first one that is evaluated like it.

    The first keeps the config that the sweep file gives it, so its trials keep their names.
    """
    if len(configs) == 1:
        return (Cell(*configs[0]),)
    firsts: dict[str, tuple[Variant, TrainConfig]] = {}
    by_evaluation: dict[str, TrainConfig] = {}
    cells = []
    for variant, config in configs:
        content, plain = facts[variant.name].content_hash, config.equivalent()
        weights = weights_of(config, content)
        first, trained = firsts.setdefault(weights, (variant, config))
        if first is variant:
            cells.append(Cell(variant, config))
            by_evaluation[weights + _text(plain.evaluation_identity(content_hash=content))] = config
            continue
        evaluated = by_evaluation.setdefault(weights + _text(plain.evaluation_identity(content_hash=content)), config)
        own = {name: getattr(config, name) for name in OWN} | {"evaluation": evaluated.evaluation}
        cells.append(Cell(variant, trained.model_copy(update=own), _because(config, trained)))
    return tuple(cells)


def weights_of(config: TrainConfig, content_hash: str) -> str:
    """Equal for configs that train alike at one seed."""
    plain = config.equivalent()
    return _text(plain.training_identity(content_hash=content_hash, precision=plain.resolved_precision(gpu=False)))


def _because(config: TrainConfig, first: TrainConfig) -> str:
    differing = [path for path in _differing(config.model_dump(), first.model_dump()) if path.split(".")[0] not in OWN]
    idle = config.inert_fields() | first.inert_fields()
    if not differing:
        return ""
    meaning = [path for path in differing if path not in idle]
    if not meaning:
        return f"{_listing(differing)} {'does' if len(differing) == 1 else 'do'} nothing here"
    return f"{_listing(meaning)} {'makes' if len(meaning) == 1 else 'make'} no difference in law here"


def _differing(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name in dict.fromkeys([*one, *other]):
        a, b = one.get(name), other.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            yield from _differing(a, b, f"{prefix}{name}.")
        elif a != b:
            yield f"{prefix}{name}"


def _text(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, sort_keys=True)


def _listing(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
