"""Vega-Lite specifications of a page's plots, by Altair; their rows are put in by the page, under the name `rows`.

Marks differ by shape, dash and label, never by colour alone. Colours and fonts come from the page, which knows light from dark.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sweeper.metrics import MetricInfo

_Side = Literal["left", "right"]
_SIDES: tuple[tuple[_Side, int], ...] = (("left", 9), ("right", -9))
"""Alignment of a label beside its point, and how far from it."""
Rows = Sequence[Mapping[str, Any]]
READINGS = {"excludes 0": "circle", "holds 0": "diamond", "no interval": "triangle-up"}
VERDICTS = {"supported": "circle", "inconclusive": "diamond", "refuted": "cross", "interim": "triangle-up", "exploratory": "square"}
"""Reading of an interval, verdict on a claim -> its mark."""
_ROW_HEIGHT = 44
"""Pixels: a line of text above, the interval below it."""
TALL = 320
"""Pixels: a plot with two axes."""
_MOST_LABELS = 24


def _axis_title(metric: MetricInfo) -> str:
    return f"{metric.label} ({metric.direction} is better)" if metric.has_better_side else metric.label


def forest_spec(metric: MetricInfo, rows: Rows, marks: Mapping[str, str] = READINGS, unit: str = "") -> dict[str, Any]:
    """Estimates with intervals around a line at 0. `marks`: reading -> shape; the first one is filled."""
    import altair as alt

    y = alt.Y("name:N", sort=None, axis=None)
    title = (
        f"difference in {metric.label}{f' ({unit})' if unit else ''} ({'left' if metric.direction == 'lower' else 'right'} of 0 is better)"
    )
    x = alt.X("estimate:Q", title=title, scale=alt.Scale(zero=True))
    shape = alt.Shape(
        "reading:N",
        scale=alt.Scale(domain=list(marks), range=list(marks.values())),
        legend=alt.Legend(title="95% interval" if marks is READINGS else "verdict", orient="top", columns=3),
    )
    filled = alt.condition(f"datum.reading == '{next(iter(marks))}'", alt.value(1), alt.value(0))
    tooltip = [alt.Tooltip("name:N"), alt.Tooltip("said:N", title="estimate")]
    once = alt.InlineData(values=[{}])  # else a line would be drawn over itself for every row
    layers = [alt.Chart(once).mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))]
    # Without a value in any row a layer would be drawn over an empty scale, and Vega warns of it.
    if any(row["margin"] is not None for row in rows):
        layers += [alt.Chart().mark_tick(thickness=2, size=16).encode(x=f"{end}:Q", y=y) for end in ("margin", "opposite")]
    if any(row["low"] is not None for row in rows):
        layers.append(alt.Chart().mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y))
    points = alt.Chart().mark_point(size=90, strokeWidth=2).encode(x=x, y=y, shape=shape, fillOpacity=filled, tooltip=tooltip)
    return fitted(alt.layer(*layers, points, _names(y)), _ROW_HEIGHT * len(rows))


def means_spec(metric: MetricInfo, rows: Rows) -> dict[str, Any]:
    import altair as alt

    y = alt.Y("name:N", sort=None, axis=None)
    x = alt.X("value:Q", title=_axis_title(metric), scale=alt.Scale(zero=False))
    means, tooltip = "datum.kind == 'mean'", [alt.Tooltip("name:N", title="variant"), alt.Tooltip("said:N", title=metric.label)]
    return fitted(
        alt.layer(
            alt.Chart().transform_filter("datum.kind == 'seed'").mark_tick(size=12, opacity=0.55).encode(x="value:Q", y=y, tooltip=tooltip),
            alt.Chart().transform_filter(means).mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y),
            alt.Chart().transform_filter(means).mark_point(size=90, filled=True, opacity=1).encode(x=x, y=y, tooltip=tooltip),
            _names(y, means),
        ),
        _ROW_HEIGHT * sum(row["kind"] == "mean" for row in rows),
    )


def curve_spec(metric: MetricInfo, variants: Sequence[str]) -> dict[str, Any]:
    import altair as alt

    domain = alt.Scale(domain=list(variants))
    legend = alt.Legend(title=None, orient="top", columns=2, labelLimit=150, symbolStrokeWidth=2, symbolOpacity=1)
    colour = alt.Color("variant:N", scale=domain, legend=legend)
    x = alt.X("step:Q", title="training step", axis=alt.Axis(format="~s"))
    y = alt.Y("value:Q", title=_axis_title(metric), scale=alt.Scale(zero=False))
    tooltip = [alt.Tooltip("variant:N"), alt.Tooltip("step:Q", format=","), alt.Tooltip("said:N", title=metric.label)]
    return fitted(
        alt.layer(
            alt.Chart().mark_area(opacity=0.15).encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q", color=colour),
            alt.Chart().mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=alt.StrokeDash("variant:N", scale=domain)),
            alt.Chart()
            .mark_point(size=40, filled=True, opacity=1)
            .encode(x=x, y=y, color=colour, shape=alt.Shape("variant:N", scale=domain), tooltip=tooltip),
        ),
        TALL,
    )


def cost_spec(metric: MetricInfo, rows: Rows) -> dict[str, Any]:
    import altair as alt

    shape = alt.Shape("name:N", legend=None)
    x = alt.X("seconds:Q", title="training seconds of one trial", scale=alt.Scale(zero=False, padding=30))
    y = alt.Y("value:Q", title=_axis_title(metric), scale=alt.Scale(zero=False, padding=12))
    tooltip = [alt.Tooltip("name:N", title="variant"), alt.Tooltip("said:N", title=metric.label)]
    return fitted(
        alt.layer(
            alt.Chart().mark_rule(opacity=0.6).encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q"),
            alt.Chart().mark_point(size=80, filled=True, opacity=1).encode(x=x, y=y, shape=shape, tooltip=tooltip),
            # Away from the nearer edge, where a label would be cut; more labels than this would cover each other.
            *(
                alt.Chart().transform_filter(f"datum.side == '{side}'").mark_text(align=side, dx=dx, dy=-9).encode(x=x, y=y, text="name:N")
                for side, dx in _SIDES
                if len(rows) <= _MOST_LABELS and any(row["side"] == side for row in rows)
            ),
        ),
        TALL,
    )


def _names(y: Any, only: str | None = None) -> Any:
    """The name of a row above its interval: beside it, a phone would have no room for both."""
    import altair as alt

    chart = alt.Chart() if only is None else alt.Chart().transform_filter(only)
    # First a halo in the colour of the paper: the text stays readable over lines.
    return alt.layer(
        *(
            chart.mark_text(align="left", baseline="bottom", dy=-9, limit=alt.expr("width"), style=style).encode(
                x=alt.value(0), y=y, text="name:N"
            )
            for style in ("halo", "label")
        )
    )


def fitted(chart: Any, height: int) -> dict[str, Any]:
    import altair as alt

    fitted = alt.AutoSizeParams(type="fit-x", contains="padding")
    spec: dict[str, Any] = chart.properties(width="container", height=height, autosize=fitted, data=alt.NamedData(name="rows")).to_dict()
    spec.pop("config", None)  # the page's
    return spec
