"""What a report holds, before it is written in some format. Text in it comes from the store as it is: renderers escape it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sweeper.records import MetricInfo
from sweeper.report.effects import Effect
from sweeper.report.statistics import Interval, Summary
from sweeper.spec.report_template import ReportTemplate


@dataclass(frozen=True)
class VariantRow:
    """One variant: how its trials ended and what they measured. It is compared with others by contrasts only."""

    name: str
    levels: Mapping[str, str]
    is_baseline: bool
    planned: int
    """Trials that the sweep wants of this variant: one per seed. The sum of the five counts below."""
    finished: int
    failed: int
    diverged: int
    running: int
    pending: int
    cells: Mapping[str, Summary]
    """Metric name -> its values over the seeds of finished trials; every column of the report has one."""
    steps: Mapping[str, Mapping[int, Summary]] = field(default_factory=dict)
    """Metric name -> training step -> its values over the seeds of finished trials, where the trials' curves were read."""


@dataclass(frozen=True)
class ContrastRow:
    """One declared comparison on the primary metric, computed from seed-paired values."""

    name: str
    question: str | None
    definition: str
    """What is subtracted from what: 'timesteps=dual minus timesteps=single, at separation=full'."""
    metric: str
    direction: Literal["lower", "higher"]
    """Which way is better."""
    weights: Mapping[str, float]
    """Variant name -> weight; the estimate is the mean over seeds of the weighted sum."""
    summary: Summary
    """The weighted sum by seed."""
    dropped: Mapping[int, str]
    """Seed that could not be paired -> which variant lacks a value, and why."""
    margin: float | None
    """Smallest difference that matters, in units of the metric."""
    decimals: int
    """With which the estimate and its interval are printed."""
    caveats: tuple[str, ...]
    """Why it does not show what its name says: a sentence each, which are also in `sentence`."""
    sentence: str
    """What came out, in words."""

    @property
    def n_pairs(self) -> int:
        return self.summary.n

    @property
    def estimate(self) -> float | None:
        return self.summary.mean

    @property
    def interval(self) -> Interval | None:
        return self.summary.interval


@dataclass(frozen=True)
class Report:
    """One version of a sweep, with all that its table says."""

    name: str
    profile: str
    version: str
    question: str
    newest_result: datetime | None
    device: str | None
    """Device model of the finished trials; None when it was not recorded or nothing finished."""
    comparability: Mapping[str, tuple[str, ...]]
    """Field -> its values among finished trials; more than one only where mixing was allowed."""
    command: str
    """Rebuilds this report for a terminal; other formats add `--format`."""
    metrics: tuple[MetricInfo, ...]
    """The columns, the primary metric first."""
    baseline: str | None
    seeds: tuple[int, ...]
    variants: tuple[VariantRow, ...]
    contrasts: tuple[ContrastRow, ...]
    notes: tuple[str, ...]
    """What the numbers need beside them, a sentence each."""
    snapshot: str
    """Hash of all that the store knew of the trials."""
    effects: tuple[Effect, ...] = ()
    """On the primary metric, declared or not."""
    steps: tuple[int, ...] = ()
    """At which variants were evaluated, ascending."""
    template: ReportTemplate = field(default_factory=ReportTemplate)

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors; none where variants are listed."""
        return tuple(self.variants[0].levels)

    @property
    def primary(self) -> MetricInfo:
        return self.metrics[0]
