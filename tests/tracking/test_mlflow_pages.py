"""A sweep's page and plots on its parent run; pictures of samples over training on a trial's run."""

from pathlib import Path
from typing import Any

from sweeper.tracking.delivery import Delivery
from sweeper.tracking.mlflow_tracker import MlflowTracker


def sync(setup: Any, pages: Any) -> Delivery:
    tracker = MlflowTracker(setup.uri, setup.folder / "artifacts", setup.folder / "trials", setup.source, pages)
    return Delivery(tracker, setup.source, "MLflow")


def test_the_files_of_a_sweep_are_on_its_parent_run(setup: Any) -> None:
    def pages(name: str, profile: str, folder: Path) -> None:
        (folder / "report.html").write_text(f"{name} {profile}")
        (folder / "contrasts.svg").write_text("<svg/>")

    setup.source.whole_trial()
    setup.source.put("pages", name="noise", profile="default")
    sync(setup, pages).drain()
    parent = setup.only("sweep")
    assert setup.artifact(parent, "report/report.html") == b"noise default"
    assert setup.artifact(parent, "report/contrasts.svg") == b"<svg/>"
    assert setup.source.backlog() == 0


def test_pages_that_cannot_be_made_hold_nothing_up(setup: Any) -> None:
    def pages(name: str, profile: str, folder: Path) -> None:
        raise KeyError("no such plot")

    setup.source.put("pages", name="noise", profile="default")
    setup.source.whole_trial()
    told = sync(setup, pages)
    while told.drain():
        pass
    assert told.refused == 1
    assert setup.only("trial").info.status == "FINISHED"


def test_pictures_over_training_come_with_the_points_of_their_step(setup: Any) -> None:
    setup.source.link()
    setup.sync().drain()
    setup.image(100, content=b"first attempt")
    setup.image(100, attempt=2, content=b"second attempt")
    setup.source.points(50, {"train_loss": 1.0})
    setup.source.points(100, {"held_out_loss": 0.5, "held_out_loss_by_t/0.03125": 0.7})
    setup.sync().drain()
    child = setup.only("trial")
    assert [item.path for item in setup.look.list_artifacts(child.info.run_id, "samples")] == ["samples/step-00000100.png"]
    assert setup.artifact(child, "samples/step-00000100.png") == b"second attempt"
    assert setup.curve(child, "held_out_loss_by_t/0.03125") == [(100, 0.7, 1_000_100)]


def test_a_run_that_is_built_anew_has_every_picture(setup: Any) -> None:
    setup.source.whole_trial()
    for step in (1, 2, 3):
        setup.image(step)
    setup.sync().drain()
    child = setup.only("trial")
    assert len(setup.look.list_artifacts(child.info.run_id, "samples")) == 3
