"""What a group's tokens gain from reading the others: the loss on them alone, at every pair of noise levels, with reading and without.

L(t_own, t_other) is the mean squared error on the tokens of a group at t_own while all other groups are at t_other, over every token of
the image in its own group. G = (L_blocked - L_reads) / L_reads, of the same weights, images, partition and noise. N images, G groups.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.analyses.grid import LEVELS, groups_axis, setting, settings, t_axis
from model.analyses.looks import BLOCK, Looks, ungrouped
from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.backbone.transformer import DiffusionTransformer
from model.config.alignment import Separation

NAME = "loss_grid"
READING = ("reads", "blocked")


def loss_grid(trained: Trained) -> AnalysisResult:
    """`loss[reading, t_own, t_other]`, `gain[t_own, t_other]` and, for the tokens of one group, `gain_by_group[group, t_own, t_other]`."""
    if why := ungrouped(trained.config, trained.tokens):
        return trained.not_applicable(NAME, why)
    looks, network = trained.looks, trained.network
    groups, levels = looks.groups, len(LEVELS)
    # (2, G, t_own, t_other): sums over the tokens of a group. Blocked, the others' level is not seen, so one pass serves a row.
    sums = np.empty((2, groups, levels, levels))
    reads = {one: group_errors(network, looks, one) for one in settings(groups)}
    blocked = [group_errors(network, looks, (level,) * groups, "full") for level in LEVELS]
    for group in range(groups):
        for i, own in enumerate(LEVELS):
            for j, other in enumerate(LEVELS):
                sums[0, group, i, j] = reads[setting(groups, group, own, other)][0][group]
                sums[1, group, i, j] = blocked[i][0][group]
    counts = next(iter(reads.values()))[1].numpy()
    loss = sums.sum(axis=1) / counts.sum()
    axes = (t_axis("t_own"), t_axis("t_other"))
    words = "gain of reading, (blocked - reads) / reads"
    quantity = f"squared error of the {trained.process.predicts} on a group's own tokens"
    arrays = (
        AnalysisArray("loss", quantity, (Axis("reading", READING), *axes), loss),
        AnalysisArray("gain", words, axes, gain(loss[0], loss[1])),
        AnalysisArray("gain_by_group", f"{words}, of the tokens of a group", (groups_axis(groups, "group"), *axes), gain(sums[0], sums[1])),
    )
    details = {"images": len(looks), "shares": list(looks.config.partition.shares), "predicts": trained.process.predicts}
    return trained.result(NAME, arrays, details)


def gain(reads: np.ndarray, blocked: np.ndarray) -> np.ndarray:
    """(blocked - reads) / reads; NaN where a group has no tokens."""
    return np.divide(blocked - reads, reads, out=np.full_like(reads, np.nan), where=reads > 0)


@torch.no_grad()
def group_errors(
    network: DiffusionTransformer, looks: Looks, levels: Sequence[float], separation: Separation = "none", block: int = BLOCK
) -> tuple[Tensor, Tensor]:
    """Sum of the tokens' squared errors (G,) float64, and how many tokens each group has (G,), group h being at `levels[h]`."""
    total, counts = torch.zeros(2, looks.groups, dtype=torch.float64)
    for part in looks.blocks(block):
        given = part.at(levels, separation)
        member = F.one_hot(given.groups, looks.groups).double()
        total += (given.errors(network).unsqueeze(-1) * member).sum(dim=(0, 1)).cpu()
        counts += member.sum(dim=(0, 1)).cpu()
    return total, counts
