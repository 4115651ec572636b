"""A report as one tidy CSV, the same whatever the layout: every row says in `kind` what it is.

`sweep` rows carry the facts above the table (`name` and `text`); `variant` rows are one per variant and metric; `step` rows one per
variant, metric and training step of an evaluation; `contrast` rows one per contrast; `effect` rows one per main, simple or interaction
effect; `claim` rows one per claim (with a margin in % on the log of the metric); of a search `proposal`,
`importance` and `optimism` rows; `note` rows carry the footnotes. Numbers have full
precision, an empty cell is a number that does not exist. Where published sets stand beside the sweep, `published` rows and three columns
more hold them, where weights measured here do, `measured` rows: a figure of another protocol is never in `estimate`.
"""

import csv
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import StringIO
from itertools import islice

from sweeper.report.render import wording
from sweeper.report.render.escaping import csv_cell
from sweeper.report.results import Report
from sweeper.states import TRIAL_STATES
from sweeper.stats.summaries import Summary

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
    *(state.replace(" ", "_") for state in TRIAL_STATES),
    "seeds",
    "dropped_seeds",
    "margin",
    "claim",
    "level",
    "p",
    "p_holm",
    "verdict",
    "smallest_effect",
    "answer",
    "p_sign_flip",
    "pair_correlation",
    "more_seeds_if_zero",
    "more_seeds_if_estimate",
    "rule",
    "text",
)

PUBLISHED_COLUMNS = ("published_set", "published_value", "protocol")
"""Only where published sets stand beside the sweep."""
MEASURED_COLUMNS = ("measured_value", "protocol")
"""Only where weights measured here do."""

Row = dict[str, str | int | float | None]
_AT_ONCE = 500


def csv_parts(report: Report) -> Iterator[str]:
    """One header line, then the rows in the order of the kinds above, some hundred at a time; lines end in '\\n'."""
    more = (*(PUBLISHED_COLUMNS if report.published else ()), *(MEASURED_COLUMNS if report.weights else ()))
    columns = tuple(dict.fromkeys((*COLUMNS, *more)))
    rows, safe = _rows(report), lru_cache(10_000)(csv_cell)  # the rows of a variant repeat its name, and all of them metrics and seeds
    lines: list[list[str | int | float | None]] = [list(columns)]
    while lines:
        out = StringIO()
        csv.writer(out, lineterminator="\n").writerows(lines)
        yield out.getvalue()
        lines = [[safe(value) if isinstance(value, str) else value for value in map(row.get, columns)] for row in islice(rows, _AT_ONCE)]


def _rows(report: Report) -> Iterator[Row]:
    for label, text in wording.facts(report, "csv"):
        yield {"kind": "sweep", "name": label, "text": text}
    yield from _variants(report)
    yield from _published(report)
    yield from _measured(report)
    for row in report.differences:
        yield {
            "kind": "contrast",
            "name": row.name,
            "metric": row.metric,
            "direction": row.direction,
            **_numbers(row.summary),
            "planned": len(report.seeds),
            "dropped_seeds": _seeds(row.dropped),
            "margin": row.margin,
            "pair_correlation": None if row.pairing_efficiency is None else float(f"{row.pairing_efficiency.correlation:.6g}"),
            "rule": row.summary.rule,
            "text": " ".join(filter(None, (row.question, row.sentence))),
        }
    for effect in report.effects:
        yield {
            "kind": "effect",
            "name": effect.name,
            "metric": report.primary.name,
            "direction": report.primary.direction,
            **_numbers(effect.summary),
            "planned": len(report.seeds),
            "rule": effect.summary.rule,
            "text": effect.kind,
        }
    for claim in report.claims:
        yield {
            "kind": "claim",
            "name": claim.name,
            "metric": claim.metric,
            "direction": report.known.info(claim.metric).direction,
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
            "smallest_effect": claim.smallest_effect,
            "answer": claim.answer,
            "p_sign_flip": claim.sign_flip_p,
            "more_seeds_if_zero": claim.more_if_zero.number if claim.more_if_zero else None,
            "more_seeds_if_estimate": claim.more_if_estimate.number if claim.more_if_estimate else None,
            "rule": claim.rule,
            "text": claim.sentence,
        }
    yield from _search(report)
    for note in report.notes:
        yield {"kind": "note", "text": note}


def _search(report: Report) -> Iterator[Row]:
    if report.search is None:
        return
    rows = report.search
    about = {"metric": rows.primary.name, "direction": rows.primary.direction}
    for proposal in rows.proposals:
        value = proposal.values[0] if proposal.values else None
        yield {"kind": "proposal", "name": proposal.variant, **about, "step": proposal.step, "estimate": value, "text": proposal.state}
    for name, share in rows.importances.items():
        yield {"kind": "importance", "name": name, "metric": rows.primary.name, "estimate": share}
    for row in rows.confirmed:
        yield {"kind": "optimism", "name": row.variant, "metric": rows.primary.name, "estimate": row.optimism, "n": row.seeds}


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
                **{state.replace(" ", "_"): row.states[state] for state in TRIAL_STATES},
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
    for published in report.published:
        for row in published.rows:
            for metric in published.metrics:
                if metric.name in row.metrics:
                    yield {
                        "kind": "published",
                        "name": row.name,
                        "metric": metric.name,
                        "direction": metric.direction,
                        "step": row.step,
                        "published_set": published.name,
                        "published_value": row.metrics[metric.name],
                        "protocol": " · ".join(published.badge),
                    }


def _measured(report: Report) -> Iterator[Row]:
    for measured in report.weights:
        for metric in measured.columns:
            yield {
                "kind": "measured",
                "name": measured.name,
                "metric": metric.name,
                "direction": metric.direction,
                "measured_value": measured.metrics[metric.name],
                "protocol": " · ".join(measured.badge),
                "text": measured.remarks[-1],
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
