"""How large a sweep is, as its file says: before any data is read, and whatever is in the store."""

from dataclasses import dataclass

from sweeper.spec.load import LoadedSweep
from sweeper.spec.search_design import SearchDesign


@dataclass(frozen=True)
class SweepSize:
    """The counts of a sweep. Variants that train alike are one trial in the end; which do, `sweeper plan` says."""

    variants: int
    """Of a search, how many are proposed."""
    seeds: int
    """At which each of them is trained."""
    confirmed: int
    """Of a search, variants that are trained once more, the baseline among them; else 0."""
    confirm_seeds: int
    """Fresh seeds for these."""

    @property
    def trials(self) -> int:
        """All together."""
        return self.variants * self.seeds + self.confirmed * self.confirm_seeds

    @property
    def in_words(self) -> str:
        """`4 variants x 3 seeds = 12 trials`."""
        searched = f"{_several(self.variants, 'variant')} x {_several(self.seeds, 'seed')}"
        fresh = f" + {self.confirmed} confirmed x {_several(self.confirm_seeds, 'seed')}" if self.confirmed else ""
        return f"{searched}{fresh} = {_several(self.trials, 'trial')}"


def size_of(sweep: LoadedSweep) -> SweepSize:
    """The counts of a checked sweep."""
    design, seeds = sweep.spec.design, len(sweep.spec.seeds)
    if not isinstance(design, SearchDesign):
        return SweepSize(len(sweep.configs), seeds, 0, 0)
    if design.confirm is None:
        return SweepSize(design.trials, seeds, 0, 0)
    return SweepSize(design.trials, seeds, design.confirm.top + 1, len(design.confirm.seeds))


def _several(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
