"""The diffusion transformer of DiT (2212.09748) and SiT (2401.08740).

N images, T tokens, P values of a patch, O values predicted for it, R conditioning rows, D width. Tokens come in group
order and stay in it: every operation but attention is per token, and positions are laid on in that order, so nothing needs un-sorting.
"""

import torch
from torch import Tensor, nn

from model.backbone.block import Block, FinalLayer
from model.backbone.embeddings import LabelEmbedder, TimestepEmbedder, grid_positions
from model.config.backbone import BackboneConfig
from model.grouping import Grouping
from model.randomness import stream, xavier_uniform


class PatchEmbedder(nn.Module):
    """A linear map of the values of a patch."""

    def __init__(self, patch_values: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(patch_values, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.proj(tokens)


class DiffusionTransformer(nn.Module):
    """Predicts O values for every token: the P of a velocity, or 2 P, noise and variance. Parameter names are those of the public
    checkpoints."""

    positions: Tensor

    def __init__(self, config: BackboneConfig, *, tokens: int, patch_values: int, classes: int, seed: int, outputs: int = 1) -> None:
        """`outputs`: O / P."""
        super().__init__()
        self.x_embedder = PatchEmbedder(patch_values, config.width)
        self.t_embedder = TimestepEmbedder(config.width)
        self.y_embedder = LabelEmbedder(classes, config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.heads, qk_norm=config.qk_norm) for _ in range(config.layers))
        self.final_layer = FinalLayer(config.width, outputs * patch_values)
        self.register_buffer("positions", grid_positions(tokens, config.width), persistent=False)
        initialise(self, seed)

    def forward(
        self, tokens: Tensor, t: Tensor, labels: Tensor, grouping: Grouping, *, features_after: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Prediction (N, T, O), and the features (N, T, D) after block `features_after` (counted from 1) when asked for.

        tokens (N, T, P) in group order, t (N, R) in units of the process, labels (N,).
        """
        x, conditioning = self._embed(tokens, t, labels, grouping)
        features = None
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, conditioning, grouping)
            if number == features_after:
                features = x
        return self.final_layer(x, conditioning, grouping), features

    def features(self, tokens: Tensor, t: Tensor, labels: Tensor, grouping: Grouping, *, after: int) -> Tensor:
        """Features (N, T, D) after block `after`; later blocks never run."""
        x, conditioning = self._embed(tokens, t, labels, grouping)
        for block in self.blocks[:after]:
            x = block(x, conditioning, grouping)
        return x

    def _embed(self, tokens: Tensor, t: Tensor, labels: Tensor, grouping: Grouping) -> tuple[Tensor, Tensor]:
        x = self.x_embedder(tokens) + grouping.sort(self.positions)
        return x, self.t_embedder(t) + self.y_embedder(labels).unsqueeze(1)


@torch.no_grad()
def initialise(module: nn.Module, seed: int, prefix: str = "") -> None:
    """Initial weights, each a function of (seed, parameter name): adding a part never changes another part's start.

    adaLN and final linears zero, timestep MLP and label table N(0, .02), other weights xavier-uniform, biases zero (DiT); scales of
    norms one.
    """
    for name, parameter in module.named_parameters():
        drawn = stream(seed, "init", prefix + name)
        if name.endswith("bias") or "adaLN_modulation" in name or name.startswith("final_layer"):
            nn.init.zeros_(parameter)
        elif name.endswith("_norm.weight"):
            nn.init.ones_(parameter)
        elif name.startswith("t_embedder") or "embedding_table" in name:
            parameter.copy_(0.02 * drawn.normal(parameter.shape))
        else:
            parameter.copy_(xavier_uniform(parameter.shape, drawn))
