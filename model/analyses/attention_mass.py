"""Where attention goes: how much of it falls on the other groups, over what falls there by chance.

M_l(a -> b) is the mean over queries i of group a of the attention that layer l gives to the tokens of group b, divided by their share
|b| / T of the image: 1 is what equal attention to all tokens gives. Attention is full, whatever the variant was trained with, and each
group has a noise level of its own. N images, T tokens, H heads, L layers, G groups.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.analyses.grid import CLEAN, LEVELS, NOISY, groups_axis, layers_axis, setting, settings, t_axis
from model.analyses.looks import Looks, ungrouped
from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.backbone.attention import LOGITS_HELD, Attention
from model.backbone.transformer import DiffusionTransformer
from model.config.alignment import Separation

NAME = "attention_mass"
IMAGES = 128
"""Of those that other grids are shown for: a mean over queries of all of them moves little from image to image."""
DIRECTIONS = ("noisy->clean", "clean->noisy")


def attention_mass(trained: Trained) -> AnalysisResult:
    """`mass[layer, reader, t_reader, t_read]`, and at the widest gap `by_direction[layer, direction]` and `by_head[layer, head,
    direction]`, over the readers of both groups."""
    if why := ungrouped(trained.config, trained.tokens):
        return trained.not_applicable(NAME, why)
    network, looks = trained.network, next(trained.looks.blocks(IMAGES))
    found = {levels: mass_on_others(network, looks, levels) for levels in settings(looks.groups)}
    layers, heads = len(network.blocks), trained.config.backbone.heads
    mass = np.full((layers, looks.groups, len(LEVELS), len(LEVELS)), np.nan)
    for reader in range(looks.groups):
        for i, own in enumerate(LEVELS):
            for j, other in enumerate(LEVELS):
                mass[:, reader, i, j] = found[setting(looks.groups, reader, own, other)][:, :, reader].mean(dim=1).numpy()
    shares = np.array(looks.config.partition.shares)
    by_head = np.empty((layers, heads, len(DIRECTIONS)))
    for place, (own, other) in enumerate(((NOISY, CLEAN), (CLEAN, NOISY))):
        each = [found[setting(looks.groups, reader, own, other)][:, :, reader].numpy() for reader in range(looks.groups)]
        by_head[:, :, place] = np.tensordot(shares, np.stack(each), axes=1)
    layer, direction = layers_axis(layers), Axis("direction", DIRECTIONS)
    arrays = (
        AnalysisArray(
            "mass",
            "attention on the other groups, over chance",
            (layer, groups_axis(looks.groups, "reader"), t_axis("t_reader"), t_axis("t_read")),
            mass,
        ),
        AnalysisArray(
            "by_direction", f"attention across groups at t = {NOISY:g} and {CLEAN:g}, over chance", (layer, direction), by_head.mean(axis=1)
        ),
        AnalysisArray(
            "by_head",
            f"attention across groups at t = {NOISY:g} and {CLEAN:g}, over chance, of each head",
            (layer, Axis("head", tuple(float(head) for head in range(1, heads + 1))), direction),
            by_head,
        ),
    )
    details = {"images": len(looks), "noisy": NOISY, "clean": CLEAN, "shares": list(looks.config.partition.shares), "attention": "full"}
    return trained.result(NAME, arrays, details)


@torch.no_grad()
def mass_on_others(
    network: DiffusionTransformer, looks: Looks, levels: Sequence[float], separation: Separation = "none", block: int | None = None
) -> Tensor:
    """(L, H, G) float64, on the CPU: M of group g on all others together, when group h is at `levels[h]`; mean over the images.

    Images in which a group has no token, or all of them, do not count for it.
    """
    tokens, heads = looks.tokens.shape[1], looks.config.backbone.heads
    size = block or max(1, min(256, LOGITS_HELD // (heads * tokens**2)))
    total = torch.zeros(len(network.blocks), heads, looks.groups, dtype=torch.float64)
    counted = torch.zeros(looks.groups, dtype=torch.float64)
    for part in looks.blocks(size):
        given = part.at(levels, separation)
        member = F.one_hot(given.groups, looks.groups).double()  # (n, T, G)
        counts = member.sum(dim=1)  # (n, G)
        found: list[Tensor] = []

        def look(
            attention: nn.Module, seen: tuple[Any, ...], found: list[Tensor] = found, member: Tensor = member, counts: Tensor = counts
        ) -> None:
            assert isinstance(attention, Attention)
            read = attention.probabilities(*seen).double()
            between = torch.einsum("nqa,nhqk,nkb->nhab", member, read, member) / counts.clamp(min=1)[:, None, :, None]
            others = between.masked_fill(torch.eye(len(counts[0]), dtype=torch.bool, device=counts.device), 0).sum(dim=-1)
            chance = (tokens - counts) / tokens
            usable = (counts > 0) & (chance > 0)
            found.append(torch.where(usable[:, None], others / chance.clamp(min=1 / tokens)[:, None], 0).sum(dim=0).cpu())

        hooks = [part.register_forward_pre_hook(look) for part in network.modules() if isinstance(part, Attention)]  # from the first on
        try:
            network(given.noisy, given.t, given.labels, given.grouping)
        finally:
            for hook in hooks:
                hook.remove()
        total += torch.stack(found)
        counted += ((counts > 0) & (counts < tokens)).sum(dim=0).double().cpu()
    return total / counted
