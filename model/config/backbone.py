"""Which transformer."""

from typing import Self

from pydantic import Field, model_validator

from model.config.section import MOST, Section, added_later
from model.errors import ConfigError


class BackboneConfig(Section):
    """A SiT: DiT blocks with adaLN-Zero (2212.09748), conditioned on noise level and class label."""

    patch: int = Field(default=2, ge=1, le=MOST)
    """Side of a square patch, in pixels or latent cells."""
    layers: int = Field(default=12, ge=1, le=MOST)
    """Number of transformer blocks."""
    width: int = Field(default=768, ge=4, le=MOST)
    """Channels of a token."""
    heads: int = Field(default=12, ge=1, le=MOST)
    """Attention heads; they divide the width."""
    qk_norm: bool = Field(default=False, json_schema_extra=added_later(False))
    """Queries and keys pass an affine LayerNorm over the head dimension before attention."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.heads:
            raise ConfigError(f"heads must divide width, but {self.width} / {self.heads} is not whole; change one of them")
        if self.width % 4:
            raise ConfigError(f"width must be a multiple of 4 (sine and cosine of two axes), not {self.width}")
        return self


def tokens_per_image(resolution: int, patch: int) -> int:
    """Tokens of a square image of side `resolution`; raises ConfigError when the patch does not divide it."""
    if resolution % patch:
        raise ConfigError(f"backbone.patch {patch} does not divide the images' side of {resolution}; choose a divisor of it")
    return (resolution // patch) ** 2
