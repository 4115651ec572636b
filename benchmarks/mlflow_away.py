"""What MLflow's absence costs a trial: `python benchmarks/mlflow_away.py [--steps 26000 --turn 10]`.

Runs a sweep of two trials whose MLflow server changes its manner every ten seconds: it answers at once, it is gone, or it takes five
seconds for every answer, each once a round and in every order. Keeps the steps per second by the clock between the points that reached
the store within a turn, so that a trial that waits for anybody counts as slow; the ratio to the turn of the same round in which MLflow
was there, since minutes apart a machine's speed differs by more than what is looked for; and how much of a processor the trial had: what
makes a trial wait on a CPU, or takes its processor away, shows there at once (caches that others empty show in the ratio alone).
"""

import argparse
import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from scipy.special import bdtr

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
    """MLflow in one manner, from when to when in seconds since the epoch, how many requests it answered and hung up on, and what each
    process of the machine had of a processor meanwhile: seconds by its id, where the kernel tells.
    """

    manner: str
    start: float
    end: float
    answered: int = 0
    hung_up: int = 0
    processor: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedTrial:
    """A trial: the id of its process, and the points of its curves."""

    process: int
    points: Sequence[Point]


@dataclass(frozen=True)
class Pace:
    """Of a trial in a turn."""

    steps_per_second: float
    processor_share: float | None
    """Seconds of a processor per second."""


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
                answered, hung_up = self._proxy.answered, self._proxy.hung_up
                start, before = time.time(), processor_seconds()
                if self._over.wait(self._seconds):
                    self._proxy.late = 0  # what is left to tell need not wait
                    return
                end, after = time.time(), processor_seconds()
                had = {process: after[process] - before[process] for process in before.keys() & after.keys()}
                turns.append(Turn(manner, start, end, self._proxy.answered - answered, self._proxy.hung_up - hung_up, had))
            self.rounds.append(turns)


def processor_seconds() -> dict[int, float]:
    """That every process of the machine had since it began, by its id; empty where the kernel does not tell."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended
            fields = stat.read_text().rpartition(")")[2].split()
            found[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def pace(trial: TrainedTrial, turn: Turn) -> Pace | None:
    """By the clock, between the first and the last point of a trial in a turn; None where they are less than half of what counts apart."""
    start = turn.start + SLACK
    inside = [(step, when) for step, when in trial.points if start <= when <= turn.end]
    if len(inside) < 2 or inside[-1][1] - inside[0][1] < (turn.end - start) / 2:
        return None
    (first, began), (last, ended) = inside[0], inside[-1]
    had = turn.processor.get(trial.process)
    return Pace((last - first) / (ended - began), None if had is None else had / (turn.end - turn.start))


def paces(rounds: Iterable[Sequence[Turn]], trials: Sequence[TrainedTrial]) -> dict[str, list[Pace]]:
    """Of each manner in the rounds that one trial trained through."""
    found: dict[str, list[Pace]] = {manner: [] for manner in LATE}
    for trial, turns in itertools.product(trials, rounds):
        kept = {turn.manner: now for turn in turns if (now := pace(trial, turn)) is not None}
        if len(kept) == len(turns):
            for manner, now in kept.items():
                found[manner].append(now)
    return found


def median_ratio(values: Sequence[float], to: Sequence[float]) -> Spread:
    """Median of the ratios within a round, and its interval of at least 95% whatever their law (of fewer than six, the range)."""
    ratios = sorted(a / b for a, b in zip(values, to, strict=True))
    n = len(ratios)
    # The k-th lies above the true median when fewer than k of n fair coins show heads.
    k = max((k for k in range(1, n // 2 + 1) if bdtr(k - 1, n, 0.5) <= 0.025), default=1)
    return Spread(statistics.median(ratios), ratios[k - 1], ratios[n - k])


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
            trials = [_trained(store, outcome.fingerprint) for outcome in store.snapshot("mlflow_away").outcomes]
    found = paces(turns.rounds, trials)
    if not found[THERE]:
        raise SystemExit(f"no trial trained through a round of {len(LATE) * seconds:g} s; take more --steps, or shorter turns with --turn")
    speeds = {manner: [now.steps_per_second for now in found[manner]] for manner in LATE}
    shares = {manner: [now.processor_share for now in found[manner] if now.processor_share is not None] for manner in LATE}
    taken = [turn for turns in turns.rounds for turn in turns]
    return [
        {
            "mlflow": manner,
            "n": len(found[manner]),
            "steps_per_second": Spread.of(speeds[manner]),
            "to_there": median_ratio(speeds[manner], speeds[THERE]),
            "processor_share": Spread.of(shares[manner]) if shares[manner] else None,
            "requests_answered": sum(turn.answered for turn in taken if turn.manner == manner),
            "requests_hung_up_on": sum(turn.hung_up for turn in taken if turn.manner == manner),
            "ratios": [round(a / b, 4) for a, b in zip(speeds[manner], speeds[THERE], strict=True)],
        }
        for manner in LATE
    ]


def _trained(store: ResultsStore, fingerprint: str) -> TrainedTrial:
    history = store.history(fingerprint)
    points = [(point.step, point.time_ms / 1000) for point in history.points if point.metric == "step_seconds"]
    return TrainedTrial(history.attempts[-1].provenance["process"], points)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=26_000, help="of each of the two trials, one after the other")
    parser.add_argument("--turn", type=float, default=10.0, help="seconds before MLflow changes its manner")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall", threads=1)
    rows = measure(given.steps, given.turn, 1 if device.type == "cuda" else 0)
    for row in rows:
        print(
            f"{row['mlflow']:<28} {row['steps_per_second']} steps/s, to MLflow there {row['to_there']} (median of {row['n']} rounds, 95%"
            f" interval), {row['processor_share']} of a processor;"
            f" {row['requests_answered']} requests answered, {row['requests_hung_up_on']} hung up on"
        )
    print(f"kept in {measuring.keep(f'mlflow_away-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
