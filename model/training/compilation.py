"""Whether the losses of a trial are compiled as one graph, and why.

On a GPU a graph always pays. On a CPU it takes one to two minutes of each attempt and makes a step 1.05 (S/2) to 1.3 times (nano) as fast
(`benchmarks/NOTES.md`), so it pays in long runs; but not where an image has several noise levels and attention separates nothing: such a
step gains 2 to 7% at S/2 and loses 3 to 4% at B/2.

Compiled and not, the last digits differ. How long a run is goes by its arithmetic and never by a clock, so every attempt at a config is
compiled or none is, as long as the steps asked for are the same and the machines can all compile. A trial that is extended from a short
run to a long one, or taken over by a machine without a compiler, has other last digits from there.
"""

import math
import os
import shutil
import warnings
from dataclasses import dataclass

import torch
from torch import nn

from model.alignment.targets import OutsideGraphs
from model.config import TrainConfig
from model.objective import Objective

LONG = 3600.0
"""Seconds of one processor, by arithmetic, from which a run on a CPU is compiled: the least gain is then more than what it costs."""
_FLOPS_PER_SECOND = 1.1e11
"""Of one processor in the products of an S/2 step."""
_SECONDS_OF_A_LAYER = 5e-3
"""What the calls of a layer's operators take, forwards and backwards, whatever their size."""
_PRODUCTS = 8
"""Operations per parameter and token: 2 forwards, 4 backwards, and 2 for most of a teacher."""


@dataclass(frozen=True)
class Compilation:
    """Compiled or not, and the reason in words."""

    compiled: bool
    why: str


def processor_seconds(config: TrainConfig, student: nn.Module, tokens: int, processes: int = 1) -> float:
    """Of one process over all steps of a run: an estimate that is the same on every machine. `tokens` are those of an image."""
    parameters = sum(parameter.numel() for parameter in student.parameters())
    products = _PRODUCTS * parameters * tokens * config.batch_size / processes
    return config.steps * (products / _FLOPS_PER_SECOND + config.accumulation * config.backbone.layers * _SECONDS_OF_A_LAYER)


def compilation_of(config: TrainConfig, student: nn.Module, tokens: int, device: torch.device, processes: int = 1) -> Compilation:
    """What `compile` of the config comes to on a device."""
    if config.compile != "auto":
        return Compilation(config.compile == "on", f"compile: {config.compile}")
    if device.type == "cuda":
        return Compilation(True, "on a GPU")
    minutes, long = processor_seconds(config, student, tokens, processes) / 60, LONG / 60
    if minutes < long:
        shown = f"{minutes:.0f}" if round(minutes) < long else f"{math.floor(10 * minutes) / 10:.1f}"  # never that of a long one
        return Compilation(False, f"a run of {shown} minutes of a processor by arithmetic is short; {long:.0f} are long on a CPU")
    if config.timesteps.kind != "single" and config.attention.separation == "none":
        return Compilation(False, "a long run, but with several noise levels in an image and no separation a graph can lose on a CPU")
    if (fault := cannot_compile()) is not None:
        return Compilation(False, f"a long run, but this machine cannot: {fault}")
    return Compilation(True, f"a long run: {minutes:,.0f} minutes of a processor by arithmetic")


def compile_where_it_pays(config: TrainConfig, objective: Objective, device: torch.device, processes: int = 1) -> Compilation:
    """Has the losses compiled as one graph, at their first call, where `compilation_of` says so."""
    compilation = compilation_of(config, objective.student, objective.student.positions.shape[1], device, processes)
    if compilation.compiled:
        target = objective.target
        if reads := isinstance(target, OutsideGraphs):
            target.stay_outside_graphs()
        objective.compile(fullgraph=not reads, dynamic=False)
    return compilation


def cannot_compile() -> str | None:
    """Why nothing can be compiled for the CPU here, in words; None where a small graph could be."""
    names = [name for name in (os.environ.get("CXX"), "g++", "clang++") if name]
    if not any(map(shutil.which, names)):
        return f"there is no C++ compiler ({' or '.join(names)})"
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own as its compiler is loaded
            torch.compile(_tried, dynamic=False)(torch.zeros(64))
    except Exception as error:  # whatever it is, the run goes on without
        return f"a small graph fails with {type(error).__name__}"
    return None


def _tried(values: torch.Tensor) -> torch.Tensor:
    return values.sin() + values.exp()
