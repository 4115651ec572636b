"""A design whose variants are proposed one after another, each from what the earlier ones gave; the best are then confirmed on fresh seeds.

The search looks for good configs, and its values are those of configs that were chosen for them; what is claimed rests on `confirm` alone.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sweeper.errors import nearest
from sweeper.records import Variant
from sweeper.spec.claims import NEED_MARGIN, Alpha, Amount
from sweeper.spec.design import Design
from sweeper.spec.explaining import short
from sweeper.spec.factors import Level, level_name, written_as
from sweeper.spec.section import LONGEST_NAME, Name, Spec, metrics_in, twice

BASELINE: Literal["baseline"] = "baseline"
"""Name of the variant that the best are confirmed against."""
UNUSED = "-"
"""Level of a factor that a proposal does not have."""
DIGITS = 4
"""Significant digits of a proposed number: it is trained as it is shown."""
MOST_TRIALS = 10_000
MOST_PROBES = 300
"""Configs of a space that are checked before anything starts."""
MOST_CONFIRMED = 10
MOST_COUNTED = 100_000
"""Points of a space with conditions that are counted one by one."""
SAMPLERS = ("tpe", "gp", "cmaes", "qmc", "random", "nsgaii", "grid")
NUMBERS_ONLY = ("cmaes",)
"""Samplers that know no categories."""
UNCONDITIONAL = ("cmaes", "qmc")
"""Samplers that want every factor in every proposal."""
SEVERAL_OBJECTIVES = ("tpe", "gp", "random", "nsgaii", "grid", "qmc")

Sampler = Literal["tpe", "gp", "cmaes", "qmc", "random", "nsgaii", "grid"]
Chosen = Mapping[str, Level]
"""Factor -> level name, or number, of those factors that a proposal has."""


class Dimension(Spec):
    """A factor of the space: a range of numbers for one field, or levels as in a factorial."""

    path: str | None = None
    """Dotted path of the config field that a range or a list of levels sets, such as `alignment.weight`."""
    low: int | float | None = None
    """Least value of a range."""
    high: int | float | None = None
    """Greatest value, included."""
    step: int | float | None = Field(default=None, gt=0)
    """Distance of the values: low, low + step, ...; whole numbers where all three are."""
    log: bool = False
    """Equal ratios are equally far apart."""
    levels: list[Any] | dict[str, dict[str, Any]] | None = Field(default=None, min_length=1)
    """Values for `path`, or level name -> {dotted path: value}: categories, without an order."""
    when: dict[Name, Level | list[Level]] | None = Field(default=None, min_length=1)
    """The factor is there only at these levels of other factors; elsewhere the base's value stays."""

    @field_validator("levels", mode="before")
    @classmethod
    def _names_are_text(cls, levels: Any) -> Any:
        return {level_name(name): fields for name, fields in levels.items()} if isinstance(levels, dict) else levels

    @model_validator(mode="after")
    def _range_or_levels(self) -> Self:
        ends = [end for end in (self.low, self.high) if end is not None]
        if (self.levels is None) == (not ends):
            raise ValueError("a factor has either a range, {path: ..., low: 0.1, high: 2.0}, or levels; give one of them")
        if self.levels is not None:
            self._ensure_levels()
        else:
            self._ensure_range()
        return self

    def _ensure_levels(self) -> None:
        if self.step is not None or self.log:
            raise ValueError("levels are categories, without `step` or `log`; give a range with `low` and `high`, or leave these out")
        if (self.path is None) != isinstance(self.levels, dict):
            raise ValueError("levels are either a list for one `path`, or by name, each a {path: value}, without `path`")
        names = [name for name, _ in self.named_levels()]
        if repeated := twice(names):
            raise ValueError(f"level {short(repeated[0])} appears twice; every level has its own name")
        if bad := [name for name in names if "/" in name or not name.strip() or name == UNUSED or len(name) > LONGEST_NAME]:
            raise ValueError(f"level name {short(bad[0])} must not be blank, '-', too long or hold '/', which joins level names; rename it")

    def _ensure_range(self) -> None:
        if self.path is None or self.low is None or self.high is None:
            raise ValueError("a range has a `path`, `low` and `high`; add what is missing")
        if not self.low < self.high:
            raise ValueError(
                f"the range from {self.low:g} to {self.high:g} is empty; give a `low` below `high`, or set the field in `base`"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"log: true has no place for {self.low:g}; give a `low` above 0, or leave `log` out")
        if self.log and self.step is not None and not self.whole:
            raise ValueError("a range has `log` or `step`, not both, unless its values are whole numbers; remove one")
        if self.whole and self.log and self.step != 1:
            raise ValueError(f"log: true over whole numbers goes with step: 1, not {self.step:g}; list the values as levels instead")
        if self.step is not None:
            steps = (self.high - self.low) / self.step
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(f"step {self.step:g} does not lead from {self.low:g} to {self.high:g}; change `high` or `step`")

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step))

    @property
    def is_categorical(self) -> bool:
        return self.levels is not None

    def named_levels(self) -> list[tuple[str, dict[str, Any]]]:
        """(level name, {dotted path: value}) of every level; none of a range."""
        if isinstance(self.levels, dict):
            return list(self.levels.items())
        return [(level_name(value), {str(self.path): value}) for value in self.levels or ()]

    def paths(self) -> tuple[str, ...]:
        """The fields that it sets."""
        return tuple(dict.fromkeys(path for _, fields in self.named_levels() for path in fields)) or (str(self.path),)

    def values(self) -> list[Level] | None:
        """Every value, or None of a range without steps."""
        if self.levels is not None:
            return [name for name, _ in self.named_levels()]
        if self.step is None:
            return None
        assert self.low is not None
        assert self.high is not None
        return [self.rounded(self.low + i * self.step) for i in range(round((self.high - self.low) / self.step) + 1)]

    def rounded(self, value: float) -> Level:
        """A number of the range as it is trained and shown."""
        assert self.low is not None
        assert self.high is not None
        if self.whole:
            return round(value)
        if self.step is not None:
            return float(f"{self.low + round((value - self.low) / self.step) * self.step:.10g}")
        return min(max(float(f"{value:.{DIGITS}g}"), float(self.low)), float(self.high))

    def fields(self, value: Level) -> dict[str, Any]:
        """{dotted path: value} of a level or a number."""
        if self.levels is None:
            return {str(self.path): value}
        return dict(self.named_levels())[str(value)]


class Stopping(Spec):
    """When a trial of the search is stopped early, by Ray Tune's own scheduler, on the primary metric of the curves."""

    kind: Literal["asha", "median"]
    """`asha`: ASHAScheduler, at each rung only the best share goes on. `median`: MedianStoppingRule, worse than the others' median."""
    first_step: int = Field(ge=1)
    """No trial is stopped before this step."""
    reduction: float = Field(default=4, gt=1, le=100)
    """`asha`: one of so many goes on at each rung, and rungs are so many times further apart."""


class Confirm(Spec):
    """The best of the search, and the baseline, trained in full on seeds that the search did not use: what is claimed rests on these."""

    top: int = Field(default=1, ge=1, le=MOST_CONFIRMED)
    """How many of the best are confirmed."""
    against: Literal["baseline"] = BASELINE
    """The base as the sweep file gives it, with the fields of `baseline`."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(min_length=2, max_length=1000)
    """Training seeds, none of them among the sweep's `seeds`."""
    kind: Literal["superior", "non_inferior", "equivalent"] = "superior"
    """What is claimed of each of them against the baseline."""
    alpha: Alpha = 0.05
    """Probability of a wrong verdict that these claims share."""
    margin: Amount | None = None
    """As of a contrast."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if repeated := twice(self.seeds):
            raise ValueError(f"seed {repeated[0]} appears twice; a seed counts once")
        if self.kind in NEED_MARGIN and self.margin is None:
            raise ValueError(f"kind: {self.kind} needs a `margin`, the smallest difference that matters, such as 2%")
        return self


class SearchDesign(Design):
    """Optuna proposes variants from a space; the best are confirmed on fresh seeds."""

    kind: Literal["search"]
    space: dict[Name, Dimension] = Field(min_length=1, max_length=50)
    """Factor name -> its range or levels."""
    baseline: dict[str, Any] = Field(default={})
    """{dotted path: value} of the baseline; without it, the base as it is."""
    sampler: Sampler = "tpe"
    """Optuna's."""
    trials: int = Field(ge=1, le=MOST_TRIALS)
    """Variants that are tried, at each of the sweep's seeds."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the sampler."""
    objectives: tuple[str, ...] = Field(default=(), max_length=3)
    """Metrics to optimise; without them, the sweep's primary metric. With several, the report shows their front."""
    stopping: Stopping | None = None
    confirm: Confirm | None = None

    @field_validator("objectives")
    @classmethod
    def _known_metrics(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        metrics = metrics_in(info)
        for name in names:
            if name not in metrics:
                raise ValueError(f"there is no metric {name!r}{nearest(name, metrics.names)}")
        if repeated := twice(names):
            raise ValueError(f"{repeated[0]} appears twice; name an objective once")
        return names

    @model_validator(mode="after")
    def _conditions_name_levels(self) -> Self:
        earlier: list[str] = []
        for name, dimension in self.space.items():
            for other, levels in (dimension.when or {}).items():
                place = f"space.{name}.when"
                if other not in self.space:
                    raise ValueError(f"{place}: there is no factor {other!r}{nearest(other, self.space)}")
                if other not in earlier:
                    raise ValueError(f"{place}: {other} comes after {name}; list it before")
                known = [level for level, _ in self.space[other].named_levels()]
                if not known:
                    raise ValueError(f"{place}: {other} is a range; name a factor that has levels")
                for level in levels if isinstance(levels, list) else [levels]:
                    if written_as(level, known) is None:
                        raise ValueError(f"{place}: {other} has no level {level_name(level)!r}{nearest(level_name(level), known)}")
            earlier.append(name)
        return self

    @model_validator(mode="after")
    def _fields_have_one_owner(self) -> Self:
        owners: dict[str, str] = {}
        for name, dimension in self.space.items():
            for path in dimension.paths():
                for other, owner in owners.items():
                    if (f"{path}.").startswith(f"{other}.") or (f"{other}.").startswith(f"{path}."):
                        raise ValueError(f"space: {owner} and {name} both set {path}; give the field to one of them")
            owners |= dict.fromkeys(dimension.paths(), name)
        return self

    @model_validator(mode="after")
    def _sampler_takes_the_space(self) -> Self:
        for name, dimension in self.space.items():
            if self.sampler in NUMBERS_ONLY and dimension.is_categorical:
                raise ValueError(
                    f"sampler: {self.sampler} takes numbers only, and space.{name} has levels; use sampler: tpe, or give a range"
                )
            if self.sampler in UNCONDITIONAL and dimension.when is not None:
                raise ValueError(
                    f"sampler: {self.sampler} wants every factor in every proposal, and space.{name} has `when`; use sampler: tpe"
                )
            if self.sampler == "grid" and dimension.values() is None:
                raise ValueError(f"sampler: grid needs countable values, and space.{name} is a range without `step`; add one")
        if len(self.objectives) > 1 and self.sampler not in SEVERAL_OBJECTIVES:
            raise ValueError(f"sampler: {self.sampler} takes one objective, not {len(self.objectives)}; use sampler: tpe or nsgaii")
        if len(self.objectives) > 1 and self.stopping is not None:
            raise ValueError("stopping goes by one metric, and there are several objectives; remove `stopping`, or name one objective")
        return self

    def size(self) -> int:
        return 1

    def expand(self) -> tuple[Variant, ...]:
        """The one variant that is known before the search."""
        return (Variant(BASELINE, dict.fromkeys(self.space, UNUSED), self.baseline),)

    def grid_size(self) -> int | None:
        """Points of the full grid of the space; None where a range has no steps, or there are too many to count out."""
        counted = [dimension.values() for dimension in self.space.values()]
        if any(values is None for values in counted):
            return None
        if not any(dimension.when for dimension in self.space.values()):
            return math.prod(len(values or ()) for values in counted)
        number = sum(1 for _ in islice(self.points(), MOST_COUNTED + 1))
        return number if number <= MOST_COUNTED else None

    def points(self) -> Iterator[Chosen]:
        """Every point of a space whose ranges all have steps, in order."""
        yield from self._cells(lambda dimension: dimension.values() or [])

    def probes(self) -> Iterator[Variant]:
        """Variants at the ends of every range, over all levels: what is checked before anything starts."""

        def ends(dimension: Dimension) -> list[Level]:
            values = dimension.values()
            if dimension.is_categorical and values:
                return values
            assert dimension.low is not None
            assert dimension.high is not None
            return [dimension.rounded(dimension.low), dimension.rounded(dimension.high)]

        for chosen in islice(self._cells(ends), MOST_PROBES):
            yield self.variant(chosen)

    def has(self, factor: str, chosen: Chosen) -> bool:
        """Whether a factor is there beside what was chosen of the factors before it."""
        for other, levels in (self.space[factor].when or {}).items():
            known = [name for name, _ in self.space[other].named_levels()]
            named = (written_as(level, known) for level in (levels if isinstance(levels, list) else [levels]))
            if other not in chosen or level_name(chosen[other]) not in named:
                return False
        return True

    def variant(self, chosen: Chosen) -> Variant:
        """The variant of a proposal, named by its values in the order of the space."""
        levels = {name: level_name(chosen[name]) if name in chosen else UNUSED for name in self.space}
        fields = {path: value for name, level in chosen.items() for path, value in self.space[name].fields(level).items()}
        return Variant("/".join(levels.values()), levels, fields)

    def chosen(self, levels: Mapping[str, str]) -> dict[str, Level]:
        """What a stored variant's levels say, as numbers where they are."""
        values: dict[str, Level] = {}
        for name, dimension in self.space.items():
            if (text := levels.get(name, UNUSED)) != UNUSED:
                values[name] = text if dimension.is_categorical else dimension.rounded(float(text))
        return values

    def _cells(self, values: Callable[[Dimension], list[Level]]) -> Iterator[dict[str, Level]]:
        """Every combination of those values, factors left out where their condition does not hold."""

        def below(names: list[str], chosen: dict[str, Level]) -> Iterator[dict[str, Level]]:
            if not names:
                yield chosen
                return
            head, *rest = names
            if not self.has(head, chosen):
                yield from below(rest, chosen)
                return
            for value in values(self.space[head]):
                yield from below(rest, {**chosen, head: value})

        yield from below(list(self.space), {})


def ensure_search(design: SearchDesign, seeds: Sequence[int], *, compares: bool) -> None:
    """Raises ValueError where a search does not fit the rest of its sweep."""
    if compares:
        raise ValueError("a search compares nothing but what `design.confirm` names; remove `contrasts` and `sequential`")
    fresh = design.confirm.seeds if design.confirm is not None else ()
    if used := [seed for seed in fresh if seed in seeds]:
        raise ValueError(
            f"design.confirm.seeds: seed {used[0]} is one of the search's own `seeds`, whose values the best were chosen by;"
            " give others, such as [100, 101, 102]"
        )
