"""The pilot of a sweep: its variants at a few seeds of their own, run to learn how much the metrics vary before seeds are counted.

A pilot tests nothing, so it spends nothing of alpha; and its seeds are not the sweep's, so what the claims are tested on stays unseen.
"""

from sweeper.errors import SpecError
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.section import LONGEST_SWEEP_NAME
from sweeper.spec.sweep_spec import SweepSpec

SEEDS = 3
"""A spread from fewer is hardly known: with 4 variants, 3 seeds give 8 degrees of freedom."""
FIRST_SEED = 1_000
_SUFFIX = "-pilot"


def pilot_name(name: str) -> str:
    """Of the pilot of the sweep of this name."""
    return name[: LONGEST_SWEEP_NAME - len(_SUFFIX)] + _SUFFIX


def pilot_of(spec: SweepSpec) -> SweepSpec:
    """The sweep without its claims, at the first three seeds from 1,000, 2,000, ... on that it does not use.

    Raises:
        SpecError: It is a search, which claims nothing that seeds are counted for.
    """
    if isinstance(spec.design, SearchDesign):
        raise SpecError("--pilot: a search makes no claims that seeds are counted for; run it as it is")
    first = FIRST_SEED
    while not set(spec.seeds).isdisjoint(range(first, first + SEEDS)):
        first += FIRST_SEED
    return spec.model_copy(
        update={
            "name": pilot_name(spec.name),
            "question": f"How much do the metrics of {spec.name} vary over training seeds? (A pilot: it claims nothing.)",
            "seeds": tuple(range(first, first + SEEDS)),
            "contrasts": (),
            "sequential": None,
            "analysis": None,
            "report": None,
        }
    )
