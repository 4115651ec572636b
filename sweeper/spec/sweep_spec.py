"""What a sweep file means: a question, the variants that answer it, and the contrasts that read the answer off."""

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sweeper.errors import nearest
from sweeper.metrics import FINISHING, MetricInfo, Metrics, is_metric, metric_info, spreads_with_size
from sweeper.spec.analysis_metrics import named_scalar
from sweeper.spec.claims import Alpha, Amount, ClaimKind, Share, ensure_claim, ensure_one_alpha, ensure_weights, percent
from sweeper.spec.design_kinds import AnyDesign
from sweeper.spec.explaining import short
from sweeper.spec.factors import Cell, also_numbers, as_text, named_cell
from sweeper.spec.report_template import ReportTemplate
from sweeper.spec.search_design import SearchDesign, ensure_search
from sweeper.spec.section import LONGEST_NAME, Name, Spec, metrics_in, twice

MAX_SEEDS = 1_000
"""More is a mistake, such as a seed where their number is asked for; it is refused before they are counted out."""
MAX_CONTRASTS = 200
LEAST_SHARE, MOST_SHARES = 0.001, 10_000
"""Of CPU cores, GPUs or processes that one trial can ask for."""
LONGEST_QUESTION = 2_000
Keep = Literal["resumable", "average"]
Analysis = Literal["paired", "welch", "block"]


def _better(metric: object) -> Literal["lower", "higher"]:
    """Which way a metric that is built in is better; of another one, any."""
    return metric_info(metric).direction if isinstance(metric, str) and is_metric(metric) else "lower"


class Metric(Spec):
    """What the question is measured by, declared before the run."""

    primary: str
    """Name of the metric that decides."""
    direction: Literal["lower", "higher"] = Field(default_factory=lambda given: _better(given.get("primary")))
    """Which way is better: that of `primary`, written or left out."""
    assumed_cv: Share | None = None
    """Standard deviation over seeds as a share of the mean, such as 1.3%: where a cell has too few seeds for an interval of its own, the
    report gives a normal interval with this spread and says that it is assumed."""

    planning_cv: Share | None = None
    """The same for `sweeper plan` alone, which counts seeds with it until trials have measured the spread; the report does not read it."""

    @property
    def planned_spread(self) -> float | None:
        """0.013 where planning_cv, or else assumed_cv, is '1.3%'."""
        share = percent(self.planning_cv or self.assumed_cv)
        return None if share is None else share / 100

    @property
    def assumed_spread(self) -> float | None:
        """0.013 of '1.3%'."""
        share = percent(self.assumed_cv)
        return None if share is None else share / 100

    @model_validator(mode="before")
    @classmethod
    def _direction_of_own(cls, given: Any, info: ValidationInfo) -> Any:
        own = metrics_in(info).own
        if isinstance(given, dict) and "direction" not in given and isinstance(name := given.get("primary"), str) and name in own:
            return given | {"direction": own[name].direction}
        return given

    @model_validator(mode="after")
    def _known(self, info: ValidationInfo) -> Self:
        metrics = metrics_in(info)
        if self.primary not in metrics:
            raise ValueError(f"there is no metric {self.primary!r}{nearest(self.primary, metrics.names)}")
        known = metrics.info(self.primary).direction
        if known != self.direction:
            raise ValueError(f"{self.primary} is better {known}, not {self.direction}; set direction: {known}")
        return self


class Contrast(Spec):
    """A declared comparison: `of` minus `to` (within `holding`), or a weighted sum of variants."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    question: str | None = Field(default=None, max_length=LONGEST_QUESTION)
    """What the contrast asks, in words; printed with it."""
    of: Cell | str | None = Field(default=None, json_schema_extra=also_numbers)
    """Levels (or a variant's name) that are compared ..."""
    to: Cell | str | None = Field(default=None, json_schema_extra=also_numbers)
    """... against these levels (or this variant)."""
    holding: Cell = Field(default={})
    """Levels that stay fixed; factors named nowhere are averaged over."""
    weights: dict[str, float] | None = None
    """Variant name -> weight, instead of `of` and `to`; the weights add up to zero."""
    metric: str | None = None
    """Metric that the contrast is on; without it, `metric.primary`. All claims of a sweep share alpha, whatever their metrics. It may be a
    number of an analysis, `loss_grid.gain[t_own=0.7,t_other=0.1]`, which `sweeper analyse` computes when the trials have finished."""
    margin: Amount | None = None
    """Smallest difference that matters, in units of the metric; in a claim also as a share, such as 2%, on the log of the metric."""
    kind: ClaimKind | None = None
    """Makes the contrast a claim, together with `alpha`: what it says of `of` (positive weights) against `to`."""
    alpha: Alpha | None = None
    """Probability of a wrong verdict that all claims of the sweep share."""
    relative_to: str | None = Field(default=None, json_schema_extra=also_numbers)
    """Variant that a margin in % is a share of; without it, of `to`."""
    smallest_effect: Amount | None = None
    """Smallest effect size of interest of a `superior` claim, as `margin` is given: its answer is then superior, equivalent (the effect is
    smaller than this to both sides) or inferior, decided together."""
    expected: Amount | None = None
    """True effect that `sweeper plan` counts the seeds of a `superior` claim for; `smallest_effect`, else 2%, when nothing is said. Of a
    `finishes_more` claim, the true difference in share; 50% when nothing is said."""

    @field_validator("of", "to", "relative_to", mode="before")
    @classmethod
    def _cells_are_text(cls, given: Any) -> Any:
        return named_cell(given) if isinstance(given, dict) else as_text(given) if given is not None else None

    @field_validator("holding", mode="before")
    @classmethod
    def _held_are_text(cls, given: Any) -> Any:
        return named_cell(given) if isinstance(given, dict) else given

    @field_validator("weights", mode="before")
    @classmethod
    def _weighed_are_text(cls, given: Any) -> Any:
        return {as_text(name): weight for name, weight in given.items()} if isinstance(given, dict) else given

    @property
    def margin_percent(self) -> float | None:
        """2.0 of '2%'; None where the margin is in units of the metric."""
        return percent(self.margin)

    @property
    def in_percent(self) -> bool:
        """Whether its margin or its smallest effect is a share."""
        return percent(self.margin) is not None or percent(self.smallest_effect) is not None

    @field_validator("metric")
    @classmethod
    def _is_metric(cls, metric: str | None, info: ValidationInfo) -> str | None:
        metrics = metrics_in(info)
        return metric if metric is None or metric in metrics else named_scalar(metric, metrics.names)

    @model_validator(mode="after")
    def _a_claim_is_whole(self) -> Self:
        ensure_claim(self)
        return self

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.weights is None) == (self.of is None or self.to is None):
            raise ValueError(f"contrast {self.name!r} needs either both `of` and `to`, or `weights` alone")
        if self.weights is not None:
            if self.of is not None or self.to is not None or self.holding:
                raise ValueError(f"contrast {self.name!r} has `weights`; remove `of`, `to` and `holding`")
            ensure_weights(self.name, self.weights)
        return self


class Sequential(Spec):
    """Several looks at the claims while whole seed blocks are added: alpha is spent over them (Lan and DeMets), so that all looks together
    keep it. `sweeper extend` writes this section."""

    max_seeds: int = Field(ge=3, le=MAX_SEEDS)
    """Seeds at which all of alpha is spent."""
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"
    """`obrien_fleming`: little at early looks · `pocock`: about the same at each."""
    looks: tuple[Annotated[int, Field(le=MAX_SEEDS)], ...] = ()
    """Number of seeds at each look so far, the present one last; empty is one look, at the seeds given."""

    @field_validator("looks")
    @classmethod
    def _grow(cls, looks: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in itertools.pairwise((0, *looks))):
            raise ValueError(f"looks are growing numbers of seeds, such as [3, 5, 8], not {short(list(looks))}")
        return looks


class Resources(Spec):
    """What one trial takes, all its processes together."""

    cpus: float = Field(default=1, ge=LEAST_SHARE, le=MOST_SHARES)
    """CPU cores; each process of the trial runs max(1, whole part of its share) threads."""
    gpus: float | Literal["auto"] = "auto"
    """GPUs, may be a fraction; `auto` takes one where the machine has one, else none. With several, the trial trains in a process on
    each, which share every batch evenly."""
    processes: int = Field(default=1, ge=1, le=MOST_SHARES)
    """Processes on CPUs (gpus: 0) that train the trial together; on GPUs it is left out, since there is one on each."""

    @field_validator("gpus")
    @classmethod
    def _share(cls, gpus: float | Literal["auto"]) -> float | Literal["auto"]:
        if gpus != "auto" and (gpus < 0 or (gpus > 1 and gpus != int(gpus))):
            raise ValueError(f"gpus is a fraction of one GPU or a whole number, not {gpus:g}")
        if gpus != "auto" and gpus and not LEAST_SHARE <= gpus <= MOST_SHARES:
            raise ValueError(f"gpus is 0, or {LEAST_SHARE} to {MOST_SHARES:,} GPUs, not {gpus:g}; ask for what the machine has")
        return gpus

    @model_validator(mode="after")
    def _counted_once(self) -> Self:
        if self.processes > 1 and self.gpus != 0:
            raise ValueError(
                f"processes: {self.processes} is for trials on CPUs, and gpus is {self.gpus if self.gpus == 'auto' else f'{self.gpus:g}'};"
                " set gpus: 0, or leave processes out: on GPUs there is one on each"
            )
        return self


class SweepSpec(Spec):
    """A sweep with its profile and overrides applied."""

    question: str = Field(min_length=1, max_length=LONGEST_QUESTION)
    """What the sweep is to answer, in words."""
    name: Name
    """A sweep is known by its name and profile."""
    base: dict[str, Any]
    """One trial's config: an optional `preset`, an optional `method`, and what differs from them (`sweeper schema` lists every field)."""
    design: AnyDesign
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(json_schema_extra={"minItems": 1, "maxItems": MAX_SEEDS})
    """Training seeds, or how many: 3 is [0, 1, 2]."""
    metric: Metric
    baseline: str | None = Field(default=None, json_schema_extra=also_numbers)
    """Name of the variant the others are read against."""
    contrasts: tuple[Contrast, ...] = Field(default=(), max_length=MAX_CONTRASTS)
    sequential: Sequential | None = None
    analysis: Analysis | None = None
    """How contrasts and claims take the seeds: `paired`, differences within a seed · `welch`, each cell by itself, which has more degrees
    of freedom and is better where cells have nothing in common but the number of a seed · `block`, variant + seed + residual over all
    variants that compare, which has the most and takes residuals to vary alike in each. Without it, paired where the trials of a seed drew
    the same, else Welch. Part of the version, so choose it before results."""
    resources: Resources = Resources()
    keep: Keep = "resumable"
    """What stays on disk of a trial that has finished: `resumable`, its moving average and one checkpoint from which it can be trained
    further · `average`, the moving average alone, which can still be evaluated again and sampled from. Changes no result."""
    report: ReportTemplate | None = None
    """How the table is laid out; changes no result."""

    @field_validator("baseline", mode="before")
    @classmethod
    def _baseline_is_text(cls, given: Any) -> Any:
        return given if given is None else as_text(given)

    @field_validator("seeds", mode="before")
    @classmethod
    def _count(cls, seeds: Any) -> Any:
        counted = isinstance(seeds, int) and not isinstance(seeds, bool)
        if not counted and not isinstance(seeds, list | tuple):
            raise ValueError(f"give a list such as [0, 1, 2], or how many: 3; not {short(seeds)}")
        number = seeds if counted else len(seeds)
        if not 1 <= number <= MAX_SEEDS:
            raise ValueError(f"a sweep has 1 to {MAX_SEEDS:,} seeds, not {number:,}; give a list such as [0, 1, 2], or how many: 3")
        return list(range(seeds)) if counted else seeds

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if repeated := twice(seeds):
            raise ValueError(f"seed {repeated[0]} appears twice; a seed counts once")
        return seeds

    @field_validator("contrasts")
    @classmethod
    def _distinct_contrasts(cls, contrasts: tuple[Contrast, ...]) -> tuple[Contrast, ...]:
        if repeated := twice(contrast.name for contrast in contrasts):
            raise ValueError(f"contrast {repeated[0]!r} appears twice; every contrast has its own name")
        ensure_one_alpha(contrasts)
        return contrasts

    @model_validator(mode="after")
    def _looks_are_at_claims(self) -> Self:
        if self.sequential is None:
            return self
        seeds, looks = len(self.seeds), self.sequential.looks
        if not self.claims:
            raise ValueError("sequential: there is no claim to look at; give a contrast `kind` and `alpha`, or remove `sequential`")
        if seeds > self.sequential.max_seeds:
            raise ValueError(f"sequential.max_seeds is {self.sequential.max_seeds}, but seeds are {seeds}; ask for fewer seeds")
        if looks and looks[-1] != seeds:
            raise ValueError(f"sequential.looks end at {looks[-1]} seeds, but seeds are {seeds}; the last look is the present one")
        return self

    @model_validator(mode="after")
    def _blocks_are_summed(self) -> Self:
        shares = [contrast for contrast in self.contrasts if contrast.relative_to is not None]
        if self.analysis == "block" and shares:
            raise ValueError(
                f"analysis: block fits variant + seed, and contrast {shares[0].name!r} is relative_to {shares[0].relative_to!r}: a share of"
                " a cell is no sum of variants, so its error is not that of the layout; set analysis: paired, or give the size in units"
            )
        return self

    @model_validator(mode="after")
    def _a_search_is_confirmed_elsewhere(self) -> Self:
        if isinstance(self.design, SearchDesign):
            ensure_search(self.design, self.seeds, compares=bool(self.contrasts or self.sequential))
        return self

    @classmethod
    def read(cls, written: object) -> Self:
        """The sweep that is written or stored so: metrics are ours and its own. Raises pydantic's ValidationError."""
        return cls.model_validate(written, context=Metrics.of(written))

    @property
    def metrics(self) -> Metrics:
        """Those that its trials can report."""
        return Metrics.of({"base": self.base})

    @property
    def primary(self) -> MetricInfo:
        """The metric that decides."""
        return self.metrics.info(self.metric.primary)

    @property
    def objectives(self) -> tuple[MetricInfo, ...]:
        """What a search optimises, the metric that decides first."""
        named = self.design.objectives if isinstance(self.design, SearchDesign) else ()
        return tuple(map(self.metrics.info, named or (self.metric.primary,)))

    @property
    def claims(self) -> tuple[Contrast, ...]:
        """The contrasts that are claims, in the order of the file."""
        return tuple(contrast for contrast in self.contrasts if contrast.kind is not None)

    def metric_of(self, contrast: Contrast) -> str:
        """Name of the metric that the contrast is on."""
        return FINISHING.name if contrast.kind == "finishes_more" else contrast.metric or self.metric.primary

    def on_log(self, contrast: Contrast) -> bool:
        """Whether a claim is on the log of its metric: its size is a share, or it has none and its metric is a Fréchet distance."""
        sized = contrast.margin is not None or contrast.smallest_effect is not None
        return contrast.in_percent or (not sized and spreads_with_size(self.metric_of(contrast)))

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds at which the claims are looked at, the present one last."""
        return (self.sequential.looks if self.sequential else ()) or (len(self.seeds),)
