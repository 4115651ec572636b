"""Tests in several processes: how many, in what order, one thread in each, and what is made once for all of them.

A file's tests run in one process, so that what costs seconds (a sweep that has run, a cluster) is made once where one file needs it.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from model.machine import usable_cores
from tests.ray_cluster import ray_cluster
from tests.sweep.sweeper_home import Home

# Before torch and numpy are loaded, and inherited by every process that a test starts: the processes share the cores.
os.environ["OMP_NUM_THREADS"] = "1"

MOST_PROCESSES = 4
"""More would soon wait for the longest file."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process per core; for named files none but this one, since they take less time than the start of others."""
    named = [argument.partition("::")[0] for argument in config.args]
    return 0 if all(Path(name).is_file() for name in named) else min(usable_cores(), MOST_PROCESSES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real sweeps first: they are the longest files, and one that came last would be waited for."""
    items.sort(key=lambda item: not {"sweep", "faults"} & set(item.path.parts))


@pytest.fixture(scope="session")
def shared_temp(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this run that all its processes see; what is made there is made under a lock."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def cache(shared_temp: Path) -> Path:
    """The cache folder of trials, so that the judge of the digits is trained once."""
    return shared_temp / "judges"


@pytest.fixture(scope="session")
def migrated(shared_temp: Path) -> Path:
    """An MLflow database without runs, to be copied: its migrations take seconds."""
    from sweeper.tracking.mlflow_client import QuietClient

    folder = shared_temp / "mlflow"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        QuietClient(f"sqlite:///{folder / 'mlflow.db'}", folder).find_run("0", {})  # loads MLflow without its warnings, too
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def cluster() -> Iterator[dict[str, str]]:
    """A Ray cluster of two cores, as environment variables that join it, for sweeps of which Ray's own start and end are not the point."""
    with ray_cluster(2) as variables:
        yield variables


@pytest.fixture(scope="session")
def judges(cache: Path) -> Path:
    """A folder with the judge of the digits."""
    import torch

    from model.config import DigitsData
    from model.data.dataset import load
    from model.evaluation.evaluation_classifier import load_or_train_classifier

    load_or_train_classifier(load(DigitsData(), 2, torch.device("cpu"), torch.float32), 2, cache)
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
