"""Which files of state a trial still needs: the one place that decides, for a run and for `sweeper prune`.

| trial | checkpoints | averages |
|---|---|---|
| trains, or is still to be trained | the 2 furthest, of attempts under other conditions the furthest | one for each step |
| has every result that sweeps ask for | the furthest one, to train it further; with `keep: average` none | one for each step |
| a search stopped it early | the furthest one | |
| diverged | the furthest one, the weights before it diverged | one for each step |

Parts of an evaluation that was stopped stay until the trial has every result that sweeps ask for.

An attempt that restarted supersedes the checkpoints before it, once it has one of its own.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.train_trial import KEPT, StateFile, is_torn, is_whole, resume_order, state_files
from sweeper.spec.sweep_spec import Keep
from sweeper.states import ATTEMPT_STATES, TRIAL_STATES, AttemptState


@dataclass(frozen=True)
class AttemptUse:
    """An attempt, as far as its files are concerned."""

    number: int
    state: AttemptState
    fresh: bool
    checkpoint_step: int
    """Newest checkpoint that the store knows of."""
    comparability: Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """What a version of a sweep wants of a trial."""

    sweep: str
    profile: str
    newest: bool
    """The version is the one of its sweep that ran last."""
    steps: int
    evaluation_fingerprint: str
    keep: Keep


@dataclass(frozen=True)
class TrialUse:
    """A trial, and who needs its files."""

    fingerprint: str
    attempts: tuple[AttemptUse, ...]
    """Newest first."""
    evaluated: frozenset[tuple[int, str]]
    """(step, evaluation fingerprint) that counts."""
    wishes: tuple[Wish, ...]
    live: bool = False
    """An attempt runs, and its driver is not known to be dead."""

    @property
    def diverged(self) -> bool:
        """Its newest attempt ended in a state that is a result without a value: no other attempt follows by itself."""
        return bool(self.attempts) and not ATTEMPT_STATES[self.attempts[0].state].may_run_again

    @property
    def stopped_early(self) -> bool:
        """Nothing went wrong and nothing is left to do, though it has no result: another sweep may want it in full one day."""
        newest = TRIAL_STATES[ATTEMPT_STATES[self.attempts[0].state].trial] if self.attempts else None
        return newest is not None and newest.is_complete and not newest.has_result

    @property
    def settled(self) -> bool:
        """Every sweep that names it has its result."""
        wanted = [wish for wish in self.wishes if wish.newest]
        return self.diverged or all((wish.steps, wish.evaluation_fingerprint) in self.evaluated for wish in wanted)


@dataclass(frozen=True)
class Asked:
    """What a user wants kept now, over what sweeps say."""

    keep: Keep
    sweep: tuple[str, str] | None = None
    """Only this (name, profile) is asked: other sweeps that name a trial keep their word. None: all of them."""


def checkpoints_kept(use: TrialUse, asked: Asked | None = None) -> int:
    """How many."""
    if not use.settled:
        return 1 if use.stopped_early else KEPT
    said = [(wish.sweep, wish.profile, wish.keep) for wish in use.wishes if wish.newest] or [("", "", "resumable")]
    keeps = [asked.keep if asked and asked.sweep in (None, (name, profile)) else keep for name, profile, keep in said]
    return 1 if use.diverged or "resumable" in keeps else 0


def superfluous(use: TrialUse, folders: Mapping[int, Path], asked: Asked | None = None, spare: Collection[int] = ()) -> list[StateFile]:
    """The files of state that nobody needs any more; `folders`: of its attempts, by number; those of the attempts to `spare` all stay.

    A file that cannot be read stays, since nothing is known of it.
    """
    files = {number: state_files(folder) for number, folder in folders.items()}
    readable, aside = _readable(use, files)
    by_conditions = []
    for group in _alike(readable):
        recorded = {folders[one.number]: one.checkpoint_step for one in group if one.number in folders}
        order = [file for file in resume_order(recorded, MOST_STEPS, recorded) if file.kind == "checkpoint"]
        by_conditions.append([file for file in order if is_whole(file.path)])
    averages: dict[int, Path] = {}
    finished = [one for one in readable if ATTEMPT_STATES[one.state].has_result]
    for one in [*finished, *readable, *aside]:  # the newest that can be evaluated again: of one that was lost, the store may know nothing
        for file in files.get(one.number, ()):
            if file.kind == "average" and is_whole(file.path):
                averages.setdefault(file.step, file.path)
    newest, *others = [found for found in by_conditions if found] or [[]]
    number = checkpoints_kept(use, asked)
    if newest and newest[0].step not in averages:  # what would be lost with it is nowhere else
        number = max(number, 1)
    kept = {file.path for file in newest[:number]} | set(averages.values())
    kept |= {file.path for found in others if not use.settled for file in found[:1]}
    kept |= {file.path for found in files.values() for file in found if file.kind == "evaluation" and not use.settled}
    mine = [file for number, found in files.items() if number not in spare for file in found]
    return [file for file in mine if file.path not in kept and (is_whole(file.path) or is_torn(file.path))]


MOST_STEPS = 10**15
"""More than any trial has."""


def _readable(use: TrialUse, files: Mapping[int, Sequence[StateFile]]) -> tuple[list[AttemptUse], list[AttemptUse]]:
    """Attempts whose state counts, newest first; and those that a later one, which restarted, supersedes by what it has written."""
    for place, one in enumerate(use.attempts):
        whole = (file.kind == "checkpoint" and is_whole(file.path) for file in files.get(one.number, ()))
        wrote = ATTEMPT_STATES[one.state].has_result or any(whole)
        if one.fresh and wrote:
            return list(use.attempts[: place + 1]), list(use.attempts[place + 1 :])
    return list(use.attempts), []


def _alike(attempts: Sequence[AttemptUse]) -> list[list[AttemptUse]]:
    """By the conditions that they ran under, the newest first; those that never said are like the newest."""
    groups: dict[str, list[AttemptUse]] = {}
    newest = next((_conditions(one) for one in attempts if one.comparability), "")
    for one in attempts:
        groups.setdefault(_conditions(one) if one.comparability else newest, []).append(one)
    return list(groups.values())


def _conditions(attempt: AttemptUse) -> str:
    """But for the micro-batch, which an attempt may change for lack of memory."""
    return json.dumps({name: value for name, value in attempt.comparability.items() if name != "micro_batch"}, sort_keys=True)
