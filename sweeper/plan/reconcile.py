"""What the store already holds against what a sweep wants: run, resume, evaluate, reuse; and why."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.plan.failures import ONLY_IF_ASKED
from sweeper.records import KnownTrial, PlannedTrial

Action = Literal["run", "resume", "evaluate", "reuse", "fold", "diverged", "failed", "mixed"]
"""`run` from step 0 · `resume` from a checkpoint · `evaluate` a kept checkpoint · `reuse` a finished result · `fold`: one trial with
another variant of this sweep · `diverged`: already a result, not run again · `failed`: it would fail again, so the user decides ·
`mixed`: its earlier attempt is not comparable with one
started here, so the user decides."""


@dataclass(frozen=True)
class Decision:
    """What happens to one planned trial."""

    trial: PlannedTrial
    action: Action
    reason: str
    differs: tuple[str, ...] = ()
    """Fields of the comparability key that differ, for `mixed`."""
    fresh: bool = False
    """Start over, reading no earlier checkpoint."""
    from_step: int = 0
    """Where it begins: the step of the checkpoint it resumes from, if any."""
    accumulation: int | None = None
    """Micro-batches of a step where an earlier attempt ran out of memory and this one goes on with smaller ones; None: the config's."""
    seen: int = 0
    """Number of the trial's newest attempt when this was decided."""
    key: Mapping[str, Any] = field(default_factory=dict)
    """What an attempt that it goes on from must agree with: the comparability here, but for what may be mixed and the micro-batch."""


@dataclass(frozen=True)
class Plan:
    """The decisions for every trial of a sweep, in running order."""

    decisions: tuple[Decision, ...]

    def count(self) -> Counter[Action]:
        """Trials by action."""
        return Counter(decision.action for decision in self.decisions)

    def to_run(self) -> tuple[Decision, ...]:
        """Decisions that need a worker, in running order: whole seed blocks first, in the order of the seeds; inside a block shuffled.

        The shuffle is the same each time. No variant is always the first of its block, on the coldest machine, or the one that is
        missing when time runs out.
        """
        block = {seed: place for place, seed in enumerate(dict.fromkeys(decision.trial.seed for decision in self.decisions))}
        wanted = [decision for decision in self.decisions if decision.action in ("run", "resume", "evaluate")]
        return tuple(sorted(wanted, key=lambda d: (block[d.trial.seed], _lot(d.trial), d.trial.steps)))


def _lot(trial: PlannedTrial) -> bytes:
    """A trial's place in the shuffle; the same at whatever length, so that the longer goes on where the shorter ended."""
    return hashlib.sha256(f"{trial.seed}/{trial.fingerprint}".encode()).digest()


def reconcile(
    trials: Sequence[PlannedTrial],
    known: Mapping[str, KnownTrial],
    expected: Mapping[str, Mapping[str, Any]],
    *,
    allow_mixed: Collection[str] = (),
    fresh: bool = False,
    retry_failed: bool = False,
) -> Plan:
    """`expected`: the comparability key that each trial (by fingerprint) would have here; `retry_failed`: whatever the failure was."""
    first: dict[tuple[str, int, str], PlannedTrial] = {}
    decisions = []
    for trial in trials:
        wanted = first.setdefault((trial.fingerprint, trial.steps, trial.evaluation_fingerprint), trial)
        if wanted is trial:
            here = expected[trial.fingerprint]
            found = known.get(trial.fingerprint)
            decision = _decide(trial, found, here, allow_mixed, fresh, retry_failed)
            key = {name: value for name, value in here.items() if name not in {*allow_mixed, "micro_batch"}}
            decisions.append(dataclasses.replace(decision, seen=found.attempts if found else 0, key=key))
        else:
            decisions.append(Decision(trial, "fold", f"one trial with {wanted.variant}" + (f": {trial.because}" if trial.because else "")))
    return Plan(tuple(decisions))


def _decide(
    trial: PlannedTrial,
    known: KnownTrial | None,
    expected: Mapping[str, Any],
    allow_mixed: Collection[str],
    fresh: bool,
    retry_failed: bool,
) -> Decision:
    if known is None or known.newest_state is None:
        return Decision(trial, "run", "new", fresh=fresh)
    if fresh:
        return Decision(trial, "run", "started over, as asked", fresh=True)
    stored = known.comparability
    smaller = _smaller_batches(known, expected, trial)
    if smaller:
        allow_mixed = {*allow_mixed, "micro_batch"}
    differs = tuple(f for f in expected if f in stored and stored[f] != expected[f] and f not in allow_mixed)
    if differs and (known.evaluated or known.checkpoint_step):
        said = ", ".join(f"{f} {stored[f]} there, {expected[f]} here" for f in differs)
        return Decision(trial, "mixed", said, differs)
    if (trial.steps, trial.evaluation_fingerprint) in known.evaluated:
        return Decision(trial, "reuse", f"finished at step {trial.steps:,}")
    if known.newest_state == "diverged":
        return Decision(trial, "diverged", known.error or "diverged")
    if known.newest_state == "failed" and known.failure in ONLY_IF_ASKED and not retry_failed:
        return Decision(trial, "failed", f"{known.failure}: {known.error}; --retry-failed tries again")
    return dataclasses.replace(_go_on(trial, known), accumulation=smaller)


def _smaller_batches(known: KnownTrial, expected: Mapping[str, Any], trial: PlannedTrial) -> int | None:
    """Micro-batches of a step of an attempt that had to make do with less memory, which the next one goes on with."""
    stored = known.comparability.get("micro_batch")
    if not known.out_of_memory or known.newest_state == "failed" or not stored or stored >= expected.get("micro_batch", 0):
        return None
    return int(trial.config["batch_size"]) // (int(known.comparability.get("world_size", 1)) * int(stored))


def _go_on(trial: PlannedTrial, known: KnownTrial) -> Decision:
    if known.checkpoint_step > trial.steps:
        return Decision(trial, "resume", f"trained past step {trial.steps:,}; from its newest kept checkpoint before it")
    if known.checkpoint_step == trial.steps:
        return Decision(trial, "evaluate", f"trained to step {known.checkpoint_step:,}, this evaluation is new", from_step=trial.steps)
    if known.checkpoint_step:
        return Decision(trial, "resume", f"from step {known.checkpoint_step:,} of {trial.steps:,}", from_step=known.checkpoint_step)
    return Decision(trial, "run", "failed before, tried again" if known.newest_state == "failed" else "no checkpoint yet")
