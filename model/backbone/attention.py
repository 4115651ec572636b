"""Multi-head attention by segments: one fused call per (image slice, query slice, key slice), masked only where images differ."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.grouping import Segment

QK_NORM_EPSILON = 1e-5
"""That of timm's attention, which SiT uses; the other norms of a block have 1e-6."""


class Attention(nn.Module):
    """Self-attention with qkv bias. N images, T tokens, D width, H heads.

    With `qk_norm`, every query and key passes an affine LayerNorm over its D/H values (names as in timm's attention, which SiT uses).
    """

    def __init__(self, width: int, heads: int, *, qk_norm: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm: nn.Module = nn.LayerNorm(width // heads, eps=QK_NORM_EPSILON) if qk_norm else nn.Identity()
        self.k_norm: nn.Module = nn.LayerNorm(width // heads, eps=QK_NORM_EPSILON) if qk_norm else nn.Identity()
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, segments: tuple[Segment, ...]) -> Tensor:
        """(N, T, D) to (N, T, D); who reads whom is in `segments`."""
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = (norm(part).to(v.dtype) for norm, part in ((self.q_norm, q), (self.k_norm, k)))  # autocast may normalise in fp32
        read = segmented_attention(q, k, v, segments)
        return self.proj(read.transpose(1, 2).reshape(n, t, d))


def segmented_attention(q: Tensor, k: Tensor, v: Tensor, segments: tuple[Segment, ...]) -> Tensor:
    """q, k, v (N, H, T, D/H) to the values read (N, H, T, D/H), every segment its own softmax."""
    if len(segments) == 1 and segments[0].is_everything:
        return F.scaled_dot_product_attention(q, k, v)
    read: list[list[Tensor]] = []  # of each image slice, its query slices
    for last, s in zip((None, *segments), segments, strict=False):
        part = F.scaled_dot_product_attention(q[s.images, :, s.queries], k[s.images, :, s.keys], v[s.images, :, s.keys], attn_mask=s.mask)
        if last is not None and s.images == last.images:
            read[-1].append(part)
        else:
            read.append([part])
    images = [parts[0] if len(parts) == 1 else torch.cat(parts, dim=2) for parts in read]
    return images[0] if len(images) == 1 else torch.cat(images, dim=0)
