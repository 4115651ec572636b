"""What the formats that people read have in common: the lines above the table, headings, the text of a cell."""

import re
from collections.abc import Sequence

from sweeper.metrics import FINISHING, MetricInfo
from sweeper.report import numbers
from sweeper.report.comparability import DEVICE_FIELD, NOT_APPLICABLE
from sweeper.report.results import ContrastResult, Report, VariantResult
from sweeper.states import unfinished
from sweeper.stats.summaries import CONFIDENCE, MIN_SEEDS, Summary

_SHORT_HASH = 12
ON_TRAINING = ("train_loss", "align_loss")
"""Metrics of the training itself, which a paper's table leaves out."""
CONTRAST_COLUMNS = ("contrast", "estimate", "95% interval", "seeds")
CLAIM_COLUMNS = ("contrast", "estimate", "interval", "seeds", "p (Holm)", "verdict")
_RULES = {"t": "paired", "paired": "paired", "welch": "Welch", "block": "block", "assumed": "assumed", "exact": "exact", "score": "score"}


def facts(report: Report, format: str) -> list[tuple[str, str]]:
    """(label, text) of what stands above the table."""
    rows = [
        ("Question", report.question),
        ("Sweep", f"{report.name}, profile {report.profile}, version {report.version[:_SHORT_HASH]}"),
        ("Store", f"snapshot {report.snapshot}"),
        ("Newest result", "none yet" if report.newest_result is None else f"{numbers.in_utc(report.newest_result):%Y-%m-%d %H:%M} UTC"),
        ("Device", report.device or "not recorded"),
    ]
    made_with = [
        f"{name} {' or '.join(values)}"
        for name, values in report.comparability.items()
        if name != DEVICE_FIELD and values != (NOT_APPLICABLE,)
    ]
    if made_with:
        rows.append(("Made with", "; ".join(made_with)))
    return [*rows, ("Rebuild", rebuild_command(report, format))]


def rebuild_command(report: Report, format: str) -> str:
    return report.command if format == "terminal" else f"{report.command} --format {format}"


def metric_heading(metric: MetricInfo, shown: str | None = None) -> str:
    """The label behind an arrow that points to the better side, where one is. `shown` stands in for the metric's own label."""
    label = shown or metric.label
    return f"{'↓' if metric.direction == 'lower' else '↑'} {label}" if metric.has_better_side else label


def state_lines(row: VariantResult) -> list[str]:
    """'2/3', and what became of the others where that is known."""
    return [f"{row.finished}/{row.planned}", *unfinished(row.states)]


def cell_lines(cell: Summary, decimals: int, finished: int) -> list[str]:
    """'11.40 ± 0.30'; and n where it is too small for an interval, or not the n of the row."""
    value = numbers.plus_minus(cell.mean, cell.half_width, decimals)
    if cell.rule == "assumed":
        return [value, f"(n={cell.n}, assumed)"]
    if 0 < cell.n < MIN_SEEDS:
        return [value, f"(n={cell.n}, no interval)"]
    return [value] if cell.n == finished else [value, f"(n={cell.n})"]


def contrasts_heading(report: Report) -> str:
    metric, claims = report.primary, report.claims
    others = any(row.metric not in (metric.name, FINISHING.name) for row in report.contrasts)
    unadjusted = "intervals of each alone, unadjusted"
    if claims:
        tested = f"alpha {claims[0].alpha:g}" + (f", Holm over {len(claims)}" if len(claims) > 1 else "")
        unadjusted = tested + ("; where nothing is claimed, intervals are unadjusted" if len(claims) < len(report.contrasts) else "")
    if not report.differences:
        return f"Contrasts on trials that finish ({unadjusted})"
    if others:
        return f"Contrasts (on {metric.name} where no other metric is named; {unadjusted})"
    return f"Contrasts on {metric.name} ({metric.label}; {metric.direction} is better; {unadjusted})"


def contrast_cells(row: ContrastResult, report: Report) -> tuple[list[str], ...]:
    """Lines of each cell, in the order of CONTRAST_COLUMNS, and of CLAIM_COLUMNS where the report has a claim."""
    planned, claim = len(report.seeds), row.claim
    # A claim on the share of trials that finish says so by its kind.
    name = row.name if row.metric in (report.primary.name, FINISHING.name) else f"{row.name}, on {row.metric}"
    ends = None if row.interval is None else (row.interval.low, row.interval.high)
    interval = numbers.interval(ends, row.decimals)
    if not report.claims:
        return [name], [numbers.fixed(row.estimate, row.decimals)], [interval], [seeds_text(row.summary, planned)]
    if claim is None:
        level = [] if ends is None else [f"({CONFIDENCE:.0%})"]
        seeds = seeds_text(row.summary, planned).split()
        return [name], [numbers.fixed(row.estimate, row.decimals)], [interval, *level], seeds, [numbers.MISSING], [numbers.MISSING]
    level = [] if claim.interval is None else [f"({100 * claim.level:.3g}%)"]
    seeds = seeds_text(row.summary, planned).split() if claim.rule is None else [f"{claim.seeds}/{planned}", _RULES[claim.rule]]
    p = numbers.MISSING if claim.p_adjusted is None else numbers.p_value(claim.p_adjusted)
    kind = f"({claim.kind.replace('_', ' ')})"
    return [name, kind], [claim.estimate_text], [claim.interval_text, *level], seeds, [p], re.split(r"(?<=[:,]) ", claim.verdict_text)


def seeds_text(summary: Summary, planned: int) -> str:
    """'3/3 paired', '2/3 Welch', '1/1 assumed': how many seeds, and the rule that made an interval of them."""
    return f"{summary.n}/{planned} {_RULES[summary.rule]}"


def contrast_text(row: ContrastResult) -> list[str]:
    """The question, if one was asked, and what came out: of a claim on its own scale, and the estimate in units of the metric too."""
    question = [row.question] if row.question else []
    if row.claim is None:
        return [*question, row.sentence]
    units = []
    if row.estimate is not None and (row.claim.on_log or row.claim.estimate is None):
        # A claim may stand at an earlier look; the difference in units is over all seeds that have a value.
        over = "" if row.claim.seeds == row.n_pairs else f", over {numbers.plural(row.n_pairs, 'seed')}"
        units = [f"In units of {row.metric}{over}: {numbers.fixed(row.estimate, row.decimals)}."]
    return [*question, " ".join((row.claim.sentence, *units, *row.remarks))]


def pack(widths: Sequence[int], first: int, available: int) -> list[list[int]]:
    """Column numbers of one or more tables that each fit in `available`, in order, each with at least one column.

    `widths` and `first` (the columns that every table repeats) include the gaps beside them.
    """
    tables: list[list[int]] = []
    used = 0
    for index, width in enumerate(widths):
        if not tables or used + width > available:
            tables.append([])
            used = first
        tables[-1].append(index)
        used += width
    return tables
