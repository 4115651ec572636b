"""Plots as files for a paper: SVG and PDF by matplotlib, the same bytes for the same page.

`claims` and `contrasts` (forest plots), `effects`, `variants` (means of the primary metric) and `curves`; of a search also `search`,
`search-hours`, `slices`, `parallel` and `front`; of analyses `analysis-NAME-ARRAY`. What has nothing to draw is left out.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.report.page import ReportPage
from sweeper.report.render import charts
from sweeper.report.render.analysis_plots import analysis_drawings
from sweeper.report.render.plot_style import COLOURS, DASHES, MARKS, STYLE, WIDTH
from sweeper.report.render.report_tables import shown
from sweeper.report.render.search_charts import RANDOM, Rows, front_rows, history_rows, parallel_rows, shown_range, slice_rows
from sweeper.report.search_results import SearchResult
from sweeper.visible import one_line

FORMATS = ("svg", "pdf")


_HEIGHT = 2.8
_ACROSS = 2
"""Slices beside each other."""
_LONG = 4
"""Levels of a factor from which on their names stand upright."""
_ROW = 0.42
_MOST_CURVES = 8
_READINGS = {
    "excludes 0": ("o", True, "95% interval excludes 0"),
    "holds 0": ("D", False, "95% interval holds 0"),
    "no interval": ("^", False, "no interval"),
    "supported": ("o", True, "supported"),
    "inconclusive": ("D", False, "inconclusive"),
    "refuted": ("X", False, "refuted"),
    "interim": ("^", False, "interim: no verdict yet"),
    "exploratory": ("s", False, "exploratory: no verdict"),
}
"""Mark, whether it is filled, and what a legend says."""


def write_plots(page: ReportPage, folder: Path) -> list[Path]:
    """Files in a folder, which is made when it is not there. OSError when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    report, metric = charts.drawn_of(page.report), page.report.primary
    drawings: dict[str, Callable[[Any], bool]] = {
        **{_claims_name(plot, metric): _claims(plot) for plot in charts.claim_plots(report)},
        "contrasts": lambda plt: _forest(plt, charts.contrast_rows(report), metric),
        "effects": lambda plt: _forest(plt, charts.effect_rows(report), metric),
        "variants": lambda plt: _means(plt, charts.mean_rows(report, metric), metric),
        "curves": lambda plt: _curves(plt, page, metric),
        **_search_drawings(report.search),
        **analysis_drawings(report),
    }
    written = []
    with _drawing() as plt:
        for name, draw in drawings.items():
            if draw(plt):
                for kind in FORMATS:
                    path = folder / f"{name}.{kind}"
                    plt.savefig(path, metadata={"Date": None} if kind == "svg" else {"CreationDate": None, "Creator": "sweeper"})
                    written.append(path)
            plt.close("all")
    return written


@contextmanager
def _drawing() -> Iterator[Any]:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # A script that the font lacks is drawn as boxes; the tables spell the name.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield plt


def _claims_name(plot: charts.ClaimPlot, primary: MetricInfo) -> str:
    """'claims' and 'claims-in-percent' on the primary metric, 'claims-class_accuracy' on another."""
    other = "" if plot.metric == primary else f"-{plot.metric.name}"
    return f"claims{other}{'-in-percent' * plot.in_percent}"


def _claims(plot: charts.ClaimPlot) -> Callable[[Any], bool]:
    return lambda plt: _forest(plt, plot.rows, plot.metric, " (%)" if plot.in_percent else "")


def _forest(plt: Any, rows: Sequence[Mapping[str, Any]], metric: MetricInfo, unit: str = "") -> bool:
    if not rows:
        return False
    _, axes = plt.subplots(figsize=(WIDTH, _ROW * len(rows) + 0.9))
    axes.axvline(0, color="black", linewidth=0.6, linestyle=(0, (3, 3)))
    for place, row in enumerate(rows):
        mark, filled, _ = _READINGS[row["reading"]]
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color="black", linewidth=1)
        for end in ("margin", "opposite"):
            if row[end] is not None:
                axes.plot([row[end]] * 2, [place - 0.18, place + 0.18], color=COLOURS[1], linewidth=1.2)
        axes.plot([row["estimate"]], [place], mark, color=COLOURS[0], markersize=5, markerfacecolor=COLOURS[0] if filled else "white")
        _above(axes, place, row["name"], row["said"])
    better = "left" if metric.direction == "lower" else "right"
    _finish(axes, len(rows), f"difference in {metric.label}{unit} ({better} of 0 is better)")
    seen = [reading for reading in _READINGS if any(row["reading"] == reading for row in rows)]
    for reading in seen:
        mark, filled, said = _READINGS[reading]
        face = COLOURS[0] if filled else "white"
        axes.plot([], [], mark, color=COLOURS[0], markersize=5, markerfacecolor=face, label=said)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
    return True


def _means(plt: Any, rows: Sequence[Mapping[str, Any]], metric: MetricInfo) -> bool:
    means = [row for row in rows if row["kind"] == "mean"]
    if not means:
        return False
    _, axes = plt.subplots(figsize=(WIDTH, _ROW * len(means) + 0.7))
    for place, row in enumerate(means):
        axes.plot([row["low"], row["high"]], [place, place], color="black", linewidth=1)
        seeds = [other["value"] for other in rows if other["kind"] == "seed" and other["name"] == row["name"]]
        axes.plot(seeds, [place] * len(seeds), "|", color=COLOURS[1], markersize=7)
        axes.plot([row["value"]], [place], "o", color=COLOURS[0], markersize=5)
        _above(axes, place, row["name"], row["said"])
    _finish(axes, len(means), f"{metric.label} ({metric.direction} is better)")
    return True


def _curves(plt: Any, page: ReportPage, metric: MetricInfo) -> bool:
    order = {row.name: one_line(shown(page.report, row)) for row in page.report.variants}
    curves = [curve for curve in page.curves if curve.metric == metric][:_MOST_CURVES]
    if not curves:
        return False
    _, axes = plt.subplots(figsize=(WIDTH, 3.2))
    for place, curve in enumerate(curves):
        steps = [step for step, _ in curve.points]
        means = [summary.mean for _, summary in curve.points]
        halves = [summary.half_width or 0.0 for _, summary in curve.points]
        low = [mean - half for mean, half in zip(means, halves, strict=True) if mean is not None]
        high = [mean + half for mean, half in zip(means, halves, strict=True) if mean is not None]
        axes.fill_between(steps, low, high, color=COLOURS[place], alpha=0.15, linewidth=0)
        axes.plot(
            steps, means, color=COLOURS[place], linestyle=DASHES[place], marker=MARKS[place], markersize=4, label=order[curve.variant]
        )
    axes.set_xlabel("training step")
    axes.set_ylabel(f"{metric.label} ({metric.direction} is better)")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
    axes.margins(x=0.02)
    return True


def _above(axes: Any, place: int, name: str, said: str) -> None:
    """Name of a row above its interval, and its numbers beside it."""
    across = axes.get_yaxis_transform()
    halo = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axes.text(0, place - 0.2, name, transform=across, ha="left", va="bottom", bbox=halo)
    axes.text(1.03, place, said, transform=across, ha="left", va="center", color="#444444")


def _finish(axes: Any, rows: int, label: str) -> None:
    axes.set_ylim(rows - 0.5, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(label)
    axes.margins(x=0.06)


def _search_drawings(search: SearchResult | None) -> dict[str, Callable[[Any], bool]]:
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


def _history(search: SearchResult, key: str, title: str, plt: Any) -> bool:
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


def _slices(search: SearchResult, plt: Any) -> bool:
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


def _parallel(search: SearchResult, plt: Any) -> bool:
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


def _front(search: SearchResult, plt: Any) -> bool:
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
