"""How many trials a second `sweeper mlflow sync` tells MLflow: `python benchmarks/mlflow_sync.py [--trials 1000]`.

A store of finished trials, twenty numbers of each, told to an empty MLflow by the command in a process of its own: to a server on this
machine with SQLite behind it, and to an SQLite file without a server. What both take before the first trial is counted too.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.mlflow_server import MlflowServer
from benchmarks.store_scale import make_store, taken

RUN = "from sweeper.cli.app import main; main()"


def measure(trials: int, folder: Path) -> list[dict[str, Any]]:
    """A row for each place: seconds of waiting, and of a processor for the command."""
    home = make_store(trials, folder)
    rows = []
    for place in ("server", "SQLite file"):
        server = MlflowServer(folder / "server") if place == "server" else None
        if server is not None:
            server.start()
        try:
            uri = server.uri if server is not None else f"sqlite:///{folder / 'mlflow.db'}"
            told = {"SWEEPER_MLFLOW_URI": uri, "SWEEPER_MLFLOW_PAGES": "false"}
            wall, used, peak = taken([RUN, "mlflow", "sync"], folder, home, told)
        finally:
            if server is not None:
                server.stop()
        rows.append({"mlflow": place, "trials": trials, "numbers": 20, "seconds": wall, "processor_seconds": used, "peak_mib": peak})
    return rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="a multiple of 1,000, or of 100 below it (default: 1000)")
    parser.add_argument("--device", default="cpu", help="named in the result; nothing computes on it")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall and processor")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(given.trials, Path(folder))
    for row in rows:
        print(f"{row['mlflow']:<12} {row['trials'] / row['seconds']:6.1f} trials/s, {row['seconds']:.1f} s, {row['peak_mib']:.0f} MiB")
    print(f"kept in {measuring.keep(f'mlflow_sync-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
