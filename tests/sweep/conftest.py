"""Homes for real sweeps: one that ran undisturbed, and empty ones that need not train the judge again."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sweeper_home import SHIPPED, Home

CLUSTER = """
import sys, ray
print(ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False).address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def cluster() -> Iterator[dict[str, str]]:
    """A Ray cluster of two cores, as environment variables that join it: its start takes longer than a small sweep.

    For sweeps of which Ray's own start and end are not the point.
    """
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment = os.environ | token | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as ray:
        assert ray.stdin is not None
        assert ray.stdout is not None
        yield token | {"RAY_ADDRESS": ray.stdout.readline().strip()}
        ray.stdin.close()
        ray.wait(timeout=60)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shipped sweep at smoke size, run once without trouble; read only."""
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    (home.path / "output.txt").write_text(home.run("run", str(SHIPPED), "--profile", "smoke"))
    return home


@pytest.fixture(scope="session")
def judges(cache: Path) -> Path:
    """A folder with the judge of the digits."""
    import torch

    from model.config import DigitsData
    from model.data.dataset import load
    from model.evaluation.judge import load_or_train_judge

    load_or_train_judge(load(DigitsData(), 2, torch.device("cpu"), torch.float32), 2, cache)
    return cache


@pytest.fixture(scope="session")
def furnish(judges: Path, migrated: Path) -> Callable[..., Home]:
    """Gives a folder the judge and a migrated MLflow database, which take seconds to make, and so makes it a home."""

    def make(path: Path, environment: Mapping[str, str] | None = None) -> Home:
        shutil.copytree(judges, path / "artifacts" / "judges")
        shutil.copy(migrated, path / "mlflow.db")
        return Home(path, environment or {})

    return make


@pytest.fixture
def new_home(furnish: Callable[..., Home], tmp_path: Path) -> Callable[..., Home]:
    """Makes homes by name, with the environment variables of its runs."""
    return lambda name, environment=None: furnish(tmp_path / name, environment)


@pytest.fixture
def home(new_home: Callable[..., Home]) -> Home:
    """A home whose runs start a Ray of their own."""
    return new_home("home")


@pytest.fixture
def cluster_home(new_home: Callable[..., Home], cluster: dict[str, str]) -> Home:
    """A home whose runs join the cluster."""
    return new_home("home", cluster)
