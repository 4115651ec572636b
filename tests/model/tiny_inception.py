"""FID's Inception as torch-fidelity has it, with weights drawn once."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.timm_models import import_timm


def library() -> Any:
    """torch-fidelity; timm's import first lets a torchvision of another torch be imported."""
    import_timm()
    import torch_fidelity

    return torch_fidelity


def drawn_state() -> dict[str, Tensor]:
    """As strong as a ReLU needs, so that images are told apart 2048 features later."""
    network = library().FeatureExtractorInceptionV3
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=()):
        patch.setattr(network, "load_state_dict", lambda *_: None)
        patch.setattr(torch, "load", lambda *_, **__: {})
        torch.manual_seed(0)
        drawn = network("drawn", ["2048"], "no file")
        for module in drawn.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return {name: value.clone() for name, value in drawn.state_dict().items()}
