"""From what the store knows of a sweep to the report that answers its question."""

import shlex
from collections import Counter
from collections.abc import Collection, Mapping

from pydantic import ValidationError

from sweeper.errors import RequestError
from sweeper.records import MetricInfo, SweepSnapshot, TrialOutcome, Variant, columns, metric_info
from sweeper.report.claims import claim_rows
from sweeper.report.comparability import comparability_of, device_of, varied_by_design
from sweeper.report.contrasts import Outcomes, contrast_row
from sweeper.report.declared import declaration_notes
from sweeper.report.effects import effect_rows
from sweeper.report.notes import notes_of
from sweeper.report.pairing import pairing_notes
from sweeper.report.rows import ContrastRow, Report, VariantRow
from sweeper.report.statistics import summarise
from sweeper.spec.designs import variants_of
from sweeper.spec.sweep_spec import SweepSpec

__all__ = ["ContrastRow", "Report", "VariantRow", "build_report"]


def build_report(snapshot: SweepSnapshot, allow_mixed: Collection[str] = ()) -> Report:
    """The report of one version of a sweep; the same snapshot gives the same report.

    Raises RequestError when finished trials differ in a field of their comparability key that is not in `allow_mixed`,
    when the stored spec is none of this release, and SpecError when a contrast names what the design does not have.
    """
    spec = _spec(snapshot)
    variants = variants_of(spec)
    outcomes = _by_variant_and_seed(snapshot, spec, variants)
    finished = [outcome for outcome in outcomes.values() if outcome.state == "finished"]
    comparability = comparability_of(finished, allow_mixed, varied_by_design(variants))
    metrics = _columns(spec, outcomes)
    rows = tuple(_variant_row(variant, spec, metrics, outcomes) for variant in variants)
    contrasts = tuple(contrast_row(contrast, spec, variants, outcomes) for contrast in spec.contrasts)
    return Report(
        name=snapshot.name,
        profile=snapshot.profile,
        version=snapshot.version,
        question=spec.question,
        newest_result=snapshot.newest_result,
        device=device_of(comparability),
        comparability=comparability,
        command=_command(snapshot, comparability),
        metrics=metrics,
        baseline=spec.baseline,
        seeds=spec.seeds,
        variants=rows,
        contrasts=contrasts,
        claims=claim_rows(spec, variants, outcomes),
        effects=effect_rows(spec, variants, outcomes),
        notes=(
            *notes_of(metrics, rows, list(outcomes.values()), comparability, has_contrasts=bool(spec.contrasts)),
            *pairing_notes({row.name: row.pairing for row in contrasts if outcomes}),
            *declaration_notes(snapshot, spec),
        ),
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


def _columns(spec: SweepSpec, outcomes: Outcomes) -> tuple[MetricInfo, ...]:
    """The primary metric, even while it has no value; then every other that some trial reported."""
    reported = {name for outcome in outcomes.values() for name in outcome.metrics}
    primary = metric_info(spec.metric.primary)
    return (primary, *(info for info in columns(reported) if info != primary))


def _variant_row(variant: Variant, spec: SweepSpec, metrics: tuple[MetricInfo, ...], outcomes: Outcomes) -> VariantRow:
    mine = {seed: outcomes[variant.name, seed] for seed in spec.seeds if (variant.name, seed) in outcomes}
    finished = {seed: outcome.metrics for seed, outcome in mine.items() if outcome.state == "finished"}
    states = Counter(outcome.state for outcome in mine.values())
    return VariantRow(
        name=variant.name,
        levels=variant.levels,
        is_baseline=variant.name == spec.baseline,
        planned=len(spec.seeds),
        finished=states["finished"],
        failed=states["failed"],
        diverged=states["diverged"],
        running=states["running"],
        pending=states["pending"] + len(spec.seeds) - len(mine),
        cells={
            info.name: summarise(
                {s: values[info.name] for s, values in finished.items() if info.name in values},
                spec.metric.assumed_spread if info.name == spec.metric.primary else None,
            )
            for info in metrics
        },
    )


def _command(snapshot: SweepSnapshot, comparability: Mapping[str, tuple[str, ...]]) -> str:
    words = ["sweeper", "report", snapshot.name, "--table"]
    if snapshot.profile != "default":
        words += ["--profile", snapshot.profile]
    for field, values in comparability.items():
        if len(values) > 1:
            words += ["--allow-mixed", field]
    return shlex.join(words)
