"""A report as LaTeX to paste into a paper: `booktabs` tables whose numbers `siunitx` aligns, every text escaped.

Names in scripts beyond Latin need lualatex or xelatex; everything else compiles with pdflatex.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from sweeper.report.render import wording
from sweeper.report.render.escaping import latex
from sweeper.report.render.report_tables import tables_of
from sweeper.report.render.table import Cell, Column, Row, Table
from sweeper.report.results import Report
from sweeper.visible import one_line

_NUMBERS_PER_TABLE = 4
_SETUP = r"\sisetup{separate-uncertainty=true, detect-weight=true, retain-zero-uncertainty=true}"


def render_latex(report: Report) -> str:
    """`table` environments, what is to be said of them as `itemize` lists, the notes."""
    parts = [_preamble(report)]
    for number, table in enumerate(tables_of(report)):
        caption = f"{table.title or report.question}{'.' if table.title else ''}"
        source = "" if table.apart else f" {_source(report)}"
        for count, part in enumerate(_parts(table)):
            more = " (continued)" if count else ""
            parts.append(_table(f"{caption}{more}{source}", part, f"tab:{report.name}-{number}-{count}"))
        if table.details:
            parts.append(_list(rf"\textbf{{{latex(name)}}}: {latex(' '.join(lines))}" for name, lines in table.details))
    parts.append(_list(latex(note) for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _preamble(report: Report) -> str:
    """In comments: a text is on one line, so nothing in it can leave its comment."""
    lines = [f"{label}: {one_line(text)}" for label, text in wording.facts(report, "latex")]
    return "\n".join(f"% {line}" for line in [*lines, r"Needs \usepackage{booktabs} and \usepackage{siunitx}"])


def _source(report: Report) -> str:
    labels = ("Sweep", "Newest result", "Device")
    return " ".join(f"{label}: {text}." for label, text in wording.facts(report, "latex") if label in labels)


def _parts(table: Table) -> Iterable[Table]:
    """The table, or several that repeat its first columns, with at most so many numbers side by side."""
    rest = range(table.stub, len(table.columns))
    at_once = _NUMBERS_PER_TABLE if any(column.kind == "number" for column in table.columns) else max(len(rest), 1)
    for start in range(0, max(len(rest), 1), at_once):
        chosen = [*range(table.stub), *rest[start : start + at_once]]
        rows = tuple(Row(tuple(row.cells[i] for i in chosen), row.begins) for row in table.rows)
        yield Table(table.title, tuple(table.columns[i] for i in chosen), rows, table.stub, table.details, table.apart)


def _table(caption: str, table: Table, label: str) -> str:
    columns = [(column, [row.cells[i] for row in table.rows]) for i, column in enumerate(table.columns)]
    stacked = not any(column.kind == "number" for column in table.columns)  # columns of sentences are wider than a page
    lines = []
    for row in table.rows:
        lines += [r"\addlinespace"] if row.begins else []
        lines.append(" & ".join(_cell(cell, column, stacked) for cell, column in zip(row.cells, table.columns, strict=True)) + r" \\")
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  {_SETUP}",
            rf"  \caption{{{latex(caption)}}}",
            rf"  \label{{{re.sub('[^A-Za-z0-9:-]+', '-', label)}}}",
            rf"  \begin{{tabular}}{{{''.join(_alignment(column, cells) for column, cells in columns)}}}",
            r"    \toprule",
            *(f"    {line}" for line in _heading(table.columns)),
            r"    \midrule",
            *(f"    {line}" for line in lines),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )


def _heading(columns: Sequence[Column]) -> list[str]:
    """One line, or two where columns share a heading."""
    labels = " & ".join(f"{{{latex(column.label)}}}" if column.kind == "number" else latex(column.label) for column in columns) + r" \\"
    if not any(column.group for column in columns):
        return [labels]
    above, rules, place = [], [], 1
    for group, members in groupby(columns, key=lambda column: column.group):
        width = len(list(members))
        above.append(rf"\multicolumn{{{width}}}{{c}}{{{latex(group)}}}" if group else " & ".join([""] * width))
        rules += [rf"\cmidrule(lr){{{place}-{place + width - 1}}}"] if group else []
        place += width
    return [" & ".join(above) + r" \\", " ".join(rules), labels]


def _alignment(column: Column, cells: Sequence[Cell]) -> str:
    """`l`, or an S column that leaves room for the longest number in it."""
    if column.kind != "number":
        return "l"
    aligned = [(cell.quantity, _written(cell)) for cell in cells if cell.quantity is not None and _is_aligned(cell)]
    if not aligned:
        return "r"
    means, widths = zip(*(written.partition(" +- ")[::2] for _, written in aligned), strict=True)
    whole = max(len(text.lstrip("-").split(".")[0]) for text in means)
    decimals = max(quantity.decimals for quantity, _ in aligned)
    sign = "-" if any(text.startswith("-") for text in means) else ""
    digits = [len(text.replace(".", "").lstrip("0")) or 1 for text in widths if text]
    uncertainty = f"({max(digits)})" if digits else ""
    return f"S[table-format={sign}{whole}.{decimals}{uncertainty}]"


def _cell(cell: Cell, column: Column, stacked: bool) -> str:
    """`stacked`: the lines of a text one below the other."""
    if column.kind != "number":
        lines = r" \\ ".join(map(latex, cell.lines))
        text = rf"\shortstack[l]{{{lines}}}" if stacked and len(cell.lines) > 1 else latex(cell.text)
        return rf"\textbf{{{text}}}" if cell.strong else text
    if _is_aligned(cell):
        return (r"\bfseries " if cell.strong else "") + _written(cell)
    if cell.quantity is None or not cell.lines[1:]:
        return f"{{{latex(cell.text)}}}"
    return f"{{{_number(cell)} {latex(' '.join(cell.lines[1:]))}}}"


def _is_aligned(cell: Cell) -> bool:
    """Whether it holds a number and nothing else, and no exponent."""
    return cell.quantity is not None and len(cell.lines) == 1 and "e" not in cell.lines[0]


def _number(cell: Cell) -> str:
    written = _written(cell)
    return latex(cell.lines[0]) if "e" in written else rf"\num{{{written}}}"


def _written(cell: Cell) -> str:
    """The number of a cell that has one: its first line."""
    return cell.lines[0].replace("±", "+-")


def _list(items: Iterable[str]) -> str:
    return "\n".join([r"\begin{itemize}", *(rf"  \item {item}" for item in items), r"\end{itemize}"])
