"""The tables of a search: what was best so far, which factors matter, what was confirmed."""

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal
from sweeper.report import numbers
from sweeper.report.render import wording
from sweeper.report.render.table import Cell, Column, Quantity, Row, Table, text_cell
from sweeper.report.results import Report
from sweeper.report.search_results import SearchResult, setting

OPTIMISM = "By how much of its confirmed mean a value of the search was too good. The claims rest on the fresh seeds alone."
IMPORTANCE = (
    "Share of what the factors explain of the search's values, by PED-ANOVA; a description of what was tried, not a test. A factor is"
    " looked at where it changes something."
)


def search_tables(report: Report) -> list[Table]:
    """None for another design; those without a row are left out."""
    if report.search is None:
        return []
    rows = report.search
    tables = [_confirmed(rows), _best_so_far(rows), _front(rows), _importances(rows)]
    return [table for table in tables if table.rows]


def _confirmed(rows: SearchResult) -> Table:
    metric = rows.primary
    columns = (
        Column("confirmed"),
        Column("by the search", kind="number"),
        Column("on fresh seeds", kind="number", leading=True),
        Column("seeds", kind="number"),
        Column("optimism", kind="number"),
    )
    found = [
        Row(
            (
                text_cell(row.variant),
                _number(row.found, metric),
                _number(row.confirmed, metric),
                text_cell(str(row.seeds)),
                text_cell(numbers.MISSING if row.optimism is None else f"{100 * row.optimism:+.1f}%"),
            )
        )
        for row in rows.confirmed
    ]
    return Table(f"Confirmed: {metric.label}", columns, tuple(found), stub=1, details=(("optimism", (OPTIMISM,)),))


def _best_so_far(rows: SearchResult) -> Table:
    hours = rows.seconds
    columns = (
        Column("best so far"),
        *(Column(wording.metric_heading(metric), kind="number", leading=metric == rows.primary) for metric in rows.objectives),
        Column("device hours", kind="number"),
        Column("setting"),
    )
    found = [
        Row(
            (
                text_cell(f"proposal {number + 1}"),
                *_values(rows, rows.proposals[number]),
                text_cell(f"{hours[number] / 3600:.3g}"),
                _set(rows, number),
            )
        )
        for number in rows.incumbents
    ]
    return Table("Search: best so far", columns, tuple(found), stub=1)


def _front(rows: SearchResult) -> Table:
    columns = (
        Column("front"),
        *(Column(wording.metric_heading(metric), kind="number", leading=metric == rows.primary) for metric in rows.objectives),
        Column("setting"),
    )
    found = [
        Row((text_cell(f"proposal {number + 1}"), *_values(rows, rows.proposals[number]), _set(rows, number))) for number in rows.front
    ]
    return Table("Search: front of the objectives", columns, tuple(found), stub=1)


def _importances(rows: SearchResult) -> Table:
    columns = (Column("factor"), Column("importance", kind="number"))
    found = [Row((text_cell(name), text_cell(f"{100 * share:.0f}%"))) for name, share in rows.importances.items()]
    return Table("Search: importance of the factors", columns, tuple(found), stub=1, details=(("importance", (IMPORTANCE,)),))


def _values(rows: SearchResult, proposal: Proposal) -> list[Cell]:
    return [_number(value, metric) for value, metric in zip(proposal.values, rows.objectives, strict=True)]


def _set(rows: SearchResult, number: int) -> Cell:
    return text_cell(setting(rows.proposals[number]))


def _number(value: float | None, metric: MetricInfo) -> Cell:
    quantity = None if value is None else Quantity(value, None, metric.decimals)
    return Cell((numbers.fixed(value, metric.decimals),), quantity)
