"""Failures inside a driver: kept, not raised into Tune, which would take the experiment apart around its workers."""

import functools
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast

from sweeper.errors import SweeperError, unexpected

P = ParamSpec("P")
R = TypeVar("R")


class CapturesFailure(Protocol):
    """Whose methods are called by Tune."""

    failure: Exception | None

    def wind_down(self) -> None:
        """Starts nothing more and has trials checkpoint."""


def capture_failure(method: Callable[P, R]) -> Callable[P, R | None]:
    """A failure inside a method of `CapturesFailure` becomes its `failure`, unless it has one, and ends the run; the caller gets None."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:  # kept whole and raised after Tune has ended
            owner = cast(CapturesFailure, args[0])
            owner.failure = owner.failure or error
            owner.wind_down()
            return None

    return call


def as_sweeper_error(error: Exception) -> SweeperError:
    """The error that ended a run, in words for the user."""
    if isinstance(error, SweeperError):
        return error
    return unexpected(error)
