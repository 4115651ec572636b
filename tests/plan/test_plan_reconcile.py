"""What the store holds against what a sweep wants: the action for each trial, and the reason that is printed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from model.errors import MetricError
from sweeper.plan.failures import classify
from sweeper.plan.reconcile import Decision, Plan, from_nothing, reconcile
from sweeper.records import KnownTrial, PlannedTrial

KEY = {"device": "cpu (A)", "torch": "2.13.0", "threads": 1}


def trial(fingerprint: str = "f", variant: str = "v", steps: int = 800, seed: int = 0) -> PlannedTrial:
    return PlannedTrial(variant, {}, seed, fingerprint, "eval", steps, {})


def known(**changed: Any) -> KnownTrial:
    usual = {"fingerprint": "f", "evaluated": (), "checkpoint_step": 0, "comparability": KEY, "newest_state": "finished", "error": None}
    given = usual | changed
    return KnownTrial(**given | {"evaluated": frozenset(given["evaluated"])})


def as_heard(found: KnownTrial, steps: int, key: Mapping[str, Any]) -> int:
    """As if all files were there: the last checkpoint that the store knows of, and one 200 steps before it."""
    return max((step for step in (found.checkpoint_step, found.checkpoint_step - 200) if 0 < step <= steps), default=0)


def plan(found: KnownTrial | None, expected: dict[str, Any] | None = None, **options: Any) -> Plan:
    return reconcile([trial()], {"f": found} if found else {}, {"f": expected or KEY}, **{"goes_on_from": as_heard} | options)


@pytest.mark.parametrize(
    ("found", "action", "reason"),
    [
        (None, "run", "new"),
        (known(newest_state=None), "run", "new"),
        (known(evaluated=[(800, "eval")], checkpoint_step=800), "reuse", "finished at step 800"),
        (known(evaluated=[(800, "eval"), (1600, "eval")], checkpoint_step=1600), "reuse", "finished at step 800"),
        (known(evaluated=[(800, "other")], checkpoint_step=800), "evaluate", "trained to step 800, this evaluation is new"),
        (known(evaluated=[(400, "eval")], checkpoint_step=400), "resume", "from step 400 of 800"),
        (known(checkpoint_step=900), "resume", "trained past step 800; from its checkpoint of step 700"),
        (known(checkpoint_step=1600), "run", "trained past step 800; no checkpoint from before it is here: from the start"),
        (known(newest_state="stopped", checkpoint_step=400), "resume", "from step 400 of 800"),
        (known(newest_state="lost", checkpoint_step=400), "resume", "from step 400 of 800"),
        (known(newest_state="running", checkpoint_step=400), "resume", "from step 400 of 800"),
        (known(newest_state="failed", checkpoint_step=400, error="OSError: disk full"), "resume", "from step 400 of 800"),
        (known(newest_state="failed", error="OSError: disk full"), "run", "failed before, tried again"),
        (known(newest_state="lost"), "run", "no checkpoint yet"),
        (known(newest_state="stopped"), "run", "no checkpoint yet"),
        (known(newest_state="diverged", checkpoint_step=400, error="loss became nan"), "diverged", "loss became nan"),
        (known(newest_state="diverged"), "diverged", "diverged"),
        # It diverged later, on the way to a longer run: the result at 800 stands.
        (known(newest_state="diverged", evaluated=[(800, "eval")], checkpoint_step=800), "reuse", "finished at step 800"),
    ],
)
def test_action_and_reason(found: KnownTrial | None, action: str, reason: str) -> None:
    (decision,) = plan(found).decisions
    assert (decision.action, decision.reason, decision.differs, decision.fresh) == (action, reason, (), False)


@pytest.mark.parametrize(
    ("here", "action", "reason"),
    [
        (0, "run", "its checkpoint of step 400 is not here (deleted, torn or on another machine): from the start"),
        (200, "resume", "from step 200 of 800; its checkpoint of step 400 is not here (deleted, torn or on another machine)"),
        (800, "evaluate", "trained to step 800, this evaluation is new"),
    ],
)
def test_what_is_promised_is_what_the_files_hold_and_not_what_the_store_heard(here: int, action: str, reason: str) -> None:
    (decision,) = plan(known(newest_state="stopped", checkpoint_step=400), goes_on_from=lambda *_: here).decisions
    assert (decision.action, decision.reason, decision.from_step) == (action, reason, here)


def test_an_attempt_whose_files_are_gone_does_not_bind_the_next() -> None:
    found, elsewhere = known(checkpoint_step=400), KEY | {"device": "H100"}
    assert plan(found, elsewhere).decisions[0].action == "mixed"
    assert plan(found, elsewhere, goes_on_from=from_nothing).decisions[0].action == "run"
    assert plan(known(evaluated=[(400, "eval")]), elsewhere, goes_on_from=from_nothing).decisions[0].action == "mixed", "a result stays one"


@pytest.mark.parametrize(
    "found", [known(evaluated=[(800, "eval")]), known(checkpoint_step=400), known(newest_state="lost", checkpoint_step=9)]
)
def test_results_of_other_conditions_are_left_to_the_user(found: KnownTrial) -> None:
    (decision,) = plan(found, KEY | {"device": "H100", "threads": 2}).decisions
    assert (decision.action, decision.differs) == ("mixed", ("device", "threads"))
    assert decision.reason == "device cpu (A) there, H100 here, threads 1 there, 2 here"


def test_allowed_fields_are_counted_alike() -> None:
    found, here = known(evaluated=[(800, "eval")]), KEY | {"device": "H100", "threads": 2}
    assert plan(found, here, allow_mixed=["device", "threads"]).decisions[0].action == "reuse"
    (left,) = plan(found, here, allow_mixed=["device"]).decisions
    assert (left.action, left.differs) == ("mixed", ("threads",))


@pytest.mark.parametrize(
    ("found", "here"),
    [
        (known(checkpoint_step=400, comparability={}), KEY),  # it never said under what it ran
        (known(checkpoint_step=400, comparability={"device": "cpu (A)", "evaluator": 1}), KEY),  # one side does not know the field
        (known(checkpoint_step=400), {"threads": 1}),  # a cluster: the device is not known beforehand
    ],
)
def test_only_what_both_sides_know_can_differ(found: KnownTrial, here: dict[str, Any]) -> None:
    assert plan(found, here).decisions[0].action == "resume"


def test_an_attempt_that_left_nothing_does_not_bind_the_next() -> None:
    assert plan(known(newest_state="failed"), KEY | {"device": "H100"}).decisions[0].action == "run"


def test_fresh_starts_over_whatever_is_known() -> None:
    for found in (known(evaluated=[(800, "eval")], checkpoint_step=800), known(newest_state="diverged"), known(checkpoint_step=4)):
        (decision,) = plan(found, KEY | {"device": "H100"}, fresh=True).decisions
        assert (decision.action, decision.reason, decision.fresh) == ("run", "started over, as asked", True)
    assert plan(None, fresh=True).decisions[0].fresh


def test_counts_and_the_order_of_what_runs() -> None:
    trials = [trial("a"), trial("b"), trial("c"), trial("d")]
    found = {"b": known(evaluated=[(800, "eval")]), "c": known(checkpoint_step=400), "d": known(newest_state="diverged")}
    whole = reconcile(trials, found, {t.fingerprint: KEY for t in trials}, goes_on_from=as_heard)
    assert whole.count() == {"run": 1, "reuse": 1, "resume": 1, "diverged": 1}
    assert {d.trial.fingerprint for d in whole.to_run()} == {"a", "c"}


def test_two_variants_that_are_one_trial_run_once() -> None:
    trials = [trial("a", "first"), trial("b", "other"), trial("a", "second")]
    whole = reconcile(trials, {}, {t.fingerprint: KEY for t in trials})
    assert len(whole.decisions) == 3
    assert {(d.trial.fingerprint, d.trial.variant) for d in whole.to_run()} == {("a", "first"), ("b", "other")}


def test_one_trial_at_two_lengths_runs_for_both() -> None:
    """Steps, or the number of samples, may be a factor: one fingerprint, two results."""
    trials = [trial("a", "short", steps=400), trial("a", "long", steps=800)]
    whole = reconcile(trials, {}, {"a": KEY})
    assert [d.trial.variant for d in whole.to_run()] == ["short", "long"]


@pytest.mark.parametrize(
    ("failure", "asked", "action"), [("config error", False, "failed"), ("config error", True, "run"), ("fault", False, "run")]
)
def test_a_failure_that_would_be_the_same_waits_to_be_asked_for(failure: str, asked: bool, action: str) -> None:
    found = known(newest_state="failed", failure=failure, error="ConfigError: too few tokens")
    (decision,) = reconcile([trial("a")], {"a": found}, {"a": KEY}, retry_failed=asked, goes_on_from=as_heard).decisions
    assert decision.action == action
    if action == "failed":
        assert decision.reason == "config error: ConfigError: too few tokens; --retry-failed tries again"


def test_a_trial_whose_own_metric_failed_is_measured_again() -> None:
    error = MetricError("evaluation.own_metrics: mine (metrics.Mine): value gave nan; return a finite number")
    found = known(newest_state="failed", failure=classify(error), error=f"MetricError: {error}", checkpoint_step=800)
    (decision,) = plan(found).decisions
    assert (decision.action, decision.from_step) == ("evaluate", 800)


def test_a_trial_that_ran_out_of_memory_goes_on_with_smaller_batches_and_is_not_foreign() -> None:
    key = {**KEY, "micro_batch": 64}
    half = {**KEY, "micro_batch": 32}
    batches = dataclasses.replace(trial("a"), config={"batch_size": 64})

    def decided(**more: Any) -> Decision:
        half_done = known(comparability=half, checkpoint_step=400, **more)
        return reconcile([batches], {"a": half_done}, {"a": key}, goes_on_from=as_heard).decisions[0]

    assert decided().action == "mixed"
    going_on = decided(out_of_memory=True, newest_state="lost")
    assert (going_on.action, going_on.accumulation) == ("resume", 2)
    assert decided(out_of_memory=True, newest_state="finished", evaluated=[(800, "eval")]).action == "reuse"


def test_blocks_of_seeds_run_one_after_the_other_shuffled_inside() -> None:
    names = [f"variant {number}" for number in range(8)]
    trials = [trial(f"{name} {seed}", name, seed=seed) for seed in (3, 1, 2) for name in names]
    orders = [[(d.trial.seed, d.trial.variant) for d in reconcile(trials, {}, {t.fingerprint: KEY for t in trials}).to_run()] for _ in "ab"]
    assert orders[0] == orders[1], "the same each time"
    assert [seed for seed, _ in orders[0]] == [3] * 8 + [1] * 8 + [2] * 8
    blocks = [[name for seed, name in orders[0] if seed == block] for block in (3, 1, 2)]
    assert all(sorted(block) == names for block in blocks)
    assert len({tuple(block) for block in [*blocks, names]}) == 4, "no block is in the order of the file, nor of another"


@pytest.mark.parametrize(("state", "accumulation"), [("lost", 4), ("stopped", 4), ("failed", None)])
def test_smaller_micro_batches_are_kept_unless_they_failed_too(state: str, accumulation: int | None) -> None:
    """What failed is tried as the sweep says: by --retry-failed, after memory was added or the file changed."""
    stored = KEY | {"micro_batch": 8, "world_size": 2}
    found = known(
        newest_state=state, checkpoint_step=400, comparability=stored, out_of_memory=True, failure="fault" if state == "failed" else None
    )
    wanted = dataclasses.replace(trial(), config={"batch_size": 64})
    (decision,) = reconcile([wanted], {"f": found}, {"f": KEY | {"micro_batch": 32, "world_size": 2}}, goes_on_from=as_heard).decisions
    assert (decision.accumulation, decision.action) == (accumulation, "resume" if accumulation else "mixed")
