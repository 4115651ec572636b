"""What is asked of a trial's weights: the evaluation and the partition of the variant that asks, whoever else has the trial."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sweeper.plan.asked_of_weights import asked_of_weights
from sweeper.records import TrialOutcome
from sweeper.spec.search_design import BASELINE
from sweeper.spec.sweep_spec import SweepSpec

SEARCH = {"kind": "search", "space": {"ratio": {"path": "partition.ratio", "low": 0.1, "high": 0.5}}, "trials": 4}


def spec_of(design: Mapping[str, Any], **base: Any) -> SweepSpec:
    whole = {"question": "?", "name": "n", "base": {"preset": "nano", **base}, "design": design, "seeds": [0]}
    return SweepSpec.read(whole | {"metric": {"primary": "held_out_loss", "direction": "lower"}})


def variants(**overrides: Any) -> dict[str, Any]:
    return {"kind": "variants", "variants": overrides}


def outcome(variant: str, levels: Mapping[str, str] | None = None, evaluation: str = "eval") -> TrialOutcome:
    return TrialOutcome(variant, levels or {}, 0, "trial", 80, "finished", evaluation_fingerprint=evaluation)


def test_the_hash_of_a_question_never_changes() -> None:
    asked = asked_of_weights(spec_of(variants(a={})), [outcome("a")])
    assert asked == {("a", 0): hashlib.sha256(b'eval {"assignment": "random", "ratio": 0.25}').hexdigest()[:16]}


def test_evaluation_and_partition_tell_questions_apart_and_nothing_else_does() -> None:
    spec = spec_of(variants(a={}, steps={"steps": 20}, dual={"timesteps.kind": "dual"}, halves={"partition.ratio": 0.5}, other={}))
    outcomes = [*map(outcome, ("a", "steps", "dual", "halves")), outcome("other", evaluation="another")]
    asked = {variant: question for (variant, _), question in asked_of_weights(spec, outcomes).items()}
    assert asked["a"] == asked["steps"] == asked["dual"]
    assert len({asked["a"], asked["halves"], asked["other"]}) == 3


def test_a_search_asks_as_its_proposals_do() -> None:
    spec = spec_of(SEARCH)
    asked = asked_of_weights(spec, [outcome("0.3", {"ratio": "0.3"}), outcome(BASELINE)])
    listed = asked_of_weights(spec_of(variants(a={"partition.ratio": 0.3}, b={})), [outcome("a"), outcome("b")])
    assert list(asked.values()) == list(listed.values())


def test_a_partition_that_this_release_does_not_read_asks_nothing() -> None:
    assert asked_of_weights(spec_of(variants(a={}), partition={"ratio": 7.0}), [outcome("a")]) == {}
