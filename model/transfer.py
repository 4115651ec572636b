"""Which device, and from the host to it without waiting for it."""

import torch
from torch import Tensor

from model.errors import ConfigError
from model.machine import cpu_model


def device_of(name: str) -> torch.device:
    """The device that an option `--device` names; raises ConfigError where there is none."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"--device {name}: torch knows no such device; use cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: torch sees no GPU here; use --device cpu")
    return device


def device_name(device: torch.device) -> str:
    """The model of a GPU or of the processor: last digits of two differ."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_model()


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on `device`; to a GPU by way of pinned memory, so that the host goes on at once."""
    if device.type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
