"""A sweep's numbers as a tidy data frame."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sweeper.metrics import Metrics
from sweeper.records import TrialCurves, TrialOutcome
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from pandas import DataFrame

TRAINING = ("train_loss", "align_loss", "held_out_loss", "held_out_noise_loss")
KINDS = ("final", "evaluation", "training")
_MOST_POINTS = 2_000


def results(sweep: str | None, profile: str | None, *, curves: bool) -> "DataFrame":
    """See `sweeper.results`."""
    import numpy as np
    import pandas as pd

    with store_with_results(Settings()) as store:
        snapshot = store.snapshot(sweep, profile)
        curves_of = store.curves(snapshot, TRAINING if curves else (), _MOST_POINTS)
    # Of each of millions of rows, numbers alone are held: what its trial is called stands once, and is referred to.
    trials, kinds, steps, metrics, values = array("i"), array("b"), array("q"), array("h"), array("d")
    places: dict[str, int] = {}
    known = Metrics.of(snapshot.spec)
    for trial, outcome in enumerate(snapshot.outcomes):
        for kind, step, metric, value in _numbers(outcome, curves_of.pop(outcome.fingerprint, TrialCurves({}, {}))):
            if metric in known:
                trials.append(trial)
                kinds.append(kind)
                steps.append(step)
                metrics.append(places.setdefault(metric, len(places)))
                values.append(value)
    of_trial, outcomes = np.asarray(trials), snapshot.outcomes
    measured = [known.info(name) for name in places]

    def of_each_trial(texts: Iterable[str | None]) -> "pd.Categorical":
        """A text of each trial, in every row of it."""
        return pd.Categorical(list(texts)).take(of_trial).remove_unused_categories()

    def named(names: Sequence[str], places: "array[int]") -> "pd.Categorical":
        return pd.Categorical.from_codes(np.asarray(places), list(names)).remove_unused_categories()

    factors = dict.fromkeys(name for outcome in outcomes for name in outcome.levels)
    frame = pd.DataFrame(
        {
            "sweep": of_each_trial(snapshot.name for _ in outcomes),
            "profile": of_each_trial(snapshot.profile for _ in outcomes),
            "variant": of_each_trial(outcome.variant for outcome in outcomes),
            **{name: of_each_trial(outcome.levels.get(name) for outcome in outcomes) for name in factors},
            "seed": np.array([outcome.seed for outcome in outcomes], dtype=np.int64)[of_trial],
            "trial": of_each_trial(outcome.fingerprint for outcome in outcomes),
            "state": of_each_trial(outcome.state for outcome in outcomes),
            "kind": named(KINDS, kinds),
            "step": np.asarray(steps),
            "metric": named(list(places), metrics),
            "value": np.asarray(values),
            "unit": pd.Categorical([info.unit for info in measured]).take(np.asarray(metrics)),
        },
        copy=False,
    )
    frame.attrs["question"] = snapshot.spec.get("question", "")
    frame.attrs["metrics"] = {m.name: {"label": m.label, "unit": m.unit, "direction": m.direction} for m in measured}
    return frame


def _numbers(outcome: TrialOutcome, curves: TrialCurves) -> Iterator[tuple[int, int, str, float]]:
    """(place in KINDS, step, metric, value)."""
    if outcome.has_result:
        for metric, value in outcome.metrics.items():
            yield 0, outcome.steps, metric, value
    for kind, series in ((1, curves.evaluations), (2, curves.training)):
        for metric, by_step in series.items():
            for step, value in by_step.items():
                if not (kind == 1 and outcome.has_result and step == outcome.steps):
                    yield kind, step, metric, value
