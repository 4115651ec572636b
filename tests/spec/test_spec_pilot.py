"""A pilot: the sweep's own variants, other seeds, no claim."""

from typing import Any

import pytest
from small_sweep import Load

from sweeper.errors import SpecError
from sweeper.spec.load import check_sweep
from sweeper.spec.pilot import pilot_name, pilot_of

CLAIM = {"name": "c", "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "kind": "superior", "alpha": 0.05}


def test_it_trains_the_same_variants_and_claims_nothing(load: Load) -> None:
    sweep = load(contrasts=[CLAIM], sequential={"max_seeds": 9}, analysis="welch")
    pilot = check_sweep(pilot_of(sweep.spec), sweep.profile, sweep.place)
    assert [(variant, config.model_copy(update={"seed": 0})) for variant, config in pilot.configs] == [
        (variant, config.model_copy(update={"seed": 0})) for variant, config in sweep.configs
    ]
    assert (pilot.spec.claims, pilot.spec.sequential, pilot.spec.analysis) == ((), None, None)
    assert pilot.spec.name == f"{sweep.spec.name}-pilot"
    assert pilot.version != sweep.version


@pytest.mark.parametrize(
    ("seeds", "wanted"),
    [([0, 1], (1000, 1001, 1002)), ([999], (1000, 1001, 1002)), ([0, 1002], (2000, 2001, 2002)), ([1000, 2001], (3000, 3001, 3002))],
)
def test_its_seeds_are_not_the_sweep_s(seeds: list[int], wanted: tuple[int, ...], load: Load) -> None:
    assert pilot_of(load(seeds=seeds).spec).seeds == wanted


def test_a_long_name_stays_a_name(load: Load) -> None:
    assert pilot_of(load(name="n" * 80).spec).name == "n" * 74 + "-pilot" == pilot_name("n" * 80)


def test_a_search_has_none(load: Load) -> None:
    design: dict[str, Any] = {"kind": "search", "trials": 4, "space": {"weight": {"path": "alignment.weight", "low": 0.1, "high": 1.0}}}
    spec = load(design=design, seeds=[0], contrasts=None, baseline=None).spec
    with pytest.raises(SpecError, match="--pilot: a search makes no claims that seeds are counted for; run it as it is"):
        pilot_of(spec)
