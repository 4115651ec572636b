"""What a failed attempt was, and what is done about it: the one place that decides, for the run, the next run and `sweeper why`.

| class | in the same run | in the next run |
|---|---|---|
| config error | no | only with --retry-failed: the same config fails in the same way |
| out of memory | once, with smaller micro-batches of the same batch | only with --retry-failed |
| diverged | no: it is a result | no: it is a result |
| lost | from its newest whole checkpoint, not counted | likewise |
| data error | no | yes: the data may have been fixed |
| disk full | no, and nothing more is started | yes, from the checkpoint that was kept |
| fault | no: a second time it would be the same | yes |
"""

from dataclasses import dataclass

from pydantic import ValidationError

from model.errors import ConfigError, DataError, DiskFull, Diverged, Superseded, is_full, is_out_of_memory
from sweeper.records import FailureClass
from sweeper.states import ATTEMPT_STATES, AttemptState

LOST_IN_A_ROW = 10
"""Workers lost without getting further than before: then something kills them, and the run leaves the trial alone."""
ONLY_IF_ASKED: frozenset[FailureClass | None] = frozenset({"config error", "out of memory"})
"""Classes that a later run does not try again by itself."""


@dataclass(frozen=True)
class Verdict:
    """What is done about an attempt that did not finish."""

    policy: str
    """Stored with the attempt and shown to the user: a sentence without its full stop."""
    retry: bool = False
    """Another attempt in this run."""
    accumulation: int | None = None
    """Micro-batches of a step in that attempt, where it has other ones."""
    pause: bool = False
    """Nothing more is started in this run."""


def classify(error: BaseException) -> FailureClass:
    """The class of an exception that a trial raised."""
    if isinstance(error, Diverged):
        return "diverged"
    if isinstance(error, Superseded):
        return "lost"
    if isinstance(error, DiskFull) or is_full(error):
        return "disk full"
    if isinstance(error, ConfigError | ValidationError):
        return "config error"
    if isinstance(error, DataError):
        return "data error"
    if is_out_of_memory(error):
        return "out of memory"
    return "fault"


def decide(
    failure: FailureClass, *, batch: int = 1, processes: int = 1, accumulation: int = 1, smaller: bool = False, lost: int = 1
) -> Verdict:
    """`batch` images a step in `processes` x `accumulation` micro-batches, which are `smaller` after it ran out of memory;
    `lost`: how often in a row the trial's worker was lost without getting further.
    """
    match failure:
        case "config error":
            return Verdict("not tried again: the same config fails in the same way")
        case "out of memory":
            return _with_less_memory(batch, processes, accumulation, smaller)
        case "diverged":
            return Verdict("not tried again: divergence is a result")
        case "lost" if lost >= LOST_IN_A_ROW:
            return Verdict(f"lost {lost} times in a row without getting further; left alone until the next run")
        case "lost":
            return Verdict("tried again from its newest whole checkpoint; not counted against the trial", retry=True)
        case "data error":
            return Verdict("not tried again before the next run: the data must be fixed first")
        case "disk full":
            return Verdict(
                "nothing more is started until there is space; the next run goes on from the checkpoint that was kept", pause=True
            )
        case "fault":
            return Verdict("not tried again before the next run")


def settles(state: AttemptState | None, failure: FailureClass | None, *, search: bool = False) -> bool:
    """Whether an attempt that ended so is also the word on its trial for every other run that was under way: none trains it again.
    In a `search` that is also so where it was stopped early.

    Space on a disk is each machine's own.
    """
    if state is None or failure == "disk full":
        return False
    return ATTEMPT_STATES[state].settles_in_search if search else ATTEMPT_STATES[state].settles


def _with_less_memory(batch: int, processes: int, accumulation: int, smaller: bool) -> Verdict:
    size = batch // (processes * accumulation)
    if smaller:
        return Verdict(f"not tried again: micro-batches of {size} were too large as well")
    parts = next((n for n in range(2, size + 1) if size % n == 0), None)
    if parts is None:
        return Verdict("not tried again: a micro-batch is one image already")
    return Verdict(
        f"tried again once with {accumulation * parts} micro-batches of {size // parts} a step, the same batch of {batch}",
        retry=True,
        accumulation=accumulation * parts,
    )


def advice(failure: FailureClass | None, command: str) -> str:
    """What to do next about a trial whose newest attempt ended so; `command` is the `sweeper run ...` that it belongs to."""
    match failure:
        case "config error":
            return f"change the sweep file; or, when what it names was fixed: {command} --retry-failed"
        case "out of memory":
            return f"give trials more memory, or set base.accumulation higher; then: {command} --retry-failed"
        case "diverged":
            return f"nothing: it is a result, and the table counts it. To train it again all the same: {command} --fresh"
        case "data error":
            return f"fix the data; then: {command}"
        case "disk full":
            return f"free some space; then: {command}"
        case _:
            return command
