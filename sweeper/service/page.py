"""A sweep's page: its report, curves, samples and links, brought together from the store, the trials' folders and MLflow."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.errors import RequestError
from sweeper.records import COMPARABILITY, SweepSnapshot, TrialCurves
from sweeper.report.page import CURVES, ReportPage, build_page, compared
from sweeper.report.render.formats import PLOTS, FolderFormat, render
from sweeper.report.render.sample_grids import sample_grids
from sweeper.report.results import Report
from sweeper.service.report_sweep import read_report
from sweeper.settings import Settings
from sweeper.store.results_reader import ResultsReader
from sweeper.trial_folder import attempt_folder, samples_path


def read_page(
    store: ResultsReader,
    settings: Settings,
    name: str | None,
    profile: str | None,
    *,
    allow_mixed: Collection[str] = (),
    file: Path | None = None,
    layout: str | None = None,
    beside: Sequence[str] = (),
    links: bool = True,
    steps: bool = False,
) -> ReportPage:
    """All that a page shows. `links` asks MLflow where the runs are, if it is there. `steps`: the report holds every evaluation on the way,
    too. Raises RequestError, SpecError.
    """
    asked: dict[str, Any] = {"allow_mixed": allow_mixed, "file": file, "layout": layout, "beside": beside, "steps": steps}
    snapshot, curves, report = read_report(store, name, profile, **asked, training=CURVES, settings=settings)
    return assemble_page(snapshot, curves, report, settings, _links(settings, snapshot) if links else {})


def assemble_page(
    snapshot: SweepSnapshot, curves: Mapping[str, TrialCurves], report: Report, settings: Settings, links: Mapping[str, str]
) -> ReportPage:
    """The page of a report that was read already."""
    grids, left_out = sample_grids(_pictures(compared(snapshot, report), settings.trials), [row.name for row in report.variants])
    return build_page(snapshot, curves, report, links=links, grids=grids, left_out=left_out)


def write_pages(store: ResultsReader, settings: Settings, name: str, profile: str, folder: Path) -> None:
    """The page, the plots and the samples side by side, as files: what MLflow's run of the sweep shows."""
    mixed = COMPARABILITY  # the page names the fields that differ; a run that made it is not the place to refuse them
    page = read_page(store, settings, name, profile, allow_mixed=mixed)
    (folder / "report.html").write_text(render(page, "html"), encoding="utf-8")
    write_folder(page, PLOTS, folder)


def write_folder(page: ReportPage, format: FolderFormat, folder: Path, option: str = "--plots") -> list[Path]:
    """The report as files. Raises RequestError, which names the `option`, when the folder cannot be written."""
    try:
        return format.write(page, folder)
    except OSError as error:
        raise RequestError(f"{option} {folder} cannot be written ({error.strerror}); give a folder of yours") from error


def _pictures(snapshot: SweepSnapshot, trials: Path) -> Iterator[tuple[str, int, Path]]:
    """(variant, training seed, picture) of each finished trial whose evaluation left one here."""
    for outcome in snapshot.outcomes:
        path = samples_path(attempt_folder(trials / outcome.fingerprint, outcome.result_attempt), outcome.steps)
        if outcome.has_result and path.is_file():
            yield outcome.variant, outcome.seed, path


def _links(settings: Settings, snapshot: SweepSnapshot) -> dict[str, str]:
    from sweeper.tracking.run_links import run_links

    return run_links(settings.tracking_uri, settings.artifacts / "mlflow", snapshot.name, snapshot.profile)
