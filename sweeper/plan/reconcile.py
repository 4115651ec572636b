"""What the store already holds against what a sweep wants: run, resume, evaluate, reuse; and why."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sweeper.records import KnownTrial, PlannedTrial

Action = Literal["run", "resume", "evaluate", "reuse", "fold", "diverged", "mixed"]
"""`run` from step 0 · `resume` from a checkpoint · `evaluate` a kept checkpoint · `reuse` a finished result · `fold`: one trial with
another variant of this sweep · `diverged`: already a result, not run again · `mixed`: its earlier attempt is not comparable with one
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


@dataclass(frozen=True)
class Plan:
    """The decisions for every trial of a sweep, in running order."""

    decisions: tuple[Decision, ...]

    def count(self) -> Counter[Action]:
        """Trials by action."""
        return Counter(decision.action for decision in self.decisions)

    def to_run(self) -> tuple[Decision, ...]:
        """Decisions that need a worker, in running order."""
        return tuple(decision for decision in self.decisions if decision.action in ("run", "resume", "evaluate"))


def reconcile(
    trials: Sequence[PlannedTrial],
    known: Mapping[str, KnownTrial],
    expected: Mapping[str, Mapping[str, Any]],
    *,
    allow_mixed: Collection[str] = (),
    fresh: bool = False,
) -> Plan:
    """`expected`: the comparability key that each trial (by fingerprint) would have here."""
    first: dict[tuple[str, int, str], PlannedTrial] = {}
    decisions = []
    for trial in trials:
        wanted = first.setdefault((trial.fingerprint, trial.steps, trial.evaluation_fingerprint), trial)
        if wanted is trial:
            decisions.append(_decide(trial, known.get(trial.fingerprint), expected[trial.fingerprint], allow_mixed, fresh))
        else:
            decisions.append(Decision(trial, "fold", f"one trial with {wanted.variant}" + (f": {trial.because}" if trial.because else "")))
    return Plan(tuple(decisions))


def _decide(
    trial: PlannedTrial, known: KnownTrial | None, expected: Mapping[str, Any], allow_mixed: Collection[str], fresh: bool
) -> Decision:
    if known is None or known.newest_state is None:
        return Decision(trial, "run", "new", fresh=fresh)
    if fresh:
        return Decision(trial, "run", "started over, as asked", fresh=True)
    stored = known.comparability
    differs = tuple(f for f in expected if f in stored and stored[f] != expected[f] and f not in allow_mixed)
    if differs and (known.evaluated or known.checkpoint_step):
        said = ", ".join(f"{f} {stored[f]} there, {expected[f]} here" for f in differs)
        return Decision(trial, "mixed", said, differs)
    if (trial.steps, trial.evaluation_fingerprint) in known.evaluated:
        return Decision(trial, "reuse", f"finished at step {trial.steps:,}")
    if known.newest_state == "diverged":
        return Decision(trial, "diverged", known.error or "diverged")
    if known.checkpoint_step > trial.steps:
        return Decision(trial, "resume", f"trained past step {trial.steps:,}; from its newest kept checkpoint before it")
    if known.checkpoint_step == trial.steps:
        return Decision(trial, "evaluate", f"trained to step {known.checkpoint_step:,}, this evaluation is new", from_step=trial.steps)
    if known.checkpoint_step:
        return Decision(trial, "resume", f"from step {known.checkpoint_step:,} of {trial.steps:,}", from_step=known.checkpoint_step)
    return Decision(trial, "run", "failed before, tried again" if known.newest_state == "failed" else "no checkpoint yet")
