"""What `sweeper report --format json` holds, as types: mypy checks the writer against them, and `sweeper schema --report` prints them."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from sweeper.stats.claims import Answer, Verdict
from sweeper.stats.summaries import Rule

Ends = Annotated[list[float] | None, Field(description="[low, high], or null where there are too few values.")]
BySeed = Annotated[dict[str, float], Field(description="Training seed -> value.")]
Direction = Annotated[Literal["lower", "higher"], Field(description="Which way is better.")]
Weights = Annotated[dict[str, float], Field(description="Variant -> weight in the sum.")]
SeedRange = Annotated[
    list[int | None] | None, Field(description="[low, high] at the ends of the 80% interval of the spread; null is no number of seeds.")
]
RuleShape = Annotated[
    Rule | None,
    Field(
        description="What made the interval: t over the sums of each seed (t, paired), spreads of the cells apart (welch), the residuals of"
        " an additive layout of variants and seeds (block), an assumed spread; of shares of trials Barnard's test (exact), or the normal"
        " law of its statistic (score)."
    ),
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
    not_comparable: Annotated[
        dict[str, list[str]],
        Field(description="Condition in which finished trials differ unasked -> metrics whose values do not compare for it."),
    ]
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
    planned: Annotated[int, Field(description="Trials, one per seed: the sum of the counts that follow.")]
    finished: int
    diverged: int
    failed: int
    stopped_early: Annotated[int, Field(description="By a search; none of them is in a mean.")]
    cancelled: Annotated[int, Field(description="By a user.")]
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
    rule: RuleShape


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
    pair_correlation: Annotated[float | None, Field(description="Over seeds, between the cells; null where seeds are no pairs.")]
    pairing_width_ratio: Annotated[float | None, Field(description="Width of the paired interval over that of Welch's.")]
    bootstrap: Ends
    dropped: Annotated[dict[str, str], Field(description="Training seed -> why it has no value here.")]
    caveats: list[str]
    sentence: str
    p_holm: Annotated[
        float | None,
        Field(
            description="Of the claim that it makes, see `claims`; null where it claims nothing. It may be of an earlier look than this"
            " estimate."
        ),
    ]
    verdict: Verdict | None


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
    range_if_zero: SeedRange
    range_if_the_estimate: SeedRange


@with_config(extra="forbid")
class ClaimShape(TypedDict):
    name: str
    kind: str
    says: str
    metric: str
    alpha: float
    margin: Annotated[str | None, Field(description="As declared: '2%', or a number in units of the metric.")]
    relative_to: str | None
    scale: Annotated[
        Literal["log", "metric", "share"],
        Field(description="Of estimate and intervals: the log of the metric, its units, or the share of trials that finish, from 0 to 1."),
    ]
    rule: RuleShape
    seeds: int
    estimate: float | None
    level: Annotated[float, Field(description="Of `interval`: that of the claim's own test, after Holm and at its look.")]
    interval: Ends
    bootstrap: Ends
    p: float | None
    p_holm: Annotated[float | None, Field(description="After Holm over the claims of the sweep.")]
    p_contrary: float | None
    p_sign_flip: Annotated[float | None, Field(description="By an exact sign-flip test, unadjusted, from 6 pairs on; decides nothing.")]
    verdict: Annotated[
        Verdict,
        Field(description="interim: trials are still missing; exploratory: an earlier test on some of the same trials has spent alpha."),
    ]
    smallest_effect: Annotated[str | None, Field(description="Of interest, as declared; only of a superior claim.")]
    answer: Annotated[
        Answer | None,
        Field(
            description="Of a claim with a smallest effect of interest; negligible: there, and smaller than it. Equivalent is `refuted`."
        ),
    ]
    p_equivalent: Annotated[float | None, Field(description="Of an effect smaller than the smallest effect of interest.")]
    unadjusted_interval: Annotated[Ends, Field(description="As if it were the only claim and the only look.")]
    unadjusted_level: float
    unbiased_estimate: Annotated[float | None, Field(description="Corrected for stopping early; null with one look.")]
    planned_seeds: int
    whole_seeds: Annotated[int, Field(description="Seeds of which every trial of the claim has ended.")]
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
class DiffersShape(TypedDict):
    theirs: str
    here: Annotated[str, Field(description="Of the sweep's trials.")]


@with_config(extra="forbid")
class MeasuredShape(TypedDict):
    """Weights that `sweeper evaluate` measured: shown beside the sweep, and in no difference with it."""

    name: str
    protocol: Annotated[dict[str, str], Field(description="Field -> what it is, in words; files by the hashes of what they hold.")]
    badge: Annotated[str, Field(description="The protocol in short, as it stands beside the row.")]
    comparable: Annotated[bool | None, Field(description="Whether the sweep's trials are measured so; null where that is not known here.")]
    differs: Annotated[dict[str, DiffersShape], Field(description="Field of the protocol in which the two are not alike.")]
    metrics: list[MetricShape]
    values: Annotated[dict[str, float], Field(description="Metric -> value.")]


@with_config(extra="forbid")
class AxisShape(TypedDict):
    name: str
    values: list[float | str]
    unit: str


@with_config(extra="forbid")
class CellsShape(TypedDict):
    """Of one variant: a number for each place of an array, row by row as the axes say; null where there is none."""

    n: Annotated[list[int], Field(description="Seeds.")]
    mean: list[float | None]
    half_width: Annotated[list[float | None], Field(description="Of the 95% interval of the mean; null with fewer than 3 seeds.")]
    by_seed: Annotated[dict[str, list[float | None]], Field(description="Training seed -> its array.")]


@with_config(extra="forbid")
class ArrayShape(TypedDict):
    name: str
    label: str
    axes: list[AxisShape]
    sentence: Annotated[str, Field(description="What it says, at places chosen beforehand, or else its extremes.")]
    variants: Annotated[dict[str, CellsShape], Field(description="Variant -> its numbers.")]


@with_config(extra="forbid")
class AnalysisShape(TypedDict):
    """One analysis of the trained weights."""

    name: str
    version: Annotated[int, Field(description="Of its definition.")]
    trials: Annotated[int, Field(description="Finished trials that were analysed.")]
    not_applicable: Annotated[dict[str, list[str]], Field(description="Why it does not apply -> variants.")]
    arrays: list[ArrayShape]


@with_config(extra="forbid")
class ProposalShape(TypedDict):
    number: Annotated[int, Field(description="In the order in which they were proposed, from 1.")]
    variant: str
    setting: Annotated[dict[str, str | bool | int | float], Field(description="Factor -> number or level, where it changes something.")]
    state: Literal["finished", "stopped", "failed", "open"]
    step: Annotated[int, Field(description="Last training step that it reported.")]
    values: Annotated[dict[str, float], Field(description="Objective -> mean over the seeds; empty unless finished.")]
    seconds: Annotated[float, Field(description="Device seconds that its trials took.")]


@with_config(extra="forbid")
class BiasShape(TypedDict):
    tried: int
    seeds: int
    spread: Annotated[float, Field(description="Standard deviation over seeds as a share of the mean.")]
    source: str
    share: Annotated[float, Field(description="By how much of the mean the best of so many equal configs would look better than it is.")]


@with_config(extra="forbid")
class ConfirmedShape(TypedDict):
    variant: str
    found: Annotated[float, Field(description="By the search.")]
    confirmed: Annotated[float | None, Field(description="Mean over the fresh seeds.")]
    seeds: int
    optimism: Annotated[float | None, Field(description="Share of the confirmed mean by which the search's value was too good.")]


@with_config(extra="forbid")
class SearchShape(TypedDict):
    """What a search tried and found. The variants and claims of the report are those that it confirmed on fresh seeds."""

    sampler: str
    stopping: str | None
    objectives: list[str]
    planned: Annotated[int, Field(description="Proposals that there are to be.")]
    proposals: list[ProposalShape]
    best_so_far: Annotated[list[int], Field(description="Numbers of the proposals that were the best when they ended.")]
    front: Annotated[list[int], Field(description="Numbers of those that no other beats in every objective; empty with one objective.")]
    importances: Annotated[dict[str, float], Field(description="Factor -> share, by PED-ANOVA.")]
    bias: BiasShape | None
    confirmed: list[ConfirmedShape]


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
    measured: NotRequired[Annotated[list[MeasuredShape], Field(description="Only where weights measured here stand beside the sweep.")]]
    analyses: NotRequired[Annotated[list[AnalysisShape], Field(description="Only where trained weights were analysed.")]]
    search: NotRequired[Annotated[SearchShape, Field(description="Only of a search.")]]


def report_schema() -> dict[str, Any]:
    """The JSON Schema of a report."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sweeper report", **TypeAdapter(ReportShape).json_schema()}
