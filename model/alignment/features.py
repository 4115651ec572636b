"""The student's projection head and the distance between features."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from model.backbone.transformer import initialise
from model.config.alignment import AlignmentConfig
from model.errors import ConfigError

LEAST_SQUARES = 1e-16
"""Of two vectors, the product of their squared lengths below which a cosine shrinks to 0: lengths of 1e-8, torch's own bound."""
SMOOTH_L1_BETA = 0.05
"""Where the smooth L1 distance turns from square to absolute (2505.02831)."""


def projection_head(width: int, seed: int) -> nn.Sequential:
    """Head of self alignment: Linear(D, 2D)-SiLU-Linear(2D, D), on the student only (2505.02831)."""
    head = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
    initialise(head, seed, prefix="ap_head.")
    return head


def encoder_head(width: int, hidden: int, encoder_width: int, seed: int) -> nn.Sequential:
    """Head of external alignment: three linears, D to `hidden` (2048 in 2410.06940) twice and to the encoder's width."""
    head = nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, encoder_width))
    initialise(head, seed, prefix="projectors.")
    return head


def head_of(config: AlignmentConfig, width: int, target_width: int, seed: int) -> nn.Module:
    """The head that takes features of `width` to those of a target; raises ConfigError where none is wanted and the widths differ."""
    if not config.head and config.kind != "none":
        if width != target_width:
            raise ConfigError(
                f"alignment.head: false compares features as they are, but backbone.width is {width} and the target's is {target_width};"
                " set alignment.head: true, or make the widths equal"
            )
        return nn.Identity()
    return encoder_head(width, config.head_width, target_width, seed) if config.kind == "external" else projection_head(width, seed)


def feature_distance(config: AlignmentConfig, student: Tensor, target: Tensor) -> Tensor:
    """Mean distance of features (N, T, F); all losses but the cosine are means over tokens and channels alike."""
    match config.loss:
        case "cosine":
            return cosine_distance(student, target, config.axis)
        case "smooth_l1":
            return F.smooth_l1_loss(student, target, beta=SMOOTH_L1_BETA)
        case "l1":
            return F.l1_loss(student, target)
        case "l2":
            return F.mse_loss(student, target)


def cosine_distance(student: Tensor, target: Tensor, axis: Literal["width", "tokens"]) -> Tensor:
    """Mean of 1 - cosine of features (N, T, F).

    Axis `width`: one value per token (the published equations). Axis `tokens`: one per channel, over the tokens of an image; it couples
    the groups even under separation (released SRA code).
    """
    dim = {"width": -1, "tokens": 1}[axis]
    if student.dtype.itemsize < 4:
        student, target = student.float(), target.float()
    # As three sums: torch's own takes two to three times as long on a CPU. Where a vector is 0, so are its cosine and derivative.
    squares = student.square().sum(dim) * target.square().sum(dim)
    return 1 - ((student * target).sum(dim) * squares.clamp(min=LEAST_SQUARES).rsqrt()).mean()
