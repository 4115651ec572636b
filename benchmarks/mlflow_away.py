"""What MLflow's absence costs a trial: `python benchmarks/mlflow_away.py [--steps 26000 --turn 20]`.

Runs a sweep of two trials whose MLflow server changes its manner every 20 seconds: it answers at once, it is gone, or it takes five seconds
for every answer, each once a round and in every order. Keeps the steps per second by the clock between the points that reached the store
within a turn, so that a trial that waits for anybody counts as slow; and the ratio to the turn of the same round in which MLflow was
there: minutes apart, this machine's speed differs by more than what is looked for, and the mean of many neighbours does not.
"""

import argparse
import itertools
import math
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from scipy.special import stdtrit

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.measuring import Spread
from benchmarks.mlflow_server import ANSWER_SECONDS, MlflowServer, SlowProxy, slowed
from benchmarks.sweep_overhead import SWEEPER, run_sweep, timed_command
from sweeper.store.results_store import ResultsStore

THERE = "MLflow there"
LATE: dict[str, float | None] = {THERE: 0, "MLflow down": None, f"MLflow takes {ANSWER_SECONDS:g} s an answer": ANSWER_SECONDS}
"""Seconds that each manner of MLflow takes for an answer; None hangs up."""
SLACK = 0.5
"""Seconds at the start of a turn that count for neither: a point reaches the store a little after it was made."""
SPEC = """
question: What does MLflow's absence cost a trial?
name: mlflow_away
base: {{preset: nano, steps: {steps}, log_every: 20, held_out_every: null, samples_every: null, checkpoint_every: {steps}}}
design: {{kind: factorial, factors: {{separation: {{path: attention.separation, levels: [none, full]}}}}}}
seeds: 1
metric: {{primary: held_out_loss, direction: lower}}
resources: {{cpus: 1, gpus: {gpus}}}
"""
Point = tuple[int, float]
"""Step, and when it was reached, in seconds since the epoch."""


@dataclass(frozen=True)
class Turn:
    """MLflow in one manner, from when to when in seconds since the epoch, and how many requests it answered and hung up on."""

    manner: str
    start: float
    end: float
    answered: int
    hung_up: int


class Turns:
    """Changes a proxy's manner while a sweep runs; a context manager."""

    def __init__(self, proxy: SlowProxy, seconds: float) -> None:
        self.rounds: list[list[Turn]] = []
        """Those that were taken to their end."""
        self._proxy, self._seconds = proxy, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> "Turns":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _take(self) -> None:
        for order in itertools.cycle(itertools.permutations(LATE)):
            turns = []
            for manner in order:
                self._proxy.late = LATE[manner]
                start, answered, hung_up = time.time(), self._proxy.answered, self._proxy.hung_up
                if self._over.wait(self._seconds):
                    self._proxy.late = 0  # what is left to tell need not wait
                    return
                turns.append(Turn(manner, start, time.time(), self._proxy.answered - answered, self._proxy.hung_up - hung_up))
            self.rounds.append(turns)


def steps_per_second(points: Sequence[Point], turn: Turn) -> float | None:
    """By the clock, between the first and the last point of a trial in a turn; None where they are less than half of what counts apart."""
    start = turn.start + SLACK
    inside = [(step, when) for step, when in points if start <= when <= turn.end]
    if len(inside) < 2 or inside[-1][1] - inside[0][1] < (turn.end - start) / 2:
        return None
    (first, began), (last, ended) = inside[0], inside[-1]
    return (last - first) / (ended - began)


def speeds(rounds: Iterable[Sequence[Turn]], trials: Sequence[Sequence[Point]]) -> dict[str, list[float]]:
    """Steps per second of each manner in the rounds that one trial trained through."""
    found: dict[str, list[float]] = {manner: [] for manner in LATE}
    for points, turns in itertools.product(trials, rounds):
        speed = {turn.manner: steps_per_second(points, turn) for turn in turns}
        if None not in speed.values():
            for manner, steps in speed.items():
                found[manner].append(steps)  # type: ignore[arg-type]
    return found


def mean_ratio(speeds: Sequence[float], to: Sequence[float]) -> Spread:
    """Geometric mean of the ratios within a round, and its 95% interval by Student's t."""
    logs = [math.log(a / b) for a, b in zip(speeds, to, strict=True)]
    mean, half = statistics.mean(logs), math.inf
    if len(logs) > 1:
        half = float(stdtrit(len(logs) - 1, 0.975)) * statistics.stdev(logs) / math.sqrt(len(logs))
    return Spread(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def measure(steps: int, seconds: float, gpus: float) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        run_sweep(home, 2, 2, 1, gpus)  # the judge, MLflow's database
        spec = home / "mlflow_away.yaml"
        spec.write_text(SPEC.format(steps=steps, gpus=gpus))
        server = MlflowServer(Path(folder) / "server", home / "mlflow.db")
        try:
            server.start()
            with slowed(server) as proxy, Turns(proxy, seconds) as turns:
                more = {"SWEEPER_MLFLOW_URI": proxy.uri, "SWEEPER_MLFLOW_PAGES": "false"}
                timed_command([*SWEEPER, "run", str(spec), "--max-concurrent", "1"], home, **more)
        finally:
            server.stop()
        with ResultsStore.open(f"sqlite:///{home / 'sweeper.db'}") as store:
            trials = [_points(store, outcome.fingerprint) for outcome in store.snapshot("mlflow_away").outcomes]
    found = speeds(turns.rounds, trials)
    if not found[THERE]:
        raise SystemExit(f"no trial trained through a round of {len(LATE) * seconds:g} s; take more --steps, or shorter turns with --turn")
    return [
        {
            "mlflow": manner,
            "n": len(found[manner]),
            "steps_per_second": Spread.of(found[manner]),
            "to_there": mean_ratio(found[manner], found[THERE]),
            "requests_answered": sum(turn.answered for turns in turns.rounds for turn in turns if turn.manner == manner),
            "requests_hung_up_on": sum(turn.hung_up for turns in turns.rounds for turn in turns if turn.manner == manner),
        }
        for manner in LATE
    ]


def _points(store: ResultsStore, fingerprint: str) -> list[Point]:
    return [(point.step, point.time_ms / 1000) for point in store.history(fingerprint).points if point.metric == "step_seconds"]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=26_000, help="of each of the two trials, one after the other")
    parser.add_argument("--turn", type=float, default=20.0, help="seconds before MLflow changes its manner")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall", threads=1)
    rows = measure(given.steps, given.turn, 1 if device.type == "cuda" else 0)
    for row in rows:
        print(
            f"{row['mlflow']:<28} {row['steps_per_second']} steps/s, to MLflow there {row['to_there']} (mean of {row['n']} rounds, 95%"
            f" interval); {row['requests_answered']} requests answered, {row['requests_hung_up_on']} hung up on"
        )
    print(f"kept in {measuring.keep(f'mlflow_away-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
