"""What a report holds, before it is written in some format. Text in it comes from the store as it is: renderers escape it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sweeper.metrics import MetricInfo
from sweeper.report.beside import PublishedSet
from sweeper.report.effects import Effect
from sweeper.report.pairing import Pairing
from sweeper.report.statistics import Interval, Summary
from sweeper.spec.claims import ClaimKind
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
    """One declared comparison on the primary metric."""

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
    """The weighted sum, by seed where seeds are pairs."""
    dropped: Mapping[int, str]
    """Seed that could not be paired -> which variant lacks a value, and why."""
    margin: float | None
    """Smallest difference that matters, in units of the metric."""
    pairing: Pairing
    """Whether the trials of a seed are pairs, and by which streams."""
    bootstrap: Interval | None
    """A second 95% interval, by percentiles over seeds, from 5 seeds on."""
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
class ClaimRow:
    """A contrast that claims something, and the verdict on it."""

    name: str
    kind: ClaimKind
    says: str
    """The claim in words."""
    metric: str
    alpha: float
    margin: str | None
    """As the sweep gives it: '2%', or a number in units of the metric."""
    margin_value: float | None
    """The same on the scale of the estimate."""
    on_log: bool
    """Whether estimate and intervals are on the log of the metric (a log ratio, or a log ratio of ratios)."""
    relative_to: str | None
    rule: Literal["paired", "welch", "assumed"] | None
    seeds: int
    """Pairs, or seeds of the cell with fewest."""
    estimate: float | None
    level: float
    """Confidence level of the intervals: 1 - alpha of a two-sided test, 1 - 2 alpha of one-sided ones."""
    interval: Interval | None
    bootstrap: Interval | None
    """By percentiles over seeds, from 5 seeds on."""
    p: float | None
    p_adjusted: float | None
    """After Holm over the claims of the sweep; the claim is supported where it is not above alpha."""
    refuting_p: float | None
    """Likewise of the claim's contrary."""
    verdict: Literal["supported", "refuted", "inconclusive"]
    more_if_zero: int | None
    """Seeds per cell missing for power .8 at a true effect of zero; None where it is decided or no number decides it."""
    more_if_estimate: int | None
    diverged: Mapping[str, int]
    """Trials by variant that diverged."""
    estimate_text: str
    interval_text: str
    sentence: str


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
    claims: tuple[ClaimRow, ...] = ()
    """The contrasts that claim something, with their verdicts."""
    published: tuple[PublishedSet, ...] = ()
    """Rows of others that stand below; of another protocol, and met by nothing above."""

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors; none where variants are listed."""
        return tuple(self.variants[0].levels)

    @property
    def primary(self) -> MetricInfo:
        return self.metrics[0]
