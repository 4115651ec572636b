"""A report for a terminal: no number is ever cut; metrics that do not fit beside each other go to a second table below."""

from collections.abc import Sequence
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sweeper.report import layout
from sweeper.report.escaping import one_line
from sweeper.report.rows import Report

_GAP = 2
"""Spaces between columns."""
_NAME_WIDTHS = (12, 26)
"""Names of variants and contrasts get at least and at most so many columns; what is longer goes on in the next line."""
_LEAST_WIDTH = 40
_ANY_HEIGHT = 100
_BLANK = Text("")


def render_terminal(report: Report, width: int, colour: bool) -> str:
    """Lines of at most `width` columns (more only where one table of a single metric needs them), ANSI colours only when asked for."""
    width = max(width, _LEAST_WIDTH)
    tables = _variant_tables(report, width)
    contrasts = [_contrast_table(report, width)] if report.contrasts else []
    parts: list[RenderableType] = [_pairs(layout.facts(report, "terminal"), "dim")]
    for table in tables:
        parts += [_BLANK, table]
    for table in contrasts:
        parts += [_BLANK, Text(layout.contrasts_heading(report), style="bold"), _BLANK, table, *_sentences(report)]
    effects = [_effect_table(report, width)] if report.effects else []
    for table in effects:
        parts += [_BLANK, Text(layout.effects_heading(report), style="bold"), _BLANK, table]
    claims = [_rows_table(layout.CLAIM_COLUMNS, [layout.claim_cells(row) for row in report.claims], width)] if report.claims else []
    for table in claims:
        parts += [_BLANK, Text(layout.claims_heading(report), style="bold"), _BLANK, table, *_verdicts(report)]
    parts += [_BLANK, Text("Notes", style="bold"), _pairs([("-", note) for note in report.notes])]
    return _to_text(parts, max(width, *(_width_of(table) for table in [*tables, *contrasts, *effects, *claims])), colour)


def _variant_tables(report: Report, width: int) -> list[Table]:
    names = [[one_line(line) for line in layout.name_lines(row)] for row in report.variants]
    states = [layout.state_lines(row) for row in report.variants]
    name_width = min(_NAME_WIDTHS[1], _widest([["variant"], *names]))
    state_width = _widest([["n"], *states])
    cells = [
        [layout.cell_lines(row.cells[metric.name], metric.decimals, row.finished) for row in report.variants] for metric in report.metrics
    ]
    headings = [layout.metric_heading(metric) for metric in report.metrics]
    widths = [_widest([heading.split(), *column]) for heading, column in zip(headings, cells, strict=True)]
    tables = []
    for columns in layout.pack([column + _GAP for column in widths], name_width + _GAP + state_width, width):
        table = _table()
        table.add_column("variant", width=name_width, overflow="fold")
        table.add_column("n", width=state_width)
        for index in columns:
            heading = Text(headings[index], style="cyan" if index == 0 else "")
            table.add_column(heading, width=widths[index], justify="right")
        for number, row in enumerate(report.variants):
            ended = Text("\n".join(states[number]), style="red" if row.diverged or row.failed else "")
            table.add_row(Text("\n".join(names[number])), ended, *(Text("\n".join(cells[index][number])) for index in columns))
        tables.append(table)
    return tables


def _contrast_table(report: Report, width: int) -> Table:
    rows = [[[cell] for cell in layout.contrast_cells(row, len(report.seeds))] for row in report.contrasts]
    return _rows_table(layout.CONTRAST_COLUMNS, rows, width)


def _effect_table(report: Report, width: int) -> Table:
    cells = [layout.effect_cells(row, report.primary.decimals, len(report.seeds)) for row in report.effects]
    return _rows_table(layout.EFFECT_COLUMNS, [[[cell] for cell in row] for row in cells], width)


def _rows_table(columns: Sequence[str], cells: Sequence[Sequence[Sequence[str]]], width: int) -> Table:
    """Cells of one or more lines, the second column (the estimate) to the right; a first column that is too wide is folded."""
    rows = [[[one_line(line) for line in lines] for lines in row] for row in cells]
    widths = [_widest([[label], *(row[index] for row in rows)]) for index, label in enumerate(columns)]
    left = width - sum(column + _GAP for column in widths[1:])
    widths[0] = min(widths[0], max(left, _NAME_WIDTHS[0]))
    table = _table()
    for index, (label, column) in enumerate(zip(columns, widths, strict=True)):
        table.add_column(Text(label), width=column, overflow="fold", justify="right" if index == 1 else "left")
    for row in rows:
        table.add_row(*(Text("\n".join(lines)) for lines in row))
    return table


def _verdicts(report: Report) -> list[RenderableType]:
    found: list[RenderableType] = []
    for row in report.claims:
        found += [_BLANK, Text(one_line(row.name), style="bold", overflow="fold")]
        found.append(Padding(Text(one_line(row.sentence), overflow="fold"), (0, 0, 0, _GAP)))
    return found


def _sentences(report: Report) -> list[RenderableType]:
    found: list[RenderableType] = []
    for row in report.contrasts:
        found += [_BLANK, Text(one_line(row.name), style="bold", overflow="fold")]
        found += [Padding(Text(one_line(line), overflow="fold"), (0, 0, 0, _GAP)) for line in layout.contrast_text(row)]
    return found


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")


def _width_of(table: Table) -> int:
    return sum((column.width or 0) + _GAP for column in table.columns) - _GAP


def _pairs(rows: Sequence[tuple[str, str]], style: str = "") -> Table:
    """A short mark or label, and the text that belongs to it, wrapped beside it."""
    grid = Table.grid(padding=(0, _GAP if style else 1, 0, 0))
    grid.add_column(no_wrap=True, style=style)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(label), Text(one_line(text)))
    return grid


def _widest(cells: Sequence[Sequence[str]]) -> int:
    return max(cell_len(line) for lines in cells for line in lines)


def _to_text(parts: Sequence[RenderableType], width: int, colour: bool) -> str:
    """Everything rich would otherwise ask the environment for is given, so that equal reports are equal bytes."""
    console = Console(
        file=StringIO(),
        width=width,
        height=_ANY_HEIGHT,
        force_terminal=colour,
        force_jupyter=False,
        force_interactive=False,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))
