"""A sweep that was judged at all of alpha and then extended by a spending rule: its error is that of the first test, and no more.

Seeds are fixed, so a failure is a change of the code; bands are 3.5 standard deviations of a binomial count.
"""

import dataclasses
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from report_snapshots import pair_snapshot, unfinished
from test_report_evidence import ALPHA, DECIDED, band, claim_data

from sweeper.records import EarlierVersion, SweepSnapshot
from sweeper.report.build import build_report
from sweeper.report.results import ClaimResult
from sweeper.spec.sweep_spec import Sequential
from sweeper.stats.verdicts import decide, decide_after_fixed_look

LOOKS = (3, 5, 8)
CLAIM = {"kind": "superior", "alpha": ALPHA}
TO = [10.0, 10.1, 10.2, 10.0, 10.1, 10.2, 10.0, 10.1]
CLEAR = [0.9, 1.0, 1.1, 0.0, 0.1, -0.1, 0.0, 0.05]
"""Differences that three seeds decide and eight do not."""
OPEN = [0.9, -0.5, 0.1, 1.0, 1.1, 1.0, 0.9, 1.0]
"""And the other way round."""


def rule(until: int, spending: str = "obrien_fleming") -> Sequential:
    return Sequential.model_validate({"max_seeds": LOOKS[-1], "looks": LOOKS[:until], "spending": spending})


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_the_error_of_a_fixed_look_and_an_extension_is_alpha(spending: str) -> None:
    """Counted as a look of the rule, as it was before, the fixed test makes the looks together wrong in 8 to 9%."""
    draws, wrong, counted = 1_500, 0, 0
    for differences in np.random.default_rng(31).standard_normal((draws, LOOKS[-1])):
        first = claim_data(differences[:3])
        at_fixed = decide([first], range(3), (3,), sequential=None)[0].verdict in DECIDED
        with_rule = without = at_fixed
        for until in (1, 2, 3):
            number, sequential = LOOKS[until - 1], rule(until, spending)
            now = claim_data(differences[:number])
            (decision,) = decide_after_fixed_look([first], [now], range(number), LOOKS[:until], at=3, sequential=sequential)
            assert (decision.verdict in DECIDED) == at_fixed, "what the first look said stands, and no other says anything"
            with_rule |= decision.verdict in DECIDED
            without |= decide([now], range(number), LOOKS[:until], sequential=sequential)[0].verdict in DECIDED
        wrong += with_rule
        counted += without
    assert wrong / draws == pytest.approx(ALPHA, abs=band(draws, ALPHA))
    assert counted / draws > ALPHA + band(draws, ALPHA)


def extended(differences: list[float], seeds: int = 8, before: int = 3, looks: tuple[int, ...] = LOOKS, **changes: Any) -> SweepSnapshot:
    """`before` seeds were judged at all of alpha an hour before; a rule was declared after that."""
    of = [to - difference for to, difference in zip(TO[:seeds], differences, strict=False)]
    now = pair_snapshot(seeds, of, TO[:seeds], CLAIM)
    then = pair_snapshot(before, of[:before], TO[:before], CLAIM | changes)
    trials = {(o.variant, o.seed): o.fingerprint for o in then.outcomes}
    earlier = EarlierVersion("pair", "default", "feed" * 10, now.created - timedelta(hours=1), then.spec, trials)
    spec = dict(now.spec) | {"sequential": {"max_seeds": 8, "looks": list(looks)}}
    return dataclasses.replace(now, spec=spec, earlier=(earlier,))


def claim_of(snapshot: SweepSnapshot) -> ClaimResult:
    (row,) = build_report(snapshot).claims
    return row


class TestInReports:
    def test_a_verdict_of_the_fixed_look_stands(self) -> None:
        row, alone = claim_of(extended(CLEAR)), claim_of(pair_snapshot(3, [9.1, 9.1, 9.1], TO[:3], CLAIM))
        assert (row.verdict, row.seeds, row.whole, row.planned) == ("supported", 3, 8, 8)
        assert (row.p, row.interval, row.unbiased) == (pytest.approx(alone.p), alone.interval, None)
        assert row.sentence.startswith("Supported at 3 seeds: new is better than old. Relative change of fd_digits: -9.9% [-12.1%")
        assert row.sentence.endswith(
            "alpha is 0.05. It was tested before on 3 seeds of these, at all of alpha (version feedfeedfeed of 2026-01-05 11:00 UTC): that"
            " verdict stands, and a look at more seeds gives no other."
        )
        assert "spending" not in row.sentence

    def test_without_a_verdict_there_is_none_to_come(self) -> None:
        row = claim_of(extended(OPEN))
        assert (row.verdict, row.p, row.seeds) == ("exploratory", None, 8)
        assert row.sentence.endswith(
            "so no alpha is left for a verdict here. A test of its own needs seeds that none of these has seen, in a new sweep with other"
            " `seeds`; several looks need `sequential` there, before its first result."
        )
        alone = dataclasses.replace(extended(OPEN), earlier=())
        assert claim_of(alone).verdict == "supported", "by the rule alone, declared before the first result"

    def test_so_it_is_at_a_look_at_the_same_seeds(self) -> None:
        assert claim_of(extended(CLEAR, seeds=3, looks=(3,))).verdict == "supported"
        assert claim_of(dataclasses.replace(extended(CLEAR, seeds=3, looks=(3,)), earlier=())).verdict == "inconclusive"
        assert claim_of(extended(OPEN, seeds=3, looks=(3,))).verdict == "exploratory"

    def test_it_stands_while_later_trials_run_or_after_they_diverged(self) -> None:
        snapshot = extended(CLEAR)
        for state in ("running", "diverged", "failed"):
            others = [o for o in snapshot.outcomes if (o.variant, o.seed) != ("new", 7)]
            changed = dataclasses.replace(snapshot, outcomes=(*others, dataclasses.replace(unfinished("new", 7, state))))
            assert claim_of(changed).verdict == "supported"

    def test_another_claim_at_the_fixed_look_gives_no_verdict_to_this_one(self) -> None:
        for changes in ({"margin": 0.5}, {"alpha": 0.1}, {"kind": "non_inferior", "margin": 0.5}):
            assert claim_of(extended(CLEAR, **changes)).verdict == "exploratory"

    def test_a_fixed_test_at_other_seeds_gives_none_either(self) -> None:
        snapshot = extended(CLEAR)
        (earlier,) = snapshot.earlier
        moved = dataclasses.replace(earlier, spec=dict(earlier.spec) | {"seeds": [0, 1, 2, 20]})
        assert claim_of(dataclasses.replace(snapshot, earlier=(moved,))).verdict == "exploratory"

    def test_a_rule_that_was_there_before_the_fixed_test_keeps_its_looks(self) -> None:
        snapshot = extended(OPEN)
        (fixed,) = snapshot.earlier
        spending = dataclasses.replace(fixed, spec=dict(fixed.spec) | {"sequential": {"max_seeds": 8, "looks": [3]}})
        assert claim_of(dataclasses.replace(snapshot, earlier=(spending, fixed))).verdict == "supported"
        assert claim_of(dataclasses.replace(snapshot, earlier=(fixed, spending))).verdict == "exploratory"
