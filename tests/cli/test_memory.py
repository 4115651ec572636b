"""What a large store takes of memory to read: bounded for every format, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.store_scale import SEEDS, fill, sweep
from sweeper.service.plan_sweep import SweepRequest, plan_sweep
from sweeper.store.results_store import ResultsStore

TRIALS = 10_000
"""Of twenty metrics each."""
READ = {
    **{name: f"run_command(['report', '-f', '{name}', '-o', os.devnull])" for name in ("terminal", "markdown", "csv", "latex", "json")},
    "results": "results()",
}
MOST_MIB = 90
"""More than the same takes for a store of a tenth of them; measured 10 to 33, and 168 for `results` with a dict of every row."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Homes of few trials, and of many."""
    return _home(tmp_path_factory.mktemp("few"), 1_000), _home(tmp_path_factory.mktemp("many"), TRIALS)


def _home(folder: Path, trials: int) -> Path:
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep(trials // SEEDS), sort_keys=False))
    planned = plan_sweep(SweepRequest(folder / "sweep.yaml"), lambda _: {})
    with ResultsStore.open(f"sqlite:///{folder / 'sweeper.db'}") as store:
        fill(store, planned)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_memory_of_many_trials(name: str, stores: tuple[Path, Path]) -> None:
    few, many = (_peak_mib(READ[name], home) for home in stores)
    assert many - few < MOST_MIB


def _peak_mib(statement: str, home: Path) -> float:
    code = f"""
import os, resource
from sweeper import results
from sweeper.cli.app import run_command
{statement}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    environment = os.environ | {"SWEEPER_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=600)
    return float(done.stdout)
