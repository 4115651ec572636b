"""Blocks of work done by several processes, each on a device of its own. One process hands out blocks, and keeps the count of what is done.

A process that does work ends with the one that hands it out, however that ends: it would write into files that somebody else goes on with.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

import torch

from model.errors import ConfigError, DataError, ModelError
from model.machine import usable_cores
from model.training.memory import peak_mib
from model.transfer import device_of

AHEAD = 2
"""Blocks that a process has at a time: one that it does, and one so that it need not wait for the next."""
END_SECONDS = 10.0
"""That a process may take to end when it is told to."""
_PIPE_ENDED = (EOFError, BrokenPipeError, ConnectionResetError)
CPU = torch.device("cpu")


class Job(Protocol):
    """Numbered blocks of work. It can be pickled."""

    def begin(self, device: str) -> Callable[[int], None]:
        """Loads what the work needs; what it gives does block i."""


@dataclass(frozen=True)
class Spread:
    """Over which processes work is spread."""

    devices: tuple[str, ...]
    """Of each process."""
    threads: int
    """Of each process, for what it computes on the CPU."""


@dataclass(frozen=True)
class Memory:
    """Largest memory of all processes together, MiB."""

    host: float
    gpu: float | None
    """Of the GPU that held most; None without one."""

    def __add__(self, other: "Memory") -> "Memory":
        gpus = [each.gpu for each in (self, other) if each.gpu is not None]
        return Memory(self.host + other.host, max(gpus, default=None))


def spread_over(device: str, processes: int | None, threads: int | None) -> Spread:
    """So many processes, by default one, on GPUs one for each that is visible.

    `threads` None: as many as torch takes by itself, for one process and for each of several, since numbers of a CPU depend on it.

    Raises:
        ConfigError: There is no such device, or there are too few of it.
    """
    for option, value in (("--processes", processes), ("--threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} {value}: at least 1 has to do the work; leave the option out for the default")
    place, threads = device_of(device), threads or torch.get_num_threads()
    if place.type != "cuda":
        return Spread((device,) * (processes or 1), threads)
    if place.index is not None:
        if (processes or 1) > 1:
            raise ConfigError(f"--processes {processes}: each takes a GPU of its own, and --device {device} is one; give --device cuda")
        return Spread((device,), threads)
    models = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if processes is None:
        processes = len(models) if len(set(models)) == 1 else 1
    if processes > len(models):
        raise ConfigError(
            f"--processes {processes}: each takes a GPU of its own, and {len(models)} can be seen here; give --processes {len(models)}, or"
            " let more be seen (CUDA_VISIBLE_DEVICES)"
        )
    if len(kinds := set(models[:processes])) > 1:
        raise ConfigError(
            f"--processes {processes}: the GPUs are of several models ({', '.join(sorted(kinds))}), whose last digits differ; name those"
            " of one model with CUDA_VISIBLE_DEVICES"
        )
    return Spread((device,) if processes == 1 else tuple(f"{device}:{number}" for number in range(processes)), threads)


def crowded(spread: Spread, cores: int | None = None) -> tuple[str, ...]:
    """What to say of more threads than the machine has cores (None: of this one); () where they are not."""
    count, held = len(spread.devices), cores or usable_cores()
    fitting = max(held // count, 1)
    if count == 1 or torch.device(spread.devices[0]).type != "cpu" or spread.threads <= fitting:
        return ()
    return (
        f"{count} processes of {spread.threads} threads each are more than {held} cores do at a time; --threads {fitting} takes less time,"
        " and gives other last digits",
    )


def memory_here(device: torch.device) -> Memory:
    """Of this process."""
    return Memory(peak_mib(CPU), peak_mib(device) if device.type == "cuda" else None)


def do_blocks(job: Job, blocks: range, spread: Spread, done: Callable[[int], None]) -> Memory:
    """Has all blocks done; `done(n)` is called when the first n of them are, n rising. Gives the memory of these processes.

    Raises:
        ModelError: What a process raised, the first that did; the others are then stopped.
        OSError, MemoryError: The same.
        DataError: A process was killed.
    """
    workers = []
    try:
        for device in spread.devices:
            workers.append(_Worker(job, device, spread.threads))
        waiting, finished, leading = deque(blocks), set[int](), 0
        for worker in workers * AHEAD:
            if waiting:
                worker.give(waiting.popleft())
        while leading < len(blocks):
            for worker in _ready(workers):
                finished.add(worker.answer())
                if waiting:
                    worker.give(waiting.popleft())
            before = leading
            while leading < len(blocks) and blocks[leading] in finished:
                finished.discard(blocks[leading])
                leading += 1
            if leading > before:
                done(leading)
        memory = Memory(0.0, None)
        for worker in workers:
            worker.give(None)
            memory += worker.answer()
        return memory
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.end()


class _Worker:
    """A process, as the one that hands out work sees it."""

    def __init__(self, job: Job, device: str, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, job, device, threads), daemon=True)
        with _ctrl_c_is_ours():
            self.process.start()
        theirs.close()  # or the end of the process would not be seen

    def give(self, block: int | None) -> None:
        with suppress(*_PIPE_ENDED):  # its answer will say so
            self.connection.send(block)

    def answer(self) -> Any:
        try:
            kind, value = self.connection.recv()
        except _PIPE_ENDED:
            raise DataError(self._ended()) from None
        if kind == "raised":
            raise value
        if kind == "failed":
            raise RuntimeError(f"a process that does blocks failed:\n{value}")
        return value

    def _ended(self) -> str:
        self.process.join(END_SECONDS)
        code = self.process.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
        short = "; that is how a system ends processes when memory is short: give fewer --processes" if code == -signal.SIGKILL else ""
        return f"process {self.process.pid} of several {how}, and the others were stopped{short}; the same command goes on"

    def end(self) -> None:
        self.process.join(END_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()
        self.process.close()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    by_connection = {worker.connection: worker for worker in workers}
    return [by_connection[each] for each in wait(list(by_connection)) if isinstance(each, Connection)]


@contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """A process that is started here leaves Ctrl-C, which a terminal sends to all, to the one that started it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(connection: "Connection[Any, Any]", job: Job, device: str, threads: int) -> None:
    """The life of a process that does blocks."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        torch.set_num_threads(threads)
        place = torch.device(device)
        if place.index is not None:
            torch.cuda.set_device(place)
        do = job.begin(device)
        while (block := connection.recv()) is not None:
            do(block)
            connection.send(("done", block))
        connection.send(("memory", memory_here(place)))
    except _PIPE_ENDED:
        return
    except (ModelError, OSError, MemoryError) as error:
        answer: tuple[str, Any] = ("raised", error)
    except Exception:
        answer = ("failed", traceback.format_exc())
    else:
        return
    with suppress(*_PIPE_ENDED):
        try:
            connection.send(answer)
        except (pickle.PicklingError, TypeError, AttributeError):
            connection.send(("raised", DataError(str(answer[1]))))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "it was started by one"
    parent.join()
    os._exit(1)  # in the middle of a block, too
