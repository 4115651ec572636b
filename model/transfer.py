"""From the host to a device without waiting for the device. Imports nothing of ours."""

import torch
from torch import Tensor


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on `device`; to a GPU by way of pinned memory, so that the host goes on at once."""
    if device.type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
