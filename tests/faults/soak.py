"""`python -m tests.faults.soak --minutes 20`: breaks sweeps on purpose until the time is over, and prints one line of counts.

Each sweep has its own home and store. Its workers and drivers are killed at random moments, a checkpoint is damaged, a second driver
joins; then the same command finishes it, and it must be the sweep that was left alone, bit for bit, with nothing twice.
"""

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.disturbing import Table, assert_nothing_lost_nothing_twice, finish, kill_driver, kill_worker, run, start, table
from tests.ray_cluster import ray_cluster
from tests.sweep.sweeper_home import ROOT, Home

AIM = 100
"""Kills of each kind; with more the soak ends before its time."""
ROUNDS, WORKERS = 3, 3
"""Drivers killed in a sweep, and workers killed under each of them, where they live that long."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    began, counts, wrong = time.monotonic(), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, ray_cluster(4) as cluster:
        first = Home(Path(folder) / "undisturbed", cluster)
        first.path.mkdir()
        run(first)
        expected, database = table(first), migrated(Path(folder) / "mlflow")
        while time.monotonic() - began < given.minutes * 60 and min(counts["drivers"], counts["workers"]) < AIM:
            home = Home(Path(folder) / f"home-{counts['sweeps']}", cluster)
            shutil.copytree(first.path / "artifacts" / "judges", home.path / "artifacts" / "judges")
            shutil.copy(database, home.path / "mlflow.db")
            chance = random.Random(f"{given.seed}/{counts['sweeps']}")
            counts["sweeps"] += 1
            if said := disturbed(home, expected, chance, counts):
                wrong.append(f"sweep {counts['sweeps']} of seed {given.seed}: {said}")
                shutil.copytree(home.path, Path(tempfile.mkdtemp(prefix="soak-wrong-")) / "home")
            shutil.rmtree(home.path)
    for said in wrong:
        sys.stdout.write(said + "\n")
    minutes = (time.monotonic() - began) / 60
    sys.stdout.write(
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}: {minutes:.0f} min, {counts['sweeps']} sweeps of {len(expected)} trials;"
        f" drivers killed {counts['drivers']}, workers killed {counts['workers']}, checkpoints damaged {counts['damaged']},"
        f" second drivers {counts['second']}; sweeps that differ from the undisturbed one: {len(wrong)}\n"
    )
    return min(len(wrong), 1)


def disturbed(home: Home, expected: Table, chance: random.Random, counts: Counter[str]) -> str:
    """What was wrong with the sweep in the end; nothing, as a rule."""
    try:
        for _ in range(ROUNDS):
            process = start(home)
            counts["workers"] += sum(kill_worker(home, process, chance) for _ in range(WORKERS))
            killed = kill_driver(home, process, chance)
            counts["drivers"] += killed
            if not killed:
                break
            counts["damaged"] += damage(home, chance)
        pair = [start(home) for _ in range(chance.choice((1, 2)))]
        counts["second"] += len(pair) - 1
        for process in pair:
            finish(process)
        assert_nothing_lost_nothing_twice(home, expected)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {str(error)[:2000]}"
    return ""


def damage(home: Home, chance: random.Random) -> int:
    """Flips a bit of one checkpoint at random; the number of those damaged."""
    found = sorted(home.path.glob("trials/*/attempt-*/checkpoint-*.safetensors"))
    if not found:
        return 0
    with contextlib.suppress(FileNotFoundError):  # an orphaned worker just deleted it
        path = chance.choice(found)
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        return 1
    return 0


def migrated(folder: Path) -> Path:
    """An MLflow database without runs: its migrations take seconds."""
    from sweeper.tracking.mlflow_client import QuietClient

    folder.mkdir()
    QuietClient(f"sqlite:///{folder / 'mlflow.db'}", folder).find_run("0", {})
    return folder / "mlflow.db"


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
