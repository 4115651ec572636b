"""What the report says of claims: verdict, seeds that are missing, divergence, pairs, and when the claims were made."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from report_snapshots import STREAMS, MakeSnapshot, factorial_spec, pair_snapshot, unfinished

from sweeper.records import SweepSnapshot, TrialOutcome, VersionRecord
from sweeper.report.build import build_report
from sweeper.report.results import ClaimResult
from sweeper.stats.sample_size import SeedCount

CLAIM = {"alpha": 0.05}


def claim(of: list[float], to: list[float], metric: str = "fd_digits", **given: Any) -> ClaimResult:
    (row,) = build_report(pair_snapshot(len(of), of, to, CLAIM | given, metric)).claims
    return row


def with_streams(snapshot: SweepSnapshot, variant: str, streams: dict[str, str]) -> SweepSnapshot:
    outcomes = [dataclasses.replace(o, streams=streams) if o.variant == variant else o for o in snapshot.outcomes]
    return dataclasses.replace(snapshot, outcomes=tuple(outcomes))


OLD = [10.0, 10.4, 9.8, 10.1, 10.3]


@pytest.mark.parametrize(
    ("given", "shift", "verdict"),
    [
        ({"kind": "superior"}, -0.5, "supported"),
        ({"kind": "superior"}, 0.5, "refuted"),
        ({"kind": "superior"}, 0.0, "inconclusive"),
        ({"kind": "superior", "margin": 1.0}, -0.5, "refuted"),
        ({"kind": "superior", "margin": 0.1}, -0.5, "supported"),
        ({"kind": "non_inferior", "margin": "2%"}, 0.0, "supported"),
        ({"kind": "non_inferior", "margin": "2%"}, -0.5, "supported"),
        ({"kind": "non_inferior", "margin": "2%"}, 0.2, "inconclusive"),
        ({"kind": "non_inferior", "margin": "2%"}, 0.5, "refuted"),
        ({"kind": "non_inferior", "margin": 0.2}, 0.0, "supported"),
        ({"kind": "equivalent", "margin": "2%"}, 0.0, "supported"),
        ({"kind": "equivalent", "margin": "2%"}, 0.5, "refuted"),
        ({"kind": "equivalent", "margin": "2%"}, -0.5, "refuted"),
        ({"kind": "equivalent", "margin": "2%", "relative_to": "old"}, 0.0, "supported"),
    ],
)
@pytest.mark.parametrize("metric", ["fd_digits", "class_accuracy"])
def test_verdicts(given: dict[str, Any], shift: float, verdict: str, metric: str) -> None:
    """The new variant is moved by `shift` (for a metric where higher is better, by minus that), and by a little noise."""
    noise = [0.02, -0.03, 0.01, 0.03, -0.03]
    sign = 1 if metric == "fd_digits" else -1
    row = claim([old + sign * shift + n for old, n in zip(OLD, noise, strict=True)], OLD, metric, **given)
    assert row.verdict == verdict
    assert (row.more_if_zero, row.more_if_estimate) == (None, None) or verdict == "inconclusive"


def test_an_inconclusive_claim_says_what_would_decide_it() -> None:
    row = claim([10.2, 10.3, 10.0], OLD[:3], kind="non_inferior", margin="2%")
    assert (row.verdict, row.more_if_zero, row.more_if_estimate) == ("inconclusive", SeedCount(4, 1, 43), SeedCount(18, 7, 182))
    assert row.sentence == (
        "Inconclusive: new is not worse than old by more than 2%. Relative change of fd_digits: 1.0% [-1.9%, 4.0%] (90% interval, t over 3"
        " paired seeds). p = 0.22; alpha is 0.05. About 4 (1 to 43) more seeds per cell would decide it (power .8) if the true effect is"
        " zero, about 18 (7 to 182) more seeds per cell if it is the estimate."
    )


def test_where_both_assumptions_ask_for_the_same_it_is_said_once() -> None:
    row = claim([9.9, 10.3, 10.0], OLD[:3], kind="non_inferior", margin="2%")
    assert row.sentence.endswith(
        "About 4 (1 to 45) more seeds per cell would decide it (power .8), were the true effect zero or the estimate."
    )


def test_a_true_effect_of_zero_is_never_superior() -> None:
    row = claim([9.8, 10.4, 9.5], OLD[:3], kind="superior")
    assert row.more_if_zero == SeedCount(None, None, None)
    assert row.more_if_estimate is not None
    assert "No number of seeds would decide it (power .8) if the true effect is zero, about" in row.sentence


def test_two_seeds_are_too_few_and_an_assumed_spread_gives_an_interval_and_no_verdict() -> None:
    row = claim([9.0, 9.1], [10.0, 10.1], kind="superior")
    assert row.sentence == "Inconclusive: new is better than old. 2 of 2 seeds a cell have a value, 3 are needed for an interval."
    assert (row.p, row.interval, row.estimate) == (None, None, None)
    snapshot = pair_snapshot(1, [9.0], [10.0], CLAIM | {"kind": "superior"})
    metric = {"primary": "fd_digits", "direction": "lower", "assumed_cv": "1.3%"}
    report = build_report(dataclasses.replace(snapshot, spec=dict(snapshot.spec) | {"metric": metric}))
    (assumed,) = report.claims
    assert (assumed.verdict, assumed.p, assumed.p_adjusted) == ("inconclusive", None, None)
    assert assumed.interval is not None
    assert assumed.interval.high < 0, "it excludes 0, under a spread that nobody measured"
    assert "(95% interval, normal with an assumed CV of 1.3%, 1 seed a cell)" in assumed.sentence
    assert "assumed CV of 1.3%" in report.contrasts[0].sentence
    assert report.variants[0].cells["fd_digits"].rule == "assumed"


def test_holm_is_over_the_claims_of_the_sweep(default_sweep: MakeSnapshot) -> None:
    spec = factorial_spec(3)
    spec["contrasts"] = [contrast | {"kind": "superior", "alpha": 0.05} for contrast in spec["contrasts"] if "of" in contrast]
    first, second = build_report(default_sweep(spec=spec)).claims
    alone = factorial_spec(3) | {"contrasts": spec["contrasts"][:1]}
    (single,) = build_report(default_sweep(spec=alone)).claims
    assert first.p == single.p == single.p_adjusted
    assert first.p is not None
    assert first.p_adjusted == pytest.approx(2 * first.p, rel=1e-5)
    assert second.verdict == "refuted"


class TestPairs:
    def test_trials_that_share_no_images_are_not_paired(self) -> None:
        snapshot = pair_snapshot(3, [9.0, 9.5, 9.2], [10.0, 10.4, 9.8], CLAIM | {"kind": "superior"})
        other = with_streams(snapshot, "new", STREAMS | {"data order": "d2", "noise": "n2"})
        paired, welch = build_report(snapshot), build_report(other)
        assert [r.claims[0].rule for r in (paired, welch)] == ["paired", "welch"]
        assert [r.contrasts[0].summary.rule for r in (paired, welch)] == ["t", "welch"]
        assert "Paired seeds: the trials of a seed share backbone weights, data order, noise, timesteps." in paired.notes
        assert any(
            note.startswith("Seeds are not paired, since the trials of a seed differ in data order, noise: ") for note in welch.notes
        )
        assert "3 seeds a cell, not paired" in welch.contrasts[0].sentence
        assert paired.contrasts[0].estimate == pytest.approx(welch.contrasts[0].estimate)

    def test_other_initial_weights_still_pair_and_are_not_said_to_be_shared(self) -> None:
        snapshot = pair_snapshot(3, [9.0, 9.5, 9.2], [10.0, 10.4, 9.8])
        report = build_report(with_streams(snapshot, "new", STREAMS | {"backbone weights": "b2"}))
        assert report.contrasts[0].summary.rule == "t"
        assert "Paired seeds: the trials of a seed share data order, noise, timesteps." in report.notes

    def test_trials_of_which_nothing_is_known_are_not_paired(self) -> None:
        report = build_report(with_streams(pair_snapshot(3, [9.0, 9.5, 9.2], [10.0, 10.4, 9.8]), "new", {}))
        assert report.contrasts[0].summary.rule == "welch"
        assert any("since the trials of a seed have no record of their random streams" in note for note in report.notes)

    def test_cells_that_are_no_pairs_may_have_other_seeds(self) -> None:
        snapshot = pair_snapshot(4, [9.0, 9.5, 9.2], [10.0, 10.4, 9.8, 10.0])
        report = build_report(with_streams(snapshot, "new", {"data order": "d2"}))
        assert report.contrasts[0].n_pairs == 3
        assert report.contrasts[0].sentence.endswith(
            "Seeds with a value: new 3 of 4. Interim: trials are still missing, and the numbers will change."
        )


class TestDivergence:
    def replaced(self, variant: str, seed: int, state: str) -> dict[tuple[str, int], TrialOutcome | None]:
        return {(variant, seed): unfinished(variant, seed, state)}  # type: ignore[arg-type]

    def spec(self, seeds: int = 3) -> dict[str, Any]:
        spec = factorial_spec(seeds)
        spec["contrasts"] = [spec["contrasts"][1] | {"kind": "superior", "alpha": 0.05, "margin": None}]
        return spec

    def test_it_is_counted_and_never_hidden_by_a_mean(self, default_sweep: MakeSnapshot) -> None:
        (row,) = build_report(default_sweep(spec=self.spec(), replaced=self.replaced("dual/full", 1, "diverged"))).claims
        assert (row.verdict, row.p, dict(row.diverged)) == ("inconclusive", None, {"dual/full": 1})
        assert (
            "Diverged: 1 of 3 of dual/full, 0 of 3 of dual/none; a mean over the others would hide it, so nothing is concluded."
            in row.sentence
        )

    @pytest.mark.parametrize("state", ["diverged", "finished"])
    def test_where_enough_seeds_are_left_for_a_verdict_divergence_still_forbids_one(self, state: str) -> None:
        noise = [0.02, -0.03, 0.01, 0.03, -0.03]
        snapshot = pair_snapshot(5, [old - 0.5 + n for old, n in zip(OLD, noise, strict=True)], OLD, CLAIM | {"kind": "superior"})
        if state == "diverged":
            outcomes = [unfinished("new", 4, "diverged") if (o.variant, o.seed) == ("new", 4) else o for o in snapshot.outcomes]
            snapshot = dataclasses.replace(snapshot, outcomes=tuple(outcomes))
        (row,) = build_report(snapshot).claims
        assert row.seeds == (4 if state == "diverged" else 5)
        assert row.verdict == ("inconclusive" if state == "diverged" else "supported")
        assert (row.p is None) is (state == "diverged")

    def test_a_cell_that_is_not_weighed_may_diverge(self, default_sweep: MakeSnapshot) -> None:
        (row,) = build_report(default_sweep(spec=self.spec(), replaced=self.replaced("single/full", 1, "diverged"))).claims
        assert row.verdict == "refuted"

    @pytest.mark.parametrize(("state", "verdict"), [("failed", "inconclusive"), ("running", "interim"), ("pending", "interim")])
    def test_what_did_not_finish_is_in_no_test(self, default_sweep: MakeSnapshot, state: str, verdict: str) -> None:
        """An early-stopped trial is pending to the sweep; what it carries reaches no number."""
        (row,) = build_report(default_sweep(spec=self.spec(), replaced=self.replaced("dual/full", 1, state))).claims
        assert (row.verdict, row.estimate) == (verdict, None)


class TestDeclared:
    def snapshot(self, default_sweep: MakeSnapshot, then: dict[str, Any], now: dict[str, Any], stored_first: bool = True) -> SweepSnapshot:
        def spec(given: dict[str, Any]) -> dict[str, Any]:
            whole = factorial_spec(3)
            whole["contrasts"] = [whole["contrasts"][0] | given]
            return whole

        snapshot = default_sweep(spec=spec(now))
        earlier = VersionRecord("0123456789abcdef", snapshot.created - timedelta(hours=1), spec(then))
        first = snapshot.created + timedelta(minutes=5 if stored_first else -5)
        return dataclasses.replace(snapshot, versions=(earlier,), first_result=first)

    @pytest.mark.parametrize(
        ("then", "now", "said"),
        [
            (
                {"kind": "non_inferior", "alpha": 0.05, "margin": "1%"},
                {"kind": "non_inferior", "alpha": 0.05, "margin": "2%"},
                "augmentation effect had margin 1%, now 2%",
            ),
            ({}, {"kind": "superior", "alpha": 0.05}, "augmentation effect was no claim"),
            ({"kind": "superior", "alpha": 0.05}, {}, "augmentation effect was a claim"),
            (
                {"kind": "superior", "alpha": 0.01},
                {"kind": "superior", "alpha": 0.05},
                "augmentation effect had alpha 0.01, now 0.05",
            ),
        ],
    )
    def test_a_claim_that_was_changed_is_seen(
        self, default_sweep: MakeSnapshot, then: dict[str, Any], now: dict[str, Any], said: str
    ) -> None:
        notes = build_report(self.snapshot(default_sweep, then, now)).notes
        assert f"Claims changed since version 0123456789ab of 2026-01-05 11:00 UTC: {said}." in notes

    def test_nothing_is_said_of_what_stayed(self, default_sweep: MakeSnapshot) -> None:
        same = {"kind": "superior", "alpha": 0.05}
        notes = build_report(self.snapshot(default_sweep, same, same | {"question": "In other words?"})).notes
        assert not any("changed" in note for note in notes)

    @pytest.mark.parametrize(("stored_first", "word"), [(True, ", before the first result"), (False, ", AFTER the first result")])
    def test_whether_they_were_there_before_the_first_result(self, default_sweep: MakeSnapshot, stored_first: bool, word: str) -> None:
        claim = {"kind": "superior", "alpha": 0.05}
        notes = build_report(self.snapshot(default_sweep, {}, claim, stored_first)).notes
        assert any(note.startswith("The claims were stored on 2026-01-05 12:00 UTC" + word) for note in notes)

    def test_a_version_with_more_seeds_claims_what_was_claimed_before_them(self, default_sweep: MakeSnapshot) -> None:
        claim = {"kind": "superior", "alpha": 0.05}
        notes = build_report(self.snapshot(default_sweep, claim, claim, stored_first=False)).notes
        assert any(note.startswith("The claims were stored on 2026-01-05 11:00 UTC, before the first result") for note in notes)
