"""From what the store knows of a sweep to the report that answers its question."""

import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from model.errors import ModelError
from sweeper.errors import SweeperError
from sweeper.metrics import FINISHING, MetricInfo
from sweeper.plan.asked_of_weights import asked_of_weights
from sweeper.records import SweepSnapshot, TrialAnalysis, TrialCurves, TrialOutcome, Variant
from sweeper.report.analyses import analysis_notes, analysis_sections, with_scalars
from sweeper.report.chosen_analyses import ChosenAnalyses
from sweeper.report.comparability import comparability_of, device_of, has_features
from sweeper.report.contrasts import contrast_results
from sweeper.report.earlier_versions import declaration_notes
from sweeper.report.notes import notes_of, pairing_efficiency_notes, pairing_notes, variance_notes
from sweeper.report.results import ContrastResult, Report, VariantResult
from sweeper.report.search_results import search_notes, search_result, seeds_seen_before, shown_part
from sweeper.report.shared_trials import shared_trial_notes, shared_trials
from sweeper.report.stored_spec import stored_spec
from sweeper.report.sweep_trials import Outcomes, SweepTrials
from sweeper.report.weights_beside import stand_beside
from sweeper.spec.designs import fitted_template, variants_of
from sweeper.spec.load import variant_config
from sweeper.spec.report_template import ReportTemplate
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.states import TRIAL_STATES, TrialState
from sweeper.stats.effects import effects_of
from sweeper.stats.pairing import pairing_of
from sweeper.stats.summaries import Summary, summarise

__all__ = ["ContrastResult", "Report", "VariantResult", "build_report"]


def build_report(
    snapshot: SweepSnapshot,
    allow_mixed: Collection[str] = (),
    *,
    curves: Mapping[str, TrialCurves] | None = None,
    template: ReportTemplate | None = None,
    importances: Mapping[str, float] | None = None,
    random: SweepSnapshot | None = None,
    analyses: Sequence[TrialAnalysis] = (),
) -> Report:
    """The report of one version of a sweep; the same arguments give the same report.

    `curves` (by fingerprint) fill the tables that show training steps; `importances` are those of a search's factors, and `random` is a
    random search of its space. `template` stands in for the stored spec's own. `analyses` are those of the trials' weights.

    Where finished trials differ in a field of their comparability key that is not in `allow_mixed`, what does not compare is marked, and
    contrasts across it have no estimate.

    Raises RequestError when the stored spec is none of this release and for an unknown published set, and SpecError when a contrast or the
    template names what the design does not have.
    """
    spec, whole = stored_spec(snapshot), snapshot
    search, seen_before = None, list[str]()
    if isinstance(spec.design, SearchDesign):
        search = search_result(snapshot, spec, curves or {}, importances or {}, random)
        seen_before = seeds_seen_before(snapshot, spec)
        snapshot, spec = shown_part(snapshot, spec)
    variants = variants_of(spec)
    asked = fitted_template(template or spec.report or ReportTemplate(), variants)
    measured = _by_variant_and_seed(snapshot, spec, variants)
    of_weights = ChosenAnalyses.of(analyses, measured, asked_of_weights(spec, measured.values()) if analyses else {})
    outcomes, misnamed = with_scalars(measured, map(spec.metric_of, spec.contrasts), of_weights)
    finished = [outcome for outcome in outcomes.values() if outcome.has_result]
    encoded = _encoded(spec, variants) if any(map(has_features, finished)) else ()
    comparability = comparability_of(finished, allow_mixed, variants, encoded)
    shared = shared_trials(outcomes.values())
    metrics = tuple(map(comparability.marked, _columns(spec, outcomes, asked.metrics)))
    rows = tuple(_variant_row(variant, spec, metrics, outcomes, curves or {}) for variant in variants)
    primary, assumed_cv = spec.primary, spec.metric.assumed_spread
    trials = SweepTrials(spec, variants, outcomes, comparability)
    contrasts = contrast_results(trials, shared, snapshot.earlier)
    differences = [row for row in contrasts if row.metric != FINISHING.name]
    pairing = pairing_of((variant.name for variant in variants), spec.seeds, outcomes, spec.analysis)
    values = _values(primary.name, outcomes)
    # The levels of what a search found are no cells of a design: a difference between two of them is no effect of a factor.
    sections = analysis_sections(of_weights, outcomes, variants)
    published, weights = stand_beside(asked.published, whole.weights, spec, variants, finished)
    effects = (
        ()
        if search is not None
        else effects_of(
            variants,
            spec.baseline,
            values,
            spec.seeds,
            paired=pairing.paired,
            assumed_cv=assumed_cv,
            block_design_of=lambda weights: trials.block_design(weights, primary),
        )
    )
    return Report(
        name=snapshot.name,
        profile=snapshot.profile,
        version=snapshot.version,
        question=spec.question,
        newest_result=snapshot.newest_result,
        device=device_of(comparability.values),
        comparability=comparability.values,
        not_comparable={one.field: tuple(metric.name for metric in metrics if one.concerns(metric)) for one in comparability.apart},
        command=_command(snapshot, comparability.mixed, asked, spec.report),
        metrics=metrics,
        baseline=spec.baseline,
        seeds=spec.seeds,
        variants=rows,
        contrasts=contrasts,
        notes=(
            *(one.sentence(metrics) for one in comparability.apart),
            *notes_of(metrics, spec.metrics, rows, list(outcomes.values()), comparability.mixed, has_contrasts=bool(spec.contrasts)),
            *shared_trial_notes(shared),
            *pairing_notes({row.name: row.pairing for row in differences if outcomes}),
            *trials.block_design_notes(),
            *pairing_efficiency_notes({row.name: row.pairing_efficiency for row in differences}),
            *variance_notes(primary, outcomes.values()),
            *declaration_notes(snapshot, spec),
            *(search_notes(search) if search is not None else ()),
            *seen_before,
            *analysis_notes(sections, of_weights),
            *misnamed,
        ),
        snapshot=_identity(whole),
        effects=tuple(effect for effect in effects if comparability.separates(primary, effect.weights) is None),
        steps=_steps(rows, asked),
        template=asked,
        published=published,
        weights=weights,
        search=search,
        known=spec.metrics,
        analyses=sections,
    )


def _by_variant_and_seed(snapshot: SweepSnapshot, spec: SweepSpec, variants: tuple[Variant, ...]) -> dict[tuple[str, int], TrialOutcome]:
    """In the order of the design, whatever the order of the snapshot, so that equal results print equal bytes."""
    by_trial = {(outcome.variant, outcome.seed): outcome for outcome in snapshot.outcomes}
    planned = [(variant.name, seed) for variant in variants for seed in spec.seeds]
    assert len(by_trial) == len(snapshot.outcomes), "a variant has one trial per seed"
    assert by_trial.keys() <= set(planned), "outcomes belong to the version of the spec beside them"
    return {key: by_trial[key] for key in planned if key in by_trial}


def _encoded(spec: SweepSpec, variants: tuple[Variant, ...]) -> tuple[str, ...] | None:
    """Names of the variants that align with an encoder; None where that cannot be read here, such as without a file that one names."""
    try:
        return tuple(variant.name for variant in variants if variant_config(spec, variant, 0).alignment.kind == "external")
    except (SweeperError, ModelError):
        return None


def _identity(snapshot: SweepSnapshot) -> str:
    """Short hash of the outcomes: two reports of one snapshot of the store have the same."""
    digest = hashlib.sha256(f"[{json.dumps(snapshot.version)}, [".encode())
    before = ""
    for _, alike in groupby(sorted(snapshot.outcomes, key=lambda o: o.fingerprint), key=lambda o: o.fingerprint):
        # One by one: as one text, those of a hundred thousand trials take more memory than the trials.
        for known in sorted((o.fingerprint, o.state, sorted(o.metrics.items()), o.step, o.attempts) for o in alike):
            digest.update(f"{before}{json.dumps(known)}".encode())
            before = ", "
    digest.update(b"]]")
    return digest.hexdigest()[:12]


def _values(metric: str, outcomes: Outcomes) -> dict[str, dict[int, float]]:
    values: dict[str, dict[int, float]] = {}
    for (variant, seed), outcome in outcomes.items():
        if outcome.has_result and metric in outcome.metrics:
            values.setdefault(variant, {})[seed] = outcome.metrics[metric]
    return values


def _steps(rows: Iterable[VariantResult], asked: ReportTemplate) -> tuple[int, ...]:
    measured = {step for row in rows for by_step in row.steps.values() for step in by_step}
    return tuple(step for step in sorted(measured) if not asked.steps or step in asked.steps)


def _columns(spec: SweepSpec, outcomes: Outcomes, asked: Sequence[str]) -> tuple[MetricInfo, ...]:
    """The primary metric, even while it has no value; then those asked for, else every other that some trial reported."""
    if asked:
        return tuple(spec.metrics.info(name) for name in dict.fromkeys((spec.metric.primary, *asked)))
    reported = {name for outcome in outcomes.values() for name in outcome.metrics}
    primary = spec.primary
    return (primary, *(info for info in spec.metrics.columns(reported) if info != primary))


def _variant_row(
    variant: Variant, spec: SweepSpec, metrics: tuple[MetricInfo, ...], outcomes: Outcomes, curves: Mapping[str, TrialCurves]
) -> VariantResult:
    mine = {seed: outcomes[variant.name, seed] for seed in spec.seeds if (variant.name, seed) in outcomes}
    finished = {seed: dict(outcome.metrics.items()) for seed, outcome in mine.items() if outcome.has_result}
    evaluations = {seed: curves[outcome.fingerprint].evaluations for seed, outcome in mine.items() if outcome.fingerprint in curves}
    states = Counter[TrialState]({"pending": len(spec.seeds) - len(mine)}) + Counter(outcome.state for outcome in mine.values())
    cells = {
        info.name: summarise(
            {s: values[info.name] for s, values in finished.items() if info.name in values},
            spec.metric.assumed_spread if info.name == spec.metric.primary else None,
        )
        for info in metrics
    }
    return VariantResult(
        name=variant.name,
        levels=variant.levels,
        is_baseline=variant.name == spec.baseline,
        planned=len(spec.seeds),
        states=Counter({state: states[state] for state in TRIAL_STATES if states[state]}),
        cells=cells,
        steps={info.name: by_step for info in metrics if (by_step := _by_step(info.name, evaluations, cells[info.name]))},
    )


def _by_step(metric: str, evaluations: Mapping[int, Mapping[str, Mapping[int, float]]], cell: Summary) -> dict[int, Summary]:
    """`evaluations`: of each seed by metric and step. `cell` is that of the table, which is most often one of these."""
    by_step: dict[int, dict[int, float]] = {}
    for seed, measured in evaluations.items():
        for step, value in measured.get(metric, {}).items():
            by_step.setdefault(step, {})[seed] = value
    return {
        step: cell if cell.rule != "assumed" and cell.by_seed == values else summarise(values) for step, values in sorted(by_step.items())
    }


def _command(snapshot: SweepSnapshot, mixed: Collection[str], asked: ReportTemplate, own: ReportTemplate | None) -> str:
    words = ["sweeper", "report", snapshot.name, "--table"]
    if snapshot.profile != "default":
        words += ["--profile", snapshot.profile]
    if asked.layout != (own or ReportTemplate()).layout:
        words += ["--layout", asked.layout]
    for name in asked.published:
        if own is None or name not in own.published:
            words += ["--beside", name]
    for field in mixed:
        words += ["--allow-mixed", field]
    return shlex.join(words)
