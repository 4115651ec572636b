"""`sweeper report` as a page and as plots, and the same files on a sweep's MLflow run."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

from sweeper.service.trackers import open_delivery
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

Sweeper = Callable[..., Any]
PLOTS = ["claims", "claims-in-percent", "contrasts", "effects", "variants"]


def test_a_page_and_plots(sweeper: Sweeper, home: Path) -> None:
    store_sweep(endings={("dual/full", 0): "failed"})
    said = sweeper("report", "--format", "html", "--output", "report.html", "--plots", "figures")
    assert (said.code, said.out, said.err) == (0, "", "")
    page = Path("report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "the images caught fire" in page
    assert page.rstrip().endswith("</html>")
    assert {path.stem for path in Path("figures").iterdir()} <= {*PLOTS, "curves"}
    assert {path.suffix for path in Path("figures").iterdir()} == {".svg", ".pdf"}


def test_layouts(sweeper: Sweeper, home: Path) -> None:
    store_sweep()
    assert "main effect: timesteps: dual - single" in " ".join(sweeper("report", "--layout", "effects").out.split())
    claims = sweeper("report", "--layout", "claims").out
    assert "verdict" in claims
    assert "↓" not in claims, "a table of variants"
    said = sweeper("report", "--layout", "factorail")
    assert said.code == 2
    assert '--layout factorail: there is no such layout; did you mean "factorial"?' in said.err


def test_the_template_of_a_file_is_read_anew(sweeper: Sweeper, home: Path) -> None:
    store_sweep()
    path = Path("sweep.yaml")
    path.write_text(path.read_text() + "\nreport: {layout: factorial, metrics: [held_out_loss], names: {dual: two levels}}\n")
    assert "two levels" in sweeper("report", "sweep.yaml").out
    assert "two levels" not in sweeper("report").out
    path.write_text(path.read_text().replace("layout: factorial", "layout: factorail"))
    assert "report.layout" in sweeper("report", "sweep.yaml").err


def test_the_same_files_are_on_the_sweeps_mlflow_run(home: Path) -> None:
    planned = store_sweep()
    settings = Settings()
    with ResultsStore.open(settings.store_url) as store:
        store.post_pages(planned.sweep.spec.name, planned.sweep.profile)
        store.post_pages(planned.sweep.spec.name, planned.sweep.profile)
        assert store.backlog() == 1, "one row is enough"
        sync, _ = open_delivery(store, settings, "mlflow")
        assert sync.drain() == 10, "of what MLflow never heard it is told first"
        assert sync.refused == 0
    found = {path.name for path in settings.artifacts.rglob("report/*")}
    assert {"report.html", "contrasts.svg", "contrasts.pdf", "effects.svg"} <= found


def test_sync_draws_them_for_a_lost_mlflow(sweeper: Sweeper, home: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the mirror of a run left under `report/`, but for the ids of runs in the page's links."""

    def drawn(settings: Settings) -> dict[str, bytes]:
        files = {path.name: path.read_bytes() for path in settings.artifacts.rglob("report/*")}
        assert re.search(rb"experiments/\d+/runs/\"", files["report.html"]), "what all links begin with stands once"
        files["report.html"], links = re.subn(rb"\"[0-9a-f]{32}\"", b'"a run"', files["report.html"])
        files["report.html"] = re.sub(rb"experiments/\d+/runs/", b"", files["report.html"])
        assert links == 8, "of every trial, so the page was drawn after the runs were made"
        return files

    planned = store_sweep()
    shutil.copy(migrated, home / "mlflow.db")
    settings = Settings()
    with ResultsStore.open(settings.store_url) as store:
        store.requeue_all()
        store.post_pages(planned.sweep.spec.name, planned.sweep.profile)
        sync, _ = open_delivery(store, settings, "mlflow")
        while sync.drain():
            pass
    live = drawn(settings)
    shutil.rmtree(settings.artifacts / "mlflow")
    shutil.copy(migrated, home / "new.db")
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", f"sqlite:///{home / 'new.db'}")

    said = sweeper("mlflow", "sync")
    assert (said.code, said.out, said.err) == (0, "0 of 10 events sent to MLflow\nMLflow has all of it (10 events)\n", "")
    assert drawn(Settings()) == live
    monkeypatch.setenv("SWEEPER_MLFLOW_PAGES", "false")
    assert sweeper("mlflow", "sync").out.endswith("(9 events)\n")


@pytest.mark.parametrize("where", ["sweep.yaml/figures"])
def test_a_folder_that_cannot_be_made_is_refused(sweeper: Sweeper, home: Path, where: str) -> None:
    store_sweep()
    said = sweeper("report", "--plots", where)
    assert said.code == 2
    assert said.err.startswith(f"error: --plots {where} cannot be written")
