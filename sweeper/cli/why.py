"""`sweeper why`: why a trial is where it is, and what to do next."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sweeper.plan.failures import advice
from sweeper.records import AttemptRecord, KnownTrial, TrialHistory
from sweeper.service.kept_files import furthest_in
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings
from sweeper.states import ATTEMPT_STATES
from sweeper.trial_folder import LOG_FILE, attempt_folder, end_of_log
from sweeper.visible import lines, one_line

LOG_LINES = 10


def why(trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's name, or how it begins (see `sweeper status`).")]) -> None:
    """Say why a trial failed: the first real exception, its class, what was done about it, the end of its log, and the next command."""
    settings = Settings()
    with store_with_results(settings) as store:
        history = store.history(store.find_trial(trial))
        known = store.known([history.fingerprint])[history.fingerprint]
    console = Console(highlight=False, soft_wrap=True)
    for line in explained(history, settings.trials / history.fingerprint, _goes_on(history, known, furthest_in(settings, known))):
        console.print(Text(lines(line)))


def explained(history: TrialHistory, folder: Path, goes_on: str | None = None) -> list[str]:
    """The lines that `why` prints; `goes_on`: where the next attempt would begin."""
    name, profile, variant, seed = history.sweeps[0] if history.sweeps else ("no sweep", "default", "?", 0)
    said = [one_line(f"trial {history.fingerprint}: {variant}, seed {seed}, of {name} (profile {profile})")]
    command = history.commands[0] if history.commands else "sweeper run SPEC"
    if history.cancelled is not None:
        said.append(f"it was cancelled on {history.cancelled:%Y-%m-%d %H:%M:%S} UTC, and no run goes on with it")
        command = f"sweeper cancel --undo {history.fingerprint[:8]}; then: {command}"
    if not history.attempts:
        return [*said, "it was never started", f"next: {command}"]
    newest = history.attempts[-1]
    told = _told(history)
    if told is not None:
        said += _failure(told)
    if told is not newest:
        description = ATTEMPT_STATES[newest.state].description or newest.policy or ""
        said.append(f"attempt {newest.number} is {newest.state}, step {newest.step:,}: {description}")
    said += _log(attempt_folder(folder, (told or newest).number))
    if not ATTEMPT_STATES[newest.state].has_result:
        said += [goes_on] if goes_on else []
        said.append(f"next: {advice(newest.failure, command)}")
    return said


def _goes_on(history: TrialHistory, known: KnownTrial, step: int) -> str | None:
    """What the files say; None where there never was a checkpoint, and where no next attempt would read it."""
    newest = history.attempts[-1].state if history.attempts else "running"
    if newest == "running" or not ATTEMPT_STATES[newest].may_run_again or not (step or known.checkpoint_step):
        return None
    if step < known.checkpoint_step:
        gone = f"its checkpoint of step {known.checkpoint_step:,} is not here (deleted, torn or on another machine)"
        return f"{gone}: the next attempt starts from {f'step {step:,}' if step else 'the beginning'}"
    return f"the next attempt goes on from step {step:,}"


def _told(history: TrialHistory) -> AttemptRecord | None:
    """The newest attempt that did not finish by itself, where it is newer than every one that did: what it says is still true."""
    for attempt in reversed(history.attempts):
        if ATTEMPT_STATES[attempt.state].has_result:
            return None
        if attempt.failure is not None or attempt.error:
            return attempt
    return None


def _failure(attempt: AttemptRecord) -> list[str]:
    first = (attempt.error or "its worker or driver died without a word").strip().splitlines()[0]
    said = [f"attempt {attempt.number} {attempt.state} at step {attempt.step:,}: {first}"]
    said += [f"  {line}" for line in _where(attempt.error)]
    said.append(f"class: {attempt.failure or 'not recorded'}")
    if attempt.policy:
        said.append(f"policy: {attempt.policy}")
    return said


def _where(error: str | None) -> list[str]:
    """The last place of the first exception's traceback: what it was raised by, before others were raised from it."""
    places: list[str] = []
    for line in (error or "").splitlines():
        if line.lstrip().startswith("File "):
            places.append(line.strip())
        elif places and not line.startswith(" ") and line.strip():
            return [places[-1], line.strip()]
    return places[-1:]


def _log(folder: Path) -> list[str]:
    tail = end_of_log(folder, LOG_LINES)
    if tail is None:
        return [f"its log is not on this machine ({folder})"]
    return [f"last {len(tail)} lines of {folder / LOG_FILE}:", *(f"  {line}" for line in tail)]
