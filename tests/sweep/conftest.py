"""Homes for real sweeps: one that ran undisturbed, and empty ones."""

from collections.abc import Callable

import pytest
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
