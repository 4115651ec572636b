"""The footnotes of a report: the rule that made the numbers, what is missing from them, and what stands beside them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from sweeper.metrics import (
    METRICS,
    MetricInfo,
    Metrics,
    is_at_infinity,
    is_distance,
    is_embedding_distance,
    is_kernel_distance,
    is_spatial_distance,
    metric_info,
)
from sweeper.records import TrialOutcome
from sweeper.report import numbers
from sweeper.report.guidance_notes import guidance_notes
from sweeper.report.results import VariantResult
from sweeper.states import TRIAL_STATES
from sweeper.stats.pairing import Pairing, PairingEfficiency
from sweeper.stats.summaries import MIN_SEEDS, all_usable, usable
from sweeper.stats.variance_components import variance_components

_DISTANCES_BY_CLASSIFIER = tuple(f"{kind}_{data}" for data in ("digits", "classifier") for kind in ("fd", "fd_infinity", "kid"))
BY_GENERATION = "by_generation_seed"
_BLOCKS = (
    " A value is taken as a variant's plus a seed's plus a residual: this assumes that residuals vary alike in all variants, and that no"
    " variant gains more from a seed than another does."
)
FEWEST_RIGHT = 0.8
"""Accuracy of the data set's classifier below which what rests on it is warned of."""
_BY_NEIGHBOURS = ("precision", "recall")
_BY_CLASSIFIER = (*_DISTANCES_BY_CLASSIFIER, "class_accuracy", "class_score", *_BY_NEIGHBOURS)


def notes_of(
    metrics: Sequence[MetricInfo],
    known: Metrics,
    variants: Sequence[VariantResult],
    outcomes: Sequence[TrialOutcome],
    mixed: Mapping[str, tuple[str, ...]],
    has_contrasts: bool,
) -> tuple[str, ...]:
    """A sentence each. `metrics` are the columns, of all those `known`; `outcomes` those of the planned trials, whatever their state."""
    finished = [outcome for outcome in outcomes if outcome.has_result]
    shown = [metric.name for metric in metrics]
    notes = [
        *_rule(variants, has_contrasts),
        *_missing(variants, outcomes),
        *_unusable(shown, finished),
        *_mixed(mixed),
        *_beside_distances(shown, finished),
        *_beside_infinity(shown, finished),
        *_beside_kernels(shown, finished),
        *_beside_embeddings(shown, finished),
        *_beside_places(shown, finished),
        *_beside_others(shown, finished),
        *guidance_notes(finished, known),
    ]
    varying = [metric.label for metric in metrics if not metric.reproducible and finished]
    if varying:
        notes.append(f"{_listing(varying)}: not reproducible, depends on the machine and what else it did.")
    return tuple(notes)


def _rule(variants: Sequence[VariantResult], has_contrasts: bool) -> list[str]:
    if not any(row.finished for row in variants):
        return ["No trial has finished: there is no number yet."]
    notes = ["Cells: mean over training seeds ± half-width of its 95% t interval; n: trials finished of those planned."]
    if any(0 < row.finished < MIN_SEEDS for row in variants):
        if any(cell.rule == "assumed" for row in variants for cell in row.cells.values()):
            notes.append(
                f"With fewer than {MIN_SEEDS} seeds an interval is normal and its spread over seeds assumed, not measured: n, assumed."
            )
        else:
            notes.append(f"With fewer than {MIN_SEEDS} seeds there is no interval.")
    if has_contrasts:
        notes.append("Differences between variants are read from the contrasts, not from whether intervals overlap.")
    elif len(variants) > 1:
        notes.append("The sweep declares no contrast, so this table shows variants and compares none.")
    return notes


def _missing(variants: Sequence[VariantResult], outcomes: Sequence[TrialOutcome]) -> list[str]:
    notes = []
    lost: dict[tuple[str, str], list[int]] = {}
    for outcome in outcomes:
        if TRIAL_STATES[outcome.state].has_ended and not outcome.has_result:
            lost.setdefault((outcome.variant, outcome.state), []).append(outcome.seed)
    for row in variants:
        ended = []
        for state, number in row.states.items():
            if TRIAL_STATES[state].has_ended and not TRIAL_STATES[state].has_result:
                seeds = numbers.listed("seed", sorted(lost.get((row.name, state), ())))
                ended.append(f"{number} of {row.planned} {state} ({seeds})")
        if ended:
            notes.append(f"{row.name}: {', '.join(ended)}; its means are over finished trials only.")
    planned = sum(row.planned for row in variants)
    running = sum(row.states["running"] for row in variants)
    waiting = sum(number for row in variants for state, number in row.states.items() if not TRIAL_STATES[state].has_ended)
    if waiting:
        notes.append(f"Without a result yet: {waiting} of {numbers.plural(planned, 'trial')}, {running} of them running.")
    return notes


def _unusable(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    return [
        f"{outcome.variant}, seed {outcome.seed}: {name} is {outcome.metrics[name]:g}, left out of the mean."
        for outcome in finished
        if not all_usable(outcome.metrics.values())
        for name in metrics
        if name in outcome.metrics and not usable(outcome.metrics[name])
    ]


def _mixed(mixed: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        f"Trials that differ in {name} ({', '.join(values)}) are mixed here, as asked; differences between variants may come from it."
        for name, values in mixed.items()
    ]


def _beside_distances(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    shown = [metric_info(name) for name in metrics if is_distance(name) and not is_at_infinity(name)]
    if not shown:
        return []
    parts = []
    samples, images = (_range(finished, key, numbers.count) for key in ("samples", "fd_reference_n"))
    if samples:
        real_images = [*([f"{images} training images"] if images else []), *_reference_files(finished)]
        parts.append(f"{samples} generated samples per trial" + (f" against {' and '.join(real_images)}" if real_images else ""))
    floor = _range(finished, "fd_floor", lambda value: numbers.fixed(value, shown[0].decimals))
    if floor:
        real = _range(finished, "fd_floor_n", numbers.count)
        parts.append(f"floor (real against real images) {floor}" + (f" at n = {real}" if real else ""))
    parts += sorted({note for outcome in finished if isinstance(note := outcome.details.get("fd_note"), str)})
    return [f"{_listing([metric.label for metric in shown])}: {'; '.join(parts)}."] if parts else []


def _beside_infinity(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    shown = [metric_info(name) for name in metrics if is_at_infinity(name)]
    if not shown:
        return []
    parts = ["a line in 1 / n through the distance at 15 sizes, from half of the samples to all, at 1 / n = 0"]
    matched, floor = (_range(finished, key, lambda value: numbers.fixed(value, shown[0].decimals)) for key in ("fd_at_floor_n", "fd_floor"))
    real = _range(finished, "fd_floor_n", numbers.count)
    if matched and floor and real:
        parts.append(f"at the floor's own n = {real}, samples are at {matched} and real images at {floor}")
    parts += sorted({note for outcome in finished if isinstance(note := outcome.details.get("fd_infinity_note"), str)})
    return [f"{_listing([metric.label for metric in shown])}: {'; '.join(parts)}."]


def _beside_kernels(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    shown = [metric_info(name) for name in metrics if is_kernel_distance(name)]
    size, subsets, images = (_range(finished, key, numbers.count) for key in ("kid_subset", "kid_subsets", "kid_reference_n"))
    if not (shown and size and subsets and images):
        return []
    whose = "real images" if _reference_files(finished) else "training images"
    drawn = f"subsets of {size}: {subsets}; {whose}: {images}; unbiased, so two sets of real images are at 0 on average"
    return [f"{_listing([metric.label for metric in shown])}: {drawn}."]


def _beside_embeddings(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    shown = [metric_info(name).label for name in metrics if is_embedding_distance(name)]
    samples, images = (_range(finished, key, numbers.count) for key in ("samples", "cmmd_reference_n"))
    if not (shown and samples and images):
        return []
    return [f"{_listing(shown)}: {samples} generated samples per trial against {images} training images, pairs of one with itself counted."]


def _beside_places(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    shown = [metric_info(name).label for name in metrics if is_spatial_distance(name)]
    against = " and ".join(_reference_files(finished)) or "the training images"
    what = "in 7 channels at the 17 x 17 places of Inception's mixed_6/conv, 2,023 numbers"
    return [f"{_listing(shown)}: {what}; against {against}."] if shown else []


def _reference_files(finished: Sequence[TrialOutcome]) -> list[str]:
    """Published references, in words."""
    return sorted({f"the statistics of {name}" for outcome in finished if isinstance(name := outcome.details.get("reference"), str)})


def _beside_others(metrics: Sequence[str], finished: Sequence[TrialOutcome]) -> list[str]:
    notes = []
    # Precision and recall are of whose features the distance is.
    other = any((is_distance(name) or is_kernel_distance(name)) and name not in _DISTANCES_BY_CLASSIFIER for name in metrics)
    labels = [METRICS[name].label for name in _BY_CLASSIFIER if name in metrics and not (other and name in _BY_NEIGHBOURS)]
    accuracy = _range(finished, "classifier_accuracy", lambda value: numbers.fixed(value, 3))
    if labels and accuracy:
        notes.append(f"{_listing(labels)}: the classifier's own accuracy on real held-out images is {accuracy}.")
    weak = [outcome for outcome in finished if isinstance(of := outcome.details.get("classifier_accuracy"), float) and of < FEWEST_RIGHT]
    if labels and weak:
        notes.append(
            f"WARNING: {_listing(labels)} rest on a classifier that is right on fewer than {FEWEST_RIGHT:.0%} of real held-out images, in"
            f" {len(weak)} of {numbers.plural(len(finished), 'trial')}: what it cannot tell apart, they cannot. Set another"
            " evaluation.extractor for distances, and give evaluation.classifier one of your own for classes."
        )
    near = [METRICS[name].label for name in _BY_NEIGHBOURS if name in metrics]
    real, samples = (_range(finished, key, numbers.count) for key in ("neighbour_images", "samples"))
    if near and real and samples:
        notes.append(f"{_listing(near)}: by 3 nearest neighbours, {samples} generated samples against {real} training images.")
    images = _range(finished, "held_out_images", numbers.count)
    if "held_out_loss" in metrics and images:
        notes.append(f"{METRICS['held_out_loss'].label}: over {images} held-out images.")
    gaps = [METRICS[name].label for name in ("overfitting_gap", "overfitting_noise_gap") if name in metrics]
    if gaps and (known := _range(finished, "gap_images", numbers.count)):
        notes.append(
            f"{_listing(gaps)}: the loss on held-out images minus that on {known} training images, at the same noise; above 0 it overfits."
        )
    passes, trained_on = _range(finished, "passes", numbers.tenths), _range(finished, "training_images", numbers.count)
    if passes and trained_on:
        notes.append(f"Passes over the training images (steps x batch size / images): {passes}, over {trained_on} images.")
    return notes


def _range(finished: Sequence[TrialOutcome], key: str, write: Callable[[float], str]) -> str | None:
    """One value when all trials agree, 'a to b' when they do not, None when none recorded a number."""
    recorded = [outcome.details.get(key) for outcome in finished]
    values = [value for value in recorded if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)]
    if not values:
        return None
    low, high = write(min(values)), write(max(values))
    text = low if low == high else f"{low} to {high}"
    return text if len(values) == len(finished) else f"{text} (recorded by {len(values)} of {numbers.plural(len(finished), 'trial')})"


def _listing(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def pairing_notes(by_contrast: Mapping[str, Pairing]) -> list[str]:
    """A sentence for the pairs, by contrast, and one for each contrast without."""
    declared = {name: pairing for name, pairing in by_contrast.items() if pairing.declared}
    how = dict.fromkeys("blocks" if one.block else "paired" if one.paired else "not paired (Welch)" for one in declared.values())
    notes = [f"Seeds are {one}, as `analysis` of the sweep declares.{_BLOCKS if one == 'blocks' else ''}" for one in how]
    by_contrast = {name: pairing for name, pairing in by_contrast.items() if not pairing.declared}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, pairing in by_contrast.items():
        if pairing.paired and pairing.shared:
            alike.setdefault(pairing.shared, []).append(name)
    for shared, names in alike.items():
        who = "" if len(alike) == 1 and len(names) == len(by_contrast) else f" ({', '.join(names)})"
        notes.append(f"Paired seeds{who}: the trials of a seed share {', '.join(shared)}.")
    apart: dict[str, list[str]] = {}
    for name, pairing in by_contrast.items():
        if not pairing.paired:
            why = f"differ in {', '.join(pairing.differing)}" if pairing.known else "have no record of their random streams"
            apart.setdefault(why, []).append(name)
    for why, names in apart.items():
        who = "" if len(names) == len(by_contrast) else f" ({', '.join(names)})"
        notes.append(f"Seeds are not paired{who}, since the trials of a seed {why}: the spread of each cell counts by itself (Welch).")
    return notes


def pairing_efficiency_notes(by_contrast: Mapping[str, PairingEfficiency | None]) -> list[str]:
    """A sentence for all paired contrasts."""
    in_words = [f"{name} {gain.correlation:.2f} ({_in_words(gain)})" for name, gain in by_contrast.items() if gain is not None]
    if not in_words:
        return []
    return [
        f"Correlation over seeds of paired cells, and what pairing did to the 95% interval: {'; '.join(in_words)}. Few seeds know a"
        " correlation badly, and an analysis that is chosen by it is chosen after the results."
    ]


def _in_words(gain: PairingEfficiency) -> str:
    change = 100 * abs(1 - gain.width_ratio)
    return f"{numbers.fixed(change, 0)}% {'narrower' if gain.width_ratio < 1 else 'wider'}, {numbers.plural(gain.seeds, 'pair')}"


def variance_notes(metric: MetricInfo, outcomes: Iterable[TrialOutcome]) -> list[str]:
    """One sentence where trials were evaluated with several generation seeds."""
    by_variant: dict[str, dict[int, Mapping[str, float]]] = {}
    for outcome in outcomes:
        values = outcome.details.get(BY_GENERATION)
        if outcome.has_result and isinstance(values, Mapping) and metric.name in values:
            by_variant.setdefault(outcome.variant, {})[outcome.seed] = values[metric.name]
    parts = variance_components(by_variant.values())
    if parts is None:
        return []
    more = "generation seeds, which need no training" if parts.share > 0.5 else "training seeds"
    sizes = f"{numbers.significant(parts.training)} over training seeds, {numbers.significant(parts.generation)} over generation seeds"
    return [
        f"{metric.label}: standard deviation {sizes} ({numbers.plural(parts.trials, 'trial')}, {parts.generations} generation seeds each;"
        f" without what these do to every trial alike). Generation is {parts.share:.0%} of a trial's variance: buy more {more}."
    ]
