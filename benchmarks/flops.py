"""What a device can do at best."""

import time

import torch

from sweeper.plan.flops import PEAKS


def peak_flops(device: torch.device, precision: str) -> float:
    """The data sheet's for a known GPU, else what a large matrix product reaches here."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for (model, kind), peak in PEAKS.items():
            if model in name and kind == precision:
                return peak
    n = 2048
    a = torch.randn(n, n, device=device, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    best = min(_seconds(a) for _ in range(5))
    return 2 * n**3 / best


def _seconds(a: torch.Tensor) -> float:
    if a.is_cuda:
        torch.cuda.synchronize(a.device)
    started = time.perf_counter()
    a @ a
    if a.is_cuda:
        torch.cuda.synchronize(a.device)
    return time.perf_counter() - started
