"""Several processes that train one trial: the same step everywhere, words and files from the first alone.

Whoever starts the processes starts `torch.distributed` as well; in a world of one, nothing here does anything.
"""

import inspect
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from model.reports import DistributedContext

LONGEST_WAIT = timedelta(days=365)
"""None that matters: the first computes metrics while the others wait, and the wait for a process that died ends at once with an error. One
that hangs keeps the first silent, which whoever started the trial notices."""
# Before every pass DDP would send round the buffers, which are constants of the config here. torch 2.13 gave the switch another name, and
# warns of the old one.
_NAMES = inspect.signature(DistributedDataParallel.__init__).parameters
_CONSTANT_BUFFERS: dict[str, Any] = {"forward_sync_buffers" if "forward_sync_buffers" in _NAMES else "broadcast_buffers": False}


T = TypeVar("T")


class ProcessGroup:
    """What the processes of a world agree on."""

    def __init__(self, world: DistributedContext) -> None:
        self.world = world
        # On the CPU: a question asked between two steps must not wait for the GPU.
        self._words = dist.new_group(backend="gloo", timeout=LONGEST_WAIT) if world.size > 1 else None

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.world.rank == 0

    def any(self, here: bool) -> bool:
        """Whether it is so in any process; all must ask."""
        if self._words is None:
            return here
        found = torch.tensor([float(here)])
        dist.all_reduce(found, group=self._words)
        return bool(found.item())

    def wait(self) -> None:
        """Until all processes are here."""
        self.any(False)

    def gathered(self, part: T) -> Sequence[T]:
        """The parts of all processes, by rank, in the first; nothing in the others. All must give one, of tensors on the CPU."""
        if self._words is None:
            return [part]
        parts: list[Any] | None = [None] * self.world.size if self.first else None
        dist.gather_object(part, parts, dst=0, group=self._words)
        return parts or []

    def told(self, given: T) -> T:
        """What the first process gives; all must ask."""
        if self._words is None:
            return given
        held = [given]
        dist.broadcast_object_list(held, src=0, group=self._words)
        return held[0]

    def shared(self, trained: nn.Module, device: torch.device) -> nn.Module:
        """The module with its gradients averaged over the processes."""
        if self._words is None:
            return trained
        return DistributedDataParallel(
            trained,
            device_ids=[device] if device.type == "cuda" else None,
            gradient_as_bucket_view=True,
            **_CONSTANT_BUFFERS,
        )
