"""How the papers that named a metric show pictures to DINOv2 and CLIP, and what they read. n images, S side, D width, F features.

Both networks are timm's. That they give the authors' own features to rounding could not be checked, for want of the weights; each step
is the one of the published code: dgm_eval/models/dinov2.py of layer6ai-labs/dgm-eval, and cmmd/ of google-research.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from model.sampling.archive import to_pixels

Colours = tuple[tuple[float, float, float], tuple[float, float, float]]
IMAGENET: Colours = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPENAI: Colours = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""Mean and standard deviation of each colour."""
DINOV2_SIDE, CLIP_SIDE = 224, 336
"""Pixels."""
CLIP_WIDTH = 768
"""Numbers of an embedding."""
OFFSET = 0.1
"""What DINOv2 adds to the side of the new grid of positions (its `interpolate_offset`)."""

Seen = Callable[[Tensor], Tensor]
"""Colour images (n, 3, S, S) in [-1, 1] to features (n, F)."""


def resized_by_pillow(images: Tensor, side: int, colours: Colours) -> Tensor:
    """Images (n, 3, S, S) in [-1, 1] as both papers show them, (n, 3, side, side) float32.

    Pixels of 8 bits, which Pillow resizes to 8 bits again (bicubic, antialiased); then each colour minus its mean, over its deviation.
    """
    resized = [Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC) for pixels in to_pixels(images)]
    values = torch.from_numpy(np.stack([np.asarray(picture) for picture in resized])).permute(0, 3, 1, 2).to(images.device).float() / 255
    mean, std = (torch.tensor(part, device=images.device).view(1, -1, 1, 1) for part in colours)
    return (values - mean) / std


@torch.no_grad()
def dinov2_features(model: nn.Module) -> Seen:
    """The normed class token (n, D) of pictures of 224 x 224, as 2306.04675 reads it. Cuts the model's grid of positions to theirs."""
    trained: Tensor = model.pos_embed.detach().clone()  # type: ignore[operator]
    model.set_input_size((DINOV2_SIDE, DINOV2_SIDE))  # type: ignore[operator]
    grid: tuple[int, int] = model.patch_embed.grid_size  # type: ignore[assignment,union-attr]
    cut = torch.cat([trained[:, :1], resized_positions(trained[:, 1:], grid[0])], dim=1)
    model.pos_embed.copy_(cut)  # type: ignore[operator]

    def seen(images: Tensor) -> Tensor:
        tokens: Tensor = model.forward_features(resized_by_pillow(images, DINOV2_SIDE, IMAGENET))  # type: ignore[operator]
        return tokens[:, 0]

    return seen


def resized_positions(positions: Tensor, side: int) -> Tensor:
    """Embeddings (1, M M, D) of a square grid for one of `side` x `side`, as DINOv2's own `interpolate_pos_encoding` makes them.

    Bicubic, by the scale (side + .1) / M, not antialiased: timm resamples positions otherwise.
    """
    before = round(positions.shape[1] ** 0.5)
    if before == side:
        return positions
    square = positions.unflatten(1, (before, before)).permute(0, 3, 1, 2)
    scale = (side + OFFSET) / before
    found = F.interpolate(square, scale_factor=(scale, scale), mode="bicubic")
    assert found.shape[-2:] == (side, side)
    return found.flatten(2).transpose(1, 2)


def clip_embeddings(model: nn.Module) -> Seen:
    """Projected embeddings (n, F) of length 1 of pictures of 336 x 336, as 2401.09603 takes them."""

    def seen(images: Tensor) -> Tensor:
        embedded: Tensor = model(resized_by_pillow(images, CLIP_SIDE, OPENAI))
        return F.normalize(embedded, dim=-1)

    return seen
