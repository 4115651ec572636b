"""What a search costs and finds: overhead of the study per proposal, and searches replayed against a table of real trials.

Usage:
  python benchmarks/search.py overhead                 processor seconds per proposal of each sampler, at 100 and at 1,000 proposals
  python benchmarks/search.py table                    search_grid.json from the store of SWEEPER_HOME, where search_grid.yaml has run
  python benchmarks/search.py compare                  TPE with ASHA, TPE, random and the full grid on that table, 10 seeds each

`compare` trains nothing: the full grid of 27 combinations was trained once, and every search looks its curves up in it. The proposals, the
study and the scheduler are the ones of a real search; times are those that the trials of the grid took.
"""

import json
import statistics
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeper.execution.early_stopping import EarlyStopping
from sweeper.plan.proposals import proposals_of
from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome
from sweeper.search.study import propose
from sweeper.spec.factors import Level
from sweeper.spec.load import sweep_from
from sweeper.spec.reading import read_mapping
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.sweep_spec import SweepSpec

HERE = Path(__file__).parent
GRID, TABLE = HERE / "search_grid.yaml", HERE / "search_grid.json"
SEEDS = 10
BUDGET = 12
"""Proposals of each search, of the 27 there are."""
BEST = 3
"""A search has succeeded that finds one of so many best."""


def search_spec(space: Mapping[str, Any], **design: Any) -> tuple[SweepSpec, SearchDesign]:
    raw = read_mapping(GRID)
    raw |= {"design": {"kind": "search", "space": dict(space), "trials": BUDGET, **design}, "baseline": None}
    spec = sweep_from(raw, str(GRID)).spec
    assert isinstance(spec.design, SearchDesign)
    return spec, spec.design


def snapshot(spec: SweepSpec, outcomes: list[TrialOutcome]) -> SweepSnapshot:
    return SweepSnapshot(spec.name, "default", "replayed", {}, datetime.now(UTC), tuple(outcomes))


def overhead() -> None:
    """One proposal with everything rebuilt from what a store gives: proposals, study, sampler."""
    space = {
        "weight": {"path": "alignment.weight", "low": 0.1, "high": 2.0, "log": True},
        "rate": {"path": "optimizer.learning_rate", "low": 0.001, "high": 0.01, "log": True},
        "ratio": {"path": "partition.ratio", "low": 0.1, "high": 0.5, "step": 0.05},
    }
    print(f"{'sampler':<8} {'proposals':>9}  processor seconds for the next one (median of 3, of gp at 1,000 one)")
    for sampler in ("tpe", "random", "gp", "cmaes", "qmc", "nsgaii"):
        for number in (100, 1000):
            spec, design = search_spec(space, sampler=sampler)
            draws = search_spec(space, sampler="random")[1]
            outcomes = []
            for place in range(number):
                chosen = propose(draws, ("held_out_loss",), (), place)
                variant = design.variant(chosen)
                value = 0.4 + abs(float(chosen["weight"]) - 0.5) / 10
                outcomes.append(
                    TrialOutcome(variant.name, variant.levels, 0, str(place), 160, "finished", {"held_out_loss": value}, step=160)
                )
            taken = []
            times = 1 if sampler == "gp" and number > 100 else 3  # a Gaussian process over 1,000 points takes minutes
            for again in range(times):
                began = time.process_time()
                propose(design, spec.objectives, proposals_of(snapshot(spec, outcomes), spec, {}), again)
                taken.append(time.process_time() - began)
            print(f"{sampler:<8} {number:>9}  {statistics.median(taken):.3f}", flush=True)


def table() -> None:
    from sweeper.service.open_store import store_with_results
    from sweeper.settings import Settings

    with store_with_results(Settings()) as store:
        found = store.snapshot("search_grid")
        curves = store.curves(found, ("held_out_loss",), 1000)
    rows = {
        outcome.variant: {
            "value": outcome.metrics["held_out_loss"],
            "curve": {str(step): value for step, value in curves[outcome.fingerprint].training["held_out_loss"].items()},
            "seconds": round(outcome.seconds, 2),
        }
        for outcome in found.outcomes
    }
    TABLE.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{len(rows)} trials in {TABLE.name}")


def replay(rows: Mapping[str, Any], sampler: str, seed: int, stopping: bool) -> list[tuple[float, float | None]]:
    """Of each proposal: device seconds up to its end, and the best value by then."""
    space = read_mapping(GRID)["design"]["factors"]
    rule = {"kind": "asha", "first_step": 40, "reduction": 2} if stopping else None
    spec, design = search_spec(space, sampler=sampler, seed=seed, stopping=rule)
    steps = read_mapping(GRID)["base"]["steps"]
    scheduler = EarlyStopping(design.stopping, steps, "lower") if design.stopping is not None else None
    outcomes: list[TrialOutcome] = []
    curves: dict[str, TrialCurves] = {}
    seconds, least, found = 0.0, None, []
    points = list(design.points())
    for _ in range(BUDGET):
        proposals = proposals_of(snapshot(spec, outcomes), spec, curves)
        chosen = untried(design, proposals, points)
        variant = design.variant(chosen)
        row = rows[variant.name]
        curve = {int(step): value for step, value in row["curve"].items()}
        stop = next((s for s, v in curve.items() if scheduler is not None and scheduler.stops(variant.name, s, v)), None)
        seconds += row["seconds"] * (stop or steps) / steps
        told = {step: value for step, value in curve.items() if stop is None or step <= stop}
        curves[variant.name] = TrialCurves({"held_out_loss": told}, {})
        metrics = {} if stop else {"held_out_loss": row["value"]}
        state = "stopped early" if stop else "finished"
        outcomes.append(TrialOutcome(variant.name, variant.levels, 0, variant.name, steps, state, metrics, step=stop or steps))
        if not stop:
            least = row["value"] if least is None else min(least, row["value"])
        found.append((seconds, least))
    return found


def untried(design: SearchDesign, proposals: Any, points: list[Mapping[str, Level]]) -> Mapping[str, Level]:
    """As a search that is under way does: asked again where it has that one already, at last any other."""
    tried = {proposal.variant for proposal in proposals}
    for again in range(20):
        chosen = propose(design, ("held_out_loss",), proposals, again)
        if design.variant(chosen).name not in tried:
            return chosen
    return next(point for point in points if design.variant(point).name not in tried)


def compare() -> None:
    rows = json.loads(TABLE.read_text())
    values = sorted(row["value"] for row in rows.values())
    whole = sum(row["seconds"] for row in rows.values())
    print(f"the full grid: {len(rows)} trials, {whole:.0f} device seconds; best {values[0]:.4f}, third {values[BEST - 1]:.4f}\n")
    print("| search | found the best | one of the 3 best | best after 4, 8, 12 proposals (median) | device seconds (median) |")
    print("|---|--:|--:|--:|--:|")
    for label, sampler, stopping in (("TPE + ASHA", "tpe", True), ("TPE", "tpe", False), ("random", "random", False)):
        runs = [replay(rows, sampler, seed, stopping) for seed in range(SEEDS)]
        ends = [run[-1][1] for run in runs]
        first = sum(end == values[0] for end in ends)
        among = sum(end is not None and end <= values[BEST - 1] for end in ends)
        after = [statistics.median(run[n - 1][1] or values[-1] for run in runs) for n in (4, 8, 12)]
        cost = statistics.median(run[-1][0] for run in runs)
        shown = ", ".join(f"{value:.4f}" for value in after)
        print(f"| {label} | {first} of {SEEDS} | {among} of {SEEDS} | {shown} | {cost:.0f} |", flush=True)


if __name__ == "__main__":
    {"overhead": overhead, "table": table, "compare": compare}[sys.argv[1]]()
