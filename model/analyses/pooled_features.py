"""Features of every layer, as one vector an image. N images, T tokens, L layers, D width."""

from typing import Any

import torch
from torch import Tensor, nn

from model.analyses.looks import BLOCK, PURPOSE
from model.backbone.transformer import DiffusionTransformer
from model.data.examples import Examples
from model.grouping import Grouping
from model.noise.process import Process
from model.randomness import stream, stream_seed


@torch.no_grad()
def pooled_features(
    network: DiffusionTransformer, images: Examples, level: float, process: Process, seed: int, purpose: str, block: int = BLOCK
) -> Tensor:
    """(L, N, D) float64 on the CPU: the mean over tokens of what each block gives, of images at one noise level.

    Under the null label, since the class's own embedding would tell what a probe is asked, with full attention as at inference, and with
    the noise of the stream `purpose` of `seed` for an image's place.
    """
    tokens = images.tokens
    t = process.to_timestep(torch.tensor([level], dtype=torch.float64)).to(tokens.device, tokens.dtype)
    grouping = Grouping.whole(tokens.shape[1])
    noise = stream(stream_seed(seed, PURPOSE), purpose)
    parts = []
    for first in range(0, len(images), block):
        clean = tokens[first : first + block]
        drawn = noise.normal(clean.shape, first=first).to(tokens.device, tokens.dtype)
        told = t.expand(len(clean), 1)
        null = torch.full((len(clean),), network.y_embedder.null, device=tokens.device)
        found: list[Tensor] = []

        def keep(_: nn.Module, __: tuple[Any, ...], features: Tensor, found: list[Tensor] = found) -> None:
            found.append(features.double().mean(dim=1).cpu())

        hooks = [each.register_forward_hook(keep) for each in network.blocks]
        try:
            network(process.add_noise(clean, drawn, told.unsqueeze(-1)), told, null, grouping)
        finally:
            for hook in hooks:
                hook.remove()
        parts.append(torch.stack(found))
    return torch.cat(parts, dim=1)
