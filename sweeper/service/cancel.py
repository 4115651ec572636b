"""A trial that a user wants left alone: it writes a checkpoint and stops, and no run goes on with it until it is asked for."""

import contextlib

from sweeper.errors import RequestError
from sweeper.plan.reconcile import UNDO
from sweeper.service.open_store import existing_store_to_write
from sweeper.settings import Settings
from sweeper.trial_folder import STOP_FILE, attempt_folder


def cancel_trial(settings: Settings, prefix: str, *, undo: bool) -> str:
    """Cancels the trial whose name begins so, or takes that back; what was done, in a line.

    Raises RequestError where there is no such trial, where nothing of it is left to do, and where there is nothing to take back.
    """
    with existing_store_to_write(settings) as store:
        fingerprint = store.find_trial(prefix)
        history = store.history(fingerprint)
        (use,) = store.uses([fingerprint])
        _, _, variant, seed = history.sweeps[0] if history.sweeps else ("", "", "no sweep", 0)
        who = f"trial {fingerprint[:8]} ({variant}, seed {seed})"
        if undo and history.cancelled is None:
            raise RequestError(f"{who} is not cancelled")
        if not undo and history.cancelled is not None:
            raise RequestError(f"{who} is cancelled already; {UNDO.format(fingerprint[:8])}")
        if not undo and use.settled and not use.live:
            raise RequestError(f"{who} has ended, and every sweep has its result; there is nothing to cancel")
        number = store.cancel(fingerprint, undo=undo)
    if undo:
        command = history.commands[0] if history.commands else "sweeper run SPEC"
        return f"{who} may run again: {command}"
    if number is None:
        return f"{who} is cancelled: no run begins it; {UNDO.format(fingerprint[:8])}"
    with contextlib.suppress(OSError):  # not on this machine: its driver looks into the store
        (attempt_folder(settings.trials / fingerprint, number) / STOP_FILE).touch()
    return f"{who} is cancelled: attempt {number} writes a checkpoint and stops; {UNDO.format(fingerprint[:8])}"
