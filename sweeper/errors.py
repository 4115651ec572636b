"""What can go wrong in `sweeper/`, and the exit code of each.

    SweeperError           the message is written for the user: the rule, the value, the remedy, the place
    ├── RequestError   2   the request is wrong; nothing was started
    │   ├── SpecError      the sweep file or an override
    │   └── StoreError     the database cannot be opened or is not ours
    ├── StoreLost      4   the store failed while a sweep ran
    │   └── StoreAway      it does not answer at this moment, and may again
    └── SweepPaused    4   nothing more was started: something outside must be mended first

Other exit codes: 0 all finished; 3 some trials failed, diverged or were not started for want of time, the table still printed;
130 interrupted.
"""

import difflib
from collections.abc import Iterable


class SweeperError(Exception):
    """Base of every error that `sweeper/` raises on purpose."""

    exit_code = 1


class RequestError(SweeperError):
    """The request is wrong; nothing was started."""

    exit_code = 2


class SpecError(RequestError):
    """The sweep file or an override does not mean anything we can run."""


class StoreError(RequestError):
    """The database cannot be opened, or is not one of ours."""


class StoreLost(SweeperError):
    """The store failed while a sweep ran; finished trials are kept."""

    exit_code = 4


class StoreAway(StoreLost):
    """The store does not answer at this moment: not reachable, locked, or without space. Asking again may help."""


class SweepPaused(SweeperError):
    """Nothing more was started, since it would fail in the same way; finished trials are kept."""

    exit_code = 4


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for a mistyped name: '; did you mean "steps"?', or the valid names when none is near."""
    names = list(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; valid here: {', '.join(names)}" if names else ""
