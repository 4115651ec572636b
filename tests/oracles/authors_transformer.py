"""The transformer of DiT (2212.09748) and SiT (2401.08740) as a module, written from the papers' description alone.

Its parameters have the names and shapes that the papers' released weights have, so a state dict of theirs loads strictly. N images,
C channels, S side, p patch, T = (S / p)^2 tokens, D width.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from dense_reference import position_table
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention; `qk_norm`: queries and keys are normalised over the channels of a head, with scale and shift."""

    def __init__(self, width: int, heads: int, qk_norm: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.q_norm = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        logits = self.q_norm(q) @ self.k_norm(k).transpose(-1, -2) / math.sqrt(width // self.heads)
        return self.proj((logits.softmax(dim=-1) @ v).transpose(1, 2).reshape(n, tokens, width))


class Block(nn.Module):
    """adaLN-Zero."""

    def __init__(self, width: int, heads: int, qk_norm: bool) -> None:
        super().__init__()
        self.attn = Attention(width, heads, qk_norm)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.adaLN_modulation(c)[:, None].chunk(6, dim=-1)
        x = x + gate_a * self.attn(standardised(x) * (1 + scale_a) + shift_a)
        hidden = F.gelu(self.mlp["fc1"](standardised(x) * (1 + scale_m) + shift_m), approximate="tanh")
        return x + gate_m * self.mlp["fc2"](hidden)


def standardised(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


class AuthorsTransformer(nn.Module):
    """(N, C, S, S), t (N,), labels (N,) to (N, O, S, S), where O is C or, with `learned_sigma`, 2 C.

    `convolution`: patches enter by one, as in DiT, SiT, REPA and SRA; else by a linear map of a patch's values in the order (c, p, q), as
    in Self-Flow.
    """

    def __init__(self, config: Any, *, channels: int, side: int, classes: int, learned_sigma: bool, convolution: bool) -> None:
        super().__init__()
        width, patch = config.width, config.patch
        self.patch, self.side, self.outputs = patch, side // patch, channels * (2 if learned_sigma else 1)
        into = nn.Conv2d(channels, width, patch, stride=patch) if convolution else nn.Linear(channels * patch**2, width)
        self.x_embedder = nn.ModuleDict({"proj": into})
        self.t_embedder = nn.ModuleDict({"mlp": nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))})
        self.y_embedder = nn.ModuleDict({"embedding_table": nn.Embedding(classes + 1, width)})
        self.pos_embed = nn.Parameter(torch.full((1, self.side**2, width), torch.nan), requires_grad=False)
        self.blocks = nn.ModuleList(Block(width, config.heads, config.qk_norm) for _ in range(config.layers))
        linear = nn.Linear(width, patch**2 * self.outputs)
        self.final_layer = nn.ModuleDict({"linear": linear, "adaLN_modulation": nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))})

    def forward(self, images: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        into, patch = self.x_embedder["proj"], self.patch
        if isinstance(into, nn.Conv2d):
            tokens = into(images).flatten(2).transpose(1, 2)
        else:
            tokens = into(F.unfold(images, patch, stride=patch).transpose(1, 2))
        x = tokens + self.pos_embed
        frequencies = (10000 ** (-torch.arange(128, dtype=torch.float64) / 128)).float().to(images)
        angles = t[:, None] * frequencies
        c = self.t_embedder["mlp"](torch.cat([angles.cos(), angles.sin()], dim=-1)) + self.y_embedder["embedding_table"](labels)
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.final_layer["adaLN_modulation"](c)[:, None].chunk(2, dim=-1)
        x = self.final_layer["linear"](standardised(x) * (1 + scale) + shift)
        apart = x.reshape(len(images), self.side, self.side, patch, patch, self.outputs)
        return torch.einsum("nhwpqc->nchpwq", apart).reshape(len(images), self.outputs, self.side * patch, self.side * patch)

    def positions_are_the_papers(self) -> bool:
        """Whether what was loaded as positions is the table that the papers describe."""
        table = position_table(self.pos_embed.shape[1], self.pos_embed.shape[2])
        return torch.equal(self.pos_embed[0].double(), table)
