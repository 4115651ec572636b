"""The report of a sweep, from the store alone."""

from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from sweeper.errors import RequestError, SpecError, nearest
from sweeper.records import SweepSnapshot, TrialCurves
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
    template: ReportTemplate | None = None,
    layout: str | None = None,
    steps: bool = True,
    training: Collection[str] = (),
) -> tuple[SweepSnapshot, dict[str, TrialCurves], Report]:
    """The newest version of a sweep, its trials' curves (of the `training` metrics too), and its report.

    `template` stands in for the stored spec's own, `layout` for the template's. Without `steps` there are no curves unless the layout
    shows training steps: they are most of what a large sweep has stored. Raises RequestError, SpecError.
    """
    if layout is not None and layout not in LAYOUTS:
        raise RequestError(f"--layout {layout}: there is no such layout{nearest(layout, LAYOUTS)}; choose one of {', '.join(LAYOUTS)}")
    snapshot = store.snapshot(name, profile)
    asked = template or stored_template(snapshot)
    if layout is not None:
        asked = ReportTemplate.model_validate(asked.model_dump() | {"layout": layout})
    curves = store.curves(snapshot, training) if steps or shows_steps(asked) else {}
    return snapshot, curves, build_report(snapshot, allow_mixed, curves=curves, template=asked)


def stored_template(snapshot: SweepSnapshot) -> ReportTemplate:
    """The template that the sweep was run with; an unreadable one is complained about with the rest of the spec."""
    try:
        return ReportTemplate.model_validate(snapshot.spec.get("report") or {})
    except ValidationError:
        return ReportTemplate()


def template_of_file(path: Path) -> ReportTemplate | None:
    """The `report:` section of a sweep file as it is now; None where it has none. Raises SpecError."""
    from sweeper.spec.reading import read_mapping

    section = read_mapping(path).get("report")
    if section is None:
        return None
    try:
        return ReportTemplate.model_validate(section)
    except ValidationError as error:
        raise SpecError(f"{path}: {explain(error, ReportTemplate, 'report.')}") from error
