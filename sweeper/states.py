"""The states of attempts and of trials, and what each means for everything else: a new state is a new row here.

Whatever decides by a state asks for a property of this table, not for a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AttemptState = Literal["running", "finished", "failed", "diverged", "stopped", "stopped early", "lost"]
"""`stopped`: asked to stop and checkpointed. `stopped early`: by the scheduler of a search, likewise. `lost`: its worker or driver died.
`diverged` is a result, not a fault."""

TrialState = Literal["finished", "diverged", "failed", "stopped early", "cancelled", "running", "pending"]
"""What a sweep sees of a trial: `finished` has the wanted evaluation at the wanted step; a stopped or lost one is pending again.
`cancelled`: a user wants it left alone, whatever became of its attempts."""


@dataclass(frozen=True)
class AttemptProperties:
    """What follows from the state of an attempt.

    Attributes:
        trial: State of the trial while this is its newest attempt and it has no result.
        has_result: Its evaluations reach tables, claims, timings and MLflow.
        settles: It is also the word on its trial for every other run under way: none trains the trial again.
        settles_in_search: Likewise for the other drivers of a search, which may stop its trials early.
        may_run_again: A later run takes the trial up by itself; what a failure's class says comes on top.
        is_failure: The attempt raised; its worker ends, so that the next attempt gets a fresh process.
        may_have_checkpoint: It may have written a checkpoint that the store was not told of.
        mlflow: Status of its run in MLflow, which has fewer words.
        description: What `sweeper why` says of it; empty where the policy of its failure says it.
    """

    trial: TrialState
    has_result: bool = False
    settles: bool = False
    settles_in_search: bool = False
    may_run_again: bool = True
    is_failure: bool = False
    may_have_checkpoint: bool = False
    mlflow: str = "FAILED"
    description: str = ""


@dataclass(frozen=True)
class TrialProperties:
    """What follows from the state of a trial.

    Attributes:
        has_result: It has the values that its sweep asks for; no other state has a value in a table or in a claim.
        refutes_means: A mean over the variant's other trials would hide it, so claims on the variant stay inconclusive.
        is_final: A sequential look counts it: more time would not change it.
        is_complete: Nothing went wrong and nothing is left to do.
        has_ended: Nothing more is done about it in the run under way.
        is_failure: Shown as an alarm, with its error.
        is_counted: Named where a row counts its trials, as in '2/3, 1 diverged'; the rest of those planned wait.
        is_active: Named one by one where a sweep is too large for all.
        reads_as: How a sentence says it, after the name of the variant.
    """

    reads_as: str
    has_result: bool = False
    refutes_means: bool = False
    is_final: bool = False
    is_complete: bool = False
    has_ended: bool = True
    is_failure: bool = False
    is_counted: bool = True
    is_active: bool = True


ATTEMPT_STATES: Mapping[AttemptState, AttemptProperties] = {
    "running": AttemptProperties("pending", mlflow="RUNNING", description="it is running"),
    "finished": AttemptProperties(
        "finished",
        has_result=True,
        may_have_checkpoint=True,
        mlflow="FINISHED",
        description="it finished; there is nothing to do",
    ),
    "failed": AttemptProperties("failed", settles=True, settles_in_search=True, is_failure=True),
    "diverged": AttemptProperties("diverged", settles=True, settles_in_search=True, may_run_again=False, is_failure=True),
    "stopped": AttemptProperties("pending", mlflow="KILLED", description="it was asked to stop"),
    "stopped early": AttemptProperties(
        "stopped early",
        settles_in_search=True,
        mlflow="KILLED",
        description="a search stopped it early; any sweep that wants it in full goes on from its checkpoint",
    ),
    "lost": AttemptProperties("pending", may_have_checkpoint=True),
}

TRIAL_STATES: Mapping[TrialState, TrialProperties] = {
    "finished": TrialProperties("finished", has_result=True, is_complete=True, is_final=True, is_active=False),
    "diverged": TrialProperties("diverged", refutes_means=True, is_final=True, is_failure=True),
    "failed": TrialProperties("failed", is_failure=True),
    "stopped early": TrialProperties("was stopped early", is_complete=True),
    "cancelled": TrialProperties("was cancelled"),
    "running": TrialProperties("is running", has_ended=False),
    "pending": TrialProperties("is pending", has_ended=False, is_counted=False, is_active=False),
}
"""In the order in which they are counted out."""

WITH_RESULT: tuple[AttemptState, ...] = tuple(state for state, known in ATTEMPT_STATES.items() if known.has_result)
"""The states whose evaluations count."""

SETTLED_WITHOUT_RESULT: tuple[AttemptState, ...] = tuple(s for s, known in ATTEMPT_STATES.items() if known.settles and not known.has_result)
"""The states in which a trial has ended for good without an evaluation."""


def finished(counts: Mapping[TrialState, int]) -> int:
    """How many of the counted trials have a result."""
    return sum(number for state, number in counts.items() if TRIAL_STATES[state].has_result)


def unfinished(counts: Mapping[TrialState, int]) -> list[str]:
    """'1 diverged', '2 running': what stands behind the number of those with a result."""
    named = [state for state, known in TRIAL_STATES.items() if known.is_counted and not known.has_result]
    return [f"{counts[state]} {state}" for state in named if counts.get(state)]
