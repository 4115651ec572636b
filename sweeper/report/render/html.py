"""A report as one HTML file that needs no network: tables, plots, samples and trials, for reading on a screen of any width."""

import base64
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby
from typing import Any

from sweeper.report.page import ReportPage, SampleGrid
from sweeper.report.render import wording
from sweeper.report.render.analysis_charts import DrawnSection, analysis_pictures
from sweeper.report.render.charts import Figure, figures
from sweeper.report.render.report_tables import cut, tables_of
from sweeper.report.render.table import Column, Table
from sweeper.report.render.trial_table import trial_data
from sweeper.visible import one_line

_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_MOST_ROWS, _MOST_CELLS, _MOST_NOTES = 300, 10_000, 300
"""Of a table, and of the notes: a page says how many more there are, and which command prints them."""
_PLOTS_CHECKED = 8
"""Variants whose curves are drawn before the reader chooses."""


def render_html(page: ReportPage, bundle: str | None = None) -> str:
    """The page; equal pages and bundles give equal bytes. `bundle` is the script that draws, that of `vega_bundle` where None."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    report = page.report
    drawn, analyses = figures(page), analysis_pictures(report)
    measured = {name for trial in page.trials for name in trial.metrics}
    trials = trial_data(page.trials, [metric for metric in report.metrics if metric.name in measured])
    text = environment.get_template("page.html.j2").render(
        report=report,
        facts=wording.facts(report, "html"),
        tables=[_narrowed(table) for table in tables_of(report, _MOST_ROWS)],
        notes=report.notes[:_MOST_NOTES],
        rebuild=wording.rebuild_command(report, "csv"),
        heading_groups=heading_groups,
        figures=drawn,
        checked=_PLOTS_CHECKED,
        analyses=analyses,
        content=Markup(script_json({"plots": _plots(drawn) | _of_analyses(analyses), "trials": trials.content})),
        samples=list(_samples(page.grids)),
        left_out=page.left_out,
        trials=trials,
        name=json.dumps(report.name),
        css=Markup(_source("page.css")),
        script=Markup(_source("page.js")),
        bundle=Markup((vega_bundle() if bundle is None else bundle).replace("</script", "<\\/script").replace("<!--", "<\\!--")),
    )
    return f"{text.rstrip()}\n"


def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, as the installed vl-convert holds them; takes some seconds to put together."""
    import vl_convert

    bundled: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundled


def script_json(value: Any) -> str:
    """JSON that nothing in a script element can end: `<`, `>` and `&` are escaped, and what is not ASCII too."""
    return json.dumps(_short(value), sort_keys=True, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _short(value: Any) -> Any:
    """With as many digits as a plot can show."""
    match value:
        case dict():
            return {name: _short(inner) for name, inner in value.items()}
        case list():
            return [_short(inner) for inner in value]
        case float():
            return float(f"{value:.6g}")
    return value


def heading_groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """(shared heading, how many columns it spans); empty when no column has one."""
    if not any(column.group for column in columns):
        return []
    return [(group, len(list(members))) for group, members in groupby(columns, key=lambda column: column.group)]


def _source(name: str) -> str:
    return (files("sweeper.report.render") / "page" / name).read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    """Every text that a template prints, but for our own markup: on one line, with nothing that a reader cannot see."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _narrowed(table: Table) -> Table:
    """Fewer rows where they are long."""
    return cut(table, max(20, _MOST_CELLS // max(len(table.columns), 1)))


def _plots(drawn: Iterable[Figure]) -> dict[str, Any]:
    return {figure.key: [{"label": plot.label, "spec": plot.spec, "rows": plot.rows} for plot in figure.plots] for figure in drawn}


def _of_analyses(analyses: Iterable[DrawnSection]) -> dict[str, Any]:
    """One specification stands for all choices of a picture: written for each, they would be most of the page."""
    return {
        picture.key: [
            {"label": choice.label, "spec": None if place else picture.spec, "rows": choice.rows}
            for place, choice in enumerate(picture.choices)
        ]
        for section in analyses
        for picture in section.pictures
    }


def _samples(grids: Sequence[SampleGrid]) -> Iterable[dict[str, Any]]:
    """By training seed: every variant's picture."""
    for seed in dict.fromkeys(grid.seed for grid in grids):
        mine = [grid for grid in grids if grid.seed == seed]
        yield {
            "seed": seed,
            "columns": max(grid.columns for grid in mine),
            "rows": [{"variant": s.variant, "source": f"data:image/png;base64,{base64.b64encode(s.png).decode()}"} for s in mine],
        }
