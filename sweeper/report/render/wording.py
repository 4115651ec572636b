"""What the formats that people read have in common: the lines above the table, headings, the text of a cell."""

from collections.abc import Sequence

from sweeper.metrics import FINISHING, MetricInfo
from sweeper.report import numbers
from sweeper.report.comparability import DEVICE_FIELD, NOT_APPLICABLE
from sweeper.report.results import ClaimResult, ContrastResult, Report, VariantResult
from sweeper.states import unfinished
from sweeper.stats.summaries import MIN_SEEDS, Summary

_SHORT_HASH = 12
ON_TRAINING = ("train_loss", "align_loss")
"""Metrics of the training itself, which a paper's table leaves out."""
CONTRAST_COLUMNS = ("contrast", "estimate", "95% interval", "seeds")
CLAIM_COLUMNS = ("claim", "estimate", "interval", "p (Holm)", "verdict")
_RULES = {"t": "paired", "welch": "Welch", "block": "block", "assumed": "assumed"}


def facts(report: Report, format: str) -> list[tuple[str, str]]:
    """(label, text) of what stands above the table."""
    found = [
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
        found.append(("Made with", "; ".join(made_with)))
    return [*found, ("Rebuild", rebuild_command(report, format))]


def rebuild_command(report: Report, format: str) -> str:
    return report.command if format == "terminal" else f"{report.command} --format {format}"


def metric_heading(metric: MetricInfo) -> str:
    """The label behind an arrow that points to the better side."""
    return f"{'↓' if metric.direction == 'lower' else '↑'} {metric.label}"


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
    metric = report.primary
    if any(row.metric != metric.name for row in report.contrasts):
        return f"Contrasts (on {metric.name} where no other metric is named; intervals of each alone, unadjusted)"
    return f"Contrasts on {metric.name} ({metric.label}; {metric.direction} is better; intervals of each alone, unadjusted)"


def on_metric(row: ContrastResult | ClaimResult, primary: MetricInfo) -> str:
    """Its name, with its metric where that is not the primary one."""
    return row.name if row.metric in (primary.name, FINISHING.name) else f"{row.name}, on {row.metric}"


def contrast_cells(row: ContrastResult, primary: MetricInfo, planned: int) -> tuple[str, str, str, str]:
    """In the order of CONTRAST_COLUMNS."""
    ends = None if row.interval is None else (row.interval.low, row.interval.high)
    seeds = seeds_text(row.summary, planned)
    return (on_metric(row, primary), numbers.fixed(row.estimate, row.decimals), numbers.interval(ends, row.decimals), seeds)


def seeds_text(summary: Summary, planned: int) -> str:
    """'3/3 paired', '2/3 Welch', '1/1 assumed': how many seeds, and the rule that made an interval of them."""
    return f"{summary.n}/{planned} {_RULES[summary.rule]}"


def claims_heading(report: Report) -> str:
    alpha, count = f"alpha {report.claims[0].alpha:g}", len(report.claims)
    metrics = {row.metric for row in report.claims} - {FINISHING.name}
    if metrics - {report.primary.name}:
        return f"Claims ({alpha}, Holm over {count}; on {report.primary.name} where no other is named)"
    of_trials = any(row.metric == FINISHING.name for row in report.claims)
    on = " and ".join([*metrics, *(["trials that finish"] if of_trials else [])])
    return f"Claims on {on} ({alpha}{f', Holm over {count}' if count > 1 else ''})"


def claim_cells(row: ClaimResult, primary: MetricInfo) -> tuple[list[str], ...]:
    """Lines of each cell, in the order of CLAIM_COLUMNS."""
    interval = [row.interval_text] if row.interval is None else [row.interval_text, f"({100 * row.level:.3g}%)"]
    p = numbers.MISSING if row.p_adjusted is None else numbers.p_value(row.p_adjusted)
    return ([on_metric(row, primary), f"({row.kind.replace('_', ' ')})"], [row.estimate_text], interval, [p], [row.verdict_text])


def contrast_text(row: ContrastResult) -> list[str]:
    """The question, if one was asked, and what came out."""
    return [row.question, row.sentence] if row.question else [row.sentence]


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
