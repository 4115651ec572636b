"""From what the store knows of a sweep to the report that answers its question."""

import hashlib
import json
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import ValidationError

from sweeper.errors import RequestError
from sweeper.metrics import MetricInfo, columns, metric_info
from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome, Variant
from sweeper.report.beside import published_set
from sweeper.report.claims import claim_rows
from sweeper.report.comparability import comparability_of, device_of, varied_by_design
from sweeper.report.contrasts import Outcomes, contrast_row
from sweeper.report.declared import declaration_notes
from sweeper.report.effects import effects_of
from sweeper.report.folded import folded_notes, one_trial
from sweeper.report.notes import notes_of
from sweeper.report.pairing import pairing_notes, pairing_of
from sweeper.report.rows import ContrastRow, Report, VariantRow
from sweeper.report.statistics import Summary, summarise
from sweeper.report.variance import variance_notes
from sweeper.spec.designs import ensure_template_fits, variants_of
from sweeper.spec.report_template import ReportTemplate
from sweeper.spec.sweep_spec import SweepSpec

__all__ = ["ContrastRow", "Report", "VariantRow", "build_report"]


def build_report(
    snapshot: SweepSnapshot,
    allow_mixed: Collection[str] = (),
    *,
    curves: Mapping[str, TrialCurves] | None = None,
    template: ReportTemplate | None = None,
) -> Report:
    """The report of one version of a sweep; the same arguments give the same report.

    `curves` (by fingerprint) fill the tables that show training steps. `template` stands in for the stored spec's own.

    Raises RequestError when finished trials differ in a field of their comparability key that is not in `allow_mixed`,
    when the stored spec is none of this release, for an unknown published set, and SpecError when a contrast or the template names what the
    design does not have.
    """
    spec = _spec(snapshot)
    variants = variants_of(spec)
    asked = template or spec.report or ReportTemplate()
    ensure_template_fits(asked, variants)
    outcomes = _by_variant_and_seed(snapshot, spec, variants)
    finished = [outcome for outcome in outcomes.values() if outcome.state == "finished"]
    comparability = comparability_of(finished, allow_mixed, varied_by_design(variants))
    folded = one_trial(outcomes.values())
    metrics = _columns(spec, outcomes, asked.metrics)
    rows = tuple(_variant_row(variant, spec, metrics, outcomes, curves or {}) for variant in variants)
    primary, assumed_cv = metric_info(spec.metric.primary), spec.metric.assumed_spread
    contrasts = tuple(contrast_row(contrast, spec, variants, outcomes, folded) for contrast in spec.contrasts)
    pairing = pairing_of((variant.name for variant in variants), spec.seeds, outcomes)
    return Report(
        name=snapshot.name,
        profile=snapshot.profile,
        version=snapshot.version,
        question=spec.question,
        newest_result=snapshot.newest_result,
        device=device_of(comparability),
        comparability=comparability,
        command=_command(snapshot, comparability, asked, spec.report),
        metrics=metrics,
        baseline=spec.baseline,
        seeds=spec.seeds,
        variants=rows,
        contrasts=contrasts,
        notes=(
            *notes_of(metrics, rows, list(outcomes.values()), comparability, has_contrasts=bool(spec.contrasts)),
            *folded_notes(folded),
            *pairing_notes({row.name: row.pairing for row in contrasts if outcomes}),
            *variance_notes(primary, outcomes.values()),
            *declaration_notes(snapshot, spec),
        ),
        snapshot=_identity(snapshot),
        effects=effects_of(variants, spec.baseline, primary, _values(primary.name, outcomes), spec.seeds, pairing, assumed_cv),
        claims=claim_rows(spec, variants, outcomes),
        steps=_steps(rows, asked),
        template=asked,
        published=tuple(published_set(name) for name in asked.published),
    )


def _spec(snapshot: SweepSnapshot) -> SweepSpec:
    try:
        return SweepSpec.model_validate(snapshot.spec)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise RequestError(
            f"the stored spec of sweep {snapshot.name}, version {snapshot.version}, is not one that this release reads "
            f"({place}: {error.errors()[0]['msg']}); run the sweep again to store its spec anew, finished trials are reused"
        ) from error


def _by_variant_and_seed(snapshot: SweepSnapshot, spec: SweepSpec, variants: tuple[Variant, ...]) -> dict[tuple[str, int], TrialOutcome]:
    """In the order of the design, whatever the order of the snapshot, so that equal results print equal bytes."""
    found = {(outcome.variant, outcome.seed): outcome for outcome in snapshot.outcomes}
    planned = [(variant.name, seed) for variant in variants for seed in spec.seeds]
    assert len(found) == len(snapshot.outcomes), "a variant has one trial per seed"
    assert found.keys() <= set(planned), "outcomes belong to the version of the spec beside them"
    return {key: found[key] for key in planned if key in found}


def _identity(snapshot: SweepSnapshot) -> str:
    """Short hash of the outcomes: two reports of one snapshot of the store have the same."""
    known = sorted((o.fingerprint, o.state, sorted(o.metrics.items()), o.step, o.attempts) for o in snapshot.outcomes)
    return hashlib.sha256(json.dumps([snapshot.version, known]).encode()).hexdigest()[:12]


def _values(metric: str, outcomes: Outcomes) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for (variant, seed), outcome in outcomes.items():
        if outcome.state == "finished" and metric in outcome.metrics:
            found.setdefault(variant, {})[seed] = outcome.metrics[metric]
    return found


def _steps(rows: Iterable[VariantRow], asked: ReportTemplate) -> tuple[int, ...]:
    measured = {step for row in rows for by_step in row.steps.values() for step in by_step}
    return tuple(step for step in sorted(measured) if not asked.steps or step in asked.steps)


def _columns(spec: SweepSpec, outcomes: Outcomes, asked: Sequence[str]) -> tuple[MetricInfo, ...]:
    """The primary metric, even while it has no value; then those asked for, else every other that some trial reported."""
    if asked:
        return tuple(metric_info(name) for name in dict.fromkeys((spec.metric.primary, *asked)))
    reported = {name for outcome in outcomes.values() for name in outcome.metrics}
    primary = metric_info(spec.metric.primary)
    return (primary, *(info for info in columns(reported) if info != primary))


def _variant_row(
    variant: Variant, spec: SweepSpec, metrics: tuple[MetricInfo, ...], outcomes: Outcomes, curves: Mapping[str, TrialCurves]
) -> VariantRow:
    mine = {seed: outcomes[variant.name, seed] for seed in spec.seeds if (variant.name, seed) in outcomes}
    finished = {seed: outcome.metrics for seed, outcome in mine.items() if outcome.state == "finished"}
    states = [outcome.state for outcome in mine.values()]
    cells = {
        info.name: summarise(
            {s: values[info.name] for s, values in finished.items() if info.name in values},
            spec.metric.assumed_spread if info.name == spec.metric.primary else None,
        )
        for info in metrics
    }
    return VariantRow(
        name=variant.name,
        levels=variant.levels,
        is_baseline=variant.name == spec.baseline,
        planned=len(spec.seeds),
        finished=states.count("finished"),
        failed=states.count("failed"),
        diverged=states.count("diverged"),
        running=states.count("running"),
        pending=states.count("pending") + len(spec.seeds) - len(mine),
        cells=cells,
        steps={info.name: by_step for info in metrics if curves and (by_step := _by_step(info.name, mine, curves, cells[info.name]))},
    )


def _by_step(metric: str, mine: Mapping[int, TrialOutcome], curves: Mapping[str, TrialCurves], cell: Summary) -> dict[int, Summary]:
    """`cell` is that of the table, which is most often one of these."""
    by_seed = {seed: curves[o.fingerprint].evaluations.get(metric, {}) for seed, o in mine.items() if o.fingerprint in curves}
    steps = sorted({step for values in by_seed.values() for step in values})
    found = {}
    for step in steps:
        values = {seed: values[step] for seed, values in by_seed.items() if step in values}
        found[step] = cell if cell.rule != "assumed" and cell.by_seed == values else summarise(values)
    return found


def _command(
    snapshot: SweepSnapshot, comparability: Mapping[str, tuple[str, ...]], asked: ReportTemplate, own: ReportTemplate | None
) -> str:
    words = ["sweeper", "report", snapshot.name, "--table"]
    if snapshot.profile != "default":
        words += ["--profile", snapshot.profile]
    if asked.layout != (own or ReportTemplate()).layout:
        words += ["--layout", asked.layout]
    for name in asked.published:
        if own is None or name not in own.published:
            words += ["--beside", name]
    for field, values in comparability.items():
        if len(values) > 1:
            words += ["--allow-mixed", field]
    return shlex.join(words)
