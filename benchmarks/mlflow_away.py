"""What MLflow's absence costs a trial: `python benchmarks/mlflow_away.py [--rounds 4]`.

Runs one small sweep in turns with MLflow as it is by default, with a server that refuses every connection, and with a real one that takes
five seconds for every answer; keeps the training steps per second of the trials, and their ratio to the first within a round.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.measuring import Rounds
from benchmarks.mlflow_server import ANSWER_SECONDS, MlflowServer, slowed
from benchmarks.sweep_overhead import run_sweep
from sweeper.store.results_store import ResultsStore

HERE = "MLflow there"
NOBODY = "http://127.0.0.1:9"
"""Where no server listens."""
SLOW = "slow"
"""At a server of its own, on which every request takes its time."""


def steps_per_second(template: Path, steps: int, concurrent: int, gpus: float, uri: str | None) -> float:
    """Mean over the sweep's trials, in a home of their own that begins as a copy."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        shutil.copytree(template, home)
        if uri == SLOW:
            uri = stack.enter_context(_slow_mlflow(Path(folder) / "server", template / "mlflow.db"))
        away = {} if uri is None else {"SWEEPER_MLFLOW_URI": uri}
        run_sweep(home, 2, steps, concurrent, gpus, SWEEPER_MLFLOW_PAGES="false", **away)
        with ResultsStore.open(f"sqlite:///{home / 'sweeper.db'}") as store:
            return statistics.mean(outcome.metrics["steps_per_second"] for outcome in store.snapshot().outcomes)


@contextmanager
def _slow_mlflow(folder: Path, migrated: Path) -> Iterator[str]:
    """Its address."""
    server = MlflowServer(folder, migrated)
    try:
        server.start()
        with slowed(server) as slow:
            yield slow.uri
    finally:
        server.stop()


def measure(rounds: int, steps: int, concurrent: int, gpus: float) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        template.mkdir()
        run_sweep(template, 2, 2, concurrent, gpus)  # the judge, MLflow's database
        conditions = {HERE: None, "MLflow down": NOBODY, f"MLflow takes {ANSWER_SECONDS:g} s an answer": SLOW}
        speeds: dict[str, list[float]] = {name: [] for name in conditions}
        for round_ in range(rounds):
            for name in conditions if round_ % 2 == 0 else reversed(list(conditions)):
                speeds[name].append(steps_per_second(template, steps, concurrent, gpus, conditions[name]))
                print(f"round {round_ + 1}: {name:<28} {speeds[name][-1]:.2f} steps/s", flush=True)
    found = Rounds(speeds)
    return [{"mlflow": name, "n": rounds, "steps_per_second": found.of(name), "to_there": found.ratio(name, HERE)} for name in conditions]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=400, help="of each of the two trials")
    parser.add_argument("--concurrent", type=int, default=1, help="trials at once; 1 leaves a core to what else the sweep does")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall", threads=1)
    rows = measure(given.rounds, given.steps, given.concurrent, 1 / given.concurrent if device.type == "cuda" else 0)
    for row in rows:
        print(f"{row['mlflow']:<28} {row['steps_per_second']} steps/s, to MLflow there {row['to_there']}")
    print(f"kept in {measuring.keep(f'mlflow_away-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
