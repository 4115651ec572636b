"""The three ways in which a tracker says no, and which of them an exception of MLflow is.

SweeperError
├── TrackingAway    not reachable or not able now: keep the row, try later
├── Refused         understood and turned down: trying again changes nothing
└── Doubtful        failed, although the tracker takes other events: try a few times, then count as refused
"""

import errno
import re

from sweeper.errors import SweeperError


class TrackingAway(SweeperError):
    """The tracker cannot take anything now; nothing is lost, the outbox keeps what it has yet to receive."""


class Refused(SweeperError):
    """The tracker, or the reading of the row, turned this event down for good."""


class Doubtful(SweeperError):
    """This request failed while others pass, so the fault is probably in what was asked."""


_REFUSALS = frozenset({"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"})

_ABSENCES = frozenset(
    {
        "TEMPORARILY_UNAVAILABLE",
        "REQUEST_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "DEADLINE_EXCEEDED",
        # Wrong credentials are the operator's to mend: the rows wait for it.
        "UNAUTHENTICATED",
        "CUSTOMER_UNAUTHORIZED",
        "PERMISSION_DENIED",
    }
)

_REFUSED_FILE = frozenset({400, 413, 414, 415, 422})
"""HTTP statuses by which a server turns this very file down, its size or its name."""

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def translated(error: Exception) -> SweeperError:
    """Our exception for one that MLflow raised; its message is one line without credentials.

    `Doubtful` is only a first opinion: the caller asks MLflow something harmless, and says `TrackingAway` when that fails as well.
    """
    text = f"{type(error).__name__}: {without_credentials(headline(str(error)))}"
    code = getattr(error, "error_code", None)
    if code in _REFUSALS:
        return Refused(text)
    # MLflow reports a broken connection as an internal error; the cause shows which it is (those of `requests` are OSErrors).
    # Its RetryError is an answer of the server, a 5xx, and may well be about this request only.
    cause = error.__cause__ or error.__context__ or error
    broken = isinstance(cause, ConnectionError | TimeoutError) or type(cause).__name__ in {
        "ConnectionError",
        "ConnectTimeout",
        "ReadTimeout",
        "SSLError",
        "ProxyError",
        "ChunkedEncodingError",
    }
    full = isinstance(cause, OSError) and cause.errno in _FULL_DISK
    if broken or full or code in _ABSENCES or isinstance(error, ImportError):
        return TrackingAway(text)
    return Doubtful(text)


def translated_file(error: Exception) -> SweeperError:
    """As `translated`, for the writing of an artifact: never `Doubtful`.

    Artifacts are kept apart from the tracking database, and can be away while it answers: what MLflow says to other requests says
    nothing about them.
    """
    verdict = translated(error)
    if not isinstance(verdict, Doubtful):
        return verdict
    status = getattr(getattr(error, "response", None), "status_code", None)
    return Refused(str(verdict)) if status in _REFUSED_FILE else TrackingAway(f"artifacts cannot be written: {verdict}")


def headline(error: str) -> str:
    """The line that says what went wrong: the first, or the exception's own line when a traceback was kept."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0].startswith("Traceback "):
        return next((line.strip() for line in lines[1:] if not line[0].isspace()), lines[0])
    return lines[0].strip()


def without_credentials(text: str) -> str:
    """The text with the user, the password and the options of every URL masked."""
    return re.sub(r"([?&][\w.\-]+=)[^\s&'\")]+", r"\1***", re.sub(r"//\S*@", "//***@", text))
