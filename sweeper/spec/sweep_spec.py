"""What a sweep file means: a question, the variants that answer it, and the contrasts that read the answer off."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sweeper.errors import nearest
from sweeper.records import METRICS, is_metric, metric_info
from sweeper.spec.explaining import short

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+=-]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=80)]
"""Names go into folder names, tables and MLflow: letters, digits and _ . + = - only."""
MAX_SEEDS = 1_000
"""More is a mistake, such as a seed where their number is asked for; it is refused before they are counted out."""


class Spec(BaseModel):
    """Base of the parts of a sweep file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Factor(Spec):
    """Something that is varied: either `path` and a list of values, or named levels that each set several fields."""

    path: str | None = None
    """Dotted path of the one config field that a list of levels sets, such as `partition.ratio`."""
    levels: list[Any] | dict[str, dict[str, Any]] = Field(min_length=1)
    """Values for `path`; or level name -> {dotted path: value}."""

    @field_validator("levels", mode="before")
    @classmethod
    def _names_are_text(cls, levels: Any) -> Any:
        return {level_name(name): fields for name, fields in levels.items()} if isinstance(levels, dict) else levels

    @model_validator(mode="after")
    def _path_goes_with_a_list(self) -> Self:
        if (self.path is None) != isinstance(self.levels, dict):
            raise ValueError("a factor has either `path` and a list of levels, or no `path` and levels by name, each a {path: value}")
        names = [name for name, _ in self.named_levels()]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"level {repeated[0]!r} appears twice; every level has its own name")
        bad = [name for name in names if "/" in name or not name.strip()]
        if bad:
            raise ValueError(f"level name {bad[0]!r} must not be blank or hold '/', which joins level names; name the levels by hand")
        return self

    def named_levels(self) -> list[tuple[str, dict[str, Any]]]:
        """(level name, {dotted path: value}) of every level, in order."""
        if isinstance(self.levels, dict):
            return [(str(name), fields) for name, fields in self.levels.items()]
        assert self.path is not None, "checked at construction"
        return [(level_name(value), {self.path: value}) for value in self.levels]


def level_name(value: Any) -> str:
    """How a level given by value alone is called: `0.25`, `true`, `independent`, `fixed=0.1`."""
    if isinstance(value, dict):
        return ",".join(f"{key}={level_name(inner)}" for key, inner in value.items())
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


class FactorialDesign(Spec):
    """Every combination of the levels of every factor."""

    kind: Literal["factorial"]
    factors: dict[Name, Factor] = Field(min_length=1)


class VariantsDesign(Spec):
    """An explicit list."""

    kind: Literal["variants"]
    variants: dict[Name, dict[str, Any]] = Field(min_length=1)
    """Variant name -> {dotted path: value}; `{}` is the base itself."""


class Metric(Spec):
    """What the question is measured by, declared before the run."""

    primary: str
    """Name of the metric that decides."""
    direction: Literal["lower", "higher"]
    """Which way is better."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not is_metric(self.primary):
            raise ValueError(f"there is no metric {self.primary!r}{nearest(self.primary, METRICS)}")
        known = metric_info(self.primary).direction
        if known != self.direction:
            raise ValueError(f"{self.primary} is better {known}, not {self.direction}; set direction: {known}")
        return self


Cell = dict[str, str | bool | int | float]
"""Factor name -> level name."""


class Contrast(Spec):
    """A declared comparison: `of` minus `to` (within `holding`), or a weighted sum of variants."""

    name: str = Field(min_length=1, max_length=120)
    question: str | None = None
    """What the contrast asks, in words; printed with it."""
    of: Cell | str | None = None
    """Levels (or a variant's name) that are compared ..."""
    to: Cell | str | None = None
    """... against these levels (or this variant)."""
    holding: Cell = {}
    """Levels that stay fixed; factors named nowhere are averaged over."""
    weights: dict[str, float] | None = None
    """Variant name -> weight, instead of `of` and `to`; the weights add up to zero."""
    margin: float | None = Field(default=None, gt=0)
    """Smallest difference that matters, in units of the metric; printed beside the interval."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.weights is None) == (self.of is None or self.to is None):
            raise ValueError(f"contrast {self.name!r} needs either both `of` and `to`, or `weights` alone")
        if self.weights is not None:
            if self.of is not None or self.to is not None or self.holding:
                raise ValueError(f"contrast {self.name!r} has `weights`; remove `of`, `to` and `holding`")
            if abs(sum(self.weights.values())) > 1e-9:
                raise ValueError(f"contrast {self.name!r}: weights add up to {sum(self.weights.values()):g}, not to zero")
        return self


class Resources(Spec):
    """What one trial takes, all its processes together."""

    cpus: float = Field(default=1, gt=0)
    """CPU cores; each process of the trial runs max(1, whole part of its share) threads."""
    gpus: float | Literal["auto"] = "auto"
    """GPUs, may be a fraction; `auto` takes one where the machine has one, else none. With several, the trial trains in a process on
    each, which share every batch evenly."""
    processes: int = Field(default=1, ge=1)
    """Processes on CPUs (gpus: 0) that train the trial together; on GPUs it is left out, since there is one on each."""

    @field_validator("gpus")
    @classmethod
    def _share(cls, gpus: float | Literal["auto"]) -> float | Literal["auto"]:
        if gpus != "auto" and (gpus < 0 or (gpus > 1 and gpus != int(gpus))):
            raise ValueError(f"gpus is a fraction of one GPU or a whole number, not {gpus:g}")
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

    question: str = Field(min_length=1)
    """What the sweep is to answer, in words."""
    name: Name
    """A sweep is known by its name and profile."""
    base: dict[str, Any]
    """One trial's config: an optional `preset`, an optional `method`, and what differs from them (`sweeper schema` lists every field)."""
    design: FactorialDesign | VariantsDesign = Field(discriminator="kind")
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(json_schema_extra={"minItems": 1, "maxItems": MAX_SEEDS})
    """Training seeds, or how many: 3 is [0, 1, 2]."""
    metric: Metric
    baseline: str | None = None
    """Name of the variant the others are read against."""
    contrasts: tuple[Contrast, ...] = ()
    resources: Resources = Resources()

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
        repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if repeated:
            raise ValueError(f"seed {repeated[0]} appears twice; a seed counts once")
        return seeds

    @field_validator("contrasts")
    @classmethod
    def _distinct_contrasts(cls, contrasts: tuple[Contrast, ...]) -> tuple[Contrast, ...]:
        names = [contrast.name for contrast in contrasts]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"contrast {repeated[0]!r} appears twice; every contrast has its own name")
        return contrasts
