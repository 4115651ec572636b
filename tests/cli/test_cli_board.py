"""What `run` and `status --watch` show while a sweep runs."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from stored_sweep import store_sweep

from sweeper.cli.board import shown_board
from sweeper.cli.watch import watch
from sweeper.driver.board import Board, TrialNow
from sweeper.driver.progress import Progress
from sweeper.metrics import metric_info
from sweeper.records import PlannedTrial

Sweeper = Callable[..., Any]


def lines(board: Board, height: int = 24, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, highlight=False)
    with console.capture() as capture:
        console.print(shown_board(board, "3/8 done", height))
    return [line.rstrip() for line in capture.get().splitlines()]


def now(variant: str, seed: int, state: Any, step: int = 0, value: float | None = None, error: str | None = None) -> TrialNow:
    return TrialNow(variant, seed, f"{variant}-{seed}", state, step, 100, value, error)


def test_a_line_per_variant_with_progress_values_and_failures() -> None:
    board = Board(
        [
            now("a", 0, "finished", 100, 0.5),
            now("a", 1, "finished", 100, 0.7),
            now("b", 0, "running", 50, 0.625),
            now("b", 1, "pending"),
            now("c", 0, "failed", 10, error="RuntimeError: out of\x1b[2J memory"),
            now("c", 1, "diverged", 10, error="loss is nan"),
        ],
        metric_info("held_out_loss"),
    )
    assert lines(board, width=100) == [
        "3/8 done",
        "best so far: a, held-out loss 0.6000 ± 0.1414 (sd, n=2)",
        "* a  ━━━━━━━━━━━━━━━━  100%  2/2                        0.6000 ± 0.1414 (sd, n=2)",
        "  b  ━━━━╌╌╌╌╌╌╌╌╌╌╌╌   25%  0/2, 1 running             ~0.6250",
        "  c  ━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌   10%  0/2, 1 diverged, 1 failed",
        r"c seed 0 failed: RuntimeError: out of\x1b[2J memory",
        "c seed 1 diverged: loss is nan",
    ]


@pytest.mark.parametrize("height", [12, 24, 50])
@pytest.mark.parametrize("width", [80, 100])
def test_two_hundred_trials_fit_the_terminal(height: int, width: int) -> None:
    """The running variants and the best are always among what is shown."""
    states = ["finished"] * 30 + ["running"] + ["failed"] * 6 + ["pending"] * 13
    trials = [
        now(f"variant-{v:02d}-of-a-long-name", s, state, 100 if state == "finished" else 40, 0.5 - v / 1000, "boom")
        for v, state in enumerate(states)
        for s in range(4)
    ]
    shown = lines(Board(trials, metric_info("held_out_loss")), height, width)
    assert len(shown) <= height
    assert all(len(line) <= width for line in shown)
    assert sum(line.startswith("  variant-30") for line in shown) >= 1
    assert any(line.startswith("* variant-29") for line in shown)
    assert any("more variants:" in line for line in shown) or height == 50
    assert sum("boom" in line for line in shown) == 4


def test_a_run_changes_its_board_and_a_large_one_tells_only_failures() -> None:
    said: list[str] = []
    progress = Progress(3, 0, 3, metric_info("held_out_loss"), "cpu", said.append, tells="failures")
    progress.board = Board([TrialNow(v, 0, "same" if v < "c" else "c", "pending", 0, 10) for v in ("a", "b", "c")], progress.primary)
    trials = {key: PlannedTrial(key, {}, 0, key, "e", 10, {}) for key in ("same", "c")}
    for key, trial in trials.items():
        progress.started(key, trial, 1)
        progress.stepped(key, 5, {"held_out_loss": 0.5})
    assert [(v.name, v.share, v.newest) for v in progress.board.variants()] == [("a", 0.5, 0.5), ("b", 0.5, 0.5), ("c", 0.5, 0.5)]
    progress.ended("same", "finished", None)
    progress.ended("c", "failed", "ValueError: no\nTraceback")
    assert [v.values.mean for v in progress.board.variants()] == [0.5, 0.5, None], "a folded trial serves both its variants"
    assert [trial.error for trial in progress.board.failures()] == ["ValueError: no"]
    assert said == ["failed    c  seed 0  ValueError: no  [1/3]"]


def test_watch_prints_plain_lines_where_there_is_no_terminal(sweeper: Sweeper, home: Path) -> None:
    store_sweep(endings={("dual/full", 0): "failed"})
    said = sweeper("status", "--watch")
    assert said.code == 0
    assert said.out == "7/8 done · 1 failed\n"
    assert "\x1b" not in said.out


def test_watch_looks_until_every_trial_has_ended(sweeper: Sweeper, home: Path) -> None:
    from sweeper.settings import Settings
    from sweeper.store.results_store import ResultsStore

    store_sweep(endings={("dual/full", 0): None})
    with ResultsStore.open(Settings().store_url) as store:
        first = store.snapshot()
    store_sweep(endings={("dual/full", 0): "finished"})
    with ResultsStore.open(Settings().store_url) as store:
        last = store.snapshot()
    looks, naps = [first, first, last], []
    console = Console(file=io.StringIO(), width=100, highlight=False)
    with console.capture() as capture:
        watch(console, lambda: looks.pop(0), naps.append)
    assert capture.get().splitlines()[0] == "7/8 done · 1 pending"
    assert capture.get().splitlines()[-1].startswith("8/8 done")
    assert (len(naps), looks) == (2, [])
