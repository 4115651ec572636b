"""A sweep's numbers as a tidy data frame."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sweeper.metrics import is_metric, metric_info
from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome
from sweeper.service.opening import store_with_results
from sweeper.settings import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("seed", "trial", "state", "kind", "step", "metric", "value", "unit")
"""Behind sweep, profile, variant and the factors."""
TRAINING = ("train_loss", "align_loss", "held_out_loss", "held_out_noise_loss")
_MOST_POINTS = 2_000


def results(sweep: str | None, profile: str | None, *, curves: bool) -> "DataFrame":
    """See `sweeper.results`."""
    import pandas as pd

    with store_with_results(Settings()) as store:
        snapshot = store.snapshot(sweep, profile)
        found = store.curves(snapshot, TRAINING if curves else (), _MOST_POINTS)
    factors = list(dict.fromkeys(name for outcome in snapshot.outcomes for name in outcome.levels))
    rows = list(_rows(snapshot, found))
    frame = pd.DataFrame(rows, columns=["sweep", "profile", "variant", *factors, *COLUMNS])
    measured = [metric_info(name) for name in dict.fromkeys(frame["metric"])]
    frame.attrs["question"] = snapshot.spec.get("question", "")
    frame.attrs["metrics"] = {m.name: {"label": m.label, "unit": m.unit, "direction": m.direction} for m in measured}
    return frame


def _rows(snapshot: SweepSnapshot, curves: dict[str, TrialCurves]) -> Iterator[dict[str, Any]]:
    for outcome in snapshot.outcomes:
        about: dict[str, Any] = {"sweep": snapshot.name, "profile": snapshot.profile, "variant": outcome.variant, **outcome.levels}
        about |= {"seed": outcome.seed, "trial": outcome.fingerprint, "state": outcome.state}
        for kind, step, metric, value in _numbers(outcome, curves.get(outcome.fingerprint, TrialCurves({}, {}))):
            if is_metric(metric):
                yield about | {"kind": kind, "step": step, "metric": metric, "value": value, "unit": metric_info(metric).unit}


def _numbers(outcome: TrialOutcome, curves: TrialCurves) -> Iterator[tuple[str, int, str, float]]:
    if outcome.state == "finished":
        for metric, value in outcome.metrics.items():
            yield "final", outcome.steps, metric, value
    for kind, series in (("evaluation", curves.evaluations), ("training", curves.training)):
        for metric, by_step in series.items():
            for step, value in by_step.items():
                if not (kind == "evaluation" and outcome.state == "finished" and step == outcome.steps):
                    yield kind, step, metric, value
