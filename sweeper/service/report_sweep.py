"""The report of a sweep, from the store alone."""

from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import ValidationError

from sweeper.errors import RequestError, SpecError, nearest
from sweeper.records import SweepSnapshot, TrialCurves
from sweeper.report.beside import published_set
from sweeper.report.layouts import shows_steps
from sweeper.report.rows import Report
from sweeper.report.table import build_report
from sweeper.spec.explaining import explain
from sweeper.spec.report_template import LAYOUTS, ReportTemplate
from sweeper.store.results_store import ResultsStore


def read_report(
    store: ResultsStore,
    name: str | None,
    profile: str | None,
    *,
    allow_mixed: Collection[str] = (),
    file: Path | None = None,
    layout: str | None = None,
    beside: Sequence[str] = (),
    steps: bool = True,
    training: Collection[str] = (),
) -> tuple[SweepSnapshot, dict[str, TrialCurves], Report]:
    """The newest version of a sweep, its trials' curves (of the `training` metrics too), and its report.

    The `report:` section of `file`, as it is now, stands in for the stored spec's own, `layout` for the section's; the published sets in
    `beside` are shown too. Without `steps` there are no curves unless the layout shows training steps: they are most of what a large sweep
    has stored. Raises RequestError, SpecError.
    """
    if layout is not None and layout not in LAYOUTS:
        raise RequestError(f"--layout {layout}: there is no such layout{nearest(layout, LAYOUTS)}; choose one of {', '.join(LAYOUTS)}")
    for published in beside:
        published_set(published, "--beside")
    snapshot = store.snapshot(name, profile)
    asked = (template_of_file(file, snapshot.profile) if file is not None else None) or stored_template(snapshot)
    changed = {} if layout is None else {"layout": layout}
    asked = asked.model_copy(update=changed | {"published": tuple(dict.fromkeys((*asked.published, *beside)))})
    curves = store.curves(snapshot, training) if steps or shows_steps(asked) else {}
    return snapshot, curves, build_report(snapshot, allow_mixed, curves=curves, template=asked)


def stored_template(snapshot: SweepSnapshot) -> ReportTemplate:
    """The template that the sweep was run with; an unreadable one is complained about with the rest of the spec."""
    try:
        return ReportTemplate.model_validate(snapshot.spec.get("report") or {})
    except ValidationError:
        return ReportTemplate()


def template_of_file(path: Path, profile: str) -> ReportTemplate | None:
    """The `report:` section of a sweep file as it is now, under a profile if the file still has it; None without one. Raises SpecError."""
    from sweeper.spec.reading import apply_profile, read_mapping

    raw = read_mapping(path)
    known = raw.get("profiles")
    section = apply_profile(raw, profile if isinstance(known, dict) and profile in known else None, str(path)).get("report")
    if section is None:
        return None
    try:
        return ReportTemplate.model_validate(section)
    except ValidationError as error:
        raise SpecError(f"{path}: {explain(error, ReportTemplate, 'report.')}") from error
