"""Floating-point operations that a step of a method needs, and what a device can do at best.

Counted are the products of matrices, a multiplication and an addition as two, three times the forward pass for what is trained and once
for the teacher as far as it runs; not counted is what a trainer might do twice. N images, T tokens, D width, R conditioning rows.
"""

import torch

from benchmarks.measuring import Clock
from model.config import TrainConfig

PEAKS = {("H200", "bf16"): 989e12, ("H100", "bf16"): 989e12, ("A100", "bf16"): 312e12}
"""Dense tensor-core peaks of the makers' data sheets, operations per second."""


def step_flops(config: TrainConfig, tokens: int, patch_values: int) -> float:
    """Of one optimizer step of a whole batch."""
    d, layers = config.backbone.width, config.backbone.layers
    aligned, teacher = config.alignment, config.alignment.teacher
    rows = {"single": 1, "dual": len(config.partition.shares), "per_token": tokens}[config.timesteps.kind]
    separated = config.attention.separation in ("full", "shuffled")
    student = layers * _block(config, tokens, rows, separated=separated) + _ends(d, tokens, rows, patch_values)
    trained = student
    if aligned.kind == "self" and aligned.head:
        trained += 2 * tokens * (4 * d * d)
    taught = teacher.layer * _block(config, tokens, rows, separated=teacher.separated) if aligned.kind == "self" else 0
    return config.batch_size * (3 * trained + taught)


def _block(config: TrainConfig, tokens: int, rows: int, *, separated: bool) -> float:
    d = config.backbone.width
    pairs = sum(count**2 for count in config.partition.counts(tokens)) if separated else tokens**2
    return 2 * (tokens * 12 * d * d + rows * 6 * d * d + 2 * pairs * d)


def _ends(d: int, tokens: int, rows: int, patch_values: int) -> float:
    return 2 * (2 * tokens * patch_values * d + rows * (256 * d + d * d + 2 * d * d))


def peak_flops(device: torch.device, precision: str) -> float:
    """The data sheet's for a known GPU, else what a large matrix product reaches here."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for (model, kind), peak in PEAKS.items():
            if model in name and kind == precision:
                return peak
    n = 1024
    a = torch.randn(n, n, device=device, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    return 2 * n**3 / min(_seconds(a, Clock(device, torch.get_num_threads())) for _ in range(10))


def _seconds(a: torch.Tensor, clock: Clock) -> float:
    started = clock()
    a @ a
    return clock() - started
