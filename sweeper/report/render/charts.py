"""The plots of a page: each is a Vega-Lite specification without its rows, and the rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.report import numbers
from sweeper.report.page import MOST_DRAWN, ReportPage
from sweeper.report.render import chart_specs, search_charts, wording
from sweeper.report.render.report_tables import shown
from sweeper.report.results import ClaimResult, ContrastResult, Report
from sweeper.states import TRIAL_STATES
from sweeper.stats.summaries import Summary
from sweeper.visible import one_line

Rows = list[dict[str, Any]]
_LARGEST_LOG = 50.0
"""Beyond it a change in % is no number to look at."""


@dataclass(frozen=True)
class Plot:
    """One plot of a figure; a figure with several lets its reader choose."""

    label: str
    spec: dict[str, Any]
    rows: Rows


@dataclass(frozen=True)
class ClaimPlot(Plot):
    """The claims on one metric, on one scale."""

    metric: MetricInfo
    in_percent: bool


@dataclass(frozen=True)
class Figure:
    """What stands together under one heading."""

    key: str
    title: str
    caption: str
    plots: tuple[Plot, ...]
    variants: tuple[str, ...] = ()
    """Names to choose from, where a plot would be too full with all of them."""
    choice: str = "Metric"
    """What its plots differ by."""


def figures(page: ReportPage) -> list[Figure]:
    """In the order of a page; those without rows are left out."""
    report = drawn_of(page.report)
    all_figures = [
        *_of_search(report),
        Figure(
            "claims",
            "Claims",
            "Estimate with the interval of its test. A filled circle: supported; a hollow diamond: inconclusive; a cross: refuted; "
            "a hollow triangle: interim, no verdict yet; a hollow square: exploratory. Ticks mark the margin.",
            claim_plots(report),
        ),
        Figure(
            "contrasts",
            "Contrasts",
            "Estimate and 95% interval. A filled circle: the interval excludes 0; a hollow diamond: it holds 0. "
            "Small ticks mark the margin where one was declared.",
            (_forest_plot(report, contrast_rows(report)),),
        ),
        Figure(
            "means",
            "Variants",
            "Mean over training seeds with its 95% interval; every seed is a thin tick.",
            tuple(_means_plot(report, metric) for metric in report.metrics),
        ),
        Figure(
            "effects",
            "Effects",
            "Main, simple and interaction effects on the primary metric, declared or not; not corrected for their number.",
            (_forest_plot(report, effect_rows(report)),),
        ),
        _curves(page, report),
        Figure(
            "cost",
            "Cost against quality",
            "Training time of a trial (its steps by its steps per second; evaluations not counted) against the primary metric: "
            "means over seeds.",
            (_cost_plot(page, report),),
        ),
    ]
    whole = page.report
    kept = []
    for figure in all_figures:
        shown, many = (len(_drawn(one, figure.key)) for one in (report, whole))
        cut = f" The first {shown:,} of {many:,}." if many > shown else ""
        kept.append(replace(figure, caption=figure.caption + cut, plots=tuple(plot for plot in figure.plots if plot.rows)))
    return [figure for figure in kept if figure.plots]


def _drawn(report: Report, key: str) -> Sequence[object]:
    """What the figure of that name draws."""
    match key:
        case "claims":
            return report.claims
        case "contrasts":
            return report.differences
        case "effects":
            return report.effects
    return report.variants


def drawn_of(report: Report) -> Report:
    """The report with no more of anything than plots show."""
    return replace(
        report,
        variants=report.variants[:MOST_DRAWN],
        contrasts=_first_contrasts(report),
        effects=report.effects[:MOST_DRAWN],
    )


def _first_contrasts(report: Report) -> tuple[ContrastResult, ...]:
    """Those among the first claims, and among the first differences: they stand in plots of their own."""
    claimed = [row for row in report.contrasts if row.claim is not None][:MOST_DRAWN]
    names = {row.name for row in (*claimed, *report.differences[:MOST_DRAWN])}
    return tuple(row for row in report.contrasts if row.name in names)


def _of_search(report: Report) -> list[Figure]:
    if report.search is None:
        return []
    plots = search_charts.search_plots(report.search)
    return [
        Figure(key, title, caption, tuple(Plot(plot.label, plot.spec, plot.rows) for plot in plots if plot.figure == key), choice=choice)
        for key, (title, caption, choice) in search_charts.FIGURES.items()
    ]


def claim_plots(report: Report) -> tuple[ClaimPlot, ...]:
    """For each metric that claims are on, the primary first: one in its units, one for claims on its log, read as a change in %."""
    plots = []
    for name in dict.fromkeys((report.primary.name, *(claim.metric for claim in report.claims))):
        metric = report.known.info(name)
        for on_log in (False, True):
            claims = [claim for claim in report.claims if (claim.metric, claim.on_log) == (name, on_log) and claim.estimate is not None]
            rows = [_claim_row(claim) for claim in claims]
            spec = chart_specs.forest_spec(metric, rows, chart_specs.VERDICTS, "%" if on_log else "")
            plots.append(ClaimPlot(f"{metric.label}, in %" if on_log else metric.label, spec, rows, metric, on_log))
    return tuple(plots)


def _claim_row(claim: ClaimResult) -> dict[str, Any]:
    def scaled(value: float | None) -> float | None:
        return value if value is None or not claim.on_log else 100 * math.expm1(min(value, _LARGEST_LOG))

    ends = (None, None) if claim.interval is None else (claim.interval.low, claim.interval.high)
    margin = claim.smallest_effect_value if claim.margin_value is None else claim.margin_value
    return {
        "name": one_line(claim.name),
        "estimate": scaled(claim.estimate),
        "low": scaled(ends[0]),
        "high": scaled(ends[1]),
        "said": f"{claim.estimate_text} {claim.interval_text}, {claim.verdict_text}",
        "reading": claim.verdict,
        "margin": scaled(margin),
        "opposite": scaled(None if margin is None else -margin),
    }


def _forest_plot(report: Report, rows: Rows) -> Plot:
    return Plot("", chart_specs.forest_spec(report.primary, rows), rows)


def _means_plot(report: Report, metric: MetricInfo) -> Plot:
    rows = mean_rows(report, metric)
    return Plot(wording.metric_heading(metric), chart_specs.means_spec(metric, rows), rows)


def contrast_rows(report: Report) -> Rows:
    """Estimate, ends of the interval, margin, and what they say, of each contrast on the primary metric that has an estimate."""
    found = [row for row in report.differences if row.estimate is not None and row.metric == report.primary.name]
    return [_interval_row(row.name, row.summary, row.decimals, row.margin) for row in found]


def effect_rows(report: Report) -> Rows:
    """As `contrast_rows`, of each effect."""
    return [
        _interval_row(e.name, e.summary, numbers.decimals_of(e.summary.interval, report.primary.decimals))
        for e in report.effects
        if e.summary.mean is not None
    ]


def _interval_row(name: str, summary: Summary, decimals: int, margin: float | None = None) -> dict[str, Any]:
    ends = None if summary.interval is None else (summary.interval.low, summary.interval.high)
    text = f"{numbers.fixed(summary.mean, decimals)} {numbers.interval(ends, decimals)}, n = {summary.n}"
    reading = "no interval" if ends is None else "holds 0" if ends[0] <= 0 <= ends[1] else "excludes 0"
    low, high = ends or (None, None)
    row = {"name": one_line(name), "estimate": summary.mean, "low": low, "high": high, "said": text, "reading": reading}
    return row | {"margin": margin, "opposite": None if margin is None else -margin}


def mean_rows(report: Report, metric: MetricInfo) -> Rows:
    """A row of kind `mean` per variant, and one of kind `seed` per value behind it."""
    rows: Rows = []
    for row in report.variants:
        summary, name = row.cells[metric.name], one_line(shown(report, row))
        if summary.mean is None:
            continue
        half = summary.half_width or 0
        text = f"{numbers.plus_minus(summary.mean, summary.half_width, metric.decimals)}, n = {summary.n}"
        rows.append(
            {"kind": "mean", "name": name, "value": summary.mean, "low": summary.mean - half, "high": summary.mean + half, "said": text}
        )
        rows += [
            {"kind": "seed", "name": name, "value": value, "said": f"seed {seed}: {numbers.fixed(value, metric.decimals)}"}
            for seed, value in summary.by_seed.items()
        ]
    return rows


def _curves(page: ReportPage, report: Report) -> Figure:
    names = {row.name: one_line(shown(report, row)) for row in report.variants}
    drawn = tuple(dict.fromkeys(names[curve.variant] for curve in page.curves))
    plots = []
    for metric in dict.fromkeys(curve.metric for curve in page.curves):
        rows = [
            {
                "variant": names[curve.variant],
                "step": step,
                "value": summary.mean,
                "low": summary.interval.low if summary.interval else summary.mean,
                "high": summary.interval.high if summary.interval else summary.mean,
                "said": f"{numbers.plus_minus(summary.mean, summary.half_width, metric.decimals)}, n = {summary.n}",
            }
            for curve in page.curves
            if curve.metric == metric
            for step, summary in curve.points
        ]
        plots.append(Plot(wording.metric_heading(metric), chart_specs.curve_spec(metric, drawn), rows))
    caption = "Mean over training seeds; the band is its 95% interval at each step (none with fewer than 3 seeds)."
    return Figure("curves", "Over training", caption, tuple(plots), drawn)


def _cost_plot(page: ReportPage, report: Report) -> Plot:
    rows = _cost_rows(page, report)
    return Plot("", chart_specs.cost_spec(report.primary, rows), rows)


def _cost_rows(page: ReportPage, report: Report) -> Rows:
    seconds: dict[str, list[float]] = {}
    for trial in page.trials:
        speed = trial.metrics.get("steps_per_second", 0.0)
        if TRIAL_STATES[trial.state].has_result and speed > 0:
            seconds.setdefault(trial.variant, []).append(trial.steps / speed)
    rows: Rows = []
    for row in report.variants:
        summary, times = row.cells[report.primary.name], seconds.get(row.name)
        if summary.mean is None or not times:
            continue
        half, cost = summary.half_width or 0, sum(times) / len(times)
        said = f"{numbers.plus_minus(summary.mean, summary.half_width, report.primary.decimals)} after {cost:,.0f} s, n = {summary.n}"
        ends = {"low": summary.mean - half, "high": summary.mean + half}
        rows.append({"name": one_line(shown(report, row)), "seconds": cost, "value": summary.mean, "said": said} | ends)
    middle = (min(row["seconds"] for row in rows) + max(row["seconds"] for row in rows)) / 2 if rows else 0
    return [row | {"side": "left" if row["seconds"] <= middle else "right"} for row in rows]
