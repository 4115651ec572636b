"""Homes for real sweeps: one that ran undisturbed, and empty ones that need not train the judge again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sweeper_home import SHIPPED, Home


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shipped sweep at smoke size, run once without trouble; read only."""
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    (home.path / "output.txt").write_text(home.run("run", str(SHIPPED), "--profile", "smoke"))
    return home


@pytest.fixture
def new_home(undisturbed: Home, tmp_path: Path) -> Callable[[str], Home]:
    """Makes empty homes that know the judge and have a migrated MLflow database, which take seconds to make."""

    def make(name: str) -> Home:
        path = tmp_path / name
        shutil.copytree(undisturbed.path / "artifacts" / "judges", path / "artifacts" / "judges")
        shutil.copy(undisturbed.path / "mlflow.db", path / "mlflow.db")
        return Home(path)

    return make


@pytest.fixture
def home(new_home: Callable[[str], Home]) -> Home:
    """One such home."""
    return new_home("home")
