"""What a sweep takes beside its trials: `python benchmarks/sweep_overhead.py [--trials 12 --steps 2000 --concurrent 2]`.

Runs `sweeper run` as a user types it, real training on digits and MLflow included, in a home where the judge is trained and MLflow's
database made; prints and keeps its wall clock against the sum of its trials' own seconds over the concurrency (the ideal), where the rest
went, and the wall clock of raw Ray Tune with as many trials that do nothing. A trial's own seconds are those between the first and the
last line of its log, written in its worker.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from sweeper.store.results_store import ResultsStore
from sweeper.trial_folder import LOG_FILE

ROOT = Path(__file__).parents[1]
SWEEPER = [sys.executable, "-P", "-c", "from sweeper.cli.app import main; main()"]
SPEC = """
question: What does a sweep take beside its trials?
name: overhead_of_a_sweep
base: {{preset: nano, steps: {steps}}}
design: {{kind: factorial, factors: {{separation: {{path: attention.separation, levels: [none, full]}}}}}}
seeds: {seeds}
metric: {{primary: held_out_loss, direction: lower}}
resources: {{cpus: 1, gpus: {gpus}}}
"""
RAW = """
import os, sys
from sweeper.execution.ray_session import QUIET
os.environ.update(QUIET)
import ray
from ray import tune
ray.init(address="local", num_cpus=int(sys.argv[2]), include_dashboard=False, log_to_driver=False, logging_level="ERROR")
tune.Tuner(
    tune.with_resources(lambda config: None, {"cpu": 1, "gpu": float(sys.argv[4])}),
    tune_config=tune.TuneConfig(num_samples=int(sys.argv[1]), reuse_actors=True),
    run_config=tune.RunConfig(storage_path=sys.argv[3], verbose=0),
).fit()
ray.shutdown()
"""


@dataclass(frozen=True)
class Spent:
    """One trial on a worker process, in seconds since the epoch."""

    process: int
    start: float
    end: float


def run_sweep(home: Path, trials: int, steps: int, concurrent: int, gpus: float, **more: str) -> tuple[float, float, list[Spent]]:
    """When the command began and ended, and what its trials took; `more` are environment variables."""
    spec = home / "sweep.yaml"
    spec.write_text(SPEC.format(steps=steps, seeds=trials // 2, gpus=gpus))
    began = time.time()
    timed_command([*SWEEPER, "run", str(spec), "--max-concurrent", str(concurrent)], home, **more)
    ended = time.time()
    with ResultsStore.open(f"sqlite:///{home / 'sweeper.db'}") as store:
        spent = []
        for outcome in store.snapshot().outcomes:
            attempt = store.history(outcome.fingerprint).attempts[-1]
            log = home / "trials" / outcome.fingerprint / f"attempt-{attempt.number}" / LOG_FILE
            lines = log.read_text().splitlines()
            spent.append(Spent(attempt.provenance["process"], written(lines[0]), written(lines[-1])))
    return began, ended, spent


def written(line: str) -> float:
    """When a line of a log was written."""
    return datetime.fromisoformat(line.split(" ", 1)[0]).timestamp()


def timed_command(command: Sequence[str], home: Path, **more: str) -> float:
    """Wall clock of a command that must succeed; `more` are environment variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SWEEPER_", "MLFLOW_", "RAY_"))}
    environment = inherited | {"SWEEPER_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"} | more
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[-6:])} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began


def between(spent: Sequence[Spent]) -> list[float]:
    """Seconds from the end of a trial to the start of the next in the same worker."""
    workers: dict[int, list[Spent]] = defaultdict(list)
    for trial in sorted(spent, key=lambda trial: trial.start):
        workers[trial.process].append(trial)
    return [later.start - sooner.end for trials in workers.values() for sooner, later in itertools.pairwise(trials)]


def measure(trials: int, steps: int, concurrent: int, gpus: float) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run_sweep(home, 2, 2, concurrent, gpus)  # the judge, MLflow's database
        began, ended, spent = run_sweep(home, trials, steps, concurrent, gpus)
        raw = timed_command([sys.executable, "-c", RAW, str(trials), str(concurrent), str(home / "raw"), str(gpus)], home)
    own = [trial.end - trial.start for trial in spent]
    ideal, wall = sum(own) / concurrent, ended - began
    last = max(trial.end for trial in spent)
    return [
        {
            "run": "sweep",
            "trials": trials,
            "concurrent": concurrent,
            "trial_seconds": statistics.mean(own),
            "ideal_seconds": ideal,
            "wall_seconds": wall,
            "overhead": wall / ideal - 1,
            "seconds_before_the_first_trial": min(trial.start for trial in spent) - began,
            "seconds_between_trials": statistics.median(between(spent) or [0.0]),
            "seconds_of_idle_workers": sum(last - trial.end for trial in last_of_each(spent)) / concurrent,
            "seconds_after_the_last_trial": ended - last,
        },
        {"run": "raw Ray Tune, empty trials", "trials": trials, "concurrent": concurrent, "wall_seconds": raw},
    ]


def last_of_each(spent: Sequence[Spent]) -> list[Spent]:
    """The last trial of every worker."""
    return list({trial.process: trial for trial in sorted(spent, key=lambda trial: trial.end)}.values())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12, help="an even number")
    parser.add_argument("--steps", type=int, default=2000, help="of each trial; 30 s or more are wanted")
    parser.add_argument("--concurrent", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall", threads=1)
    gpus = 1 / given.concurrent if device.type == "cuda" else 0
    sweep, raw = rows = measure(given.trials, given.steps, given.concurrent, gpus)
    print(f"{given.trials} trials of {sweep['trial_seconds']:.1f} s, {given.concurrent} at a time")
    print(f"wall clock {sweep['wall_seconds']:.1f} s, ideal {sweep['ideal_seconds']:.1f} s: overhead {sweep['overhead']:+.1%}")
    for name in ("before_the_first_trial", "between_trials", "of_idle_workers", "after_the_last_trial"):
        print(f"  {name.replace('_', ' '):<24} {sweep[f'seconds_{name}']:>6.2f} s")
    print(f"raw Ray Tune, as many empty trials: {raw['wall_seconds']:.1f} s")
    print(f"kept in {measuring.keep(f'sweep_overhead-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
