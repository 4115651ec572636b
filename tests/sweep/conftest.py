"""Homes for real sweeps: one that ran undisturbed, and empty ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from sweeper_home import SHIPPED, Home


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shipped sweep at smoke size, run once without trouble; read only."""
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    (home.path / "output.txt").write_text(home.run("run", str(SHIPPED), "--profile", "smoke"))
    return home


@pytest.fixture
def home(new_home: Callable[..., Home]) -> Home:
    """A home whose runs start a Ray of their own."""
    return new_home("home")


@pytest.fixture
def cluster_home(new_home: Callable[..., Home], cluster: dict[str, str]) -> Home:
    """A home whose runs join the cluster."""
    return new_home("home", cluster)


@pytest.fixture(scope="session")
def tiny_that_ran(shared_temp: Path, furnish: Callable[..., Home], cluster: dict[str, str]) -> Path:
    """The home of the tiny sweep that ran once for all processes of the tests; to be copied."""
    path = shared_temp / "tiny"
    with FileLock(shared_temp / "tiny.lock"):
        if not path.exists():
            home = furnish(shared_temp / "tiny-runs", cluster)
            home.sweep()
            shutil.move(home.path, path)
    return path


@pytest.fixture
def swept(tiny_that_ran: Path, tmp_path: Path, cluster: dict[str, str]) -> Home:
    """A home in which the tiny sweep has run, whose runs join the cluster."""
    return Home(shutil.copytree(tiny_that_ran, tmp_path / "swept"), cluster)
