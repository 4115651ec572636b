"""Pictures of analyses as files: what the page shows before its reader chooses."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Any

from sweeper.report.analysis_sentences import value_text
from sweeper.report.render.analysis_charts import Picture, analysis_pictures, domain_of
from sweeper.report.render.plot_style import COLOURS, DASHES, MARKS, WIDTH
from sweeper.report.results import Report

_ACROSS = 2
"""Panels beside each other."""
_MOST_WRITTEN = 8
"""Columns of a heat map with the number in each cell."""
_MAPS = {"viridis": "viridis", "blueorange": "PuOr_r"}
"""The page's scales of colours, and those of matplotlib that are nearest."""


def analysis_drawings(report: Report) -> dict[str, Callable[[Any], bool]]:
    """File name -> what draws it. Arrays of one name, whose axes differ between variants, are numbered from the second on."""
    found: dict[str, Callable[[Any], bool]] = {}
    for section in analysis_pictures(report):
        for picture in section.pictures:
            base = f"analysis-{re.sub(r'[^A-Za-z0-9_-]', '_', picture.name)}"
            name = next(name for name in chain([base], (f"{base}-{n}" for n in count(2))) if name not in found)
            found[name] = functools.partial(_draw, picture)
    return found


def _draw(picture: Picture, plt: Any) -> bool:
    draw = {"heat": _heat, "lines": _lines, "bars": _bars, "means": _means}[picture.kind]
    rows = picture.choices[0].rows
    figure = draw(picture, rows, plt)
    label = picture.choices[0].label
    figure.suptitle(f"{picture.title}{f' ({label})' if label else ''}", fontsize=8, x=0.02, ha="left")
    figure.tight_layout()
    return bool(rows)


def _panels(picture: Picture, plt: Any, height: float) -> tuple[Any, Mapping[str, Any]]:
    down = -(-len(picture.panels) // _ACROSS)
    figure, grid = plt.subplots(down, _ACROSS, figsize=(WIDTH, height * down + 0.3), squeeze=False)
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < len(picture.panels))
    chosen = dict(zip(picture.panels, grid.flat, strict=False))
    for name, axes in chosen.items():
        axes.set_title(name, fontsize=8, loc="left")
    return figure, chosen


def _heat(picture: Picture, rows: Sequence[Mapping[str, Any]], plt: Any) -> Any:
    down, across = picture.axes
    (low, high), scheme = domain_of([row["value"] for choice in picture.choices for row in choice.rows])
    figure, panels = _panels(picture, plt, 0.26 * len(down.values) + 0.7)
    places = [{value: place for place, value in enumerate(axis.values)} for axis in (down, across)]
    for name, axes in panels.items():
        values = [[float("nan")] * len(across.values) for _ in down.values]
        for row in rows:
            if row["panel"] == name:
                values[places[0][row["y"]]][places[1][row["x"]]] = row["value"]
        image = axes.pcolormesh(values, cmap=_MAPS[scheme], vmin=low, vmax=high)
        axes.set_xticks([place + 0.5 for place in range(len(across.values))], [value_text(value) for value in across.values])
        axes.set_yticks([place + 0.5 for place in range(len(down.values))], [value_text(value) for value in down.values])
        axes.set_xlabel(across.name)
        axes.set_ylabel(down.name)
        for row in rows:
            if row["panel"] == name and len(across.values) <= _MOST_WRITTEN:
                red, green, blue, _ = image.cmap(image.norm(row["value"]))
                ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"
                axes.text(
                    places[1][row["x"]] + 0.5, places[0][row["y"]] + 0.5, row["text"], ha="center", va="center", fontsize=6, color=ink
                )
    return figure


def _lines(picture: Picture, rows: Sequence[Mapping[str, Any]], plt: Any) -> Any:
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    for place, name in enumerate(dict.fromkeys(row["variant"] for row in rows)):
        mine = [row for row in rows if row["variant"] == name]
        x = [row["x"] for row in mine]
        axes.fill_between(x, [row["low"] for row in mine], [row["high"] for row in mine], color=COLOURS[place], alpha=0.15, linewidth=0)
        values = [row["value"] for row in mine]
        axes.plot(x, values, color=COLOURS[place], linestyle=DASHES[place], marker=MARKS[place], markersize=4, label=name)
    axes.set_xlabel(picture.axes[0].name)
    axes.legend(ncols=2, loc="best")
    return figure


def _bars(picture: Picture, rows: Sequence[Mapping[str, Any]], plt: Any) -> Any:
    figure, panels = _panels(picture, plt, 0.3 * len(picture.axes[0].values) + 0.6)
    for name, axes in panels.items():
        mine = [row for row in rows if row["panel"] == name]
        halves = [(row["high"] - row["low"]) / 2 for row in mine]
        axes.barh([row["x"] for row in mine], [row["value"] for row in mine], xerr=halves, color=COLOURS[0], height=0.5, capsize=2)
        axes.invert_yaxis()
    return figure


def _means(picture: Picture, rows: Sequence[Mapping[str, Any]], plt: Any) -> Any:
    means = [row for row in rows if row["kind"] == "mean"]
    figure, axes = plt.subplots(figsize=(WIDTH, 0.3 * len(means) + 0.7))
    for place, row in enumerate(means):
        seeds = [other["value"] for other in rows if other["kind"] == "seed" and other["name"] == row["name"]]
        axes.plot([row["low"], row["high"]], [place, place], color="black", linewidth=1)
        axes.plot(seeds, [place] * len(seeds), "|", color=COLOURS[1], markersize=7)
        axes.plot([row["value"]], [place], "o", color=COLOURS[0], markersize=5)
    axes.set_yticks(range(len(means)), [row["name"] for row in means])
    axes.invert_yaxis()
    return figure
