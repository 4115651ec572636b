"""Addresses of trials' runs in MLflow's pages."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.tracking.run_links import run_links, shown_at


def test_every_trial_of_the_sweep_and_profile_has_one(setup: Any) -> None:
    setup.source.whole_trial()
    setup.source.link("f1", seed=1)
    setup.source.link("f2", profile="smoke")
    setup.sync().drain()
    links = run_links(setup.uri, setup.folder / "artifacts", "noise", "default")
    runs = {run.data.tags["sweeper.trial"]: run for run in setup.runs("trial") if run.data.tags["sweeper.profile"] == "default"}
    assert set(links) == {"f0", "f1"}
    for fingerprint, link in links.items():
        run = runs[fingerprint].info
        assert link == f"http://127.0.0.1:5000/#/experiments/{run.experiment_id}/runs/{run.run_id}"
    assert run_links(setup.uri, setup.folder / "artifacts", "unknown", "default") == {}


def test_looking_makes_no_database_and_waits_for_no_server(tmp_path: Path) -> None:
    assert run_links(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path, "noise", "default") == {}
    assert list(tmp_path.iterdir()) == []
    assert run_links("http://127.0.0.1:9/", tmp_path, "noise", "default") == {}


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sqlite:////x/mlflow.db", "http://127.0.0.1:5000"),
        ("https://ann:secret@mlflow.example:8080/base/", "https://mlflow.example:8080/base"),
    ],
)
def test_an_address_holds_no_password(uri: str, address: str) -> None:
    assert shown_at(uri) == address
