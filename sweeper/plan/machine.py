"""How a sweep's trials fit this machine: GPUs or not, how many at once."""

import functools
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from model.config import TrainConfig
from model.train_trial import cpu_model, gpu_models, usable_cores
from sweeper.errors import SpecError
from sweeper.spec.sweep_spec import Resources

MOST_CONCURRENT = 10_000
"""Trials at the same time, however large the cluster."""


def cluster_address() -> str | None:
    """The Ray cluster that RAY_ADDRESS names; None where Ray is started on this machine."""
    address = os.environ.get("RAY_ADDRESS", "")
    return None if address in ("", "local") else address


@dataclass(frozen=True)
class Machine:
    """What trials can run on; `cluster` when Ray is asked to join one, whose devices are not known here."""

    cores: int
    gpus: tuple[str, ...]
    cluster: bool

    @classmethod
    def here(cls) -> "Machine":
        """This machine, or the Ray cluster that RAY_ADDRESS names."""
        return cls(usable_cores(), gpu_models(), cluster=cluster_address() is not None)


@dataclass(frozen=True)
class Allotment:
    """What every trial of a sweep gets."""

    cpus: float
    gpus: float
    concurrent: int
    """Trials at the same time."""
    device: str | None
    """Device model; None where only the cluster knows."""
    processes: int = 1
    """That train a trial together, each with an equal share of its CPUs and GPUs."""

    @property
    def threads(self) -> int:
        """Torch threads of each process of a trial."""
        return max(1, math.floor(self.cpus / self.processes))


def allot(resources: Resources, machine: Machine, max_concurrent: int | None, *, mixed_devices: bool = False) -> Allotment:
    """What each trial gets of this machine.

    Args:
        resources: What the sweep asks for, for each trial.
        machine: Where the trials run.
        max_concurrent: Trials at the same time, where the user limits them.
        mixed_devices: Whether trials may run on different models of GPU.

    Raises:
        SpecError: One trial asks for more than the machine has, and would wait for ever; or its GPUs are of different models.
    """
    if max_concurrent is not None and max_concurrent > MOST_CONCURRENT:
        raise SpecError(f"--max-concurrent: at most {MOST_CONCURRENT:,} trials run at the same time; ask for fewer, or leave it out")
    gpus = resources.gpus if resources.gpus != "auto" else min(1, len(machine.gpus))
    processes = max(resources.processes, math.floor(gpus))
    if machine.cluster:
        return Allotment(resources.cpus, gpus, max_concurrent or MOST_CONCURRENT, None, processes)
    if resources.cpus > machine.cores:
        raise SpecError(f"resources.cpus: a trial asks for {resources.cpus:g}, this machine has {machine.cores}; ask for fewer")
    if gpus > len(machine.gpus):
        raise SpecError(
            f"resources.gpus: a trial asks for {gpus:g}, this machine has {len(machine.gpus)};"
            " ask for fewer, or set RAY_ADDRESS to a cluster that has them"
        )
    if gpus and len(set(machine.gpus)) > 1 and not mixed_devices:
        cards = ", ".join(f"{number}: {model}" for number, model in enumerate(machine.gpus))
        raise SpecError(
            f"resources.gpus: trials of a sweep are compared, so they run on one model of GPU, and this machine has several ({cards});"
            " choose with CUDA_VISIBLE_DEVICES, or count all models alike with --allow-mixed device"
        )
    fitting = math.floor(machine.cores / resources.cpus)
    if gpus:
        fitting = min(fitting, math.floor(len(machine.gpus) / gpus))
    return Allotment(resources.cpus, gpus, max_concurrent or max(fitting, 1), machine.gpus[0] if gpus else cpu_model(), processes)


def expected_key(config: TrainConfig, allotment: Allotment) -> Mapping[str, Any]:
    """The comparability key an attempt started here would have, as far as it is known beforehand.

    Raises ConfigError when the batch cannot be shared by the processes of a trial.
    """
    known = {
        "device": allotment.device,
        "torch": _torch_version(),
        "precision": config.resolved_precision(gpu=allotment.gpus > 0),
        "world_size": allotment.processes,
        "micro_batch": config.micro_batch(allotment.processes),
        "threads": allotment.threads if not allotment.gpus else None,
    }
    if allotment.device is None:
        del known["device"], known["torch"]
    return known


@functools.cache
def _torch_version() -> str:
    return version("torch").split("+")[0]
