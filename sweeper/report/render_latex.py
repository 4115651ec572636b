"""A report as LaTeX to paste into a paper: `booktabs` tables of at most four metrics each, every text escaped.

Names in scripts beyond Latin need lualatex or xelatex; everything else compiles with pdflatex.
"""

from collections.abc import Iterable, Sequence

from sweeper.report import layout
from sweeper.report.escaping import latex, one_line
from sweeper.report.rows import Report

_METRICS_PER_TABLE = 4


def render_latex(report: Report) -> str:
    """`table` environments for variants and contrasts, then sentences and notes as `itemize` lists."""
    parts = [_preamble(report)]
    for start in range(0, len(report.metrics), _METRICS_PER_TABLE):
        parts.append(_variants(report, start))
    if report.contrasts:
        parts += [_contrasts(report), _list(_sentence_items(report))]
    if report.effects:
        parts.append(_effects(report))
    if report.claims:
        parts += [_claims(report), _list(rf"\textbf{{{latex(row.name)}}}: {latex(row.sentence)}" for row in report.claims)]
    parts.append(_list(latex(note) for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _preamble(report: Report) -> str:
    """In comments: a text is on one line, so nothing in it can leave its comment."""
    lines = [f"{label}: {one_line(text)}" for label, text in layout.facts(report, "latex")]
    return "\n".join(f"% {line}" for line in [*lines, r"Needs \usepackage{booktabs}"])


def _variants(report: Report, start: int) -> str:
    metrics = report.metrics[start : start + _METRICS_PER_TABLE]
    heading = ["variant", "n", *(layout.metric_heading(metric) for metric in metrics)]
    rows = (
        [
            " ".join(layout.name_lines(row)),
            ", ".join(layout.state_lines(row)),
            *(" ".join(layout.cell_lines(row.cells[metric.name], metric.decimals, row.finished)) for metric in metrics),
        ]
        for row in report.variants
    )
    more = " (continued)" if start else ""
    return _table(f"{report.question}{more} {_source(report)}", heading, rows, "ll" + "r" * len(metrics))


def _contrasts(report: Report) -> str:
    rows = (layout.contrast_cells(row, len(report.seeds)) for row in report.contrasts)
    return _table(f"{layout.contrasts_heading(report)}. {_source(report)}", layout.CONTRAST_COLUMNS, rows, "lrll")


def _effects(report: Report) -> str:
    rows = (layout.effect_cells(row, report.primary.decimals, len(report.seeds)) for row in report.effects)
    return _table(f"{layout.effects_heading(report)}. {_source(report)}", layout.EFFECT_COLUMNS, rows, "lrll")


def _claims(report: Report) -> str:
    rows = ([" ".join(lines) for lines in layout.claim_cells(row)] for row in report.claims)
    return _table(f"{layout.claims_heading(report)}. {_source(report)}", layout.CLAIM_COLUMNS, rows, "lrlll")


def _source(report: Report) -> str:
    labels = ("Sweep", "Newest result", "Device")
    return " ".join(f"{label}: {text}." for label, text in layout.facts(report, "latex") if label in labels)


def _sentence_items(report: Report) -> Iterable[str]:
    return (rf"\textbf{{{latex(row.name)}}}: {latex(' '.join(layout.contrast_text(row)))}" for row in report.contrasts)


def _list(items: Iterable[str]) -> str:
    return "\n".join([r"\begin{itemize}", *(rf"  \item {item}" for item in items), r"\end{itemize}"])


def _table(caption: str, heading: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    lines = [" & ".join(latex(cell) for cell in row) + r" \\" for row in [heading, *rows]]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{latex(caption)}}}",
            rf"  \begin{{tabular}}{{{alignment}}}",
            r"    \toprule",
            f"    {lines[0]}",
            r"    \midrule",
            *(f"    {line}" for line in lines[1:]),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )
