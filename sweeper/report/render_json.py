"""A report for programs: keys `sweep`, `variants`, `contrasts`, `notes`; finite numbers or null; names as they are in the store."""

import json
from typing import Any

from sweeper.report.layout import in_utc, rebuild_command
from sweeper.report.rows import ContrastRow, Report, VariantRow
from sweeper.report.statistics import CONFIDENCE, Summary


def render_json(report: Report) -> str:
    """Indented, ASCII, keys in a fixed order. Values by seed have the seed, as text, for their key."""
    content = {
        "sweep": _sweep(report),
        "variants": [_variant(row) for row in report.variants],
        "contrasts": [_contrast(row) for row in report.contrasts],
        "notes": list(report.notes),
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _sweep(report: Report) -> dict[str, Any]:
    newest = report.newest_result
    return {
        "name": report.name,
        "profile": report.profile,
        "version": report.version,
        "question": report.question,
        "newest_result": None if newest is None else in_utc(newest).isoformat(),
        "device": report.device,
        "comparability": {name: list(values) for name, values in report.comparability.items()},
        "command": rebuild_command(report, "json"),
        "primary_metric": report.primary.name,
        "metrics": [
            {"name": info.name, "label": info.label, "direction": info.direction, "reproducible": info.reproducible}
            for info in report.metrics
        ],
        "baseline": report.baseline,
        "seeds": list(report.seeds),
        "confidence": CONFIDENCE,
    }


def _variant(row: VariantRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "levels": dict(row.levels),
        "baseline": row.is_baseline,
        "planned": row.planned,
        "finished": row.finished,
        "diverged": row.diverged,
        "failed": row.failed,
        "running": row.running,
        "pending": row.pending,
        "metrics": {name: _summary(cell) for name, cell in row.cells.items()},
    }


def _contrast(row: ContrastRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "question": row.question,
        "definition": row.definition,
        "metric": row.metric,
        "direction": row.direction,
        "weights": dict(row.weights),
        "margin": row.margin,
        **_summary(row.summary, n="n_pairs", mean="estimate"),
        "dropped": {str(seed): reason for seed, reason in row.dropped.items()},
        "caveats": list(row.caveats),
        "sentence": row.sentence,
    }


def _summary(summary: Summary, n: str = "n", mean: str = "mean") -> dict[str, Any]:
    interval = summary.interval
    return {
        n: summary.n,
        mean: summary.mean,
        "sd": summary.sd,
        "half_width": summary.half_width,
        "interval": None if interval is None else [interval.low, interval.high],
        "by_seed": {str(seed): value for seed, value in summary.by_seed.items()},
    }
