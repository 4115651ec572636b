"""`sweeper status --watch`: the display of a running sweep from the store, whoever runs it and wherever."""

import time
from collections import deque
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live

from sweeper.cli.board import shown_board
from sweeper.cli.live import rates
from sweeper.driver.board import Board
from sweeper.metrics import Metrics
from sweeper.records import SweepSnapshot
from sweeper.states import TRIAL_STATES, finished, unfinished
from sweeper.visible import one_line

EVERY = 2.0
"""Seconds between looks."""
WINDOW = 60.0
"""Seconds over which the throughput is taken."""


def watch(console: Console, look: Callable[[], SweepSnapshot], sleep: Callable[[float], None] = time.sleep) -> None:
    """Until every trial has ended. On a terminal one display; elsewhere a line whenever something has changed."""
    pace = _Pace()
    board = _board(look())
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while _unfinished(board):
                live.update(_shown(board, pace, console.height), refresh=True)
                sleep(EVERY)
                board = _board(look())
        console.print(_shown(board, pace, console.height))
        return
    printed = ""
    while True:
        states = ", ".join(f"{number} {state}" for state, number in sorted(board.states().items()))
        if states != printed:
            printed = states
            console.print(_summary(board, pace), markup=False, soft_wrap=True)
        if not _unfinished(board):
            return
        sleep(EVERY)
        board = _board(look())


def _board(snapshot: SweepSnapshot) -> Board:
    return Board.of(snapshot, Metrics.of(snapshot.spec).info(snapshot.spec["metric"]["primary"]))


def _unfinished(board: Board) -> bool:
    return not all(TRIAL_STATES[trial.state].has_ended for trial in board.trials)


def _shown(board: Board, pace: "_Pace", height: int) -> RenderableType:
    return shown_board(board, _summary(board, pace), height)


def _summary(board: Board, pace: "_Pace") -> str:
    states = board.states()
    parts = [f"{finished(states)}/{states.total()} done", *unfinished(states)]
    parts += [f"{states['pending']} pending"] if states["pending"] else []
    speed = pace.of(board.steps_done())
    return one_line(" · ".join([*parts, *rates(speed, board.steps_left() / speed if speed else None)]))


class _Pace:
    """Steps per second of all trials together, over the last minute of looking."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, steps: int) -> float:
        now = time.monotonic()
        self._seen.append((now, steps))
        while now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        since, before = self._seen[0]
        return max(steps - before, 0) / (now - since) if now > since else 0.0
