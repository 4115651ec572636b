"""The plots of a search for a paper, by matplotlib, of the rows that the page's plots are drawn of."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.report.plot_style import COLOURS, WIDTH
from sweeper.report.search_charts import RANDOM, Rows, front_rows, history_rows, parallel_rows, shown_range, slice_rows
from sweeper.report.search_rows import SearchRows
from sweeper.visible import one_line

_HEIGHT = 2.8
_ACROSS = 2
"""Slices beside each other."""
_LONG = 4
"""Levels of a factor from which on their names stand upright."""


def drawings(search: SearchRows | None) -> dict[str, Callable[[Any], bool]]:
    """File name -> what draws it; False where it has nothing to draw."""
    if search is None:
        return {}
    return {
        "search": functools.partial(_history, search, "number", "proposal"),
        "search-hours": functools.partial(_history, search, "hours", "device hours of all proposals"),
        "slices": functools.partial(_slices, search),
        "parallel": functools.partial(_parallel, search),
        "front": functools.partial(_front, search),
    }


def _history(search: SearchRows, key: str, title: str, plt: Any) -> bool:
    rows = history_rows(search)
    mine = [row for row in rows if row["end"] != RANDOM]
    if not mine:
        return False
    _, axes = plt.subplots(figsize=(WIDTH, _HEIGHT))
    best = [row for row in mine if row["best"] is not None]
    axes.plot([row[key] for row in best], [row["best"] for row in best], drawstyle="steps-post", color=COLOURS[0], label="best so far")
    if others := [row for row in rows if row["end"] == RANDOM]:
        places, values = [row[key] for row in others], [row["best"] for row in others]
        axes.plot(places, values, drawstyle="steps-post", color="black", linestyle=":", label="best of a random search")
    _points(axes, mine, key, shown_range(search))
    if key == "number":
        axes.xaxis.get_major_locator().set_params(integer=True)
    _named(axes, title, _label(search.primary))
    return True


def _slices(search: SearchRows, plt: Any) -> bool:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    rows = {factor: slice_rows(search, factor) for factor in search.space}
    names = [factor for factor, found in rows.items() if found]
    if not names:
        return False
    shown = shown_range(search)
    down = -(-len(names) // _ACROSS)
    figure, grid = plt.subplots(down, _ACROSS, figsize=(WIDTH, 1.9 * down + 0.3), sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(names):
            axes.set_visible(False)
            continue
        name = names[place]
        if name in search.logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))  # powers would need mathematics in the text
        if search.space[name]:
            _points(axes, rows[name], "place", shown)
            if all(isinstance(row["place"], int) for row in rows[name]):
                axes.xaxis.get_major_locator().set_params(integer=True)
        else:
            levels = list(dict.fromkeys(str(row["place"]) for row in rows[name]))
            _points(axes, [{**row, "place": levels.index(str(row["place"]))} for row in rows[name]], "place", shown)
            axes.set_xticks(range(len(levels)), [one_line(level) for level in levels], rotation=90 if len(levels) > _LONG else 0)
            axes.margins(x=0.3)
        axes.set_xlabel(one_line(name))
        if place % _ACROSS == 0:
            axes.set_ylabel(_label(search.primary))
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.05, 1.0), ncols=2)
    return True


def _parallel(search: SearchRows, plt: Any) -> bool:
    rows = parallel_rows(search)
    if not rows:
        return False
    factors = list(search.space)
    sign = 1 if search.primary.direction == "lower" else -1
    values = sorted({sign * row["value"] for row in rows})
    _, axes = plt.subplots(figsize=(WIDTH, _HEIGHT))
    for number in dict.fromkeys(row["number"] for row in rows):
        mine = {row["factor"]: row for row in rows if row["number"] == number}
        rank = values.index(sign * next(iter(mine.values()))["value"]) / max(len(values) - 1, 1)
        places = [mine[factor]["place"] if factor in mine else float("nan") for factor in factors]  # a break in the line
        axes.plot(range(len(factors)), places, color=COLOURS[0], alpha=1 - 0.85 * rank, marker="o", markersize=3)
    axes.set_xticks(range(len(factors)), [one_line(factor) for factor in factors])
    axes.set_yticks([])
    axes.set_ylabel("low to high (the darker, the better)")
    return True


def _front(search: SearchRows, plt: Any) -> bool:
    rows = front_rows(search)
    if not rows:
        return False
    _, axes = plt.subplots(figsize=(WIDTH, _HEIGHT))
    for end, mark, said in (("finished", "o", "trained in full"), ("front", "D", "front")):
        mine = [row for row in rows if row["end"] == end]
        face = COLOURS[0] if end == "front" else "white"
        places, values = [row["first"] for row in mine], [row["second"] for row in mine]
        axes.plot(places, values, mark, color=COLOURS[0], markerfacecolor=face, label=said)
    _named(axes, _label(search.objectives[0]), _label(search.objectives[1]))
    return True


def _points(axes: Any, rows: Rows, key: str, shown: tuple[float, float] | None) -> None:
    """A filled circle for what was trained in full, a cross for what was stopped early, at the edge where it is beyond it."""
    low, high = shown or (float("-inf"), float("inf"))
    for end, mark, said in (("finished", "o", "trained in full"), ("stopped early", "x", "stopped early")):
        mine: Sequence[Any] = [row for row in rows if row["end"] == end]
        values = [min(max(row["value"], low), high) for row in mine]
        axes.plot([row[key] for row in mine], values, mark, clip_on=False, color=COLOURS[1], markersize=4, label=said)
    if shown is not None:
        axes.set_ylim(*shown)


def _named(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, borderaxespad=0.2)


def _label(metric: MetricInfo) -> str:
    return f"{metric.label} ({metric.direction} is better)"
