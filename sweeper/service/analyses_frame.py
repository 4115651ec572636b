"""What analyses gave of a sweep's trained weights as a tidy data frame."""

import math
from array import array
from collections.abc import Collection
from itertools import product
from typing import TYPE_CHECKING, Any

from sweeper.errors import RequestError, nearest
from sweeper.plan.asked_of_weights import asked_of_weights
from sweeper.report.chosen_analyses import ChosenAnalyses
from sweeper.report.stored_spec import stored_spec
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

_FIXED = ("sweep", "profile", "variant", "seed", "trial", "analysis", "array", "value")


def analyses(sweep: str | None, profile: str | None, names: Collection[str] | None) -> "DataFrame":
    """See `sweeper.analyses`."""
    import numpy as np
    import pandas as pd

    with store_with_results(Settings()) as store:
        snapshot = store.snapshot(sweep, profile)
        outcomes = [outcome for outcome in snapshot.outcomes if outcome.has_result]
        found = store.analyses({outcome.fingerprint for outcome in outcomes})
    measured = {(outcome.variant, outcome.seed): outcome for outcome in outcomes}
    chosen = ChosenAnalyses.of(found, measured, asked_of_weights(stored_spec(snapshot), outcomes) if found else {}).by_name
    for name in names or ():
        if name not in chosen:
            near = nearest(name, sorted(chosen))
            raise RequestError(f"no trial of sweep {snapshot.name} has the analysis {name!r} (`sweeper analyse` computes it){near}")
    kept = [by_trial for name, by_trial in sorted(chosen.items()) if names is None or name in names]
    factors = list(dict.fromkeys(name for outcome in snapshot.outcomes for name in outcome.levels))
    taken = {*_FIXED, *factors}
    every = [
        (number, by_trial[key], plain)
        for number, key in enumerate(measured)
        for by_trial in kept
        if key in by_trial
        for plain in by_trial[key].arrays
    ]
    axes = list(dict.fromkeys(axis["name"] for _, _, plain in every for axis in plain["axes"]))
    # Of each row numbers alone are held: what its trial and its array are called stands once, and is referred to.
    places, arrays, values = array("i"), array("i"), array("d")
    along: dict[str, list[Any]] = {name: [] for name in axes}
    heads: dict[tuple[str, str], int] = {}
    for number, one, plain in every:
        head = heads.setdefault((one.analysis, plain["name"]), len(heads))
        mine = [axis["name"] for axis in plain["axes"]]
        for where, value in zip(product(*(axis["values"] for axis in plain["axes"])), plain["values"], strict=True):
            places.append(number)
            arrays.append(head)
            values.append(math.nan if value is None else value)
            there = dict(zip(mine, where, strict=True))
            for name in axes:
                along[name].append(there.get(name))
    of_trial, of_array = np.asarray(places), np.asarray(arrays)

    def told(texts: list[str | None]) -> "pd.Categorical":
        return pd.Categorical(texts).take(of_trial).remove_unused_categories()

    frame = pd.DataFrame(
        {
            "sweep": told([snapshot.name for _ in outcomes]),
            "profile": told([snapshot.profile for _ in outcomes]),
            "variant": told([outcome.variant for outcome in outcomes]),
            **{name: told([outcome.levels.get(name) for outcome in outcomes]) for name in factors},
            "seed": np.array([outcome.seed for outcome in outcomes], dtype=np.int64)[of_trial],
            "trial": told([outcome.fingerprint for outcome in outcomes]),
            "analysis": pd.Categorical([analysis for analysis, _ in heads]).take(of_array),
            "array": pd.Categorical([name for _, name in heads]).take(of_array),
            **{f"{name}_axis" if name in taken else name: _column(along[name]) for name in axes},
            "value": np.asarray(values),
        },
        copy=False,
    )
    frame.attrs["question"] = snapshot.spec.get("question", "")
    frame.attrs["arrays"] = {(one.analysis, plain["name"]): {"label": plain["label"], "axes": plain["axes"]} for _, one, plain in every}
    details: dict[tuple[str, int], dict[str, Any]] = {}
    for by_trial in kept:
        for key, one in by_trial.items():
            details.setdefault(key, {})[one.analysis] = dict(one.details)
    frame.attrs["details"] = details
    return frame


def _column(values: list[Any]) -> Any:
    """Numbers where all are, else categories."""
    import numpy as np
    import pandas as pd

    if any(isinstance(value, str) for value in values):
        return pd.Categorical([None if value is None else str(value) for value in values])
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)
