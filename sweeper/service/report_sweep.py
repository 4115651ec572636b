"""The report of a sweep, from the store alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from sweeper.errors import RequestError, SpecError, nearest
from sweeper.metrics import Metrics
from sweeper.plan.proposals import proposals_of
from sweeper.records import SweepSnapshot, TrialAnalysis, TrialCurves
from sweeper.report.build import build_report
from sweeper.report.page import MOST_DRAWN
from sweeper.report.random_search import random_version
from sweeper.report.render.report_tables import shows_steps
from sweeper.report.results import Report
from sweeper.report.weights_beside import ensure_known
from sweeper.service.file_version import edited_since
from sweeper.service.measured_weights import measured_here
from sweeper.settings import Settings
from sweeper.spec.explaining import explain
from sweeper.spec.report_template import LAYOUTS, ReportTemplate
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.store.results_reader import ResultsReader


def read_report(
    store: ResultsReader,
    name: str | None,
    profile: str | None,
    *,
    allow_mixed: Collection[str] = (),
    file: Path | None = None,
    layout: str | None = None,
    beside: Sequence[str] = (),
    steps: bool = True,
    training: Collection[str] = (),
    settings: Settings | None = None,
) -> tuple[SweepSnapshot, dict[str, TrialCurves], Report]:
    """The newest version of a sweep, its trials' curves (of the `training` metrics too), and its report.

    Where `file` says something else by now, the first note says which version is shown.

    The `report:` section of `file`, as it is now, stands in for the stored spec's own, `layout` for the section's; the published sets
    and the measured weights in `beside` are shown too. Without `steps` there are no evaluations on the way, which are most of what a large
    sweep has stored, unless the layout shows training steps. With `training`, the first MOST_DRAWN variants have their curves. `settings`:
    where weights were measured whose results are in folders alone.
    Raises RequestError, SpecError.
    """
    if layout is not None and layout not in LAYOUTS:
        raise RequestError(f"--layout {layout}: there is no such layout{nearest(layout, LAYOUTS)}; choose one of {', '.join(LAYOUTS)}")
    snapshot = store.snapshot(name, profile)
    if settings is not None:
        snapshot = replace(snapshot, weights=tuple(measured_here(store, settings)))
    for shown in beside:
        ensure_known(shown, (one.name for one in snapshot.weights), "--beside")
    asked = (template_of_file(file, snapshot.profile) if file is not None else None) or stored_template(snapshot)
    changed = {} if layout is None else {"layout": layout}
    asked = asked.model_copy(update=changed | {"published": tuple(dict.fromkeys((*asked.published, *beside)))})
    curves = store.curves(snapshot) if steps or shows_steps(asked) else {}
    if training:
        names = dict.fromkeys(outcome.variant for outcome in snapshot.outcomes)
        drawn = set(islice(names, MOST_DRAWN))
        curves |= store.curves(snapshot, training, trials={o.fingerprint for o in snapshot.outcomes if o.variant in drawn})
    analyses = store.analyses({outcome.fingerprint for outcome in snapshot.outcomes if outcome.has_result})
    report = report_of(snapshot, allow_mixed, curves, asked, random_beside(store, snapshot), analyses)
    edited = edited_since(file, snapshot) if file is not None else None
    return snapshot, curves, report if edited is None else replace(report, notes=(f"{_sentence(edited)}.", *report.notes))


def random_beside(store: ResultsReader, snapshot: SweepSnapshot) -> SweepSnapshot | None:
    """Of a search, a random search of its space that the sweep was run as too; else None."""
    version = random_version(snapshot)
    return None if version is None else store.snapshot(snapshot.name, snapshot.profile, version)


def report_of(
    snapshot: SweepSnapshot,
    allow_mixed: Collection[str] = (),
    curves: Mapping[str, TrialCurves] | None = None,
    template: ReportTemplate | None = None,
    random: SweepSnapshot | None = None,
    analyses: Sequence[TrialAnalysis] = (),
) -> Report:
    """The report of a snapshot; of a search, with the importance of its factors, and beside a random search of its space."""
    of_search = _importances(snapshot)
    return build_report(snapshot, allow_mixed, curves=curves, template=template, importances=of_search, random=random, analyses=analyses)


def _importances(snapshot: SweepSnapshot) -> dict[str, float]:
    design = snapshot.spec.get("design")
    if not isinstance(design, dict) or design.get("kind") != "search":
        return {}
    from sweeper.search.importance import importances  # it loads Optuna

    try:
        spec = SweepSpec.read(snapshot.spec)
    except ValidationError:
        return {}  # the report itself says so
    assert isinstance(spec.design, SearchDesign), "its kind"
    return importances(spec.design, spec.objectives, proposals_of(snapshot, spec, {}))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def stored_template(snapshot: SweepSnapshot) -> ReportTemplate:
    """The template that the sweep was run with; an unreadable one is complained about with the rest of the spec."""
    try:
        return ReportTemplate.model_validate(snapshot.spec.get("report") or {}, context=Metrics.of(snapshot.spec))
    except ValidationError:
        return ReportTemplate()


def template_of_file(path: Path, profile: str) -> ReportTemplate | None:
    """The `report:` section of a sweep file as it is now, under a profile if the file still has it; None without one. Raises SpecError."""
    from sweeper.spec.reading import apply_profile, read_mapping

    raw = read_mapping(path)
    known = raw.get("profiles")
    whole = apply_profile(raw, profile if isinstance(known, dict) and profile in known else None, str(path))
    section = whole.get("report")
    if section is None:
        return None
    try:
        return ReportTemplate.model_validate(section, context=Metrics.of(whole))
    except ValidationError as error:
        raise SpecError(*explain(error, ReportTemplate, "report."), place=str(path)) from error
