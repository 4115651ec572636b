"""A report for a terminal: no number is ever cut; metrics that do not fit beside each other go to a second table below."""

from collections.abc import Sequence
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sweeper.report.render import wording
from sweeper.report.render.report_tables import tables_of
from sweeper.report.render.table import Cell
from sweeper.report.render.table import Table as Content
from sweeper.report.results import Report
from sweeper.visible import one_line

_GAP = 2
"""Spaces between columns."""
_NAME_WIDTHS = (12, 26)
"""Names of variants and contrasts get at least and at most so many columns; what is longer goes on in the next line."""
_LONGEST_WORD = 18
"""Of a heading above numbers, before it is folded."""
_LEAST_BADGE = 20
"""A protocol beside its numbers gets at least so many columns."""
_LEAST_WIDTH = 40
_MOST_ROWS = 100
"""Of a table. Nobody reads more in a terminal, and laying them out takes seconds."""
_ANY_HEIGHT = 100
_BLANK = Text("")


def render_terminal(report: Report, width: int, colour: bool) -> str:
    """Lines of at most `width` columns (more only where one table of a single metric needs them), ANSI colours only when asked for."""
    width = max(width, _LEAST_WIDTH)
    parts: list[RenderableType] = [_pairs(wording.facts(report, "terminal"), "dim")]
    widest = width
    for content in tables_of(report, _MOST_ROWS):
        if content.title:
            parts += [_BLANK, Text(one_line(content.title), style="bold", overflow="fold")]
        for table in _tables(content, width):
            parts += [_BLANK, table]
            widest = max(widest, _width_of(table))
        if content.left_out:
            rest = f"{content.left_out:,} more rows; all of them: {wording.rebuild_command(report, 'csv')}"
            parts += [_BLANK, Text(one_line(rest), overflow="fold")]
        parts += _details(content)
    parts += [_BLANK, Text("Notes", style="bold"), _pairs([("-", note) for note in report.notes])]
    return _to_text(parts, widest, colour)


def render_table(content: Content, width: int, colour: bool) -> str:
    """One table by itself, with what belongs to its rows."""
    width = max(width, _LEAST_WIDTH)
    tables = _tables(content, width)
    parts: list[RenderableType] = [Text(one_line(content.title), style="bold", overflow="fold")]
    for table in tables:
        parts += [_BLANK, table]
    return _to_text([*parts, *_details(content)], max(width, *map(_width_of, tables)), colour)


def _tables(content: Content, width: int) -> list[Table]:
    """One table, or several that repeat its first columns, each within the width if that can be."""
    cells = [[[one_line(line) for line in row.cells[i].lines] for row in content.rows] for i in range(len(content.columns))]
    headings = [one_line(column.heading) for column in content.columns]
    # A heading may wrap between words (a very long one inside), and a name anywhere; a number never does.
    widths = [
        max(_widest(lines) if lines else 0, _of_heading(heading, column.kind))
        for heading, column, lines in zip(headings, content.columns, cells, strict=True)
    ]
    stub, rest = widths[: content.stub], widths[content.stub :]
    stub[0] = _name_width(content, stub, rest, width)
    rest = _folded(content, stub, rest, width)
    widths = [*stub, *rest]
    tables = []
    packed = wording.pack([column + _GAP for column in rest], sum(column + _GAP for column in stub) - _GAP, width)
    for chosen in packed or [[]]:
        indices = [*range(content.stub), *(content.stub + index for index in chosen)]
        table = _table()
        for index in indices:
            column = content.columns[index]
            heading = Text(headings[index], style="cyan" if column.leading else "")
            table.add_column(heading, width=widths[index], overflow="fold", justify="right" if column.kind == "number" else "left")
        for number, row in enumerate(content.rows):
            if row.begins:
                table.add_section()
            table.add_row(*(Text("\n".join(cells[index][number]), style=_style(row.cells[index])) for index in indices))
        tables.append(table)
    return tables


def _of_heading(heading: str, kind: str) -> int:
    return min(_widest([heading.split()]), _LONGEST_WORD) if kind == "number" else cell_len(heading)


def _name_width(content: Content, stub: Sequence[int], rest: Sequence[int], width: int) -> int:
    """Of the first column: its longest name, cut to what leaves room for the others where all of them are short texts."""
    if any(column.kind == "number" and column.leading for column in content.columns) or len(stub) > 1:
        return min(stub[0], _NAME_WIDTHS[1])
    left = width - sum(column + _GAP for column in [*stub[1:], *rest])
    return min(stub[0], max(left, _NAME_WIDTHS[0]))


def _folded(content: Content, stub: Sequence[int], rest: Sequence[int], width: int) -> list[int]:
    """The widths behind the stub, where a protocol is folded into what the others leave, or into a table of its own if that is little."""
    badges = [any(row.cells[i].badge for row in content.rows) for i in range(content.stub, len(content.columns))]
    others = sum(column + _GAP for column in stub)
    left = width - others - sum(column + _GAP for column, badge in zip(rest, badges, strict=True) if not badge)
    room = left if left >= _LEAST_BADGE else width - others
    return [min(column, room) if badge else column for column, badge in zip(rest, badges, strict=True)]


def _style(cell: Cell) -> str:
    return "red" if cell.alarm else "bold" if cell.strong else ""


def _details(content: Content) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for name, lines in content.details:
        parts += [_BLANK, Text(one_line(name), style="bold", overflow="fold")]
        parts += [Padding(Text(one_line(line), overflow="fold"), (0, 0, 0, _GAP)) for line in lines]
    return parts


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
