"""Long work on blocks of arrays, from where an earlier run was stopped; here or in several processes; its progress and cost are said."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from model.block_processes import Job, Memory, Spread, do_blocks, memory_here
from model.data.block_arrays import BlockArrays, Journal

SAY_SECONDS, NOTE_SECONDS = 5.0, 2.0
"""Between two lines of progress, and between two entries of the journal: what was done since is done again."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Cost:
    """Of a run, which may have been one of several for the same arrays."""

    pictures: int
    """That this run did."""
    seconds: float
    others: Memory
    """Of the processes that did it, where this one had it done."""
    processes: int

    def in_words(self, device: torch.device) -> str:
        """'28 pictures in 3 s, 9.3 pictures/s; the process took at most 512 MiB of memory', with what this one has taken until now."""
        memory = self.others + memory_here(device)
        pace = f", {self.pictures / max(self.seconds, 1e-9):,.1f} pictures/s" if self.pictures else ""
        who = "the process" if self.processes == 1 else f"{self.processes} processes and the one that leads them"
        together = "" if self.processes == 1 else " together"
        gpu = f", and {memory.gpu:,.0f} MiB of a GPU" if memory.gpu is not None else ""
        done = f"{self.pictures:,} pictures in {in_words(self.seconds)}{pace}"
        return f"{done}; {who} took at most {memory.host:,.0f} MiB of memory{together}{gpu}"


@dataclass(frozen=True)
class Work:
    """What is to do: pictures in blocks of a fixed size, whatever does them."""

    job: Job
    here: Callable[[], Callable[[int], None]]
    """As `job.begin`, in this process, which may have loaded already what the work needs."""
    total: int
    """Pictures."""
    block: int
    """Pictures that are computed together: numbers depend on it."""


def work_through(work: Work, arrays: BlockArrays, journal: Journal, spread: Spread, say: Say) -> Cost:
    """Does what is left. Block i are the pictures from i times `work.block` on.

    Raises whatever the work raises, and as `do_blocks`.
    """
    begun, started = journal.done, time.monotonic()
    noted = said = started
    paced: tuple[int, float] | None = None  # from the first block on: before it processes start, which tells nothing of the time left
    if begun:
        say(f"{begun:,} of {work.total:,} pictures are done; going on")
    blocks = range(-(-begun // work.block), -(-work.total // work.block))

    def done(count: int) -> None:
        nonlocal noted, said, paced
        last = min((blocks.start + count) * work.block, work.total)
        now = time.monotonic()
        if now - noted > NOTE_SECONDS or last == work.total:
            journal.note(last, arrays)
            noted = now
        first, since = paced = paced or (last, now)
        if last == work.total or (now - said > SAY_SECONDS and last > first):
            rate, said = (last - first) / max(now - since, 1e-9) or (last - begun) / max(now - started, 1e-9), now
            say(f"{last:,} of {work.total:,} pictures, {rate:,.1f} pictures/s, {in_words((work.total - last) / rate)} left")

    others, processes = Memory(0.0, None), len(spread.devices) if blocks else 1
    if processes > 1:
        others = do_blocks(work.job, blocks, spread, done)
    else:
        with _threads(spread.threads):
            do = work.here()
            for count, block in enumerate(blocks, start=1):
                do(block)
                done(count)
    return Cost(work.total - begun, time.monotonic() - started, others, processes)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_words(seconds: float) -> str:
    """'3 h 5 min', '5 min 3 s', '3 s'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
