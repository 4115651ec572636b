"""Analyses of made-up trials, as the store would give them: arrays of every shape that a page draws."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any

import numpy as np

from model.analysis_result import AnalysisArray, Axis
from sweeper.plan.asked_of_weights import Asked, asked_of_weights
from sweeper.records import SweepSnapshot, TrialAnalysis
from sweeper.report.stored_spec import stored_spec

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
WHEN = datetime(2026, 1, 5, 12, 34, tzinfo=UTC)
GAINS = {"single/none": 0.14, "single/full": 0.0, "dual/none": 0.6, "dual/full": 0.02}
"""Of reading, at own t = .7 beside .1, at seed 1; seeds 0 and 2 have .03 less and more."""


def array(name: str, label: str, axes: Sequence[Axis], value: Any) -> AnalysisArray:
    """`value` makes a number of a value of each axis."""
    numbers = [value(*where) for where in product(*(axis.values for axis in axes))]
    shape = tuple(len(axis.values) for axis in axes)
    return AnalysisArray(name, label, tuple(axes), np.array(numbers, dtype=np.float64).reshape(shape))


def arrays_of(variant: str, seed: int) -> dict[str, list[AnalysisArray]]:
    """By analysis."""
    gain, shift = GAINS.get(variant, 0.1), 0.03 * (seed - 1)
    own, other, t = Axis("t_own", LEVELS), Axis("t_other", LEVELS), Axis("t", LEVELS)
    layer, direction = Axis("layer", (1.0, 2.0, 3.0, 4.0)), Axis("direction", ("noisy->clean", "clean->noisy"))
    reading, step = Axis("reading", ("on", "off")), Axis("step", (200.0, 500.0, 800.0), "steps")
    words = "gain of reading, (blocked - reads) / reads"
    return {
        "loss_grid": [
            array("gain", words, (own, other), lambda a, b: (gain + shift) * (1 - abs(a - 0.7)) * (1 - abs(b - 0.1))),
            array("loss", "squared error", (reading, own, other), lambda r, a, b: 0.4 + a / 10 + b / 10 + gain * (r == "off") + shift / 9),
        ],
        "attention_mass": [
            array("by_direction", "attention across groups", (layer, direction), lambda x, d: 1 + x * gain / 9 + (d[0] == "c") + shift / 9)
        ],
        "counterfactual": [
            array("gain", "gain of reading", (), lambda: gain + shift),
            array("class_accuracy", "class accuracy of samples", (reading,), lambda r: 0.9 - gain / 3 * (r == "off") + shift / 9),
        ],
        "overfitting": [
            array("gap", "held-out minus training loss", (step, t), lambda s, x: s / 8000 * x * (1 - x) + shift / 90),
            array("mean_gap", "held-out minus training loss, mean over t", (step,), lambda s: s / 8000 + shift / 90),
        ],
        "signed": [array("difference", "a difference", (layer, t), lambda x, y: (x - 2.5) * y + shift if x < 4 else float("nan"))],
    }


def asked_of(snapshot: SweepSnapshot) -> Asked:
    """What is asked of each of its trials."""
    return asked_of_weights(stored_spec(snapshot), snapshot.outcomes)


def analyses_of(snapshot: SweepSnapshot, not_applicable: str = "") -> list[TrialAnalysis]:
    """Of every finished trial; the gain of a variant that is `not_applicable` does not exist."""
    asked = asked_of(snapshot)
    finished = [outcome for outcome in snapshot.outcomes if outcome.state == "finished"]
    return [one for outcome in finished for one in _of(outcome, not_applicable, asked[outcome.variant, outcome.seed])]


def _of(outcome: Any, not_applicable: str, asked: str) -> Iterator[TrialAnalysis]:
    for name, arrays in arrays_of(outcome.variant, outcome.seed).items():
        plain, details = tuple(one.to_json() for one in arrays), {"images": 360}
        if outcome.variant == not_applicable and name == "counterfactual":
            plain, details = (), {"not_applicable": "it has no groups"}
        yield TrialAnalysis(outcome.fingerprint, name, 1, outcome.steps, "ab" * 32, asked, plain, details, WHEN)


def foul_analyses(snapshot: SweepSnapshot, foul: str) -> list[TrialAnalysis]:
    """The same text wherever an archive may hold text."""
    axes = (Axis(foul, (0.1, 0.2), foul), Axis("self", (1.0, 2.0), foul), Axis("variant", (foul, "b"), foul))
    arrays = [array(foul, foul, axes[:n], lambda *where: float(len(where))) for n in range(4)]
    images = (Axis("pair", (0.0,)), Axis("image", (foul, "b")), *(Axis(name, (0.0, 1.0)) for name in ("channel", "row", "column")))
    arrays += [array("names", foul, axes[2:], lambda name: 1.0), array("pictures", foul, images, lambda *where: sum(where[2:]))]
    plain = tuple(one.to_json() for one in arrays)
    finished = [(o, asked_of(snapshot)[o.variant, o.seed]) for o in snapshot.outcomes if o.state == "finished"]
    named = [TrialAnalysis(o.fingerprint, foul, 1, o.steps, "ab", asked, plain, {}, WHEN) for o, asked in finished]
    why = {"not_applicable": foul}
    return named + [TrialAnalysis(o.fingerprint, "not", 1, o.steps, "ab", asked, (), why, WHEN) for o, asked in finished]
