"""A report as one tidy CSV, the same whatever the layout: every row says in `kind` what it is.

`sweep` rows carry the facts above the table (`name` and `text`); `variant` rows are one per variant and metric; `step` rows one per
variant, metric and training step of an evaluation; `contrast` rows one per contrast; `effect` rows one per main, simple or interaction
effect; `claim` rows one per claim (with a margin in % on the log of the metric); `note` rows carry the footnotes. Numbers have full
precision, an empty cell is a number that does not exist. Where published sets stand beside the sweep, `published` rows and three columns
more hold them: a figure of another protocol is never in `estimate`.
"""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from sweeper.report import layout
from sweeper.report.escaping import csv_cell
from sweeper.report.rows import Report
from sweeper.report.statistics import Summary

COLUMNS = (
    "kind",
    "name",
    "baseline",
    "metric",
    "direction",
    "step",
    "estimate",
    "sd",
    "interval_low",
    "interval_high",
    "n",
    "planned",
    "finished",
    "diverged",
    "failed",
    "running",
    "pending",
    "seeds",
    "dropped_seeds",
    "margin",
    "claim",
    "level",
    "p",
    "p_holm",
    "verdict",
    "more_seeds_if_zero",
    "more_seeds_if_estimate",
    "text",
)

PUBLISHED_COLUMNS = ("published_set", "published_value", "protocol")
"""Only where published sets stand beside the sweep."""

Row = dict[str, str | int | float | None]


def render_csv(report: Report) -> str:
    """One header line, then the rows in the order of the kinds above; lines end in '\\n'."""
    out = StringIO()
    writer = csv.DictWriter(out, (*COLUMNS, *(PUBLISHED_COLUMNS if report.published else ())), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _cell(value) for column, value in row.items()} for row in _rows(report))
    return out.getvalue()


def _rows(report: Report) -> Iterator[Row]:
    for label, text in layout.facts(report, "csv"):
        yield {"kind": "sweep", "name": label, "text": text}
    yield from _variants(report)
    yield from _published(report)
    for row in report.contrasts:
        yield {
            "kind": "contrast",
            "name": row.name,
            "metric": row.metric,
            "direction": row.direction,
            **_numbers(row.summary),
            "planned": len(report.seeds),
            "dropped_seeds": _seeds(row.dropped),
            "margin": row.margin,
            "text": " ".join(layout.contrast_text(row)),
        }
    for effect in report.effects:
        yield {
            "kind": "effect",
            "name": effect.name,
            "metric": report.primary.name,
            "direction": report.primary.direction,
            **_numbers(effect.summary),
            "planned": len(report.seeds),
            "text": effect.kind,
        }
    for claim in report.claims:
        yield {
            "kind": "claim",
            "name": claim.name,
            "metric": claim.metric,
            "direction": report.primary.direction,
            "estimate": claim.estimate,
            "interval_low": claim.interval.low if claim.interval else None,
            "interval_high": claim.interval.high if claim.interval else None,
            "n": claim.seeds,
            "planned": len(report.seeds),
            "diverged": sum(claim.diverged.values()),
            "margin": claim.margin,
            "claim": claim.kind,
            "level": claim.level,
            "p": claim.p,
            "p_holm": claim.p_adjusted,
            "verdict": claim.verdict,
            "more_seeds_if_zero": claim.more_if_zero,
            "more_seeds_if_estimate": claim.more_if_estimate,
            "text": claim.sentence,
        }
    for note in report.notes:
        yield {"kind": "note", "text": note}


def _variants(report: Report) -> Iterator[Row]:
    for row in report.variants:
        for metric in report.metrics:
            yield {
                "kind": "variant",
                "name": row.name,
                "baseline": "yes" if row.is_baseline else "no",
                "metric": metric.name,
                "direction": metric.direction,
                **_numbers(row.cells[metric.name]),
                "planned": row.planned,
                "finished": row.finished,
                "diverged": row.diverged,
                "failed": row.failed,
                "running": row.running,
                "pending": row.pending,
            }
            for step, summary in row.steps.get(metric.name, {}).items():
                yield {
                    "kind": "step",
                    "name": row.name,
                    "metric": metric.name,
                    "direction": metric.direction,
                    "step": step,
                    **_numbers(summary),
                    "planned": row.planned,
                }


def _published(report: Report) -> Iterator[Row]:
    for found in report.published:
        for row in found.rows:
            for metric in found.metrics:
                if metric.name in row.metrics:
                    yield {
                        "kind": "published",
                        "name": row.name,
                        "metric": metric.name,
                        "direction": metric.direction,
                        "step": row.step,
                        "published_set": found.name,
                        "published_value": row.metrics[metric.name],
                        "protocol": " · ".join(found.badge),
                    }


def _numbers(summary: Summary) -> Row:
    interval = summary.interval
    return {
        "estimate": summary.mean,
        "sd": summary.sd,
        "interval_low": interval.low if interval else None,
        "interval_high": interval.high if interval else None,
        "n": summary.n,
        "seeds": _seeds(summary.by_seed),
    }


def _seeds(seeds: Iterable[int]) -> str:
    return " ".join(map(str, seeds))


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return csv_cell(value) if isinstance(value, str) else repr(value)
