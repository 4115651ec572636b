"""A report for programs: `sweep`, `variants`, `contrasts`, `effects`, `claims`, `notes`; maybe `published`, `measured`,
`analyses`, `search`. Names as stored."""

import json
from collections.abc import Iterator, Sequence

from sweeper.metrics import FINISHING, MetricInfo
from sweeper.report.analyses import AnalysisSection, ArraySummary
from sweeper.report.analysis_sentences import sentence_of
from sweeper.report.numbers import in_utc
from sweeper.report.published_sets import PublishedSet
from sweeper.report.render.json_schema import (
    AnalysisShape,
    ArrayShape,
    CellsShape,
    ClaimShape,
    ContrastShape,
    EffectShape,
    EstimateShape,
    MeasuredShape,
    MetricShape,
    PublishedShape,
    ReportShape,
    SearchShape,
    SummaryShape,
    SweepShape,
    VariantShape,
)
from sweeper.report.render.wording import rebuild_command
from sweeper.report.results import ClaimResult, ContrastResult, Report, VariantResult
from sweeper.report.search_results import SearchResult
from sweeper.report.weights_beside import WeightsBeside
from sweeper.stats.effects import Effect
from sweeper.stats.sample_size import SeedCount
from sweeper.stats.summaries import CONFIDENCE, Interval, Summary

_INDENTED = 100
"""Variants; more are written in one line."""


def json_parts(report: Report) -> Iterator[str]:
    """ASCII, keys in a fixed order, indented unless there are many variants. Values by seed have the seed, as text, for their key.

    Many variants are written one by one, since all of them as objects, or as one text, take gigabytes.
    """
    many = len(report.variants) > _INDENTED
    content: ReportShape = {
        "sweep": _sweep(report),
        "variants": [] if many else [_variant(row) for row in report.variants],
        "contrasts": [_contrast(row) for row in report.differences],
        "effects": [_effect(effect) for effect in report.effects],
        "claims": [_claim(row) for row in report.claims],
        "notes": list(report.notes),
    }
    if report.published:
        content["published"] = [_published(found) for found in report.published]
    if report.weights:
        content["measured"] = [_measured(found) for found in report.weights]
    if report.analyses:
        content["analyses"] = [_analysis(section) for section in report.analyses]
    if report.search is not None:
        content["search"] = _search(report.search)
    if not many:
        yield json.dumps(content, indent=2, allow_nan=False) + "\n"
        return
    before = "{"  # without an indent: with one it takes ten times as long, and nobody reads so much
    for key, value in content.items():
        yield f"{before}{json.dumps(key)}: "
        before = ", "
        if key != "variants":
            yield json.dumps(value, allow_nan=False)
            continue
        for place, row in enumerate(report.variants):
            yield f"{', ' if place else '['}{json.dumps(_variant(row), allow_nan=False)}"
        yield "]"
    yield "}\n"


def _sweep(report: Report) -> SweepShape:
    newest = report.newest_result
    return {
        "name": report.name,
        "profile": report.profile,
        "version": report.version,
        "store": report.snapshot,
        "question": report.question,
        "newest_result": None if newest is None else in_utc(newest).isoformat(),
        "device": report.device,
        "comparability": {name: list(values) for name, values in report.comparability.items()},
        "not_comparable": {name: list(metrics) for name, metrics in report.not_comparable.items()},
        "command": rebuild_command(report, "json"),
        "primary_metric": report.primary.name,
        "metrics": [_metric(info) for info in report.metrics],
        "baseline": report.baseline,
        "seeds": list(report.seeds),
        "confidence": CONFIDENCE,
    }


def _metric(info: MetricInfo) -> MetricShape:
    return {"name": info.name, "label": info.label, "direction": info.direction, "unit": info.unit, "reproducible": info.reproducible}


def _published(found: PublishedSet) -> PublishedShape:
    return {
        "name": found.name,
        "question": found.question,
        "protocol": dict(found.protocol),
        "badge": " · ".join(found.badge),
        "metrics": [_metric(info) for info in found.metrics],
        "rows": [{"name": row.name, "variant": row.variant, "step": row.step, "metrics": dict(row.metrics)} for row in found.rows],
    }


def _measured(found: WeightsBeside) -> MeasuredShape:
    return {
        "name": found.name,
        "protocol": dict(found.protocol),
        "badge": " · ".join(found.badge),
        "comparable": found.comparable,
        "differs": {field: {"theirs": theirs, "here": here} for field, (theirs, here) in found.differs.items()},
        "metrics": [_metric(info) for info in found.columns],
        "values": {info.name: found.metrics[info.name] for info in found.columns},
    }


def _analysis(section: AnalysisSection) -> AnalysisShape:
    return {
        "name": section.name,
        "version": section.version,
        "trials": section.trials,
        "not_applicable": {why: list(names) for why, names in section.not_applicable.items()},
        "arrays": [_array(array) for array in section.arrays],
    }


def _array(array: ArraySummary) -> ArrayShape:
    return {
        "name": array.name,
        "label": array.label,
        "axes": [{"name": axis.name, "values": list(axis.values), "unit": axis.unit} for axis in array.axes],
        "sentence": sentence_of(array),
        "variants": {name: _cells(cells) for name, cells in array.cells.items()},
    }


def _cells(cells: Sequence[Summary]) -> CellsShape:
    seeds = sorted({seed for summary in cells for seed in summary.by_seed})
    return {
        "n": [summary.n for summary in cells],
        "mean": [summary.mean for summary in cells],
        "half_width": [summary.half_width for summary in cells],
        "by_seed": {str(seed): [summary.by_seed.get(seed) for summary in cells] for seed in seeds},
    }


def _variant(row: VariantResult) -> VariantShape:
    metrics = {name: _summary(cell) for name, cell in row.cells.items()}

    def at_step(name: str, summary: Summary) -> SummaryShape:
        return metrics[name] if summary is row.cells[name] else _summary(summary)

    return {
        "name": row.name,
        "levels": dict(row.levels),
        "baseline": row.is_baseline,
        "planned": row.planned,
        "finished": row.finished,
        "diverged": row.states["diverged"],
        "failed": row.states["failed"],
        "stopped_early": row.states["stopped early"],
        "cancelled": row.states["cancelled"],
        "running": row.states["running"],
        "pending": row.states["pending"],
        "metrics": metrics,
        "steps": {name: {str(step): at_step(name, summary) for step, summary in by_step.items()} for name, by_step in row.steps.items()},
    }


def _contrast(row: ContrastResult) -> ContrastShape:
    return {
        "name": row.name,
        "question": row.question,
        "definition": row.definition,
        "metric": row.metric,
        "direction": row.direction,
        "weights": dict(row.weights),
        "margin": row.margin,
        "n_pairs": row.n_pairs,
        **_estimate(row.summary),
        "shared_streams": list(row.pairing.shared),
        "pair_correlation": None if row.pairing_efficiency is None else _six_digits(row.pairing_efficiency.correlation),
        "pairing_width_ratio": None if row.pairing_efficiency is None else _six_digits(row.pairing_efficiency.width_ratio),
        "bootstrap": _ends(row.bootstrap),
        "dropped": {str(seed): reason for seed, reason in row.dropped.items()},
        "caveats": list(row.caveats),
        "sentence": row.sentence,
        "p_holm": row.claim.p_adjusted if row.claim else None,
        "verdict": row.claim.verdict if row.claim else None,
    }


def _effect(effect: Effect) -> EffectShape:
    weights = dict(effect.weights)
    return {"kind": effect.kind, "name": effect.name, "weights": weights, "n": effect.summary.n, **_estimate(effect.summary)}


def _claim(row: ClaimResult) -> ClaimShape:
    return {
        "name": row.name,
        "kind": row.kind,
        "says": row.says,
        "metric": row.metric,
        "alpha": row.alpha,
        "margin": row.margin,
        "relative_to": row.relative_to,
        "scale": "share" if row.metric == FINISHING.name else "log" if row.on_log else "metric",
        "rule": row.rule,
        "seeds": row.seeds,
        "estimate": row.estimate,
        "level": row.level,
        "interval": _ends(row.interval),
        "bootstrap": _ends(row.bootstrap),
        "p": row.p,
        "p_holm": row.p_adjusted,
        "p_contrary": row.refuting_p,
        "p_sign_flip": row.sign_flip_p,
        "verdict": row.verdict,
        "smallest_effect": row.smallest_effect,
        "answer": row.answer,
        "p_equivalent": row.equivalent_p,
        "unadjusted_interval": _ends(row.unadjusted),
        "unadjusted_level": row.unadjusted_level,
        "unbiased_estimate": None if row.unbiased is None else _six_digits(row.unbiased),
        "planned_seeds": row.planned,
        "whole_seeds": row.whole,
        "more_seeds": {
            "if_true_effect_is_zero": row.more_if_zero.number if row.more_if_zero else None,
            "if_true_effect_is_the_estimate": row.more_if_estimate.number if row.more_if_estimate else None,
            "range_if_zero": _range(row.more_if_zero),
            "range_if_the_estimate": _range(row.more_if_estimate),
        },
        "diverged": dict(row.diverged),
        "sentence": row.sentence,
    }


def _six_digits(value: float) -> float:
    """The ones after them depend on the release of a library."""
    return float(f"{value:.6g}")


def _range(more: SeedCount | None) -> list[int | None] | None:
    return None if more is None else [more.low, more.high]


def _search(rows: SearchResult) -> SearchShape:
    names = [metric.name for metric in rows.objectives]
    return {
        "sampler": rows.sampler,
        "stopping": rows.stopping,
        "objectives": names,
        "planned": rows.planned,
        "proposals": [
            {
                "number": proposal.number + 1,
                "variant": proposal.variant,
                "setting": dict(proposal.chosen),
                "state": proposal.state,
                "step": proposal.step,
                "values": dict(zip(names, proposal.values, strict=False)),
                "seconds": proposal.seconds,
            }
            for proposal in rows.proposals
        ],
        "best_so_far": [number + 1 for number in rows.incumbents],
        "front": [number + 1 for number in rows.front],
        "importances": dict(rows.importances),
        "bias": None
        if rows.bias is None
        else {
            "tried": rows.bias.tried,
            "seeds": rows.bias.seeds,
            "spread": rows.bias.spread,
            "source": rows.bias.source,
            "share": rows.bias.share,
        },
        "confirmed": [
            {"variant": row.variant, "found": row.found, "confirmed": row.confirmed, "seeds": row.seeds, "optimism": row.optimism}
            for row in rows.confirmed
        ],
    }


def _ends(interval: Interval | None) -> list[float] | None:
    """To ten digits: the ones after them depend on the release of a library."""
    return None if interval is None else [float(f"{end:.10g}") for end in (interval.low, interval.high)]


def _estimate(summary: Summary) -> EstimateShape:
    found = _summary(summary)
    return {
        "estimate": found["mean"],
        "sd": found["sd"],
        "half_width": found["half_width"],
        "interval": found["interval"],
        "by_seed": found["by_seed"],
        "rule": summary.rule,
    }


def _summary(summary: Summary) -> SummaryShape:
    interval = summary.interval
    return {
        "n": summary.n,
        "mean": summary.mean,
        "sd": summary.sd,
        "half_width": summary.half_width,
        "interval": None if interval is None else [interval.low, interval.high],
        "by_seed": {str(seed): value for seed, value in summary.by_seed.items()},
    }
