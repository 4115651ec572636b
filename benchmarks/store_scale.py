"""`sweeper plan`, `status` and every format of `report` on a store of many trials.

Usage: python benchmarks/store_scale.py [--trials 10000 100000]

Builds a store of finished trials of one sweep, ten seeds of each variant, twenty metrics of each, and runs the commands in processes of
their own, as a user waits for them: seconds, and the most memory that each took. Of the page also its size, and how long a browser needs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
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
from tests.report.chromium import chromium

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
    **{f"report as {name}": ["report", "-f", name] for name in ("csv", "markdown", "latex")},
    "report as html": ["report", "-f", "html", "-o", "report.html"],
}
RESULTS_CALL = "from sweeper import results; assert len(results())"


def sweep(variants: int) -> dict[str, Any]:
    """A grid of learning rates, weights and ratios: variants that no rule folds."""
    rates, weights = max(1, variants // 100), 10
    ratios = variants // (rates * weights)
    return {
        "question": "How do the commands take many trials?",
        "name": "scale",
        "base": {"preset": "nano", "timesteps": {"kind": "dual"}},
        "design": {
            "kind": "factorial",
            "factors": {
                "rate": {"path": "optimizer.learning_rate", "levels": [round(1e-5 * (i + 1), 6) for i in range(rates)]},
                "weight": {"path": "alignment.weight", "levels": [round(0.1 * (i + 1), 1) for i in range(weights)]},
                "ratio": {"path": "partition.ratio", "levels": [round(0.125 + 0.03 * i, 3) for i in range(ratios)]},
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


def make_store(trials: int, folder: Path) -> Path:
    """A home with so many finished trials; `folder` gets their sweep file, too."""
    home = folder / "home"
    home.mkdir(parents=True)
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep(trials // SEEDS), sort_keys=False))
    planned = plan_sweep(SweepRequest(folder / "sweep.yaml"), lambda _: {})
    assert len(planned.trials) == trials
    with ResultsStore.open(f"sqlite:///{home / 'sweeper.db'}") as store:
        fill(store, planned)
    return home


def measure(trials: int, folder: Path, rounds: int) -> list[dict[str, Any]]:
    """A row per command: seconds of waiting and of a processor, in the best of the rounds."""
    home = make_store(trials, folder)
    run = "from sweeper.cli.app import main; main()"
    found = {command: [taken([run, *words], folder, home) for _ in range(rounds)] for command, words in COMMANDS.items()}
    found["results()"] = [taken([RESULTS_CALL], folder, home) for _ in range(rounds)]
    about = {"trials": trials, "metrics": len(NAMES), "database_mib": (home / "sweeper.db").stat().st_size / 2**20, "n": rounds}
    best = {command: [min(values) for values in zip(*one, strict=True)] for command, one in found.items()}
    rows = [
        {"command": command, "seconds": wall, "processor_seconds": used, "peak_mib": peak, **about}
        for command, (wall, used, peak) in best.items()
    ]
    ready = [_ready(folder / "report.html", folder) for _ in range(rounds)]
    return [*rows, {"command": PAGE, "seconds": min(ready), "page_mib": (folder / "report.html").stat().st_size / 2**20, **about}]


PAGE = "the page in a browser"


def _ready(page: Path, folder: Path) -> float:
    """Seconds from asking a browser for the page until its script has drawn all of it."""
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as profile, chromium(Path(profile) / "profile") as browser:
        started = time.perf_counter()
        browser.look(page, 1280)
        return time.perf_counter() - started


def taken(words: list[str], folder: Path, home: Path, more: Mapping[str, str] | None = None) -> tuple[float, float, float]:
    """Seconds of waiting, seconds of a processor (what matters on a machine that does other things as well), most memory in MiB."""
    environment = (
        os.environ | {"SWEEPER_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "120"} | dict(more or {})
    )
    peak = folder / "peak.txt"
    memory = "open('/proc/self/status').read().split('VmHWM:')[1].split()[0]"
    keep = f"import atexit; atexit.register(lambda: open({str(peak)!r}, 'w').write({memory}))"
    started = time.perf_counter()
    with (folder / "said.txt").open("w+") as said:
        words = [f"{keep}; {words[0]}", *words[1:]]
        process = subprocess.Popen([sys.executable, "-c", *words], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            raise SystemExit(said.read())
    # Not `used.ru_maxrss`: that begins with what this process held when the other one was started.
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, int(peak.read_text()) / 1024


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--trials", type=int, nargs="+", default=[10_000, 100_000], help="multiples of 1,000, or of 100 below it (default: 10000 100000)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="named in the result; no command here computes on it")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    about = measuring.facts(device, clock="wall and processor")
    rows = []
    for trials in given.trials:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # chromium may still write while it ends
            found = measure(trials, Path(folder), given.rounds)
        rows += found
        for row in found:
            more = (
                f"of a processor {row['processor_seconds']:6.2f} s, {row['peak_mib']:4.0f} MiB"
                if "peak_mib" in row
                else f"{row['page_mib']:.1f} MiB"
            )
            print(f"{trials:>8,} trials  {row['command']:<21} {row['seconds']:6.2f} s, {more}")
    print(f"kept in {measuring.keep(f'store_scale-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
