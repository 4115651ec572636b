"""What can go wrong in `sweeper/`, and the exit code of each.

    SweeperError           the message is written for the user: the rule, the value, the remedy, the place
    ├── RequestError   2   the request is wrong; nothing was started
    │   ├── SpecError      the sweep file or an override
    │   └── StoreError     the database cannot be opened or is not ours
    │       └── StoreUnreachable   nobody answered there at this moment, and somebody may later
    ├── StoreLost      4   the store failed while a sweep ran
    │   └── StoreUnavailable   it does not answer at this moment, and may again
    ├── SweepPaused    4   nothing more was started: something outside must be fixed first
    └── MachineError   4   the operating system refused something: no space, no permission, too many open files

Other exit codes: 0 all finished; 3 some trials failed, diverged or were not started for lack of time, the table still printed;
130 interrupted.
"""

import difflib
import errno
import sys
import traceback
from collections.abc import Iterable, Iterator


class SweeperError(Exception):
    """Base of every error that `sweeper/` raises on purpose."""

    exit_code = 1


class RequestError(SweeperError):
    """The request is wrong; nothing was started."""

    exit_code = 2


class SpecError(RequestError):
    """The sweep file or an override does not mean anything we can run.

    Attributes:
        place: The file; empty where a fault names its place itself.
        faults: A sentence for each. The message is one line for one fault, and a line for each of several.
    """

    def __init__(self, *faults: str, place: str = "") -> None:
        self.place, self.faults = place, tuple(dict.fromkeys(faults))
        before = f"{place}: " if place else ""
        super().__init__(before + (self.faults[0] if len(self.faults) == 1 else "\n".join((self.heading, *self.faults))))

    @property
    def heading(self) -> str:
        """How many faults follow."""
        return f"{len(self.faults)} faults"

    def within(self, place: str) -> "SpecError":
        """The same faults, of this file."""
        return SpecError(*self.faults, place=place)


class StoreError(RequestError):
    """The database cannot be opened, or is not one of ours."""


class StoreUnreachable(StoreError):
    """The database does not let itself be opened at this moment; asking again may help."""


class StoreLost(SweeperError):
    """The store failed while a sweep ran; finished trials are kept."""

    exit_code = 4


class StoreUnavailable(StoreLost):
    """The store does not answer at this moment: not reachable, locked, or without space. Asking again may help."""


class SweepPaused(SweeperError):
    """Nothing more was started, since it would fail in the same way; finished trials are kept."""

    exit_code = 4


class MachineError(SweeperError):
    """The operating system refused something; what is finished is kept."""

    exit_code = 4


_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs, or raise the system's limit of open files",
    errno.ENOMEM: "free some memory",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or close other programs",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EROFS: "choose a place that can be written",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "look at the disk",
    errno.ESTALE: "look at the network file system",
}
"""What the machine refuses, rather than what the code does wrong."""


def unexpected(error: Exception) -> SweeperError:
    """What to say of an exception that nobody foresaw.

    Returns:
        A MachineError where the operating system refused something; else an error that says whose code raised: sweeper's own, or a
        library's, which need not be sweeper's fault.
    """
    for cause in _chain(error):
        remedy = _REMEDIES.get(cause.errno or 0) if isinstance(cause, OSError) else None
        if isinstance(cause, MemoryError) or "can't start new thread" in str(cause):
            remedy = _REMEDIES[errno.ENOMEM if isinstance(cause, MemoryError) else errno.EAGAIN]
        if remedy is not None:
            said = f"{cause.strerror}{f': {cause.filename}' if cause.filename else ''}" if isinstance(cause, OSError) else str(cause)
            wrapped: SweeperError = MachineError(
                f"the machine refused something ({said or 'no memory is left'}); {remedy}, and run the same command again"
            )
            break
    else:
        said, package = f"{type(error).__name__}: {error}", _raised_in(error)
        ours = package in ("sweeper", "model")
        whose = "a fault of sweeper itself, not of your request" if ours else f"{package} failed, in a way that sweeper does not know"
        wrapped = SweeperError(f"{whose}: {said}; --debug shows where")
    wrapped.__cause__ = error
    return wrapped


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _raised_in(error: BaseException) -> str:
    """The package whose code raised, or called the standard library that did."""
    frames = [str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((name for name in reversed(frames) if name and name not in sys.stdlib_module_names and name != "__main__"), "sweeper")


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for a mistyped name: '; did you mean "steps"?', or the valid names when none is near."""
    names = list(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; valid here: {', '.join(names)}" if names else ""
