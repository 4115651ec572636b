"""Plots as files for a paper: SVG and PDF by matplotlib, the same bytes for the same story.

`claims` and `contrasts` (forest plots), `effects`, `variants` (means of the primary metric) and `curves`; what has nothing to draw is
left out.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.report import charts
from sweeper.report.layouts import shown
from sweeper.report.story import Story
from sweeper.visible import one_line

FORMATS = ("svg", "pdf")
_WIDTH = 5.5
"""Inches: a text column of most papers."""
_ROW = 0.42
_MOST_CURVES = 8
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same outlines everywhere
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "sweeper",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "savefig.bbox": "tight",
    "path.simplify": False,
}
_COLOURS = ("#0b57a4", "#b3530b", "#1f7a4d", "#8a3ea8", "#9a6b00", "#0c7489", "#a3231d", "#565d66")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
_MARKS = ("o", "s", "D", "^", "P", "v", ">", "<")
_READINGS = {
    "excludes 0": ("o", True, "95% interval excludes 0"),
    "holds 0": ("D", False, "95% interval holds 0"),
    "no interval": ("^", False, "no interval"),
    "supported": ("o", True, "supported"),
    "inconclusive": ("D", False, "inconclusive"),
    "refuted": ("X", False, "refuted"),
}
"""Mark, whether it is filled, and what a legend says."""


def write_plots(story: Story, folder: Path) -> list[Path]:
    """Files in a folder, which is made when it is not there. OSError when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    metric = story.report.primary
    drawings: dict[str, Callable[[Any], bool]] = {
        **{f"claims{'-in-percent' * place}": _claims(plot, metric, place) for place, plot in enumerate(charts.claim_plots(story.report))},
        "contrasts": lambda plt: _forest(plt, charts.contrast_rows(story.report), metric),
        "effects": lambda plt: _forest(plt, charts.effect_rows(story.report), metric),
        "variants": lambda plt: _means(plt, charts.mean_rows(story.report, metric), metric),
        "curves": lambda plt: _curves(plt, story, metric),
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

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A script that the font lacks is drawn as boxes; the tables spell the name.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield plt


def _claims(plot: charts.Plot, metric: MetricInfo, in_percent: int) -> Callable[[Any], bool]:
    return lambda plt: _forest(plt, plot.rows, metric, " (%)" if in_percent else "")


def _forest(plt: Any, rows: Sequence[Mapping[str, Any]], metric: MetricInfo, unit: str = "") -> bool:
    if not rows:
        return False
    _, axes = plt.subplots(figsize=(_WIDTH, _ROW * len(rows) + 0.9))
    axes.axvline(0, color="black", linewidth=0.6, linestyle=(0, (3, 3)))
    for place, row in enumerate(rows):
        mark, filled, _ = _READINGS[row["reading"]]
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color="black", linewidth=1)
        for end in ("margin", "opposite"):
            if row[end] is not None:
                axes.plot([row[end]] * 2, [place - 0.18, place + 0.18], color=_COLOURS[1], linewidth=1.2)
        axes.plot([row["estimate"]], [place], mark, color=_COLOURS[0], markersize=5, markerfacecolor=_COLOURS[0] if filled else "white")
        _above(axes, place, row["name"], row["said"])
    better = "left" if metric.direction == "lower" else "right"
    _finish(axes, len(rows), f"difference in {metric.label}{unit} ({better} of 0 is better)")
    seen = [reading for reading in _READINGS if any(row["reading"] == reading for row in rows)]
    for reading in seen:
        mark, filled, said = _READINGS[reading]
        face = _COLOURS[0] if filled else "white"
        axes.plot([], [], mark, color=_COLOURS[0], markersize=5, markerfacecolor=face, label=said)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
    return True


def _means(plt: Any, rows: Sequence[Mapping[str, Any]], metric: MetricInfo) -> bool:
    means = [row for row in rows if row["kind"] == "mean"]
    if not means:
        return False
    _, axes = plt.subplots(figsize=(_WIDTH, _ROW * len(means) + 0.7))
    for place, row in enumerate(means):
        axes.plot([row["low"], row["high"]], [place, place], color="black", linewidth=1)
        seeds = [other["value"] for other in rows if other["kind"] == "seed" and other["name"] == row["name"]]
        axes.plot(seeds, [place] * len(seeds), "|", color=_COLOURS[1], markersize=7)
        axes.plot([row["value"]], [place], "o", color=_COLOURS[0], markersize=5)
        _above(axes, place, row["name"], row["said"])
    _finish(axes, len(means), f"{metric.label} ({metric.direction} is better)")
    return True


def _curves(plt: Any, story: Story, metric: MetricInfo) -> bool:
    order = {row.name: one_line(shown(story.report, row)) for row in story.report.variants}
    curves = [curve for curve in story.curves if curve.metric == metric][:_MOST_CURVES]
    if not curves:
        return False
    _, axes = plt.subplots(figsize=(_WIDTH, 3.2))
    for place, curve in enumerate(curves):
        steps = [step for step, _ in curve.points]
        means = [summary.mean for _, summary in curve.points]
        halves = [summary.half_width or 0.0 for _, summary in curve.points]
        low = [mean - half for mean, half in zip(means, halves, strict=True) if mean is not None]
        high = [mean + half for mean, half in zip(means, halves, strict=True) if mean is not None]
        axes.fill_between(steps, low, high, color=_COLOURS[place], alpha=0.15, linewidth=0)
        axes.plot(
            steps, means, color=_COLOURS[place], linestyle=_DASHES[place], marker=_MARKS[place], markersize=4, label=order[curve.variant]
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
