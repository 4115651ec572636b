"""Results mix in one table only where they were made alike."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sweeper.errors import RequestError
from sweeper.records import TrialOutcome, Variant

NOT_RECORDED = "not recorded"
NOT_APPLICABLE = "none"
"""A recorded null: the threads of a trial on a GPU."""
DEVICE_FIELD = "device"
_SET_BY = {"micro_batch": "batch_size", "precision": "precision"}
"""Fields that follow from the config: a sweep may ask about them, and then they differ between variants as it should be."""


def varied_by_design(variants: Iterable[Variant]) -> frozenset[str]:
    """Fields of the comparability key that the variants themselves set."""
    paths = {path for variant in variants for path in variant.overrides}
    return frozenset(field for field, path in _SET_BY.items() if path in paths or "preset" in paths)


def comparability_of(
    outcomes: Iterable[TrialOutcome], allow_mixed: Collection[str], varied: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Field -> its values among these finished outcomes, both sorted; several values only for fields in `allow_mixed`.

    Fields in `varied` may differ between variants, though not within one; they are then left out.
    Raises RequestError naming each other field that differs, its values, and the remedy.
    """
    outcomes = list(outcomes)
    fields = sorted({name for outcome in outcomes for name in outcome.comparability})
    counts = {name: Counter(map(_reader(name), outcomes)) for name in fields if name not in varied or not _follows_variant(name, outcomes)}
    refused = {
        name: values for name, values in counts.items() if len(values) > 1 and name not in allow_mixed and _by_choice(name, outcomes)
    }
    if refused:
        differences = "; ".join(f"{name}: {_listing(values)}" for name, values in refused.items())
        flags = " ".join(f"--allow-mixed {name}" for name in refused)
        raise RequestError(
            f"the finished trials were not made alike: they differ in {differences}. One table would compare that difference too; "
            f"run the sweep anew on one machine, or accept the mix with {flags}"
        )
    return {name: tuple(sorted(values)) for name, values in counts.items()}


def device_of(comparability: Mapping[str, tuple[str, ...]]) -> str | None:
    """The device model, or several joined by ' and ' where mixing was allowed."""
    return " and ".join(comparability[DEVICE_FIELD]) if DEVICE_FIELD in comparability else None


def _follows_variant(name: str, outcomes: Iterable[TrialOutcome]) -> bool:
    read = _reader(name)
    pairs = {(outcome.variant, read(outcome)) for outcome in outcomes}
    return len(pairs) == len({variant for variant, _ in pairs}) and len({value for _, value in pairs}) > 1


def _by_choice(name: str, outcomes: Iterable[TrialOutcome]) -> bool:
    """Whether they differ for another reason than that some ran out of memory and went on with smaller micro-batches of the same batch."""
    read = _reader(name)
    return len({read(outcome) for outcome in outcomes if not (name == "micro_batch" and outcome.out_of_memory)}) > 1


def _reader(name: str) -> Callable[[TrialOutcome], str]:
    return lambda outcome: _text(outcome.comparability[name]) if name in outcome.comparability else NOT_RECORDED


def _text(value: Any) -> str:
    if value is None:
        return NOT_APPLICABLE
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else json.dumps(value, sort_keys=True, default=str)


def _listing(values: Mapping[str, int]) -> str:
    return ", ".join(f"{value} ({number} of {sum(values.values())} trials)" for value, number in sorted(values.items()))
