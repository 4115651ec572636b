"""`sweeper plan`, `status` and `report` on a store of many trials: `python benchmarks/store_scale.py [--trials 10000 100000]`.

Builds a store of finished trials of one sweep, ten seeds of each variant, twenty metrics of each, and times the commands in processes of
their own, as a user waits for them.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from sweeper.metrics import METRICS
from sweeper.plan.machine import expected_key
from sweeper.records import PlannedTrial
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.store.results_store import ResultsStore
from sweeper.store.tables import Attempt, Evaluation, EvaluationDetail, Trial

SEEDS = 10
NAMES = [*METRICS][:16] + [f"fd_features_{i}" for i in range(4)]
BLOCK = 20_000
"""Rows of one INSERT."""
COMMANDS = {
    "plan": ["plan", "sweep.yaml"],
    "plan --json": ["plan", "sweep.yaml", "--json"],
    "status": ["status"],
    "report": ["report"],
    "report as JSON": ["report", "-f", "json"],
}


def sweep(variants: int) -> dict[str, Any]:
    """A grid of learning rates, weights and ratios: variants that no rule folds."""
    rates, weights = variants // 100, 10
    return {
        "question": "How do the commands take many trials?",
        "name": "scale",
        "base": {"preset": "nano", "timesteps": {"kind": "dual"}},
        "design": {
            "kind": "factorial",
            "factors": {
                "rate": {"path": "optimizer.learning_rate", "levels": [round(1e-5 * (i + 1), 6) for i in range(rates)]},
                "weight": {"path": "alignment.weight", "levels": [round(0.1 * (i + 1), 1) for i in range(weights)]},
                "ratio": {"path": "partition.ratio", "levels": [round(0.125 + 0.03 * i, 3) for i in range(10)]},
            },
        },
        "seeds": SEEDS,
        "metric": {"primary": "held_out_loss", "direction": "lower"},
        "contrasts": [{"name": "weight", "of": {"weight": 0.1}, "to": {"weight": 1.0}}],
    }


def fill(store: ResultsStore, planned: PlannedSweep) -> None:
    """Every trial finished, written as the store would have written it, in bulk."""
    spec = planned.sweep.spec.model_dump(mode="json")
    store.record_sweep(name="scale", profile="default", version=planned.sweep.version, spec=spec, trials=planned.trials)
    started = datetime(2026, 1, 1, tzinfo=UTC)
    keys = {variant.name: dict(expected_key(config, planned.allotment)) for variant, config in planned.sweep.configs}
    with store._database.writing() as session:
        ids = {row.fingerprint: row.id for row in session.execute(sa.select(Trial.fingerprint, Trial.id))}
        for first in range(0, len(planned.trials), BLOCK // len(NAMES)):
            block = planned.trials[first : first + BLOCK // len(NAMES)]
            session.execute(sa.insert(Attempt), [_attempt(ids[t.fingerprint], t, keys[t.variant], started) for t in block])
            session.execute(sa.insert(EvaluationDetail), [{**_key(ids[t.fingerprint], t), "details": {"samples": 1000}} for t in block])
            values = [
                {**_key(ids[t.fingerprint], t), "metric": name, "value": 1 + t.seed / 100 + i}
                for t in block
                for i, name in enumerate(NAMES)
            ]
            session.execute(sa.insert(Evaluation), values)
        session.execute(sa.text("DELETE FROM outbox"))


def _attempt(trial_id: int, trial: PlannedTrial, key: dict[str, Any], started: datetime) -> dict[str, Any]:
    return {
        "id": trial_id,
        "trial_id": trial_id,
        "number": 1,
        "state": "finished",
        "owner": "host:1:1",
        "lease_seconds": 60.0,
        "lease_until": started,
        "fresh": False,
        "started": started,
        "ended": started + timedelta(seconds=30),
        "start_step": 0,
        "step": trial.steps,
        "checkpoint_step": trial.steps,
        "comparability": key,
        "provenance": {},
        "error": None,
    }


def _key(trial_id: int, trial: PlannedTrial) -> dict[str, Any]:
    evaluation = trial.evaluation_fingerprint
    return {"trial_id": trial_id, "step": trial.steps, "evaluation_fingerprint": evaluation, "attempt_id": trial_id, "time_ms": 1}


def measure(trials: int, folder: Path, rounds: int) -> list[dict[str, Any]]:
    """A row per command: seconds of waiting and of a processor, in the best of the rounds."""
    home = folder / "home"
    home.mkdir(parents=True)
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep(trials // SEEDS), sort_keys=False))
    planned = plan_sweep(SweepRequest(folder / "sweep.yaml"), lambda _: {})
    assert len(planned.trials) == trials
    with ResultsStore.open(f"sqlite:///{home / 'sweeper.db'}") as store:
        fill(store, planned)
    taken = {command: [_seconds(words, folder, home) for _ in range(rounds)] for command, words in COMMANDS.items()}
    about = {"trials": trials, "metrics": len(NAMES), "database_mib": (home / "sweeper.db").stat().st_size / 2**20, "n": rounds}
    return [
        {"command": command, "seconds": min(wall for wall, _ in found), "processor_seconds": min(used for _, used in found), **about}
        for command, found in taken.items()
    ]


def _seconds(words: list[str], folder: Path, home: Path) -> tuple[float, float]:
    """Of waiting, and of a processor: the second is what matters on a machine that does other things as well."""
    environment = os.environ | {"SWEEPER_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "120"}
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from sweeper.cli.app import main; main()", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[10_000, 100_000], help="multiples of 1,000 (default: 10000 100000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="named in the result; no command here computes on it")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall and processor")
    rows = []
    for trials in given.trials:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(trials, Path(folder), given.rounds)
        rows += found
        for row in found:
            print(f"{trials:>8,} trials  {row['command']:<14} {row['seconds']:6.2f} s, of a processor {row['processor_seconds']:6.2f} s")
    print(f"kept in {measuring.keep(f'store_scale-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
