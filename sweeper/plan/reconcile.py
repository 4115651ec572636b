"""What the store already holds against what a sweep wants: run, resume, evaluate, reuse; and why."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.errors import RequestError
from sweeper.plan.failures import ONLY_IF_ASKED
from sweeper.records import KnownTrial, PlannedTrial
from sweeper.states import ATTEMPT_STATES

UNDO = "`sweeper cancel --undo {}` has the next run go on with it"
Action = Literal["run", "resume", "evaluate", "reuse", "fold", "diverged", "failed", "stopped", "cancelled", "mixed"]
"""`run` from step 0 · `resume` from a checkpoint · `evaluate` a kept checkpoint · `reuse` a finished result · `fold`: one trial with
another variant of this sweep · `diverged`: already a result, not run again · `failed`: it would fail again, so the user decides ·
`stopped`: early, in a search, which wants no more of it · `cancelled` by a user ·
`mixed`: its earlier attempt is not comparable with one
started here, so the user decides."""

GoesOnFrom = Callable[[KnownTrial, int, Mapping[str, Any]], int]
"""(trial, its steps, key) -> the step of what an attempt would go on from here, of attempts that agree with that key; 0 where it would
begin with nothing. It looks at the files: what the store knew may have been deleted since, or lie on another machine."""


def from_nothing(known: KnownTrial, steps: int, key: Mapping[str, Any]) -> int:
    """`GoesOnFrom` where no trial has left any file."""
    return 0


def agrees(stored: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    """Whether an attempt's comparability is that `key`, as far as both say."""
    return all(stored[field] == value for field, value in key.items() if field in stored)


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
    goes_on_from: GoesOnFrom = from_nothing,
) -> Plan:
    """`expected`: the comparability key that each trial (by fingerprint) would have here; `retry_failed`: whatever the failure was."""
    first: dict[tuple[str, int, str], PlannedTrial] = {}
    decisions = []
    for trial in trials:
        wanted = first.setdefault((trial.fingerprint, trial.steps, trial.evaluation_fingerprint), trial)
        if wanted is trial:
            here = expected[trial.fingerprint]
            found = known.get(trial.fingerprint)
            key = {name: value for name, value in here.items() if name not in {*allow_mixed, "micro_batch"}}
            decision = _decide(trial, found, here, key, allow_mixed, fresh, retry_failed, goes_on_from)
            decisions.append(dataclasses.replace(decision, seen=found.attempts if found else 0, key=key))
        else:
            decisions.append(Decision(trial, "fold", f"one trial with {wanted.variant}" + (f": {trial.because}" if trial.because else "")))
    return Plan(tuple(decisions))


def ensure_comparable(decisions: Sequence[Decision]) -> None:
    """Raises RequestError where trials were run under conditions that do not mix with those here."""
    mixed = [decision for decision in decisions if decision.action == "mixed"]
    if not mixed:
        return
    first = mixed[0]
    options = " ".join(f"--allow-mixed {name}" for name in dict.fromkeys(name for decision in mixed for name in decision.differs))
    raise RequestError(
        f"{len(mixed)} trials were run under other conditions ({first.trial.variant}, seed {first.trial.seed}: {first.reason});"
        f" use {options} to count them all the same, or --fresh to train them again here"
    )


def _decide(
    trial: PlannedTrial,
    known: KnownTrial | None,
    expected: Mapping[str, Any],
    key: Mapping[str, Any],
    allow_mixed: Collection[str],
    fresh: bool,
    retry_failed: bool,
    goes_on_from: GoesOnFrom,
) -> Decision:
    if known is not None and known.cancelled and (fresh or (trial.steps, trial.evaluation_fingerprint) not in known.evaluated):
        return Decision(trial, "cancelled", f"cancelled; {UNDO.format(trial.fingerprint[:8])}")
    if known is None or known.newest_state is None:
        return Decision(trial, "run", "new", fresh=fresh)
    if fresh:
        return Decision(trial, "run", "started over, as asked", fresh=True)
    stored = known.comparability
    smaller = _smaller_batches(known, expected, trial)
    if smaller:
        allow_mixed = {*allow_mixed, "micro_batch"}
    differs = tuple(f for f in expected if f in stored and stored[f] != expected[f] and f not in allow_mixed)
    if differs and (known.evaluated or goes_on_from(known, trial.steps, {})):
        said = ", ".join(f"{f} {stored[f]} there, {expected[f]} here" for f in differs)
        return Decision(trial, "mixed", said, differs)
    if (trial.steps, trial.evaluation_fingerprint) in known.evaluated:
        return Decision(trial, "reuse", f"finished at step {trial.steps:,}")
    if not ATTEMPT_STATES[known.newest_state].may_run_again:
        return Decision(trial, "diverged", known.error or known.newest_state)
    if trial.search and known.newest_state == "stopped early":
        return Decision(trial, "stopped", f"stopped early; its checkpoint of step {known.checkpoint_step:,} is kept")
    if known.newest_state == "failed" and known.failure in ONLY_IF_ASKED and not retry_failed:
        return Decision(trial, "failed", f"{known.failure}: {known.error}; --retry-failed tries again")
    return dataclasses.replace(_go_on(trial, known, goes_on_from(known, trial.steps, key)), accumulation=smaller)


def _smaller_batches(known: KnownTrial, expected: Mapping[str, Any], trial: PlannedTrial) -> int | None:
    """Micro-batches of a step of an attempt that had to make do with less memory, which the next one goes on with."""
    stored = known.comparability.get("micro_batch")
    if not known.out_of_memory or known.newest_state == "failed" or not stored or stored >= expected.get("micro_batch", 0):
        return None
    return int(trial.config["batch_size"]) // (int(known.comparability.get("world_size", 1)) * int(stored))


def _go_on(trial: PlannedTrial, known: KnownTrial, step: int) -> Decision:
    """`step`: of what it goes on from here, 0 for nothing."""
    recorded, wanted = known.checkpoint_step, trial.steps
    if step == wanted:
        return Decision(trial, "evaluate", f"trained to step {step:,}, this evaluation is new", from_step=step)
    if recorded > wanted:
        kept = f"from its checkpoint of step {step:,}" if step else "no checkpoint from before it is here: from the start"
        return Decision(trial, "resume" if step else "run", f"trained past step {wanted:,}; {kept}", from_step=step)
    gone = f"its checkpoint of step {recorded:,} is not here (deleted, torn or on another machine)"
    if step:
        return Decision(trial, "resume", f"from step {step:,} of {wanted:,}" + (f"; {gone}" if step < recorded else ""), from_step=step)
    if recorded:
        return Decision(trial, "run", f"{gone}: from the start")
    return Decision(trial, "run", "failed before, tried again" if known.newest_state == "failed" else "no checkpoint yet")
