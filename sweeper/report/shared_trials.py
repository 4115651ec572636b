"""Variants that are one trial: their configs train alike, so they stand in two rows and were trained once."""

from collections.abc import Iterable, Mapping

from sweeper.records import TrialOutcome


def shared_trials(outcomes: Iterable[TrialOutcome]) -> dict[str, str]:
    """Variant -> the first variant that has the same trials, evaluated alike, at every seed; only for variants that repeat another."""
    trials: dict[str, list[tuple[int, str, int, str]]] = {}
    for outcome in outcomes:
        known = (outcome.seed, outcome.fingerprint, outcome.steps, outcome.evaluation_fingerprint)
        trials.setdefault(outcome.variant, []).append(known)
    firsts: dict[tuple[tuple[int, str, int, str], ...], str] = {}
    found = {variant: firsts.setdefault(tuple(sorted(mine)), variant) for variant, mine in trials.items()}
    return {variant: first for variant, first in found.items() if variant != first}


def shared_trial_notes(shared: Mapping[str, str]) -> list[str]:
    """A sentence for each trial that serves several variants."""
    served: dict[str, list[str]] = {}
    for variant, first in shared.items():
        served.setdefault(first, []).append(variant)
    return [
        f"{' and '.join([first, *others])} are one trial per seed: their configs train alike, so their rows are the same numbers."
        for first, others in served.items()
    ]


def compares_with_itself(weights: Mapping[str, float], shared: Mapping[str, str]) -> str | None:
    """What to say of a contrast whose variants are one trial, so that it is zero by construction."""
    totals: dict[str, float] = {}
    for variant, weight in weights.items():
        first = shared.get(variant, variant)
        totals[first] = totals.get(first, 0.0) + weight
    if any(abs(total) > 1e-9 for total in totals.values()):
        return None
    return f"Compares a trial with itself: {' and '.join(weights)} are one trial, so this is zero by construction and shows nothing."
