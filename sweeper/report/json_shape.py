"""What `sweeper report --format json` holds, as types: mypy checks the writer against them, and `sweeper schema --report` prints them."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter, with_config
from typing_extensions import TypedDict

Ends = Annotated[list[float] | None, Field(description="[low, high], or null where there are too few values.")]
BySeed = Annotated[dict[str, float], Field(description="Training seed -> value.")]
Direction = Annotated[Literal["lower", "higher"], Field(description="Which way is better.")]
Weights = Annotated[dict[str, float], Field(description="Variant -> weight in the sum.")]
Rule = Annotated[
    Literal["t", "paired", "welch", "assumed"] | None,
    Field(description="What made the interval: t over the sums of each seed (t, paired), spreads of the cells apart, or an assumed one."),
]


@with_config(extra="forbid")
class MetricShape(TypedDict):
    name: str
    label: str
    direction: Direction
    unit: Annotated[str, Field(description="Of its values; '1' is a number without one.")]
    reproducible: Annotated[bool, Field(description="False for times and memory, which differ from run to run.")]


@with_config(extra="forbid")
class SweepShape(TypedDict):
    name: str
    profile: str
    version: Annotated[str, Field(description="Hash of the resolved spec.")]
    store: Annotated[str, Field(description="Hash of all that the store knew of the trials.")]
    question: str
    newest_result: Annotated[str | None, Field(description="ISO 8601, UTC.")]
    device: str | None
    comparability: Annotated[dict[str, list[str]], Field(description="Condition -> its values among finished trials.")]
    command: Annotated[str, Field(description="Writes this report again.")]
    primary_metric: str
    metrics: list[MetricShape]
    baseline: str | None
    seeds: list[int]
    confidence: Annotated[float, Field(description="Of every interval but those of claims.")]


@with_config(extra="forbid")
class SummaryShape(TypedDict):
    n: int
    mean: float | None
    sd: Annotated[float | None, Field(description="Sample standard deviation (n - 1); null with fewer than 2 values.")]
    half_width: Annotated[float | None, Field(description="Of the interval of the mean; null with fewer than 3 values.")]
    interval: Ends
    by_seed: BySeed


@with_config(extra="forbid")
class VariantShape(TypedDict):
    name: str
    levels: Annotated[dict[str, str], Field(description="Factor -> level; empty where variants are listed.")]
    baseline: bool
    planned: Annotated[int, Field(description="Trials, one per seed: the sum of the five counts that follow.")]
    finished: int
    diverged: int
    failed: int
    running: int
    pending: int
    metrics: Annotated[dict[str, SummaryShape], Field(description="Metric -> values over the seeds of finished trials.")]
    steps: Annotated[dict[str, dict[str, SummaryShape]], Field(description="Metric -> training step -> values where it was evaluated.")]


@with_config(extra="forbid")
class EstimateShape(TypedDict):
    estimate: float | None
    sd: float | None
    half_width: float | None
    interval: Ends
    by_seed: BySeed
    rule: Rule


@with_config(extra="forbid")
class ContrastShape(EstimateShape):
    name: str
    question: str | None
    definition: str
    metric: str
    direction: Direction
    weights: Weights
    margin: Annotated[float | None, Field(description="Smallest difference that matters, in units of the metric.")]
    n_pairs: int
    shared_streams: Annotated[list[str], Field(description="Random streams that the trials of a seed have in common.")]
    bootstrap: Ends
    dropped: Annotated[dict[str, str], Field(description="Training seed -> why it has no value here.")]
    caveats: list[str]
    sentence: str


@with_config(extra="forbid")
class EffectShape(EstimateShape):
    kind: Literal["main", "simple", "interaction", "variant"]
    name: str
    weights: Weights
    n: int


@with_config(extra="forbid")
class MoreSeedsShape(TypedDict):
    if_true_effect_is_zero: int | None
    if_true_effect_is_the_estimate: int | None


@with_config(extra="forbid")
class ClaimShape(TypedDict):
    name: str
    kind: str
    says: str
    metric: str
    alpha: float
    margin: Annotated[str | None, Field(description="As declared: '2%', or a number in units of the metric.")]
    relative_to: str | None
    scale: Annotated[Literal["log", "metric"], Field(description="Of estimate and intervals: the log of the metric, or its units.")]
    rule: Rule
    seeds: int
    estimate: float | None
    level: Annotated[float, Field(description="Confidence level of the intervals.")]
    interval: Ends
    bootstrap: Ends
    p: float | None
    p_holm: Annotated[float | None, Field(description="After Holm over the claims of the sweep.")]
    p_contrary: float | None
    verdict: Literal["supported", "refuted", "inconclusive"]
    more_seeds: Annotated[MoreSeedsShape, Field(description="Per cell, for power .8; null where none are missing or no number helps.")]
    diverged: Annotated[dict[str, int], Field(description="Variant -> trials that diverged.")]
    sentence: str


@with_config(extra="forbid")
class PublishedRowShape(TypedDict):
    name: Annotated[str, Field(description="As the paper calls it.")]
    variant: Annotated[str, Field(description="Its cell as a factorial names it, where the set has factors.")]
    step: Annotated[int, Field(description="Training steps after which it was measured.")]
    metrics: Annotated[dict[str, float], Field(description="Metric -> the one published value.")]


@with_config(extra="forbid")
class PublishedShape(TypedDict):
    """Published rows of one protocol, which is not the sweep's: shown beside it, and in no difference with it."""

    name: str
    question: Annotated[str, Field(description="What the set is read for, and the tables that it is from.")]
    protocol: dict[str, str]
    badge: Annotated[str, Field(description="The protocol in short, as it stands beside every row.")]
    metrics: list[MetricShape]
    rows: list[PublishedRowShape]


@with_config(extra="forbid")
class ReportShape(TypedDict):
    """A report of one version of a sweep. Numbers are finite or null; names are as they are in the store, unescaped."""

    sweep: SweepShape
    variants: list[VariantShape]
    contrasts: list[ContrastShape]
    effects: list[EffectShape]
    claims: list[ClaimShape]
    notes: Annotated[list[str], Field(description="What the numbers need beside them, a sentence each.")]
    published: NotRequired[Annotated[list[PublishedShape], Field(description="Only where published sets stand beside the sweep.")]]


def report_schema() -> dict[str, Any]:
    """The JSON Schema of a report."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sweeper report", **TypeAdapter(ReportShape).json_schema()}
