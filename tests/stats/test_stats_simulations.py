"""Thousands of made-up sweeps with a known truth, through the report's own estimates and tests: alpha, power, planted effects.

Seeds are fixed, so a failure is a change of the code; bands are 3.5 standard deviations of a binomial count.
"""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from sweeper.records import Variant
from sweeper.spec.sweep_spec import Contrast, Sequential
from sweeper.stats.claims import ClaimData
from sweeper.stats.effects import effects_of
from sweeper.stats.estimates import Scale, estimate
from sweeper.stats.hypothesis_tests import p_values
from sweeper.stats.power import noise_of, seeds_needed
from sweeper.stats.sequential import repeated_p
from sweeper.stats.verdicts import decide

ALPHA, CV, SD_BLOCK = 0.05, 0.013, 0.02
MARGIN = math.log(1.02)
PAIR = {"of": 1.0, "to": -1.0}
FOUR = {"dual/full": 1.0, "dual/none": -1.0, "single/full": -1.0, "single/none": 1.0}
LOG = Scale(log=True)


def band(draws: int, rate: float) -> float:
    return 3.5 * math.sqrt(rate * (1 - rate) / draws)


def sweeps(draws: int, effects: Mapping[str, float], seeds: int, paired: bool) -> np.ndarray:
    """(draws, cells, seeds): values near 25 of which each seed moves all cells alike, by more than a cell's own noise."""
    generator = np.random.default_rng(1)
    blocks = SD_BLOCK * generator.standard_normal((draws, 1 if paired else len(effects), seeds))
    own = CV * generator.standard_normal((draws, len(effects), seeds))
    spread = own + blocks if paired else own
    return np.asarray(25 * np.exp(np.array(list(effects.values()))[None, :, None] + spread))


def rates(
    kind: str, effects: dict[str, float], weights: dict[str, float], *, draws: int, seeds: int, paired: bool, **given: Any
) -> tuple[float, float]:
    """Share of sweeps in which the claim is supported, and in which it is refuted, at ALPHA."""
    supported = refuted = 0
    scale, margin = given.get("scale", LOG), given.get("margin", MARGIN)
    for values in sweeps(draws, effects, seeds, paired):
        cells = {name: dict(enumerate(row)) for name, row in zip(effects, values.tolist(), strict=True)}
        found = estimate(cells, weights, range(seeds), scale=scale, paired=paired)
        tested = p_values(kind, found, margin=margin, better=-1)  # type: ignore[arg-type]
        supported += tested.supporting <= ALPHA
        refuted += tested.refuting <= ALPHA
    return supported / draws, refuted / draws


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("kind", "effects", "weights", "margin", "rate"),
    [
        ("superior", {"of": 0.0, "to": 0.0}, PAIR, 0.0, ALPHA / 2),
        ("superior", {"of": -MARGIN, "to": 0.0}, PAIR, MARGIN, ALPHA / 2),
        ("non_inferior", {"of": MARGIN, "to": 0.0}, PAIR, MARGIN, ALPHA),
        ("equivalent", {"of": 3 * MARGIN, "to": 0.0}, PAIR, 3 * MARGIN, ALPHA),
        ("equivalent", {"of": -3 * MARGIN, "to": 0.0}, PAIR, 3 * MARGIN, ALPHA),
        (
            "no_interaction",
            {"dual/full": 4 * MARGIN, "dual/none": 0.02, "single/full": -0.01, "single/none": 0.01},
            FOUR,
            4 * MARGIN,
            ALPHA,
        ),
    ],
)
def test_type_one_error_at_the_edge_of_the_margin(
    kind: str, effects: dict[str, float], weights: dict[str, float], margin: float, rate: float, paired: bool
) -> None:
    draws = 3_000
    supported, refuted = rates(kind, effects, weights, draws=draws, seeds=6, paired=paired, margin=margin)
    assert supported == pytest.approx(rate, abs=band(draws, rate))
    # the contrary of a claim at its edge is as false as the claim; for two-sided kinds it has half of alpha to each side
    against = ALPHA if kind == "non_inferior" else ALPHA / 2
    assert refuted == pytest.approx(against, abs=band(draws, against))


@pytest.mark.parametrize("correlation", [None, 0.5])
@pytest.mark.parametrize(
    ("kind", "effect", "weights"),
    [("superior", 0.02, PAIR), ("non_inferior", 0.0, PAIR), ("equivalent", 0.0, PAIR), ("no_interaction", 0.0, FOUR)],
)
def test_the_promised_seeds_have_the_promised_power(kind: str, effect: float, weights: dict[str, float], correlation: float | None) -> None:
    draws, margin = 3_000, 0.0 if kind == "superior" else MARGIN
    noise = noise_of(weights, CV, correlation)
    seeds = seeds_needed(kind, effect=effect, margin=margin, alpha=ALPHA, noise=noise)  # type: ignore[arg-type]
    assert seeds is not None
    generator = np.random.default_rng(2)
    rho = correlation or 0.0
    blocks = math.sqrt(rho) * generator.standard_normal((draws, 1, seeds))
    spread = CV * (blocks + math.sqrt(1 - rho) * generator.standard_normal((draws, len(weights), seeds)))
    moved = np.where(np.arange(len(weights)) == 0, -effect, 0.0)[None, :, None]

    def share(number: int) -> float:
        count = 0
        for values in np.exp(moved + spread[:, :, :number]).tolist():
            cells = {name: dict(enumerate(row)) for name, row in zip(weights, values, strict=True)}
            found = estimate(cells, weights, range(number), scale=LOG, paired=correlation is not None)
            count += p_values(kind, found, margin=margin, better=-1).supporting <= ALPHA  # type: ignore[arg-type]
        return count / draws

    assert share(seeds) >= 0.8 - band(draws, 0.8)
    if seeds > 3:
        assert share(seeds - 1) <= 0.8 + band(draws, 0.8)


def claim(name: str = "c", kind: str = "non_inferior", **changes: Any) -> Contrast:
    plain = {"name": name, "of": "of", "to": "to", "kind": kind, "alpha": ALPHA, "margin": "2%"}
    return Contrast.model_validate(plain | changes)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize(("kind", "effect", "margin", "rate"), [("non_inferior", MARGIN, "2%", ALPHA), ("superior", 0.0, None, ALPHA / 2)])
def test_three_looks_together_keep_alpha(spending: str, kind: str, effect: float, margin: str | None, rate: float) -> None:
    draws, looks = 2_000, (3, 6, 9)
    sequential = Sequential.model_validate({"max_seeds": looks[-1], "spending": spending, "looks": looks})
    at_once = at_some_look = 0
    for values in sweeps(draws, {"of": effect, "to": 0.0}, looks[-1], paired=True).tolist():
        cells = {name: dict(enumerate(row)) for name, row in zip(("of", "to"), values, strict=True)}
        data = ClaimData(claim(kind=kind, margin=margin), PAIR, cells, paired=True)
        (decision,) = decide([data], range(looks[-1]), looks, sequential=sequential)
        at_some_look += decision.verdict == "supported"
        single = [decide([data], range(number), (number,), sequential=None)[0].verdict == "supported" for number in looks]
        at_once += any(single)
    assert at_some_look / draws == pytest.approx(rate, abs=band(draws, rate))
    assert at_once / draws > rate + band(draws, rate), "looking three times without a rule spends more: the draws can tell"


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_a_two_sided_claim_spends_half_of_alpha_on_each_side(spending: str) -> None:
    """Its p over looks is twice the repeated p of the one-sided tests; at an early look of O'Brien and Fleming that is no line."""
    sequential = Sequential.model_validate({"max_seeds": 9, "looks": (3, 6, 9), "spending": spending})
    of = [9.0, 9.3, 9.1, 9.2, 9.0, 9.4]
    cells = {"of": dict(enumerate(of)), "to": dict.fromkeys(range(6), 10.0)}
    data = ClaimData(claim(kind="superior", margin=None), PAIR, cells, paired=True)
    for looks in ((3,), (3, 6)):
        (decision,) = decide([data], range(6), looks, sequential=sequential)
        one_sided = [float(ttest_1samp(np.array(of[:number]) - 10.0, 0, alternative="less").pvalue) for number in looks]
        assert decision.p == pytest.approx(2 * repeated_p(one_sided, looks, 9, sequential.spending)[0], rel=1e-4)
        if spending == "obrien_fleming":
            assert decision.p != pytest.approx(repeated_p([2 * p for p in one_sided], looks, 9, sequential.spending)[0], rel=1e-2)


def test_a_stopped_extension_is_what_is_judged_at_the_last_look() -> None:
    """What an earlier look decided stays decided, whatever came after: it was stopped there, or it holds for all looks."""
    sequential = Sequential.model_validate({"max_seeds": 9, "looks": (3, 6, 9)})
    steady = {"of": dict(enumerate([9.0, 9.01, 9.02, 9.0, 9.01, 9.02, 14.0, 4.0, 9.0])), "to": dict.fromkeys(range(9), 10.0)}
    data = ClaimData(claim(), PAIR, steady, paired=True)
    (early,) = decide([data], range(6), (3, 6), sequential=sequential)
    (late,) = decide([data], range(9), (3, 6, 9), sequential=sequential)
    (plain,) = decide([data], range(9), (9,), sequential=None)
    assert (early.verdict, late.verdict, plain.verdict) == ("supported", "supported", "inconclusive")


def test_holm_keeps_the_error_of_three_claims_together() -> None:
    draws, seeds = 2_000, 5
    wrong = 0
    names = ["to", "a", "b", "c"]
    for values in sweeps(draws, dict(zip(names, (0.0, MARGIN, MARGIN, MARGIN), strict=True)), seeds, paired=True).tolist():
        cells = {name: dict(enumerate(row)) for name, row in zip(names, values, strict=True)}
        cases = [ClaimData(claim(name, of=name), {name: 1.0, "to": -1.0}, cells, paired=True) for name in names[1:]]
        decision = decide(cases, range(seeds), (seeds,), sequential=None)
        wrong += any(each.verdict == "supported" for each in decision)
    assert wrong / draws <= ALPHA + band(draws, ALPHA)
    assert wrong / draws > ALPHA / 4, "the claims are true at their edge, so some are shown by chance"


def test_planted_effects_and_interactions_are_recovered() -> None:
    """3 x 2 x 2 cells with known effects: each interval holds its own about 95 times in 100, and its centre is right."""
    factors = {"a": ("a0", "a1", "a2"), "b": ("b0", "b1"), "c": ("c0", "c1")}
    variants = [Variant("/".join(cell), dict(zip(factors, cell, strict=True)), {}) for cell in itertools.product(*factors.values())]
    planted = {"a1": 0.5, "a2": -1.0, "b1": 2.0, "c1": 0.0, "a2 b1": 1.5, "b1 c1": -0.8}
    truth = {v.name: 20 + sum(size for name, size in planted.items() if set(name.split()) <= set(v.levels.values())) for v in variants}
    generator = np.random.default_rng(3)
    draws, seeds = 150, 4
    held: dict[str, list[bool]] = {}
    centres: dict[str, list[float]] = {}
    expected = {e.name: e.summary.mean for e in effects_of(variants, None, {n: dict.fromkeys(range(3), t) for n, t in truth.items()}, [0])}
    for _ in range(draws):
        block = generator.standard_normal(seeds)
        values = {name: dict(enumerate((t + block + 0.3 * generator.standard_normal(seeds)).tolist())) for name, t in truth.items()}
        for effect in effects_of(variants, None, values, range(seeds)):
            wanted = expected[effect.name]
            assert effect.summary.interval is not None
            assert wanted is not None
            held.setdefault(effect.name, []).append(effect.summary.interval.holds(wanted))
            centres.setdefault(effect.name, []).append(effect.summary.mean or 0.0)
    assert expected["a a2 x b b1"] == pytest.approx(1.5)
    assert expected["b b1 x c c1"] == pytest.approx(-0.8)
    assert expected["a a1 x b b1"] == pytest.approx(0.0)
    assert expected["b: b1 - b0, averaged over a and c"] == pytest.approx(2.0 + 1.5 / 3 - 0.8 / 2)
    for name, wanted in expected.items():
        assert np.mean(held[name]) == pytest.approx(0.95, abs=band(draws, 0.95))
        assert np.mean(centres[name]) == pytest.approx(wanted, abs=0.12)
