"""Frozen vision transformers of timm as the source of features (REPA, 2410.06940)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.config.encoder import EncoderConfig
from model.data.images import content_hash
from model.errors import ConfigError
from model.patches import unpatchify
from model.timm_models import load_timm_model

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours, for images in [0, 1]."""
PUBLISHED_SIDE, PUBLISHED_RESOLUTION = 224, 256
BLOCK = 64


def encoder_side(config: EncoderConfig, resolution: int) -> int:
    """Side of the image that the encoder sees of images of side `resolution`."""
    return config.resolution or round(PUBLISHED_SIDE * resolution / PUBLISHED_RESOLUTION)


def load_encoder(config: EncoderConfig, side: int) -> nn.Module:
    """The frozen encoder for images of `side`; raises ConfigError for a model that is none, DataError for weights it cannot have."""
    refusal = (
        f"takes no image of {side} x {side} as a vision transformer ({{error}});"
        " choose one whose patch divides alignment.encoder.resolution, or another model"
    )
    encoder = load_timm_model(config, refusal, img_size=side)
    if not hasattr(getattr(encoder, "patch_embed", None), "patch_size") or not hasattr(encoder, "num_prefix_tokens"):
        raise ConfigError(f"alignment.encoder.name: {config.name} {refusal.format(error='it has no patches')}")
    return encoder


@torch.no_grad()
def encode(encoder: nn.Module, tokens: Tensor, patch: int, channels: int, side: int) -> Tensor:
    """Features (n, T, F) of clean images given as tokens (n, T, P) in [-1, 1]: resized bicubic, ImageNet mean and std."""
    device = tokens.device
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, STD))
    parts = []
    for block in tokens.float().split(BLOCK):
        images = (unpatchify(block, patch, channels).clamp(-1, 1) + 1) / 2
        images = F.interpolate(images.expand(-1, 3, -1, -1), size=(side, side), mode="bicubic")
        found = encoder.forward_features((images - mean) / std)  # type: ignore[operator]
        parts.append(found[:, encoder.num_prefix_tokens :].to(tokens.dtype))
    return torch.cat(parts)


def downloaded_weights(config: EncoderConfig, encoder: nn.Module) -> str:
    """Name and content of weights that came over the network or from its cache: what `pretrained` was found to mean; '' of any others,
    which the trial's name tells. Without positions, which are resized to the images' side."""
    if config.weights != "pretrained":
        return ""
    state = encoder.state_dict()
    held = (state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy() for name in sorted(state) if "pos" not in name)
    return f"{config.name} {content_hash(*(values.data for values in held))}"


def encoded_training_set(config: EncoderConfig, tokens: Tensor, patch: int, channels: int) -> tuple[Tensor, str]:
    """Features (n, T, F) of a whole training set of tokens (n, T, P), computed once and kept on its device; `downloaded_weights`.

    Raises ConfigError when the encoder's patches are not as many as the tokens, or the images are neither grey nor coloured.
    """
    if channels not in (1, 3):
        raise ConfigError(f"alignment.kind: external shows images to an encoder, but data have {channels} channels; use grey or RGB images")
    grid = round(tokens.shape[1] ** 0.5)
    side = encoder_side(config, grid * patch)
    encoder = load_encoder(config, side)
    cell = encoder.patch_embed.patch_size[0]  # type: ignore[union-attr, index]
    if side != grid * cell:
        raise ConfigError(
            f"alignment.encoder: {config.name} cuts {side} x {side} pixels into {side / cell:g} x {side / cell:g} patches of {cell}, but an"
            f" image here is {grid} x {grid} tokens; set alignment.encoder.resolution: {grid * cell}, or choose another encoder"
        )
    encoder.to(tokens.device)
    with torch.autocast(tokens.device.type, enabled=False):  # the same features whatever the trial's precision
        return encode(encoder, tokens, patch, channels, side), downloaded_weights(config, encoder)
