"""Superior, equivalent and inferior decision together, by simulation: seeds are fixed, bands are 3.5 deviations of a binomial count."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from report_snapshots import pair_snapshot
from test_report_evidence import ALPHA, PAIR, band, claim, claim_data, one

from sweeper.plan.power_analysis import Prior, power_analysis
from sweeper.report.build import build_report
from sweeper.report.render.formats import render
from sweeper.spec.sweep_spec import Sequential, SweepSpec
from sweeper.stats.claims import Answer, ClaimData
from sweeper.stats.power import Noise, equivalence_power, power, seeds_for_equivalence
from sweeper.stats.verdicts import decide

SMALLEST = 2.0
SUPERIOR = ("superior", "superior_negligible")
INFERIOR = ("inferior", "inferior_negligible")
SMALL = ("superior_negligible", "equivalent", "inferior_negligible")


def three_way(effects: np.ndarray) -> ClaimData:
    """Lower is better, so an effect (positive is better) is subtracted."""
    return claim_data(-effects, claim(smallest_effect=SMALLEST))


def wrong(answer: Answer | None, effect: float) -> bool:
    """Whether the answer says something false of the true effect."""
    return (answer in SUPERIOR and effect <= 0) or (answer in INFERIOR and effect >= 0) or (answer in SMALL and abs(effect) >= SMALLEST)


@pytest.mark.parametrize("effect", [-SMALLEST, -0.5, 0.0, SMALLEST])
def test_the_three_answers_together_are_wrong_with_alpha_at_most(effect: float) -> None:
    draws = 1_000
    answers = [one(three_way(d), 8).answer for d in effect + np.random.default_rng(11).standard_normal((draws, 8))]
    assert sum(wrong(answer, effect) for answer in answers) / draws <= ALPHA + band(draws, ALPHA)


def test_without_an_effect_it_answers_no() -> None:
    """As often as the plan says; a claim without a smallest effect answers nothing in 95%."""
    draws = 600
    differences = np.random.default_rng(12).standard_normal((draws, 12))
    decisions = [one(three_way(d), 12) for d in differences]
    promised = equivalence_power(12, effect=0.0, smallest_effect=SMALLEST, alpha=ALPHA, noise=Noise(1.0))
    assert promised > 0.9
    assert sum(each.answer in SMALL for each in decisions) / draws == pytest.approx(promised, abs=band(draws, promised))
    assert all(each.verdict == "refuted" for each in decisions if each.answer == "equivalent")
    assert sum(one(claim_data(d), 12).verdict == "inconclusive" for d in differences) / draws > 0.9


def test_over_several_claims_all_answers_share_alpha() -> None:
    """The case that costs most: one effect is zero, and one is at the bound of those that matter, so plainly there.

    Equivalence at all of alpha to each side, with Holm's procedure over each of the three answers by itself, is wrong in 8.5%.
    """
    draws, truth = 1_500, np.array([0.0, SMALLEST])
    some = 0
    for differences in np.random.default_rng(13).standard_normal((draws, 2, 8)):
        decisions = decide([three_way(effect + d) for effect, d in zip(truth, differences, strict=True)], range(8), (8,), sequential=None)
        some += any(wrong(each.answer, effect) for each, effect in zip(decisions, truth, strict=True))
    assert some / draws <= ALPHA + band(draws, ALPHA)


def test_over_looks_they_share_it_too() -> None:
    draws, looks = 1_000, (4, 8)
    rule = Sequential.model_validate({"max_seeds": 8, "looks": looks, "spending": "pocock"})
    for effect in (0.0, SMALLEST):
        count = 0
        for differences in effect + np.random.default_rng(14).standard_normal((draws, 8)):
            read = [one(three_way(differences[: looks[k]]), looks[k], looks[: k + 1], rule).answer for k in (0, 1)]
            count += any(wrong(answer, effect) for answer in read)
        assert count / draws <= ALPHA + band(draws, ALPHA)


def test_one_interval_gives_all_answers() -> None:
    seen = set()
    for effect in np.linspace(-3.5, 3.5, 120):
        decision = one(three_way(effect + np.array([0.6, -0.6, 0.8, -0.8, 0.2, -0.2])), 6)
        assert decision.estimate is not None
        interval = decision.estimate.interval(1 - 2 * decision.alpha)
        low, high = -interval.high, -interval.low
        small = low > -SMALLEST and high < SMALLEST
        direction = "superior" if low > 0 else "inferior" if high < 0 else ""
        expected = (f"{direction}_negligible" if direction else "equivalent") if small else direction or "inconclusive"
        assert decision.answer == expected
        seen.add(expected)
    assert seen == {"superior", "superior_negligible", "equivalent", "inferior_negligible", "inferior"}
    assert one(three_way(np.array([0.0, 3.0, -4.0])), 3).answer == "inconclusive"


@pytest.mark.parametrize(
    ("shift", "verdict", "answer", "said"),
    [
        (-1.0, "supported", "superior", "Answer: superior."),
        (-0.1, "supported", "superior_negligible", "Answer: better, but by less than the smallest effect of interest, 5%."),
        (0.0, "refuted", "equivalent", "Answer: equivalent, the effect is smaller than the smallest effect of interest, 5%."),
        (0.1, "refuted", "inferior_negligible", "Answer: worse, but by less than the smallest effect of interest, 5%."),
        (1.0, "refuted", "inferior", "Answer: inferior."),
    ],
)
def test_the_sentence_says_which(shift: float, verdict: str, answer: str, said: str) -> None:
    old = [10.0, 10.2, 9.9, 10.1]
    new = [value + shift + noise for value, noise in zip(old, (0.02, -0.02, 0.03, -0.03), strict=True)]
    report = build_report(pair_snapshot(4, new, old, {"kind": "superior", "alpha": ALPHA, "smallest_effect": "5%"}))
    (row,) = report.claims
    assert (row.verdict, row.answer, row.on_log) == (verdict, answer, True)
    assert said in row.sentence
    shown = verdict if answer == "superior" else f"{verdict}: {answer.replace('_', ', ')}"
    assert row.verdict_text == shown, "a table tells 'refuted' from 'it is too small to matter'"
    assert f"| {shown} |" in render(report, "markdown").replace("*", "")
    (found,) = json.loads(render(report, "json"))["claims"]
    assert (found["verdict"], found["answer"], found["smallest_effect"]) == (verdict, answer, "5%")
    (line,) = [line for line in csv.DictReader(io.StringIO(render(report, "csv"))) if line["kind"] == "claim"]
    assert (line["verdict"], line["answer"], line["smallest_effect"]) == (verdict, answer, "5%")


def test_the_plan_counts_both_answers() -> None:
    prior = Prior(0.013, 0.0, None, "stated")
    found = power_analysis(claim(smallest_effect="2%"), "fid", {"of": 1.0, "to": -1.0}, seeds=5, claims=1, paired=True, prior=prior)
    assert found.effect == "2%"
    noise = Noise(0.013 * 2**0.5)
    wanted = seeds_for_equivalence(effect=0.0, smallest_effect=np.log(1.02), alpha=ALPHA, noise=noise)
    assert found.needed_for_equivalent == wanted
    assert found.needed is not None
    assert power("superior", found.needed, effect=np.log(1.02), margin=0.0, alpha=ALPHA, noise=noise) >= 0.8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "equivalent", "margin": "2%"}, "`smallest_effect` is of a superior claim"),
        ({"margin": "1%"}, "has `margin` and `smallest_effect`"),
        ({"kind": None, "alpha": None}, "has `smallest_effect` and no `kind`"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claim(smallest_effect="2%", **given)


@pytest.mark.parametrize("size", [{"margin": "2%"}, {"smallest_effect": "2%"}, {}])
def test_a_distance_is_on_its_log_unless_its_size_is_in_units(size: dict[str, str]) -> None:
    """So a relative change that is the same at every seed is one, whatever the levels. In units the seed with the largest decides alone."""
    old = [2.0, 20.0, 200.0, 5.0]
    new = [value * factor for value, factor in zip(old, (0.80, 0.81, 0.79, 0.80), strict=True)]
    (on_log,) = build_report(pair_snapshot(4, new, old, {"kind": "superior", "alpha": ALPHA} | size)).claims
    (in_units,) = build_report(pair_snapshot(4, new, old, {"kind": "superior", "alpha": ALPHA, "margin": 0.01})).claims
    assert (on_log.on_log, on_log.verdict, on_log.estimate_text) == (True, "supported", "-20.0%")
    assert (in_units.on_log, in_units.verdict) == (False, "inconclusive")


@pytest.mark.parametrize("metric", ["held_out_loss", "class_accuracy", "kid_digits", "fd_infinity_digits", "overfitting_gap"])
def test_other_metrics_stay_in_units_without_a_size(metric: str) -> None:
    """What may be negative has no log, and losses and shares are not known to spread with their size."""
    spec = pair_snapshot(4, [1.0] * 4, [1.0] * 4, {"kind": "superior", "alpha": ALPHA, "metric": metric}).spec
    held = SweepSpec.read(spec)
    assert [held.on_log(contrast) for contrast in held.contrasts] == [False]


def test_a_change_that_is_a_factor_is_found_more_often_on_the_log() -> None:
    """With levels that differ between seeds by half, as distances' do; the error stays alpha."""
    drawn, found = np.random.default_rng(12), {True: [0, 0], False: [0, 0]}
    draws, seeds = 400, 5
    for _ in range(draws):
        to = 10 * np.exp(0.5 * drawn.standard_normal(seeds))
        for place, factor in enumerate((1.0, 0.85)):
            of = to * factor * np.exp(0.08 * drawn.standard_normal(seeds))
            for log in (True, False):
                values = {"of": dict(enumerate(of.tolist())), "to": dict(enumerate(to.tolist()))}
                (decision,) = decide([ClaimData(claim(), PAIR, values, paired=True, log=log)], range(seeds), (seeds,), sequential=None)
                found[log][place] += decision.verdict in ("supported", "refuted")
    assert found[True][0] / draws <= ALPHA + band(draws, ALPHA)
    assert found[True][1] > 1.2 * found[False][1]
