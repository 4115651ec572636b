"""Multi-head attention by segments: one fused call per (image slice, query slice, key slice), masked only where images differ."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.grouping import Segment

QK_NORM_EPSILON = 1e-5
"""That of timm's attention, which SiT uses; the other norms of a block have 1e-6."""
LOGITS_HELD = 2**24
"""64 MiB of them, in float32."""


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
        read = segmented_attention(*self._heads(x), segments)
        return self.proj(read.transpose(1, 2).reshape(x.shape))

    def largest_logit(self, x: Tensor, segments: tuple[Segment, ...]) -> Tensor:
        """The largest q . k / sqrt(D/H) () among pairs of tokens of x (N, T, D) of which one may read the other."""
        q, k, _ = self._heads(x)
        return largest_logit(q, k, segments)

    def probabilities(self, x: Tensor, segments: tuple[Segment, ...]) -> Tensor:
        """(N, H, T, T): how much each token of x (N, T, D) reads of each, 0 where it may not."""
        q, k, _ = self._heads(x)
        return attention_probabilities(q, k, segments)

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q, k, v (N, H, T, D/H)."""
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = (norm(part).to(v.dtype) for norm, part in ((self.q_norm, q), (self.k_norm, k)))  # autocast may normalise in fp32
        return q, k, v


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


def attention_probabilities(q: Tensor, k: Tensor, segments: tuple[Segment, ...]) -> Tensor:
    """What `segmented_attention` weighs its values with: q, k (N, H, T, D/H) to (N, H, T, T), dense, in float32 or more."""
    with torch.autocast(q.device.type, enabled=False):
        q, k = (part.to(torch.promote_types(part.dtype, torch.float32)) for part in (q, k))
        found = q.new_zeros(*q.shape[:3], k.shape[2])
        for s in segments:
            logits = q[s.images, :, s.queries] @ k[s.images, :, s.keys].transpose(-1, -2) / q.shape[-1] ** 0.5
            if s.mask is not None:
                logits = logits.masked_fill(~s.mask, -torch.inf)
            found[s.images, :, s.queries, s.keys] = logits.softmax(dim=-1)
    return found


def largest_logit(q: Tensor, k: Tensor, segments: tuple[Segment, ...]) -> Tensor:
    """The largest q . k / sqrt(D/H) () of q, k (N, H, T, D/H) within the segments; never more than `LOGITS_HELD` at a time."""
    found = []
    with torch.autocast(q.device.type, enabled=False):
        q, k = (part.to(torch.promote_types(part.dtype, torch.float32)) for part in (q, k))
        for s in segments:
            asked, keys = q[s.images, :, s.queries], k[s.images, :, s.keys].transpose(-1, -2)
            block = max(1, LOGITS_HELD // max(1, keys.shape[0] * keys.shape[1] * keys.shape[3]))
            for first in range(0, asked.shape[2], block):
                logits = asked[:, :, first : first + block] @ keys
                if s.mask is not None:
                    read = s.mask if s.mask.shape[-2] == 1 else s.mask[..., first : first + block, :]
                    logits = logits.masked_fill(~read, -torch.inf)
                found.append(logits.amax() if logits.numel() else logits.new_full((), -torch.inf))
    return torch.stack(found).max() / q.shape[-1] ** 0.5
