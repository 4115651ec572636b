"""The one live display of a running sweep; plain lines when the output is no terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeper.service.progress import Progress, name_of, written


def shown(console: Console) -> Callable[[Progress], contextlib.AbstractContextManager[None]]:
    """A display for `run_sweep`."""

    @contextlib.contextmanager
    def show(progress: Progress) -> Iterator[None]:
        trials = "trial" if progress.to_run == 1 else "trials"
        console.print(f"{progress.to_run} {trials} to run on {progress.device}, {progress.reused} of {progress.total} already finished")
        if not console.is_terminal:
            yield
            return
        with Live(console=console, get_renderable=lambda: display(progress), refresh_per_second=2, transient=True):
            yield

    return show


def display(progress: Progress) -> RenderableType:
    """What the terminal shows at this moment."""
    table = Table.grid(padding=(0, 2))
    for now in list(progress.running.values()):
        metric = progress.primary if progress.primary in now.metrics else "train_loss"
        value = written(metric, now.metrics[metric]) if metric in now.metrics else "starting"
        speed = f"{now.steps_per_second:.1f} steps/s" if now.steps_per_second else ""
        done = now.step / now.trial.steps
        bar = "━" * round(20 * done) + "╌" * (20 - round(20 * done))
        table.add_row(
            Text(name_of(now.trial)), Text(bar, style="cyan"), Text(f"{now.step:,}/{now.trial.steps:,}"), Text(speed), Text(value)
        )
    return Group(Text(summary(progress), style="bold"), table)


def summary(progress: Progress) -> str:
    """One line: done, running, failed, throughput, time left."""
    done = progress.reused + progress.finished
    parts = [f"{done}/{progress.total} done", f"{len(progress.running)} running"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    speed = sum(now.steps_per_second or 0 for now in list(progress.running.values()))
    if speed:
        parts.append(f"{speed:.0f} steps/s")
    left = progress.seconds_left()
    if left is not None:
        parts.append(f"about {duration(left)} left")
    return " · ".join(parts) + (" · stopping: trials write a checkpoint" if progress.stopping else "")


def duration(seconds: float) -> str:
    """45 s, 3 min, 2 h 05 min, 3 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{round(seconds)} s"
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
