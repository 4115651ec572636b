"""What a plan says of claims, and where its spread over seeds comes from."""

import math

import numpy as np
import pytest

from sweeper.plan.power_analysis import Prior, describe, power_analysis, prior_of, stated_prior
from sweeper.spec.sweep_spec import Contrast
from sweeper.stats.power import noise_of, power

PAIR = {"of": 1.0, "to": -1.0}


def claim(**changes: object) -> Contrast:
    plain = {"name": "c", "of": "of", "to": "to", "kind": "non_inferior", "alpha": 0.05, "margin": "2%"}
    return Contrast.model_validate(plain | changes)


class TestPrior:
    def test_without_results_it_is_what_is_stated(self) -> None:
        assert stated_prior("fid", None).cv == 0.013
        assert "2606.20536" in stated_prior("fid", None).source
        assert stated_prior("fid", 0.02).cv == 0.02
        assert stated_prior("fid", 0.02).source.startswith("metric.planning_cv, or assumed_cv")

    def test_a_family_of_metrics_has_its_own(self) -> None:
        spreads = {metric: stated_prior(metric, None).cv for metric in ("held_out_loss", "fid", "class_accuracy", "fd_digits")}
        assert spreads == {"held_out_loss": 0.011, "fid": 0.013, "class_accuracy": 0.013, "fd_digits": 0.064}
        assert "4.5 to 8.7%" in stated_prior("fd_digits", None).source

    def test_too_few_results_are_none(self) -> None:
        assert prior_of({"a": {0: 1.0, 1: 1.1}, "b": {0: 1.0}}, "x") is None
        assert prior_of({}, "x") is None

    def test_what_is_no_measurement_is_left_out(self) -> None:
        good = {"a": {0: 10.0, 1: 10.2}, "b": {0: 20.0, 1: 20.4}}
        odd = {name: found | dict(enumerate([0.0, -3.0, math.inf, math.nan, 1e308, 1e308], 5)) for name, found in good.items()}
        assert prior_of(odd, "x") == prior_of(good, "x")

    def test_it_pools_cells_of_different_height(self) -> None:
        prior = prior_of({"a": {0: 10.0, 1: 10.2}, "b": {0: 20.0, 1: 20.4}, "c": {2: 5.0}}, "measured")
        assert prior is not None
        assert prior.cv == pytest.approx(math.log(1.02) / math.sqrt(2))
        assert prior.level == pytest.approx((10 + 10.2 + 20 + 20.4 + 5) / 5)
        assert prior.correlation == 0, "two blocks are too few"
        assert prior.source == "measured (2 degrees of freedom; correlation of pairs 0 until measured)"

    @pytest.mark.parametrize("truth", [0.0, 0.5, 0.9])
    def test_the_correlation_of_pairs_is_measured(self, truth: float) -> None:
        generator = np.random.default_rng(0)
        block = math.sqrt(truth) * generator.standard_normal(400)
        cells = {
            name: dict(enumerate(np.exp(3 + 0.013 * (block + math.sqrt(1 - truth) * generator.standard_normal(400))).tolist()))
            for name in ("a", "b", "c")
        }
        prior = prior_of(cells, "measured")
        assert prior is not None
        assert prior.correlation == pytest.approx(truth, abs=0.07)
        assert prior.cv == pytest.approx(0.013, rel=0.08)
        assert "from 400 seed blocks" in prior.source

    def test_the_correlation_is_the_intraclass_one_of_a_two_way_table(self) -> None:
        """Three cells in four blocks: (B - W) / (B + 2 W) of the logs, each cell about its own mean (Shrout and Fleiss 1979)."""
        logs = np.array([[3.0, 3.2, 3.1, 3.4], [5.1, 5.2, 5.0, 5.5], [4.0, 4.1, 4.3, 4.4]])
        centred = logs - logs.mean(axis=1, keepdims=True)
        blocks = centred.mean(axis=0)
        between = 3 * (blocks**2).sum() / 3
        within = ((centred - blocks) ** 2).sum() / (3 * 2)
        prior = prior_of({name: dict(enumerate(np.exp(row).tolist())) for name, row in zip("abc", logs, strict=True)}, "measured")
        assert prior is not None
        assert prior.correlation == pytest.approx((between - within) / (between + 2 * within), rel=1e-9)


class TestPromise:
    def one(self, **given: object):  # type: ignore[no-untyped-def]
        plain = {"seeds": 3, "claims": 1, "paired": False, "prior": stated_prior("fid", None)}
        return power_analysis(given.pop("claim", claim()), "fid", PAIR, **(plain | given))  # type: ignore[arg-type]

    def test_known_numbers(self) -> None:
        assert self.one().needed == 7
        half = Prior(0.013, 0.5, None, "x")
        assert self.one(paired=True, prior=half).needed == 5
        superior = claim(kind="superior", margin=None)
        assert self.one(claim=superior).needed == 8
        assert self.one(claim=superior, paired=True, prior=half).needed == 6

    def test_correlation_counts_for_pairs_alone(self) -> None:
        assert self.one(prior=Prior(0.013, 0.5, None, "x")).needed == 7

    def test_blocks_count_the_degrees_of_all_variants(self) -> None:
        """Two variants are pairs; more have the same spread and more degrees of freedom, (V - 1)(n - 1)."""
        half = Prior(0.013, 0.5, None, "x")
        pairs, two, four = self.one(paired=True, prior=half), self.one(blocks=2, prior=half), self.one(blocks=4, prior=half)
        assert (two.needed, two.power) == (pairs.needed, pairs.power)
        assert four.power is not None
        assert pairs.power is not None
        assert four.power > pairs.power + 0.1
        noise = noise_of(PAIR, 0.013, 0.5, variants=4)
        assert (noise.degrees(3), noise.error(3)) == (6, noise_of(PAIR, 0.013, 0.5).error(3))
        assert four.power == pytest.approx(power("non_inferior", 3, effect=0.0, margin=math.log(1.02), alpha=0.05, noise=noise))
        assert "for power .8; block analysis over 4 variants. 3 are given" in describe([four])[0]

    def test_several_claims_need_more(self) -> None:
        found = self.one(claims=3)
        assert found.needed is not None
        assert found.needed > found.needed_alone == 7

    def test_an_expected_effect_is_what_is_counted_for(self) -> None:
        wide = self.one(claim=claim(kind="superior", margin=None, expected="5%"))
        assert wide.effect == "5%"
        assert wide.needed == 3

    def test_units_need_a_level(self) -> None:
        unknown = self.one(claim=claim(margin=0.5))
        assert unknown.needed is None
        assert describe([unknown])[0].startswith("Nothing is counted: its margin or effect is in units of the metric")
        assert self.one(claim=claim(margin=0.5), prior=Prior(0.013, 0.0, 25.0, "x")).needed == 7

    @pytest.mark.parametrize("kind", ["superior", "non_inferior", "equivalent"])
    def test_units_without_a_level_are_counted_by_nobody(self, kind: str) -> None:
        """Nor is anything searched that holds for no number."""
        for seeds in (2, 3, 30):
            found = self.one(claim=claim(kind=kind, margin=0.5), seeds=seeds)
            assert (found.needed, found.power, found.claimable) == (None, None, None)

    def test_where_nothing_is_large_enough_it_says_so(self) -> None:
        """A level of one in a billion with three seeds, whose values vary as much as they are."""
        found = self.one(claim=claim(kind="superior", margin=None, alpha=1e-9), prior=stated_prior("fid", 0.99))
        assert found.claimable is None
        assert describe([found])[0].endswith("3 are given: power 0.00; they can claim nothing instead.")

    @pytest.mark.parametrize("margin", [5e-324, 1e-9, 1e99])
    @pytest.mark.parametrize("cv", [1e-9, 0.99])
    @pytest.mark.parametrize("level", [1e-90, 1e90])
    @pytest.mark.parametrize("kind", ["superior", "non_inferior", "equivalent"])
    def test_numbers_at_the_ends_come_to_numbers(self, kind: str, level: float, cv: float, margin: float) -> None:
        for seeds in (3, 1_000):
            found = self.one(claim=claim(kind=kind, margin=margin, alpha=1e-9), seeds=seeds, prior=Prior(cv, 0.0, level, "x"), claims=200)
            assert found.power is not None
            assert 0 <= found.power <= 1
            assert found.claimable is None or 0 <= math.expm1(found.claimable) < 1_000
            assert describe([found])

    def test_in_words(self) -> None:
        assert describe([self.one(seeds=2), self.one(), self.one(seeds=7)]) == [
            "With no true effect and a margin of 2% it needs 7 seeds per cell for power .8; not paired."
            " 2 per cell are given: too few for any interval, nothing can be claimed.",
            "With no true effect and a margin of 2% it needs 7 seeds per cell for power .8; not paired."
            " 3 are given: power 0.46; they can claim a margin of 3.3% instead.",
            "With no true effect and a margin of 2% it needs 7 seeds per cell for power .8; not paired. 7 are given: power 0.85.",
        ]

    def test_a_sign_flip_test_of_three_seeds_cannot_go_below_a_quarter(self) -> None:
        assert self.one().sign_flip_floor == 0.25
