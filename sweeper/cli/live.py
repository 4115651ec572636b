"""The one live display of a running sweep; plain lines when the output is no terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console, RenderableType
from rich.live import Live

from sweeper.cli.board import shown_board
from sweeper.driver.progress import Progress

MOST_LINES = 24
"""Trials of a sweep whose ends are told one by one above the display; of a larger one, only failures are."""
REFRESHES = 2
"""A second."""


def shown(console: Console) -> Callable[[Progress], contextlib.AbstractContextManager[None]]:
    """A display for `run_sweep`."""

    @contextlib.contextmanager
    def show(progress: Progress) -> Iterator[None]:
        trials = "trial" if progress.to_run == 1 else "trials"
        console.print(f"{progress.to_run} {trials} to run on {progress.device}, {progress.reused} of {progress.total} already finished")
        if not console.is_terminal:
            yield
            return
        progress.tells = "ends" if progress.total <= MOST_LINES else "failures"
        with Live(console=console, get_renderable=lambda: display(progress, console.height), refresh_per_second=REFRESHES, transient=True):
            yield

    return show


def display(progress: Progress, height: int) -> RenderableType:
    """What the terminal shows at this moment."""
    return shown_board(progress.board, summary(progress), height)


def summary(progress: Progress) -> str:
    """One line: done, running, failed, throughput, time left."""
    done = progress.reused + progress.finished
    parts = [f"{done}/{progress.total} done", f"{len(progress.running)} running"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    speed = sum(now.steps_per_second or 0 for now in list(progress.running.values()))
    parts += rates(speed, progress.seconds_left())
    return " · ".join(parts) + (" · stopping: trials write a checkpoint" if progress.stopping else "")


def rates(steps_per_second: float, seconds_left: float | None) -> list[str]:
    """'31 steps/s', 'about 3 min left', each where it is known."""
    speed = [f"{steps_per_second:.3g} steps/s"] if steps_per_second else []
    return speed if seconds_left is None else [*speed, f"about {duration(seconds_left)} left"]


def duration(seconds: float) -> str:
    """45 s, 3 min, 2 h 05 min, 3 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{round(seconds)} s"
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
