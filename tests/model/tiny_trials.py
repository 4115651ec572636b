"""Small configs, and networks whose zero-initialised layers are redrawn so that no test passes because everything is zero."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from model.alignment.features import head_of
from model.alignment.targets import AverageTarget
from model.alignment.teacher import moving_average_of
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.noise.process import process_of
from model.objective import Objective
from model.presets import merge
from model.randomness import BatchStreams
from model.step_noise import StepNoise

TOKENS, PATCH_VALUES, CLASSES, IMAGES = 16, 4, 10, 6

TINY = {
    "backbone": {"patch": 2, "layers": 3, "width": 16, "heads": 2},
    "partition": {"ratio": 0.3},
    "alignment": {"student_layer": 1, "teacher": {"layer": 2}},
    "optimizer": {"learning_rate": 4e-3},
    "batch_size": IMAGES,
    "label_dropout": 0.4,
    "ema_decay": 0.9,
    "precision": "float64",
    "steps": 6,
    "log_every": 2,
    "checkpoint_every": 2,
    "evaluation": {"samples": 12, "sampler": {"steps": 2}, "held_out_levels": 2},
}

CELLS: dict[str, dict[str, Any]] = {
    "single_none": {},
    "single_full": {"attention": {"separation": "full"}, "alignment": {"teacher": {"separated": True}}},
    "dual_none": {"timesteps": {"kind": "dual"}},
    "dual_full": {
        "timesteps": {"kind": "dual"},
        "attention": {"separation": "full"},
        "alignment": {"teacher": {"separated": True}},
    },
}
"""The four cells of the default sweep."""
DDPM: dict[str, Any] = {"process": {"kind": "ddpm"}, "evaluation": {"sampler": {"kind": "ancestral", "steps": 3}}}


def tiny(*changes: Mapping[str, Any], **more: Any) -> TrainConfig:
    """The tiny config with changes laid over it, in order."""
    partial: Mapping[str, Any] = TINY
    for change in (*changes, more):
        partial = merge(partial, change)
    return TrainConfig.model_validate(partial)


@torch.no_grad()
def redraw_zeros(network: nn.Module, seed: int) -> None:
    """adaLN, the final layer and every bias N(0, .2)."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if "adaLN_modulation" in name or name.startswith("final_layer") or name.endswith("bias"):
            parameter.normal_(std=0.2, generator=generator)


def network_of(config: TrainConfig, seed: int = 0) -> DiffusionTransformer:
    """A float64 network with nothing left at zero."""
    outputs = process_of(config.process).outputs
    network = DiffusionTransformer(
        config.backbone, tokens=TOKENS, patch_values=PATCH_VALUES, classes=CLASSES, seed=seed, outputs=outputs
    ).double()
    redraw_zeros(network, seed)
    return network


def objective_of(config: TrainConfig) -> Objective:
    """Of a student, a head and a moving average that is no copy of the student."""
    head = head_of(config.alignment, config.backbone.width, config.backbone.width, config.seed).double()
    redraw_zeros(head, 5)
    average = moving_average_of(network_of(config, seed=77))
    assert isinstance(average, DiffusionTransformer)
    target = AverageTarget(average, config.alignment.teacher) if config.alignment.kind == "self" else None
    return Objective(config, network_of(config, config.seed), head, average, target)


@dataclass(frozen=True)
class Batch:
    data: Tensor
    labels: Tensor
    draws: StepNoise


def batch_of(config: TrainConfig, step: int = 3) -> Batch:
    """Random images, and the draws that the config makes of its streams; a learned order is that of `objective_of`'s average."""
    generator = torch.Generator().manual_seed(11)
    data = torch.randn(config.batch_size, TOKENS, PATCH_VALUES, dtype=torch.float64, generator=generator)
    labels = torch.arange(config.batch_size) % CLASSES
    streams = BatchStreams(config.seed, step, config.batch_size)
    objective = objective_of(config)
    return Batch(data, labels, objective.in_learned_order(data, labels, objective.sample(streams, data)))


def gradients(objective: Objective) -> dict[str, Tensor]:
    """Every gradient by name; zeros where a parameter took no part."""
    parts = {"student": objective.student, "head": objective.head}
    return {
        f"{part}.{name}": (torch.zeros_like(p) if p.grad is None else p.grad.clone())
        for part, module in parts.items()
        for name, p in module.named_parameters()
    }
