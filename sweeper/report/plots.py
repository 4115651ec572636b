"""Plots as files for a paper: SVG and PDF by matplotlib, the same bytes for the same story.

`claims` and `contrasts` (forest plots), `effects`, `variants` (means of the primary metric) and `curves`; of a search also `search`,
`search-hours`, `slices`, `parallel` and `front`. What has nothing to draw is left out.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.report import charts, search_figures
from sweeper.report.layouts import shown
from sweeper.report.plot_style import COLOURS, DASHES, STYLE, WIDTH
from sweeper.report.story import ReportPage
from sweeper.visible import one_line

FORMATS = ("svg", "pdf")
_ROW = 0.42
_MOST_CURVES = 8
_MARKS = ("o", "s", "D", "^", "P", "v", ">", "<")
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


def write_plots(story: ReportPage, folder: Path) -> list[Path]:
    """Files in a folder, which is made when it is not there. OSError when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    report, metric = charts.drawn_of(story.report), story.report.primary
    drawings: dict[str, Callable[[Any], bool]] = {
        **{_claims_name(plot, metric): _claims(plot) for plot in charts.claim_plots(report)},
        "contrasts": lambda plt: _forest(plt, charts.contrast_rows(report), metric),
        "effects": lambda plt: _forest(plt, charts.effect_rows(report), metric),
        "variants": lambda plt: _means(plt, charts.mean_rows(report, metric), metric),
        "curves": lambda plt: _curves(plt, story, metric),
        **search_figures.drawings(report.search),
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


def _curves(plt: Any, story: ReportPage, metric: MetricInfo) -> bool:
    order = {row.name: one_line(shown(story.report, row)) for row in story.report.variants}
    curves = [curve for curve in story.curves if curve.metric == metric][:_MOST_CURVES]
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
            steps, means, color=COLOURS[place], linestyle=DASHES[place], marker=_MARKS[place], markersize=4, label=order[curve.variant]
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
