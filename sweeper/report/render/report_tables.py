"""From a report to its tables, by the layout that its template names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from sweeper.metrics import MetricInfo, columns
from sweeper.report import numbers
from sweeper.report.published_sets import PublishedSet
from sweeper.report.render import wording
from sweeper.report.render.search_tables import search_tables
from sweeper.report.render.table import Cell, Column, Quantity, Row, Table, text_cell
from sweeper.report.results import Report, VariantResult
from sweeper.report.weights_beside import WeightsBeside
from sweeper.spec.report_template import STEP, ReportTemplate
from sweeper.states import TRIAL_STATES
from sweeper.stats.claims import Verdict
from sweeper.stats.summaries import Summary

DAGGER = "†"
"""Behind the estimate of a claim that is not decided."""
OPEN: Mapping[Verdict, str] = {
    "inconclusive": "neither the claim nor its contrary is shown.",
    "interim": "trials are still missing, so there is no verdict yet; the numbers will change.",
    "exploratory": "an earlier test on some of the same trials has spent alpha, so the numbers carry no verdict.",
}
"""Verdicts that decide nothing, and what each means."""


def tables_of(report: Report, most_rows: int | None = None) -> list[Table]:
    """The tables, the most important first, each with at most so many rows, and the sentences that belong to these."""
    return [cut(table, most_rows) for table in [*_tables(report, most_rows), *search_tables(report)]]


def cut(table: Table, most_rows: int | None) -> Table:
    """The first rows, and the sentences that belong to them."""
    rest = 0 if most_rows is None else max(len(table.rows) - most_rows, 0)
    if not rest:
        return table
    gone = {row.cells[0].lines[0] for row in table.rows[most_rows:]}
    details = tuple((name, lines) for name, lines in table.details if name not in gone)
    return replace(table, rows=table.rows[:most_rows], details=details, left_out=table.left_out + rest)


def _tables(report: Report, most_rows: int | None) -> list[Table]:
    match report.template.layout:
        case "factorial":
            return [factorial_table(report), *_published(report), *_contrasts(report)]
        case "effects":
            return [*_effects(report), *_contrasts(report), *_published(report)]
        case "claims":
            return [*(_contrasts(report) or [variants_table(report, most_rows)]), *_published(report)]
        case "variants":
            return [variants_table(report, most_rows), *_published(report), *_contrasts(report)]


def shows_steps(template: ReportTemplate) -> bool:
    """Whether the tables have columns for training steps, so that the trials' evaluations on the way are needed."""
    return template.layout == "factorial" and STEP in template.columns


def variants_table(report: Report, most_rows: int | None = None) -> Table:
    """A row per variant, for the first `most_rows` of them, and a column per metric."""
    names, group = report.template.names, report.template.group
    heading = ([] if group is None else [Column(names.get(group, group))]) + [Column("variant"), Column("n")]
    metrics = [Column(_heading(report, metric), kind="number", leading=metric == report.primary) for metric in report.metrics]
    rows: list[Row] = []
    before: str | None = None
    ordered = _ordered(report)
    for row in ordered[:most_rows]:
        level = row.levels.get(group, "") if group is not None else None
        first = [] if level is None else [text_cell(names.get(level, level) if level != before else "")]
        name = text_cell(*([shown(report, row), "(baseline)"] if row.is_baseline else [shown(report, row)]))
        state = Cell(tuple(wording.state_lines(row)), alarm=any(TRIAL_STATES[state].is_failure for state in row.states), joiner=", ")
        cells = [metric_cell(row.cells[metric.name], metric.decimals, row.finished) for metric in report.metrics]
        rows.append(Row((*first, name, state, *cells), begins=bool(rows) and level != before))
        before = level
    return Table("", (*heading, *metrics), tuple(rows), stub=len(heading), left_out=len(ordered) - len(rows))


def factorial_table(report: Report) -> Table:
    """Factors as rows; metrics, factors and training steps as columns, as in the papers. Explicit variants are one factor."""
    template, factors = report.template, report.factors
    across = [name for name in template.columns if name in factors]
    down = list(template.rows) or [name for name in factors if name not in across]
    if template.group in down:
        down.sort(key=lambda name: name != template.group)
    by_step = STEP in template.columns and len(report.steps) > 1
    levels = {name: list(dict.fromkeys(row.levels[name] for row in report.variants)) for name in across}
    metrics = (
        report.metrics if template.metrics else tuple(m for m in report.metrics if m.reproducible and m.name not in wording.ON_TRAINING)
    )
    keys = [
        (metric, cell, step)
        for metric in metrics
        for cell in product(*levels.values())
        for step in (_steps_of(report, metric) if by_step else (None,))
    ]
    columns = [Column(report.template.names.get(name, name)) for name in down] if factors else [Column("variant")]
    columns += [_column(report, metric, cell, step) for metric, cell, step in keys]
    rows: list[Row] = []
    for labels, members in _by_row(report, down).items():
        cells = [text_cell(label) for label in labels]
        for metric, cell, step in keys:
            row = next((r for r in members if tuple(r.levels.get(name) for name in across) == cell), None)
            cells.append(_step_cell(row, metric, step))
        begins = bool(rows) and len(down) > 1 and rows[-1].cells[0].lines != cells[0].lines
        rows.append(Row(tuple(cells), begins=begins))
    return Table("", tuple(columns), tuple(rows), stub=len(down) or 1)


def _by_row(report: Report, down: Sequence[str]) -> dict[tuple[str, ...], list[VariantResult]]:
    """Variants that share a row, by what names it. Of a factor in neither rows nor columns, the first level stands."""
    found: dict[tuple[str, ...], list[VariantResult]] = {}
    names = report.template.names
    for row in _ordered(report):
        key = tuple(names.get(row.levels[name], row.levels[name]) for name in down) if row.levels else (shown(report, row),)
        found.setdefault(key, []).append(row)
    if report.template.group in down:
        place = list(down).index(str(report.template.group))
        order = list(dict.fromkeys(key[place] for key in found))
        found = dict(sorted(found.items(), key=lambda item: order.index(item[0][place])))
    return found


def _column(report: Report, metric: MetricInfo, cell: Sequence[str], step: int | None) -> Column:
    names = report.template.names
    parts = [_heading(report, metric), *(names.get(level, level) for level in cell), *([] if step is None else [step_label(step)])]
    return Column(parts[-1], " ".join(parts[:-1]), "number", metric == report.primary)


def _step_cell(row: VariantResult | None, metric: MetricInfo, step: int | None) -> Cell:
    if row is None:
        return text_cell(numbers.MISSING)
    if step is None:
        return metric_cell(row.cells[metric.name], metric.decimals, row.planned)
    return metric_cell(row.steps.get(metric.name, {}).get(step, Summary({}, None, None, None)), metric.decimals, row.planned)


def _steps_of(report: Report, metric: MetricInfo) -> list[int]:
    measured = {step for row in report.variants for step in row.steps.get(metric.name, {})}
    return [step for step in report.steps if step in measured] or list(report.steps[-1:])


def _effects(report: Report) -> list[Table]:
    metric = report.primary
    columns = (Column("effect"), Column("estimate", kind="number"), Column("95% interval"), Column("seeds"))
    rows: list[Row] = []
    kinds = {"main": "main effect", "simple": "simple effect", "interaction": "interaction", "variant": "difference"}
    before = None
    for effect in report.effects:
        interval = effect.summary.interval
        ends = None if interval is None else (interval.low, interval.high)
        decimals = numbers.decimals_of(interval, metric.decimals)
        cells = (
            text_cell(f"{kinds[effect.kind]}: {effect.name}"),
            number_cell(effect.summary.mean, None, decimals),
            text_cell(numbers.interval(ends, decimals)),
            text_cell(wording.seeds_text(effect.summary, len(report.seeds))),
        )
        rows.append(Row(cells, begins=before is not None and effect.kind != before))
        before = effect.kind
    said = "Differences of the mean; not declared beforehand, and not corrected for their number."
    title = f"Effects on {metric.name} ({metric.label}; {metric.direction} is better; unadjusted)"
    return [Table(title, columns, tuple(rows), stub=1, details=(("how to read them", (said,)),))]


def _contrasts(report: Report) -> list[Table]:
    """Every contrast: in units of its metric with its own interval, and a claim on its scale with the interval of its test."""
    if not report.contrasts:
        return []
    claimed = bool(report.claims)
    labels = wording.CLAIM_COLUMNS if claimed else wording.CONTRAST_COLUMNS
    columns = tuple(Column(label, kind="number" if label == "estimate" and not claimed else "text") for label in labels)
    rows = []
    for row in report.contrasts:
        cells = [text_cell(*lines) for lines in wording.contrast_cells(row, report)]
        if not claimed:
            cells[1] = number_cell(row.estimate, None, row.decimals)
        elif row.claim is not None:
            supported, open_ = row.claim.verdict == "supported", row.claim.verdict in OPEN
            cells[1] = Cell((f"{row.claim.estimate_text}{DAGGER if open_ else ''}",), strong=supported)
            cells[-1] = replace(cells[-1], strong=supported, alarm=row.claim.verdict == "refuted" and row.claim.answer != "equivalent")
        rows.append(Row(tuple(cells)))
    texts = (tuple(wording.contrast_text(row)) for row in report.contrasts)
    details = tuple((row.cells[0].lines[0], text) for row, text in zip(rows, texts, strict=True))  # `cut` goes by these names
    verdicts = {claim.verdict for claim in report.claims}
    meanings = tuple(f"{verdict}: {meaning}" for verdict, meaning in OPEN.items() if verdict in verdicts)
    details += ((DAGGER, meanings),) if meanings else ()
    return [Table(wording.contrasts_heading(report), columns, tuple(rows), stub=1, details=details)]


def _published(report: Report) -> list[Table]:
    return [*(published_table(found) for found in report.published), *([weights_table(report.weights)] if report.weights else [])]


def published_table(found: PublishedSet) -> Table:
    """A row per published run, a column per metric of this set alone, and the protocol beside every row."""
    metrics = [Column(wording.metric_heading(metric), kind="number") for metric in found.metrics]
    columns = (Column("published"), Column("steps", kind="number"), *metrics, Column("protocol"))
    badge = Cell(found.badge, joiner=" · ", badge=True)
    rows = []
    for row in found.rows:
        values = [number_cell(row.metrics.get(metric.name), None, metric.decimals) for metric in found.metrics]
        called = [row.name, *([f"({row.variant})"] if "/" in row.variant and row.name != row.variant else [])]
        rows.append(Row((text_cell(*called), text_cell(f"{row.step:,}"), *values, badge)))
    details = ((found.name, (found.question, *found.remarks)),)
    return Table(f"Published figures, not of this sweep: {found.name}", columns, tuple(rows), stub=2, details=details, apart=True)


def weights_table(weights: Sequence[WeightsBeside]) -> Table:
    """A row for each of them, with its protocol, and a column per metric of any."""
    infos = columns({metric.name for found in weights for metric in found.columns})
    headings = [Column(wording.metric_heading(metric), kind="number") for metric in infos]
    rows = []
    for found in weights:
        values = [number_cell(found.metrics.get(metric.name), None, metric.decimals) for metric in infos]
        rows.append(Row((text_cell(found.name), *values, Cell(found.badge, joiner=" · ", badge=True))))
    details = tuple((found.name, found.remarks) for found in weights)
    title = "Weights measured here, not of this sweep"
    return Table(title, (Column("weights"), *headings, Column("protocol")), tuple(rows), stub=1, details=details, apart=True)


def _ordered(report: Report) -> list[VariantResult]:
    first = {name: place for place, name in enumerate(report.template.order)}
    rows = sorted(report.variants, key=lambda row: first.get(row.name, len(first)))
    if report.template.group is None:
        return rows
    levels = list(dict.fromkeys(row.levels.get(report.template.group) for row in rows))
    return sorted(rows, key=lambda row: levels.index(row.levels.get(str(report.template.group))))


def shown(report: Report, row: VariantResult) -> str:
    """A variant's printed name: its own, or that of its levels."""
    names: Mapping[str, str] = report.template.names
    if row.name in names:
        return names[row.name]
    if any(level in names for level in row.levels.values()):
        return "/".join(names.get(level, level) for level in row.levels.values())
    return row.name


def _heading(report: Report, metric: MetricInfo) -> str:
    return wording.metric_heading(metric, report.template.names.get(metric.name))


def metric_cell(summary: Summary, decimals: int, expected: int) -> Cell:
    """A mean with its half-width, and n where it is not the expected one."""
    lines = tuple(wording.cell_lines(summary, decimals, expected))
    return Cell(lines, None if summary.mean is None else Quantity(summary.mean, summary.half_width, decimals))


def number_cell(value: float | None, half_width: float | None, decimals: int) -> Cell:
    text = numbers.plus_minus(value, half_width, decimals)
    return Cell((text,), None if value is None else Quantity(value, half_width, decimals))


def step_label(step: int) -> str:
    """'400', '100K', '1.5M'."""
    if step >= 1_000_000 and step % 100_000 == 0:
        return f"{step / 1_000_000:g}M"
    return f"{step // 1000}K" if step >= 10_000 and step % 1000 == 0 else f"{step:,}"
