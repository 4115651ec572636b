"""Published figures as data sets of their own: read like the outcomes of a sweep, one run per cell, never mixed across protocols.

`published.yaml` beside this file holds the facts. A set has one protocol, which stands where a stored trial has its comparability key, so
that a report refuses to mix two of them as it refuses to mix two machines.
"""

import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import yaml

from sweeper.errors import RequestError, nearest
from sweeper.metrics import is_metric
from sweeper.records import SweepSnapshot, TrialOutcome

PROFILE = "published"
SEEDS_UNREPORTED = "One published run per cell: the number of seeds is not reported, so no figure here has a spread of its own."
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.+-]+")


def published_names() -> list[str]:
    """Of the sets, in the order of the file."""
    return list(_sets())


def published_steps(name: str) -> list[int]:
    """Training steps at which every row of a set was measured, ascending; empty where rows were trained for different numbers of them."""
    rows = _set(name)["rows"]
    return sorted(set.intersection(*(set(row["fid"]) for row in rows)))


def published_row_names(name: str) -> dict[str, str]:
    """Variant -> what the paper calls its row; of a set of factors whose rows have no names, the variant itself."""
    found = _set(name)
    return {(variant := _variant(row, found)): row.get("name", variant) for row in found["rows"]}


def published_snapshot(name: str, step: int | None = None, *, asked_by: str = "--published") -> SweepSnapshot:
    """A set at a training step (default: the last at which every row was measured), as the store would give a sweep.

    Raises RequestError for an unknown set, as `asked_by` named it, or step, with the known ones.
    """
    found, steps = _set(name, asked_by), published_steps(name)
    if step is not None and step not in steps:
        known = ", ".join(f"{known:,}" for known in steps) or "none that all of its rows have in common"
        raise RequestError(f"--step {step}: published set {name} has no such step; it has {known}")
    at = step if step is not None else (steps[-1] if steps else None)
    rows = found["rows"]
    variants = [_variant(row, found) for row in rows]
    spec = {
        "question": found["question"],
        "name": name,
        "base": {},
        "design": _design(found, rows, variants),
        "seeds": [0],
        "metric": {"primary": "fid", "direction": "lower", "assumed_cv": found.get("assumed_cv")},
        "baseline": found.get("baseline"),
        "contrasts": found.get("contrasts", []),
        "report": {"names": {} if "factors" in found else {v: row["name"] for v, row in zip(variants, rows, strict=True)}},
    }
    protocol = found["protocol"] | ({"steps": f"{at:,}"} if at is not None else {})
    outcomes = tuple(_outcome(row, variant, at, protocol) for row, variant in zip(rows, variants, strict=True))
    version = hashlib.sha256(json.dumps([spec, protocol], sort_keys=True).encode()).hexdigest()[:12]
    return SweepSnapshot(name, PROFILE, version, spec, datetime(2026, 7, 2, tzinfo=UTC), outcomes)


def published_notes(snapshot: SweepSnapshot) -> tuple[str, ...]:
    """What the rows of a published set need beside them."""
    protocol = snapshot.outcomes[0].comparability
    steps = {outcome.steps for outcome in snapshot.outcomes}
    said = "; ".join(f"{field} {value}" for field, value in protocol.items())
    trained = [f"Trained for {', '.join(f'{o.steps:,} ({o.variant})' for o in snapshot.outcomes)} steps."] if len(steps) > 1 else []
    return (f"Protocol: {said}. Figures of another protocol are never subtracted from these.", SEEDS_UNREPORTED, *trained)


def _outcome(row: Mapping[str, Any], variant: str, at: int | None, protocol: Mapping[str, Any]) -> TrialOutcome:
    step = at if at is not None else max(row["fid"])
    metrics = {metric: values[step] for metric, values in row.items() if is_metric(metric) and step in values}
    return TrialOutcome(variant, {}, 0, f"published-{variant}", step, "finished", metrics=metrics, comparability=protocol, step=step)


def _variant(row: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The name of a row: its cell as a factorial names it, or its own name in the letters that names may have."""
    if "factors" in found:
        return "/".join(str(row["cell"][factor]) for factor in found["factors"])
    return row.get("as") or _NOT_IN_A_NAME.sub("-", row["name"].replace("/", "_").replace(" + ", "+")).strip("-.")


def _design(found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], variants: Sequence[str]) -> dict[str, Any]:
    if "factors" in found:
        return {"kind": "factorial", "factors": found["factors"], "where": [row["cell"] for row in rows]}
    return {"kind": "variants", "variants": {variant: {} for variant in variants}}


def _set(name: str, asked_by: str = "--published") -> dict[str, Any]:
    sets = _sets()
    if name not in sets:
        raise RequestError(f"{asked_by} {name}: there is no such set{nearest(name, sets)}")
    return sets[name]


@functools.cache
def _sets() -> dict[str, dict[str, Any]]:
    text = resources.files("sweeper.report").joinpath("published.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found
