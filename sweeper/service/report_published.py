"""The report of a published data set: the same tables, contrasts and claims as for a sweep, from the figures that come with the program."""

import dataclasses
import shlex

from sweeper.errors import RequestError, nearest
from sweeper.report.build import build_report
from sweeper.report.published import published_notes, published_snapshot
from sweeper.report.results import Report
from sweeper.service.report_sweep import stored_template
from sweeper.spec.report_template import LAYOUTS, ReportTemplate


def read_published(name: str, step: int | None, layout: str | None) -> Report:
    """A set at a training step, the last that its rows have in common when None. Raises RequestError with what there is."""
    snapshot = published_snapshot(name, step)
    template = stored_template(snapshot)
    if layout is not None:
        if layout not in LAYOUTS:
            raise RequestError(f"--layout {layout}: there is no such layout{nearest(layout, LAYOUTS)}; choose one of {', '.join(LAYOUTS)}")
        template = ReportTemplate.model_validate(template.model_dump() | {"layout": layout})
    words = ["sweeper", "report", "--published", name, *([] if step is None else ["--step", str(step)])]
    words += [] if layout is None else ["--layout", layout]
    report = build_report(snapshot, template=template)
    return dataclasses.replace(report, command=shlex.join(words), notes=(*published_notes(snapshot), *report.notes))
