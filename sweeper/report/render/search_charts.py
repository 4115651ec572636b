"""The plots of a search: best so far, slices through the space, parallel coordinates, and the front of several objectives."""

from dataclasses import dataclass
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal
from sweeper.report import numbers
from sweeper.report.render.chart_specs import TALL, fitted
from sweeper.report.search_results import SearchResult, setting
from sweeper.spec.factors import level_name

Rows = list[dict[str, Any]]
ENDS = {"finished": "circle", "stopped early": "cross", "front": "diamond"}
"""How a proposal ended -> its mark; the first one is filled."""
RANDOM = "random search"
FIGURES: dict[str, tuple[str, str, str]] = {
    "search": (
        "Search: best so far",
        "Every proposal, and the best value so far. A filled circle: trained in full; a cross: stopped early, at the last value of its"
        " curve (at the edge where that is beyond it). Dotted: random search of the same space, where it was run. Values that a config was"
        " chosen by look better than they are.",
        "Axis",
    ),
    "slices": ("Search: slices", "The values of the proposals against each factor, over whatever the others were.", "Factor"),
    "parallel": (
        "Search: parallel coordinates",
        "A line for each proposal that was trained in full, through its place on each factor (low to high, or the order of the levels);"
        " the darker, the better. A line is broken where a factor changes nothing.",
        "",
    ),
    "front": (
        "Search: front",
        "Two objectives of each proposal that was trained in full. A diamond: no other is at least as good in both and better in one.",
        "",
    ),
}
"""Figure -> its title, its caption, what its plots differ by."""


@dataclass(frozen=True)
class SearchPlot:
    """One plot of a figure."""

    figure: str
    label: str
    spec: dict[str, Any]
    rows: Rows


def search_plots(search: SearchResult) -> list[SearchPlot]:
    """In the order of a page; those without rows too."""
    metric, shown = search.primary, shown_range(search)
    found = []
    for label, key, title in (("over proposals", "number", "proposal"), ("over device hours", "hours", "device hours of all proposals")):
        rows = history_rows(search)
        found.append(SearchPlot("search", label, _history_spec(metric, key, title, shown), rows))
    for name, numeric in search.space.items():
        rows = slice_rows(search, name)
        found.append(SearchPlot("slices", name, _slice_spec(metric, name, numeric, name in search.logarithmic, shown), rows))
    found.append(SearchPlot("parallel", "", _parallel_spec(metric, list(search.space)), parallel_rows(search)))
    if len(search.objectives) > 1:
        found.append(SearchPlot("front", "", _front_spec(search.objectives[0], search.objectives[1]), front_rows(search)))
    return found


def history_rows(search: SearchResult) -> Rows:
    """A row for each proposal that says how good it is."""
    hours = [seconds / 3600 for seconds in search.seconds]
    sign = 1 if search.primary.direction == "lower" else -1
    least: float | None = None
    rows: Rows = []
    for proposal in search.proposals:
        value = last_value(proposal)
        if proposal.values:
            least = min(least, sign * proposal.values[0]) if least is not None else sign * proposal.values[0]
        if value is not None:
            best = None if least is None else sign * least
            place = {"number": proposal.number + 1, "hours": hours[proposal.number]}
            rows.append({**place, "value": value, "best": best, "end": _end(proposal), "said": _said(search, proposal, value)})
    for number, spent, value in search.random.steps if search.random is not None else ():
        rows.append({"number": number, "hours": spent, "value": None, "best": value, "end": RANDOM, "said": RANDOM})
    return rows


def slice_rows(search: SearchResult, factor: str) -> Rows:
    return [
        {
            "place": proposal.chosen[factor] if search.space[factor] else level_name(proposal.chosen[factor]),
            "value": value,
            "end": _end(proposal),
            "said": _said(search, proposal, value),
        }
        for proposal in search.proposals
        if factor in proposal.chosen and (value := last_value(proposal)) is not None
    ]


def parallel_rows(search: SearchResult) -> Rows:
    rows: Rows = []
    finished = [proposal for proposal in search.proposals if proposal.values]
    for factor, numeric in search.space.items():
        mine = [proposal for proposal in finished if factor in proposal.chosen]
        values = [proposal.chosen[factor] for proposal in mine]
        order = sorted(set(values)) if numeric else list(dict.fromkeys(values))
        low, high = (float(order[0]), float(order[-1])) if numeric and order else (0.0, float(max(len(order) - 1, 1)))
        for proposal, value in zip(mine, values, strict=True):
            at = float(value) if numeric else float(order.index(value))
            rows.append(
                {
                    "factor": factor,
                    "place": (at - low) / (high - low) if high > low else 0.5,
                    "number": proposal.number + 1,
                    "value": proposal.values[0],
                    "said": _said(search, proposal, proposal.values[0]),
                }
            )
    return rows


def front_rows(search: SearchResult) -> Rows:
    return [
        {
            "first": proposal.values[0],
            "second": proposal.values[1],
            "end": "front" if proposal.number in search.front else "finished",
            "said": setting(proposal),
        }
        for proposal in search.proposals
        if len(proposal.values) > 1
    ]


def shown_range(search: SearchResult) -> tuple[float, float] | None:
    """Of the values of what was trained in full, with some room; None with fewer than two.

    What was stopped early has far worse values, and would leave no room for the differences between the others: it stands at the edge.
    """
    values = [proposal.values[0] for proposal in search.proposals if proposal.values]
    values += [best for _, _, best in (search.random.steps if search.random is not None else ())]
    if not values or min(values) == max(values):
        return None
    low, high = min(values), max(values)
    room = 0.25 * (high - low)
    return low - room, high + room


def last_value(proposal: Proposal) -> float | None:
    """Its value, or where it has none the last of its curve."""
    if proposal.values:
        return proposal.values[0]
    return proposal.curve[max(proposal.curve)] if proposal.state == "stopped" and proposal.curve else None


def _end(proposal: Proposal) -> str:
    return "finished" if proposal.values else "stopped early"


def _said(search: SearchResult, proposal: Proposal, value: float) -> str:
    return f"{numbers.fixed(value, search.primary.decimals)}: {setting(proposal)}"


def _points(x: Any, y: Any, only: tuple[str, ...]) -> list[Any]:
    """Marks by how a proposal ended; those that finished are filled."""
    import altair as alt

    shape = alt.Shape(
        "end:N",
        scale=alt.Scale(domain=list(only), range=[ENDS[end] for end in only]),
        legend=alt.Legend(title=None, orient="top", columns=2),
    )
    tooltip = [alt.Tooltip("said:N", title="proposal")]
    return [
        alt.Chart()
        .transform_filter(f"datum.end !== '{RANDOM}' && (datum.end === 'finished') === {str(filled).lower()}")
        .mark_point(size=60, strokeWidth=2, filled=filled, opacity=1)
        .encode(x=x, y=y, shape=shape, tooltip=tooltip)
        for filled in (True, False)
    ]


def _y(metric: MetricInfo, shown: tuple[float, float] | None, field: str = "value") -> Any:
    import altair as alt

    scale = alt.Scale(zero=False) if shown is None else alt.Scale(zero=False, domain=list(shown), clamp=True, nice=False)
    return alt.Y(f"{field}:Q", title=f"{metric.label} ({metric.direction} is better)", scale=scale)


def _history_spec(metric: MetricInfo, key: str, title: str, shown: tuple[float, float] | None) -> dict[str, Any]:
    import altair as alt

    x = alt.X(f"{key}:Q", title=title, scale=alt.Scale(zero=False))
    lines = [
        alt.Chart()
        .transform_filter(f"datum.best !== null && (datum.end === '{RANDOM}') === {str(random).lower()}")
        .mark_line(interpolate="step-after", strokeWidth=2, strokeDash=[2, 3] if random else [1, 0])
        .encode(x=x, y=_y(metric, shown, "best"))
        for random in (False, True)
    ]
    points = _points(x, _y(metric, shown), ("finished", "stopped early"))
    return fitted(alt.layer(*lines, *points), TALL)


def _slice_spec(metric: MetricInfo, factor: str, numeric: bool, logarithmic: bool, shown: tuple[float, float] | None) -> dict[str, Any]:
    import altair as alt

    scale = alt.Scale(type="log", nice=False) if logarithmic else alt.Scale(zero=False) if numeric else alt.Undefined
    x = alt.X("place:Q", title=factor, scale=scale) if numeric else alt.X("place:N", title=factor, sort=None)
    return fitted(alt.layer(*_points(x, _y(metric, shown), ("finished", "stopped early"))), TALL)


def _parallel_spec(metric: MetricInfo, factors: list[str]) -> dict[str, Any]:
    import altair as alt

    x = alt.X("factor:N", sort=factors, title=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(padding=0.2))
    y = alt.Y("place:Q", title="low to high", axis=alt.Axis(labels=False, ticks=False))
    strength = alt.Opacity("value:Q", scale=alt.Scale(range=[1, 0.15], reverse=metric.direction == "higher"), legend=None)
    tooltip = [alt.Tooltip("said:N", title="proposal")]
    lines = alt.Chart().mark_line(strokeWidth=2).encode(x=x, y=y, detail="number:N", opacity=strength, tooltip=tooltip)
    points = alt.Chart().mark_point(size=30, filled=True).encode(x=x, y=y, opacity=strength, tooltip=tooltip)
    return fitted(alt.layer(lines, points), TALL)


def _front_spec(first: MetricInfo, second: MetricInfo) -> dict[str, Any]:
    import altair as alt

    x = alt.X("first:Q", title=f"{first.label} ({first.direction} is better)", scale=alt.Scale(zero=False))
    y = alt.Y("second:Q", title=f"{second.label} ({second.direction} is better)", scale=alt.Scale(zero=False))
    return fitted(alt.layer(*_points(x, y, ("finished", "front"))), TALL)
