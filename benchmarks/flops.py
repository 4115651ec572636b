"""What a device can do at best."""

import torch

from benchmarks.measuring import Clock
from sweeper.plan.flops import PEAKS


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
