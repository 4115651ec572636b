"""The blocks of an evaluation's samples: every process of a trial makes its share, and what is made is kept on disk until all is done.

Without it 50,000 samples of a large network, which take hours, would be drawn by one process, and again from the first after a stop.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from model.errors import CheckpointError, Diverged
from model.evaluation.measured_samples import MakeBlock, Measured
from model.training import durable_file
from model.training.process_group import ProcessGroup
from model.trial_files import evaluation_path, state_files

T = TypeVar("T")

KEEP_SECONDS = 60.0
"""How much of an evaluation a stop can cost: what was made is written at the first block after so long. Shorter ones write nothing."""


class EvaluationBlocks:
    """Those of one evaluation, over all its generation seeds. Block b of those that are to be made goes to process b modulo their number.

    The processes make a block each and hand it to the first, turn by turn, so that none is ever ahead by more than a block.
    """

    def __init__(
        self,
        together: ProcessGroup,
        folder: Path,
        earlier: Iterable[Path],
        ours: Callable[[], bool],
        between: Callable[[], None],
        *,
        step: int,
        named: Mapping[str, Any],
        weights: nn.Module,
    ) -> None:
        """`folder` is written to, `earlier` ones of the same trial are only read; `between` is called by all processes before every turn.

        `named`: everything that the samples and their features follow from besides the `weights`; blocks of another evaluation are not
        used.
        """
        self._together, self._folder, self._ours, self._between = together, folder, ours, between
        self._step, self._named, self._weights = step, named, weights
        files = (file for place in dict.fromkeys([folder, *earlier]) for file in state_files(place))
        self._found = [file.path for file in files if file.kind == "evaluation" and file.step == step]
        self._name = ""
        self._written = 0

    def agreed(self, value: T) -> T:
        """See `model.evaluation.measured_samples.Blocks`."""
        return self._together.told(value)

    def __call__(self, drawn_as: str, count: int, make: MakeBlock) -> Sequence[Measured] | None:
        """See `model.evaluation.measured_samples.Blocks`. Raises Diverged, in every process, for a block of any."""
        together, size = self._together, self._together.world.size
        made = self._kept(drawn_as, count) if together.first else {}
        missing = together.told([number for number in range(count) if number not in made])
        fresh: dict[int, Measured] = {}
        written = time.monotonic()
        for first in range(0, len(missing), size):
            self._between()
            turn = missing[first : first + size][together.world.rank :][:1]
            parts = together.gathered(_made(turn, make))
            diverged = together.told(next((part for part in parts if isinstance(part, Diverged)), None))
            if diverged is not None:
                raise diverged
            for part in parts:
                if not isinstance(part, Diverged):
                    fresh |= part
            if together.first and first + size < len(missing) and time.monotonic() - written >= KEEP_SECONDS:
                self._write(drawn_as, fresh)
                made |= fresh
                fresh, written = {}, time.monotonic()
        made |= fresh
        return [made[number] for number in range(count)] if together.first else None

    def forget(self) -> None:
        """The evaluation is finished: deletes what this folder kept of it and of any other."""
        if self._together.first:
            for file in state_files(self._folder):
                if file.kind == "evaluation":
                    file.path.unlink(missing_ok=True)

    def _kept(self, drawn_as: str, count: int) -> dict[int, Measured]:
        """Blocks that lie in the folders, by number; a file that is damaged or of another evaluation is passed over."""
        blocks: dict[int, dict[str, Tensor]] = {}
        for path in self._found:
            try:
                tensors, about = durable_file.read(path)
            except CheckpointError:
                continue
            if about.get("evaluation") != self._identity() or about.get("seed") != drawn_as:
                continue
            for full, tensor in tensors.items():
                number, _, name = full.partition(".")
                blocks.setdefault(int(number), {})[name] = tensor
        return {number: block for number, block in blocks.items() if number < count}

    def _write(self, drawn_as: str, blocks: Mapping[int, Measured]) -> None:
        tensors = {f"{number}.{name}": tensor for number, block in blocks.items() for name, tensor in block.items()}
        taken = {path.name for path in self._found if path.parent == self._folder}
        while (path := evaluation_path(self._folder, self._step, self._written)).name in taken:
            self._written += 1
        durable_file.write(tensors, {"evaluation": self._identity(), "seed": drawn_as}, path, self._ours)
        self._written += 1

    def _identity(self) -> str:
        """Found when it is first asked for: to hash the weights of a large network takes seconds."""
        if not self._name:
            weights = {name: p.detach().cpu() for name, p in self._weights.named_parameters()}
            about = {"named": json.dumps(self._named, sort_keys=True)}
            self._name = durable_file.digest(weights, about)
        return self._name


def _made(numbers: Sequence[int], make: MakeBlock) -> dict[int, Measured] | Diverged:
    """The blocks; or what ended them, for the first process to tell."""
    try:
        return {number: make(number) for number in numbers}
    except Diverged as error:
        return error
