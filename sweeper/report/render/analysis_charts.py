"""The pictures of analyses on a page: of each array one, drawn for every variant in a panel of its own, or for all in one.

Two axes of numbers make heat maps with the value in each cell, one makes lines with bands over seeds, an axis of names makes bars, and a
scalar makes means with their intervals. What other axes an array has, the reader chooses among.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from sweeper.metrics import MetricInfo
from sweeper.report import numbers
from sweeper.report.analyses import AnalysisSection, ArrayAxis, ArraySummary, AxisValue
from sweeper.report.analysis_sentences import sentence_of, summary_text, value_text
from sweeper.report.render import chart_specs
from sweeper.report.render.analysis_images import caption_of, picture_address
from sweeper.report.render.report_tables import shown
from sweeper.report.results import Report
from sweeper.stats.summaries import Summary
from sweeper.visible import one_line

Rows = list[dict[str, Any]]
ALONG = "step"
"""An axis that is always drawn along, however many others are numbers."""
Scheme = Literal["viridis", "blueorange"]
MOST_PANELS, MOST_LINES = 12, 8
_MOST_ROWS = 8_000
"""Of an array, over all panels and choices."""
_MOST_WRITTEN = 8
"""Columns of a heat map with the number in each cell; a phone has no room for more."""


@dataclass(frozen=True)
class Choice:
    """What one choice of a picture's reader shows."""

    label: str
    rows: Rows
    """Of all panels, each with its `panel`."""


@dataclass(frozen=True)
class Picture:
    """One array of an analysis."""

    key: str
    name: str
    """Of the analysis and its array: 'loss_grid-gain'."""
    title: str
    kind: Literal["heat", "lines", "bars", "means"]
    axes: tuple[ArrayAxis, ...]
    """Those that are drawn: of a heat map down and across."""
    sentence: str
    panels: tuple[str, ...]
    """What stands beside each other, each under its name; one without a name is alone."""
    spec: dict[str, Any]
    """Of every panel and every choice, so that they compare."""
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class DrawnSection:
    """An analysis with its pictures."""

    title: str
    remarks: tuple[str, ...]
    """How many trials it is of, and where it does not apply."""
    pictures: tuple[Picture, ...]
    images: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    """(what they are, (caption, address) of each)."""


def analysis_pictures(report: Report) -> list[DrawnSection]:
    """In the order of the report."""
    names = {row.name: one_line(shown(report, row)) for row in report.variants}
    found = []
    for place, section in enumerate(report.analyses):
        pictures = (_picture(array, f"analysis-{place}-{number}", names) for number, array in enumerate(section.arrays))
        images: dict[str, list[tuple[str, str]]] = {}
        for shown_ in section.pictures[:MOST_PANELS]:
            if (address := picture_address(shown_)) is not None:
                images.setdefault(one_line(shown_.label), []).append((one_line(caption_of(shown_)), address))
        found.append(
            DrawnSection(
                one_line(section.name),
                tuple(_remarks(section, names)),
                tuple(filter(None, pictures)),
                tuple((label, tuple(some)) for label, some in images.items()),
            )
        )
    return found


def _remarks(section: AnalysisSection, names: Mapping[str, str]) -> Iterator[str]:
    if section.trials < section.finished:
        yield f"{section.trials} of {section.finished} finished trials have it; `sweeper analyse` computes the others."
    for why, variants in section.not_applicable.items():
        yield f"It does not apply to {', '.join(names.get(name, name) for name in variants)}: {why}."


def _picture(array: ArraySummary, key: str, names: Mapping[str, str]) -> Picture | None:
    """None where no trial has a value."""
    drawn, others = _drawn_axes(array.axes)
    values = [summary.mean for cells in array.cells.values() for summary in cells if summary.mean is not None]
    if not values:
        return None
    numeric = sum(axis.is_numeric for axis in drawn)
    most = MOST_LINES if numeric == 1 else MOST_PANELS
    cells = dict(list(array.cells.items())[:most])
    room = max(1, _MOST_ROWS // (max(1, math.prod(len(axis.values) for axis in drawn)) * len(cells)))
    every = list(product(*(_in_order(axis) for axis in others)))
    chosen = every[:room]
    choices = tuple(_choice(array, names, cells, drawn, others, values) for values in chosen)
    left_out = [f"The first {len(cells)} of {len(array.cells)} variants are drawn."] if len(cells) < len(array.cells) else []
    left_out += [f"Here are {len(chosen)} of {len(every)} choices, and in JSON all."] if len(chosen) < len(every) else []
    label, names_drawn = one_line(array.label), tuple(names[name] for name in cells)
    kind: Literal["heat", "lines", "bars", "means"]
    if numeric == 2:
        kind, panels, spec = "heat", names_drawn, _heat_spec(label, drawn, values)
    elif numeric == 1:
        kind, panels, spec = "lines", ("",), _line_spec(label, drawn[0], names_drawn)
    elif drawn:
        kind, panels, spec = "bars", names_drawn, _bar_spec(label, drawn[0], values)
    else:
        info = MetricInfo(array.name, "lower", label, 4, has_better_side=False)
        kind, panels, spec = "means", ("",), chart_specs.means_spec(info, choices[0].rows)
    return Picture(
        key=key,
        name=f"{array.analysis}-{array.name}",
        title=f"{label[0].upper()}{label[1:]}" if label else one_line(array.name),
        kind=kind,
        axes=tuple(drawn),
        sentence=" ".join((one_line(sentence_of(array)), *left_out)),
        panels=panels,
        spec=spec,
        choices=choices,
    )


def _drawn_axes(axes: Sequence[ArrayAxis]) -> tuple[list[ArrayAxis], list[ArrayAxis]]:
    """The axes that a picture has, and those that a reader chooses on."""
    numeric = [axis for axis in axes if axis.is_numeric]
    along = [axis for axis in numeric if axis.name == ALONG and len(axis.values) > 1]
    drawn = along[:1] or numeric[-2:] or list(axes[-1:])
    return drawn, [axis for axis in axes if axis not in drawn]


def _in_order(axis: ArrayAxis) -> Sequence[AxisValue]:
    """The deepest layer first: it is what a reader asks for, and what stands there before one chooses."""
    return axis.values[::-1] if axis.name == "layer" else axis.values


def _choice(
    array: ArraySummary,
    names: Mapping[str, str],
    cells: Mapping[str, Sequence[Summary]],
    drawn: Sequence[ArrayAxis],
    others: Sequence[ArrayAxis],
    chosen: Sequence[AxisValue],
) -> Choice:
    fixed = {axis.name: value for axis, value in zip(others, chosen, strict=True)}
    rows: Rows = []
    for name in cells:
        for values in product(*(axis.values for axis in drawn)):
            summary = array.at(name, fixed | {axis.name: value for axis, value in zip(drawn, values, strict=True)})
            if summary is not None and summary.mean is not None:
                rows += _rows(names[name], drawn, values, summary)
    label = ", ".join(value if isinstance(value, str) else f"{axis} {value_text(value)}" for axis, value in fixed.items())
    return Choice(one_line(label), rows)


def _rows(variant: str, drawn: Sequence[ArrayAxis], values: Sequence[AxisValue], summary: Summary) -> Rows:
    assert summary.mean is not None, "asked for before"
    half = summary.half_width or 0.0
    said = f"{summary_text(summary)}, n = {summary.n}"
    ends = {"low": summary.mean - half, "high": summary.mean + half}
    row: dict[str, Any] = {"value": summary.mean, "said": said}
    if not drawn:
        each = [{"kind": "seed", "panel": "", "name": variant, "value": v, "said": f"seed {s}"} for s, v in summary.by_seed.items()]
        return [{"kind": "mean", "panel": "", "name": variant, **row, **ends}, *each]
    if len(drawn) == 2:
        return [{"panel": variant, "y": values[0], "x": values[1], **row, "text": _short(summary.mean)}]
    if drawn[0].is_numeric:
        return [{"panel": "", "variant": variant, "x": values[0], **row, **ends}]
    return [{"panel": variant, "x": one_line(str(values[0])), **row, **ends}]


def _short(value: float) -> str:
    """In a cell: '.60', '1.2', '-.04', '120'."""
    text = numbers.fixed(value, 2) if abs(value) < 1 else f"{value:.3g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def domain_of(values: Sequence[float]) -> tuple[list[float], Scheme]:
    """Ends of the colours, and their scheme: around 0 where values lie well on both sides of it."""
    low, high = min(values), max(values)
    if low < 0 < high and min(-low, high) > 0.1 * max(-low, high):
        most = max(-low, high)
        return [-most, most], "blueorange"
    return ([low, high] if low < high else [low - 0.5, high + 0.5]), "viridis"


def _heat_spec(label: str, drawn: Sequence[ArrayAxis], values: Sequence[float]) -> dict[str, Any]:
    import altair as alt

    (low, high), scheme = domain_of(values)
    down, across = drawn
    y = alt.Y("y:O", title=one_line(down.name), sort="descending", axis=alt.Axis(grid=False, domain=False, ticks=False))
    x = alt.X("x:O", title=one_line(across.name), axis=alt.Axis(grid=False, domain=False, ticks=False, labelAngle=0, labelOverlap=True))
    written = len(across.values) <= _MOST_WRITTEN
    legend = None if written else alt.Legend(title=None, orient="bottom", gradientLength=160)
    colour = alt.Color("value:Q", scale=alt.Scale(domain=[low, high], scheme=scheme), legend=legend)
    tooltip = [
        alt.Tooltip("panel:N", title="variant"),
        alt.Tooltip("y:N", title=one_line(down.name)),
        alt.Tooltip("x:N", title=one_line(across.name)),
        alt.Tooltip("said:N", title=label),
    ]
    layers = [alt.Chart().mark_rect().encode(x=x, y=y, color=colour, tooltip=tooltip)]
    if written:
        middle, reach = (low + high) / 2, (high - low) / 2
        # Dark are the low end of viridis, and both ends of blueorange.
        dark = f"datum.value < {low + 0.5 * (high - low)}" if scheme == "viridis" else f"abs(datum.value - {middle}) > {0.6 * reach}"
        ink = alt.condition(dark, alt.value("#ffffff"), alt.value("#101418"))
        layers.append(alt.Chart().mark_text(fontSize=12).encode(x=x, y=y, text="text:N", color=ink, tooltip=tooltip))
    return chart_specs.fitted(alt.layer(*layers), 30 * len(down.values) + 44 + (0 if written else 40))


def _line_spec(label: str, along: ArrayAxis, variants: Sequence[str]) -> dict[str, Any]:
    import altair as alt

    domain = alt.Scale(domain=list(variants))
    legend = alt.Legend(title=None, orient="top", columns=2, labelLimit=150, symbolStrokeWidth=2, symbolOpacity=1)
    colour = alt.Color("variant:N", scale=domain, legend=legend)
    title = f"{one_line(along.name)}{f' ({one_line(along.unit)})' if along.unit and along.unit != f'{along.name}s' else ''}"
    few = len(along.values) <= _MOST_WRITTEN
    whole = all(float(value).is_integer() for value in along.values)
    axis = alt.Axis(values=[float(value) for value in along.values], format="~g") if whole and few else alt.Axis(format="~g")
    x = alt.X("x:Q", title=title, axis=axis, scale=alt.Scale(zero=False))
    y = alt.Y("value:Q", title=label, scale=alt.Scale(zero=False))
    tooltip = [alt.Tooltip("variant:N"), alt.Tooltip("x:Q", title=one_line(along.name)), alt.Tooltip("said:N", title=label)]
    return chart_specs.fitted(
        alt.layer(
            alt.Chart().mark_area(opacity=0.15).encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q", color=colour),
            alt.Chart().mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=alt.StrokeDash("variant:N", scale=domain)),
            alt.Chart()
            .mark_point(size=40, filled=True, opacity=1)
            .encode(x=x, y=y, color=colour, shape=alt.Shape("variant:N", scale=domain), tooltip=tooltip),
        ),
        chart_specs.TALL,
    )


def _bar_spec(label: str, names: ArrayAxis, values: Sequence[float]) -> dict[str, Any]:
    import altair as alt

    y = alt.Y("x:N", title=one_line(names.name), sort=[one_line(str(value)) for value in names.values])
    x = alt.X("value:Q", title=None, scale=alt.Scale(domain=[min(0.0, *values), max(0.0, *values)], nice=True))
    tooltip = [alt.Tooltip("panel:N", title="variant"), alt.Tooltip("x:N", title=one_line(names.name)), alt.Tooltip("said:N", title=label)]
    return chart_specs.fitted(
        alt.layer(
            alt.Chart().mark_bar(opacity=0.8, height=16).encode(x=x, y=y, tooltip=tooltip),
            alt.Chart().mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y),
        ),
        34 * len(names.values) + 40,
    )
