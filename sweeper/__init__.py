"""Turn a question about diffusion training into trials, run them, keep every result, and answer the question in a table."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pandas import DataFrame

__all__ = ["analyses", "results"]


def results(sweep: str | None = None, profile: str | None = None, *, curves: bool = False) -> "DataFrame":
    """Every number of a sweep as a tidy table, for notebooks: one row per trial, step and metric.

    `sweep` is its name (default: the one that ran last). Columns: `sweep`, `profile`, `variant`, a column per factor with its level,
    `seed`, `trial` (fingerprint), `state`, `kind` (`final`: the wanted evaluation; `evaluation`: one on the way; with `curves=True` also
    `training`: a point of a training curve), `step` (optimizer steps), `metric`, `value`, `unit` (`1` is a number without one).
    Texts are categories, so that two million rows take a hundred megabytes; `frame["variant"].astype(str)` is plain text.
    `attrs["metrics"]` tells label, unit and better direction of each metric. Raises RequestError where nothing of that name has run.
    """
    from sweeper.service.results import results as read  # the store and pandas load when they are asked for

    return read(sweep, profile, curves=curves)


def analyses(sweep: str | None = None, profile: str | None = None, *, names: "Collection[str] | None" = None) -> "DataFrame":
    """Every number that `sweeper analyse` computed of a sweep's trained weights as a tidy table: one row per trial and place of an array.

    `sweep` is its name (default: the one that ran last), `names` are those of analyses (default: all). Columns: `sweep`, `profile`,
    `variant`, a column per factor with its level, `seed`, `trial` (fingerprint), `analysis`, `array`, a column per axis of any array with
    the value there (missing where an array has no such axis; `NAME_axis` where a column is called so already), and `value`. Texts are
    categories, as in `results`. `attrs["arrays"]` tells label and axes of each (analysis, array), `attrs["details"]` by (variant, seed)
    what was computed of each trial, or why an analysis does not apply to it.
    Raises RequestError where nothing of that name has run, and for a name that no stored analysis has.
    """
    from sweeper.service.analyses_frame import analyses as read  # the store and pandas load when they are asked for

    return read(sweep, profile, names)
