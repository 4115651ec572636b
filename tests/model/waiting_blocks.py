"""Blocks of work for several processes whose numbers are known, and which can be held up: for tests that kill."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.block_processes import Spread
from model.block_work import Cost, Work, work_through
from model.data.block_arrays import BlockArrays, Journal
from model.errors import DataError

TOTAL, BLOCK = 61, 4
SQUARES = "squares.npy"


@dataclass(frozen=True)
class Squares:
    """Row i is the square of i. Blocks that a file names wait while it is there, or fail."""

    arrays: BlockArrays
    gate: Path

    def begin(self, device: str) -> Callable[[int], None]:
        """See `model.block_processes.Job`."""

        def write(block: int) -> None:
            while self.gate.exists() and block >= int(self.gate.read_text()):
                time.sleep(0.01)
            if (bad := self.gate.with_suffix(".bad")).exists() and block == int(bad.read_text()):
                raise DataError(f"block {block} is bad; mend it")
            numbers = np.arange(block * BLOCK, min((block + 1) * BLOCK, TOTAL))
            self.arrays.write(block * BLOCK, {SQUARES: numbers**2})

        return write


def squares(folder: Path, processes: int, say: Callable[[str], None] = lambda _: None) -> Cost:
    """Writes them, or goes on."""
    journal = Journal(folder / "journal.json", {"what": "squares"}, "remove it")
    arrays = journal.begin(folder, {SQUARES: ((TOTAL,), np.dtype(np.int64))})
    job = Squares(arrays, folder / "gate")
    return work_through(Work(job, lambda: job.begin("cpu"), TOTAL, BLOCK), arrays, journal, Spread(("cpu",) * processes, 1), say)


if __name__ == "__main__":
    squares(Path(sys.argv[1]), 2)
