"""What a report holds, before it is written in some format. Text in it comes from the store as it is: renderers escape it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sweeper.metrics import BUILT_IN, FINISHING, MetricInfo, Metrics
from sweeper.report.analyses import AnalysisSection
from sweeper.report.published_sets import PublishedSet
from sweeper.report.search_results import SearchResult
from sweeper.report.weights_beside import WeightsBeside
from sweeper.spec.claims import ClaimKind
from sweeper.spec.report_template import ReportTemplate
from sweeper.states import TrialState, finished
from sweeper.stats.claims import Answer, Verdict
from sweeper.stats.effects import Effect
from sweeper.stats.pairing import Pairing, PairingEfficiency
from sweeper.stats.sample_size import SeedCount
from sweeper.stats.summaries import Interval, Rule, Summary


@dataclass(frozen=True)
class VariantResult:
    """One variant: how its trials ended and what they measured. It is compared with others by contrasts only."""

    name: str
    levels: Mapping[str, str]
    is_baseline: bool
    planned: int
    """Trials that the sweep wants of this variant: one per seed."""
    states: Counter[TrialState]
    """How many of them are in each state, in the order of the table of states; those that nobody began are pending."""
    cells: Mapping[str, Summary]
    """Metric name -> its values over the seeds of finished trials; every column of the report has one."""
    steps: Mapping[str, Mapping[int, Summary]] = field(default_factory=dict)
    """Metric name -> training step -> its values over the seeds of finished trials, where the trials' curves were read."""

    @property
    def finished(self) -> int:
        """Trials with a result."""
        return finished(self.states)


@dataclass(frozen=True)
class ClaimResult:
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
    rule: Rule | None
    seeds: int
    """Pairs, or seeds of the cell with fewest."""
    estimate: float | None
    level: float
    """Confidence level of `interval`: that of the claim's own test, after Holm and at its look. So the interval agrees with the verdict."""
    interval: Interval | None
    unadjusted: Interval | None
    """As if it were the only claim and the only look, at `unadjusted_level`; for programs, never printed beside a verdict."""
    unadjusted_level: float
    unbiased: float | None
    """The estimate corrected for stopping early; None with one look."""
    planned: int
    """Seeds that the sweep wants."""
    whole: int
    """Seeds of which every trial of the claim has ended."""
    bootstrap: Interval | None
    """By percentiles over seeds, from 5 seeds on."""
    p: float | None
    p_adjusted: float | None
    """After Holm over the claims of the sweep; the claim is supported where it is not above alpha."""
    refuting_p: float | None
    """Likewise of the claim's contrary."""
    sign_flip_p: float | None
    """Of the claim by an exact sign-flip test, unadjusted, from 6 pairs on; it decides nothing."""
    verdict: Verdict
    smallest_effect: str | None
    """Of interest, as the sweep gives it; only a superior claim has one."""
    smallest_effect_value: float | None
    """The same on the scale of the estimate."""
    answer: Answer | None
    """Where it has one, and there is a verdict to be had."""
    equivalent_p: float | None
    """Of an effect smaller than that to both sides, by all looks."""
    more_if_zero: SeedCount | None
    """Seeds per cell missing for power .8 at a true effect of zero; None where it is decided."""
    more_if_estimate: SeedCount | None
    diverged: Mapping[str, int]
    """Trials by variant that diverged."""
    not_comparable: str | None
    """Why its cells are not compared; more seeds never decide it then."""
    estimate_text: str
    interval_text: str
    sentence: str

    @property
    def verdict_text(self) -> str:
        """As a table shows it: 'supported', 'interim, 3 of 10 seeds', or 'refuted: equivalent' where a smallest effect has told which."""
        if self.verdict == "interim":
            return f"interim, {self.whole} of {self.planned} seeds"
        answered = self.answer if self.answer not in (None, "superior", "inconclusive") else None
        return self.verdict if answered is None else f"{self.verdict}: {answered.replace('_', ', ')}"


@dataclass(frozen=True)
class ContrastResult:
    """One declared comparison: its estimate in units of its metric, and the claim on it with a verdict, where it makes one."""

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
    """The weighted sum with its 95% interval, by seed where seeds are pairs; of shares of trials that finish it has no value."""
    dropped: Mapping[int, str]
    """Seed that could not be paired -> which variant lacks a value, and why."""
    margin: float | None
    """Smallest difference that matters, in units of the metric."""
    pairing: Pairing
    """Whether the trials of a seed are pairs, and by which streams."""
    pairing_efficiency: PairingEfficiency | None
    """What pairing brought; None where seeds are no pairs, or too few."""
    bootstrap: Interval | None
    """A second 95% interval, by percentiles over seeds, from 5 seeds on."""
    decimals: int
    """With which the estimate and its interval are printed."""
    caveats: tuple[str, ...]
    """Why it does not show what its name says: a sentence each, which are also in `sentence`."""
    remarks: tuple[str, ...]
    """What is left out of it, and the caveats: a sentence each, which are also in `sentence`."""
    sentence: str
    """What came out in units of the metric, in words; empty of a contrast on the share of trials that finish, which has no such units."""
    claim: ClaimResult | None
    """What it claims, tested on the claim's own scale; None where it claims nothing."""

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
    """Field -> its values among finished trials."""
    command: str
    """Rebuilds this report for a terminal; other formats add `--format`."""
    metrics: tuple[MetricInfo, ...]
    """The columns, the primary metric first."""
    baseline: str | None
    seeds: tuple[int, ...]
    variants: tuple[VariantResult, ...]
    contrasts: tuple[ContrastResult, ...]
    notes: tuple[str, ...]
    """What the numbers need beside them, a sentence each."""
    snapshot: str
    """Hash of all that the store knew of the trials."""
    effects: tuple[Effect, ...] = ()
    """On the primary metric, declared or not."""
    steps: tuple[int, ...] = ()
    """At which variants were evaluated, ascending."""
    template: ReportTemplate = field(default_factory=ReportTemplate)
    not_comparable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field in which finished trials differ unasked -> metrics whose values do not compare for it."""
    published: tuple[PublishedSet, ...] = ()
    """Rows of others that stand below; of another protocol, and met by nothing above."""
    weights: tuple[WeightsBeside, ...] = ()
    """Likewise, of weights that were measured here."""
    search: SearchResult | None = None
    """What a search tried and found; the rows above are then those that it confirmed."""
    known: Metrics = BUILT_IN
    """The metrics that trials of the sweep can report, the user's own among them."""

    analyses: tuple[AnalysisSection, ...] = ()
    """Of the trained weights."""

    @property
    def claims(self) -> tuple[ClaimResult, ...]:
        """What the contrasts claim, with the verdicts."""
        return tuple(row.claim for row in self.contrasts if row.claim is not None)

    @property
    def differences(self) -> tuple[ContrastResult, ...]:
        """The contrasts that are in units of a metric: all but those on the share of trials that finish."""
        return tuple(row for row in self.contrasts if row.metric != FINISHING.name)

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors; none where variants are listed."""
        return tuple(self.variants[0].levels)

    @property
    def primary(self) -> MetricInfo:
        return self.metrics[0]
