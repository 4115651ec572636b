"""What starting and stopping cost: `python benchmarks/start_up.py`.

Wall-clock seconds of the `sweeper` commands on the default sweep's smoke profile, in a home of their own: `plan` before anything ran; the
first `run`, and in it the time to the first training step; then `status`, `report`, and the same `run` again, which has nothing to do.
Last, from Ctrl-C to the end of a `run` whose trials train at the default sweep's size: they checkpoint, and it exits with 130.
"""

import argparse
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.measuring import Spread

ROOT = Path(__file__).parents[1]
SWEEP = "sweeps/noise_aug_vs_interaction.yaml"
SMALL = ("--profile", "smoke", "--set", "base.log_every=1")
SWEEPER = (sys.executable, "-c", "from sweeper.cli.app import main; main()")


def environment(home: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "SWEEPER_HOME": str(home), "PYTHONPATH": path}


def seconds(arguments: list[str], home: Path) -> float:
    """Of one command, from nothing to its end."""
    started = time.perf_counter()
    found = subprocess.run([*SWEEPER, *arguments], cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=1200)
    took = time.perf_counter() - started
    if found.returncode:
        raise SystemExit(f"sweeper {' '.join(arguments)} ended with {found.returncode}:\n{found.stdout}{found.stderr}")
    return took


def first_step(home: Path) -> float:
    """When the first step of any trial was reported, in seconds since 1970."""
    ((first,),) = asked(home, "select min(time_ms) from curve_point where step = 1")
    return first / 1000


def asked(home: Path, query: str) -> list[tuple[int]]:
    """Of the store."""
    with contextlib.closing(sqlite3.connect(home / "sweeper.db", timeout=30)) as store:
        return store.execute(query).fetchall()


def to_stop(arguments: list[str], home: Path) -> float:
    """From Ctrl-C to the end of a `run` whose trials train: each has written a checkpoint of its last step."""
    run = subprocess.Popen(
        [*SWEEPER, *arguments], cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    before, retry = points(home), time.monotonic() + 300
    while points(home) < before + 4 and run.poll() is None and time.monotonic() < retry:
        time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    started = time.perf_counter()
    said, _ = run.communicate(timeout=300)
    took = time.perf_counter() - started
    if run.returncode != 130:
        raise SystemExit(f"sweeper {' '.join(arguments)} ended with {run.returncode} after an interrupt:\n{said}")
    ((short,),) = asked(home, "select count(*) from attempt where state != 'stopped' or checkpoint_step != step")
    if short:
        raise SystemExit(f"{short} interrupted attempts did not checkpoint their last step:\n{said}")
    return took


def points(home: Path) -> int:
    """How many points of curves there are."""
    if not (home / "sweeper.db").exists() or not asked(home, "select 1 from sqlite_master where name = 'curve_point'"):
        return 0
    ((count,),) = asked(home, "select count(*) from curve_point where metric = 'train_loss'")
    return count


def measure(rounds: int, changes: list[str]) -> list[dict[str, Any]]:
    """A row per command: the first `run` once, the others `rounds` times in turn."""
    sweep = [SWEEP, *SMALL, *changes]
    plain = {"plan": ["plan", *sweep], "status": ["status"], "report": ["report"], "run again": ["run", *sweep]}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        taken: dict[str, list[float]] = {"plan, empty store": [seconds(plain["plan"], home)]}
        started = time.time()
        taken["first run"] = [seconds(plain["run again"], home)]
        taken["of it, to the first step"] = [first_step(home) - started]
        for name in plain:
            taken[name] = []
        for _ in range(rounds):
            for name, arguments in plain.items():
                taken[name].append(seconds(arguments, home))
    with tempfile.TemporaryDirectory() as folder:
        endless = ["run", SWEEP, *changes, "--set", "base.steps=100000"]
        taken["Ctrl-C, to the end"] = [to_stop(endless, Path(folder)) for _ in range(rounds)]
    return [{"command": name, "n": len(values), "seconds": Spread.of(values)} for name, values in taken.items()]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="named in the result; sweeper itself takes a GPU where there is one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="another change of the sweep")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall")
    print(f"{about['device']}, {about['cores']} cores, load {about['load_average']} at the start: wall-clock seconds")
    rows = measure(given.rounds, [word for change in given.set for word in ("--set", change)])
    for row in rows:
        print(f"{row['command']:<26} {row['seconds']}  (n = {row['n']})")
    print(f"kept in {measuring.keep(f'start_up-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
