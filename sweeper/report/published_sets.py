"""Published rows that stand beside a sweep's own: each set in a table of its own under its protocol, for the eye alone.

Nothing here meets a number of the sweep: no difference, no claim, no shared column. `published` analyses a set as data of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.metrics import MetricInfo, columns
from sweeper.report.published import SEEDS_UNREPORTED, published_row_names, published_snapshot, published_steps

_IMAGENET = re.compile(r"imagenet(\d+)")


@dataclass(frozen=True)
class PublishedRow:
    """One published run."""

    name: str
    """As the paper calls it."""
    variant: str
    """Its cell as a factorial names it, where the set has factors."""
    step: int
    """Training steps after which it was measured."""
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class PublishedSet:
    """Rows of one protocol, at the last training step that they have in common, or else each at its own last."""

    name: str
    question: str
    """What the set is read for, and the tables that it is from."""
    protocol: Mapping[str, str]
    badge: tuple[str, ...]
    """What must be known of every row, in short: samples and guidance, then data and seeds."""
    metrics: tuple[MetricInfo, ...]
    rows: tuple[PublishedRow, ...]
    remarks: tuple[str, ...]
    """A sentence each."""


def published_set(name: str, asked_by: str = "report.published") -> PublishedSet:
    """Raises RequestError, which begins with `asked_by` and names the nearest set, for an unknown name."""
    snapshot = published_snapshot(name, asked_by=asked_by)
    protocol = {field: str(value) for field, value in snapshot.outcomes[0].comparability.items() if field != "steps"}
    names = published_row_names(name)
    rows = tuple(PublishedRow(names[o.variant], o.variant, o.step, o.metrics) for o in snapshot.outcomes)
    said = "; ".join(f"{field} {value}" for field, value in protocol.items())
    others = published_steps(name)[:-1]
    remarks = [f"Protocol: {said}. Not that of this sweep: no figure here is subtracted from one of its, or claims anything of it."]
    if protocol["seeds"] == "unreported":
        remarks.append(SEEDS_UNREPORTED)
    if others:
        listed = ", ".join(f"{step:,}" for step in others)
        remarks.append(f"Also published at {listed} steps: sweeper report --published {name} --step {others[-1]}")
    metrics = tuple(columns({metric for row in rows for metric in row.metrics}))
    return PublishedSet(name, snapshot.spec["question"].strip(), protocol, badge_of(protocol), metrics, rows, tuple(remarks))


def badge_of(protocol: Mapping[str, str]) -> tuple[str, str]:
    """('FID-10K · no guidance', 'ImageNet 256 · seeds unreported')."""
    samples, guidance, seeds = int(protocol["samples"]), protocol["guidance"], protocol["seeds"]
    drawn = f"FID-{samples // 1000}K" if samples % 1000 == 0 else f"FID of {samples:,} samples"
    guided = "no guidance" if guidance == "off" else f"guidance {guidance}"
    counted = f"seeds {seeds}" if not seeds.isdigit() else "1 seed" if seeds == "1" else f"{seeds} seeds"
    data = _IMAGENET.sub(r"ImageNet \1", protocol["data"])
    return f"{drawn} · {guided}", f"{data} · {counted}"
