"""What an array of an analysis says, in a sentence: at places that were chosen before anything was seen, or else its extremes.

A number stands with its 95% interval over seeds and with their number.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from sweeper.report import numbers
from sweeper.report.analyses import ArrayAxis, ArraySummary, AxisValue
from sweeper.stats.summaries import MIN_SEEDS, Summary

_NAMED = 6
"""Variants whose numbers a sentence tells one by one."""
_FEW = 3
"""Values of an axis that are told one by one."""
_LEAST_DECIMALS, _MOST_DECIMALS = 2, 6
NOISY, CLEAN = 0.9, 0.1
"""Noise levels far apart."""
OWN = 0.7
"""Noise level of tokens that gain from reading clean ones."""
MIDDLE = 0.5


def sentence_of(array: ArraySummary) -> str:
    """That of the analysis for this array, where its places are on the axes; else one that fits every array."""
    specific = _SENTENCES.get((array.analysis, array.name))
    return (specific(array) if specific is not None else None) or _by_name(array) or _extremes(array)


def summary_text(summary: Summary, percent: bool = False) -> str:
    """'0.60 [0.52, 0.68]', '60% [52%, 68%]'; '–' without a value."""
    if summary.mean is None:
        return numbers.MISSING
    scale, sign = (100, "%") if percent else (1, "")
    mean, half = scale * summary.mean, None if summary.half_width is None else scale * summary.half_width
    decimals = _decimals(mean, half, 0 if percent else _LEAST_DECIMALS)
    text = f"{numbers.fixed(mean, decimals)}{sign}"
    return text if half is None else f"{text} [{numbers.fixed(mean - half, decimals)}{sign}, {numbers.fixed(mean + half, decimals)}{sign}]"


def place_text(axes: Sequence[ArrayAxis], values: Sequence[AxisValue]) -> str:
    """'t_own = 0.7, t_other = 0.1'."""
    return ", ".join(f"{axis.name} = {value_text(value)}{_unit(axis)}" for axis, value in zip(axes, values, strict=True))


def value_text(value: AxisValue) -> str:
    """A value of an axis: '0.7', '800', 'noisy->clean'."""
    return value if isinstance(value, str) else f"{value:g}" if abs(value) < 1e6 else f"{value:,.0f}"


def _unit(axis: ArrayAxis) -> str:
    return f" {axis.unit}" if axis.unit and axis.unit.removesuffix("s") != axis.name and axis.is_numeric else ""


def _decimals(mean: float, half: float | None, least: int) -> int:
    """So many that the half-width keeps a digit; without one, that the mean keeps two."""
    size = abs(mean) / 10 if half is None or half == 0 else half
    return least if size == 0 else min(max(least, -math.floor(math.log10(size))), _MOST_DECIMALS)


def _listed(array: ArraySummary, where: Mapping[str, AxisValue], percent: bool = False) -> str | None:
    """'60% [52%, 68%] in dual/none and 14% [9%, 19%] in single/none (3 seeds each)'; None where no variant has the place."""
    found = {name: summary for name in array.cells if (summary := array.at(name, where)) is not None and summary.mean is not None}
    if not found:
        return None
    counts = {summary.n for summary in found.values()}
    alike = len(counts) == 1
    told = [
        f"{summary_text(summary, percent)} in {name}{'' if alike else f' ({_seeds(summary.n)})'}"
        for name, summary in list(found.items())[:_NAMED]
    ]
    rest = len(found) - len(told)
    whole = f"{', '.join(told)} and {rest} more" if rest else " and ".join(filter(None, (", ".join(told[:-1]), told[-1])))
    each = " each" if len(found) > 1 else ""
    return f"{whole} ({_seeds(counts.pop(), each)})" if alike else whole


def _seeds(n: int, each: str = "") -> str:
    return f"{numbers.plural(n, 'seed')}{each}{', no interval' if n < MIN_SEEDS else ''}"


def _by_name(array: ArraySummary) -> str | None:
    """Every number of an array over few names, such as reading on and off; None for any other array."""
    if len(array.axes) != 1 or array.axes[0].is_numeric or len(array.axes[0].values) > _FEW:
        return None
    axis = array.axes[0]
    told = [(value, _listed(array, {axis.name: value})) for value in axis.values]
    return "; ".join(f"{axis.name} {value_text(value)}: {listed or numbers.MISSING}" for value, listed in told) + "."


def _extremes(array: ArraySummary) -> str:
    """The largest and the smallest number, and of which cell; of a scalar, that of every variant."""
    if not array.axes:
        listed = _listed(array, {})
        return "No trial has a value." if listed is None else f"{listed[0].upper()}{listed[1:]}."
    places = _places(array.axes)
    found = [
        (summary.mean, name, values, summary)
        for name, cells in array.cells.items()
        for values, summary in zip(places, cells, strict=True)
        if summary.mean is not None
    ]
    if not found:
        return "No trial has a value."
    high, low = max(found, key=lambda one: one[0]), min(found, key=lambda one: one[0])
    return (
        f"Largest: {_cell(array, *high[1:])}. Smallest: {_cell(array, *low[1:])}. These two of {numbers.plural(len(found), 'cell')} were"
        " picked because they are extreme: their intervals are those of each cell by itself."
    )


def _cell(array: ArraySummary, name: str, values: Sequence[AxisValue], summary: Summary) -> str:
    return f"{summary_text(summary)} in {name} at {place_text(array.axes, values)} ({_seeds(summary.n)})"


def _places(axes: Sequence[ArrayAxis]) -> list[tuple[AxisValue, ...]]:
    """Every place of an array, row by row."""
    found: list[tuple[AxisValue, ...]] = [()]
    for axis in axes:
        found = [(*before, value) for before in found for value in axis.values]
    return found


def _axis(array: ArraySummary, name: str) -> ArrayAxis | None:
    return next((axis for axis in array.axes if axis.name == name and axis.values), None)


# -- what the analyses that are known say ----------------------------------------------------------------------------------------------


def _gain_of_reading(array: ArraySummary) -> str | None:
    listed = _listed(array, {"t_own": OWN, "t_other": CLEAN}, percent=True)
    if listed is None:
        return None
    return (
        f"Kept from reading the other group, tokens at t = {OWN:g}, when the others are at t = {CLEAN:g}, have a loss higher by {listed}:"
        " (blocked - reads) / reads, with the same weights."
    )


def _attention_across(array: ArraySummary) -> str | None:
    layer = _axis(array, "layer")
    listed = None if layer is None else _listed(array, {"layer": layer.values[-1], "direction": "noisy->clean"})
    if listed is None:
        return None
    return (
        f"In the last layer, tokens at t = {NOISY:g} give those at t = {CLEAN:g} so many times the attention that equal attention to all"
        f" tokens would: {listed}."
    )


def _switched_off(array: ArraySummary) -> str | None:
    listed = _listed(array, {}, percent=True)
    return None if listed is None else f"The same weights, kept from reading across the groups, have a held-out loss higher by {listed}."


def _probe(array: ArraySummary) -> str | None:
    layer = _axis(array, "layer")
    if layer is None:
        return None
    chosen = layer.values[math.ceil(0.75 * len(layer.values)) - 1]  # the last ones turn to the output
    listed = _listed(array, {"layer": chosen, "t": MIDDLE}, percent=True)
    if listed is None:
        return None
    of = f"layer {value_text(chosen)} of {len(layer.values)}"
    return f"At t = {MIDDLE:g}, a linear probe on the features after {of} tells the class of held-out images with an accuracy of {listed}."


def _at_the_end(array: ArraySummary) -> str | None:
    step = _axis(array, "step")
    listed = None if step is None else _listed(array, {"step": step.values[-1]})
    if step is None or listed is None:
        return None
    return f"After step {value_text(step.values[-1])}, held-out images have a loss above that of training images by {listed}."


def _nearer(array: ArraySummary) -> str | None:
    listed = _listed(array, {})
    if listed is None:
        return None
    return f"The share of samples that lie nearer to a training than to a held-out image is {listed}; 0.5 is no sign of memorisation."


_SENTENCES: Mapping[tuple[str, str], Callable[[ArraySummary], str | None]] = {
    ("loss_grid", "gain"): _gain_of_reading,
    ("attention_mass", "by_direction"): _attention_across,
    ("counterfactual", "gain"): _switched_off,
    ("probe", "accuracy"): _probe,
    ("overfitting", "mean_gap"): _at_the_end,
    ("memorisation", "nearer_to_training"): _nearer,
}
"""By analysis and array."""
