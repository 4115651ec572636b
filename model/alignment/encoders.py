"""Frozen vision transformers of timm as the source of features (REPA, 2410.06940)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.alignment.stored_features import StoredFeatures, stored_features
from model.alignment.targets import AlignmentBatch, OutsideGraphs
from model.config.encoder import EncoderConfig
from model.data.images import content_hash
from model.data.pictures import StoredImages
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
def encode(encoder: nn.Module, images: Tensor, side: int) -> Tensor:
    """Features (n, T, F) float32 of clean images (n, 1 or 3, S, S) in [-1, 1]: resized bicubic, ImageNet mean and std."""
    mean, std = (torch.tensor(values, device=images.device).view(1, 3, 1, 1) for values in (MEAN, STD))
    parts = []
    with torch.autocast(images.device.type, enabled=False):  # the same features whatever the trial's precision
        for block in images.float().split(BLOCK):
            shown = (block.clamp(-1, 1) + 1) / 2
            shown = F.interpolate(shown.expand(-1, 3, -1, -1), size=(side, side), mode="bicubic")
            parts.append(encoder.forward_features((shown - mean) / std)[:, encoder.num_prefix_tokens :])  # type: ignore[operator]
    return torch.cat(parts)


def downloaded_weights(config: EncoderConfig, encoder: nn.Module) -> str:
    """Name and content of weights that came over the network or from its cache: what `pretrained` was found to mean; '' of any others,
    which the trial's name tells. Without positions, which are resized to the images' side."""
    if config.weights != "pretrained":
        return ""
    state = encoder.state_dict()
    held = (state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy() for name in sorted(state) if "pos" not in name)
    return f"{config.name} {content_hash(*(values.data for values in held))}"


def fitting_encoder(config: EncoderConfig, grid: int, resolution: int) -> tuple[nn.Module, int]:
    """The encoder for images of side `resolution` that a network sees as grid x grid tokens, and the side at which it sees them.

    Raises ConfigError when the encoder's patches are not as many as the tokens.
    """
    side = encoder_side(config, resolution)
    encoder = load_encoder(config, side)
    cell = encoder.patch_embed.patch_size[0]  # type: ignore[union-attr, index]
    if side != grid * cell:
        raise ConfigError(
            f"alignment.encoder: {config.name} cuts {side} x {side} pixels into {side / cell:g} x {side / cell:g} patches of {cell}, but an"
            f" image here is {grid} x {grid} tokens; set alignment.encoder.resolution: {grid * cell}, or choose another encoder"
        )
    return encoder, side


def encoded_training_set(config: EncoderConfig, tokens: Tensor, patch: int, channels: int) -> tuple[Tensor, str]:
    """Features (n, T, F) of a whole training set of tokens (n, T, P), computed once and kept on its device; `downloaded_weights`.

    Raises ConfigError as `fitting_encoder`, and when the images are neither grey nor coloured.
    """
    if channels not in (1, 3):
        raise ConfigError(f"alignment.kind: external shows images to an encoder, but data have {channels} channels; use grey or RGB images")
    grid = round(tokens.shape[1] ** 0.5)
    encoder, side = fitting_encoder(config, grid, grid * patch)
    encoder.to(tokens.device)
    blocks = (unpatchify(block, patch, channels) for block in tokens.float().split(BLOCK))
    return torch.cat([encode(encoder, block, side).to(tokens.dtype) for block in blocks]), downloaded_weights(config, encoder)


@dataclass
class EncodedPictures(OutsideGraphs):
    """External alignment on latents: a frozen encoder's features of the pictures that the latents are of, encoded batch by batch.

    A `Target`. Kept features of a large data set would take more than the data: of a million images, some 400 GB.
    """

    encoder: nn.Module
    side: int
    pictures: StoredImages
    """Those that are trained on."""
    width: int
    """F."""
    downloaded: str
    """As `EncodedImages.downloaded`."""

    def features(self, batch: AlignmentBatch) -> Tensor:
        """(N, T, F)."""
        assert batch.images is not None, "pictures are found by an image's place in the training set"
        return batch.grouping.sort(encode(self.encoder, self.pictures.at(batch.images), self.side).to(batch.clean.dtype))


def encoded_pictures(config: EncoderConfig, pictures: StoredImages, tokens: int) -> EncodedPictures | StoredFeatures:
    """For images of so many tokens, from the file of features where there is one; raises ConfigError as `fitting_encoder`, and DataError
    as `stored_features`."""
    encoder, side = fitting_encoder(config, round(tokens**0.5), pictures.rows.shape[1])
    downloaded = downloaded_weights(config, encoder)
    if stored := stored_features(config, encoder, side, downloaded, pictures, tokens):
        return stored
    encoder.to(pictures.device)
    return EncodedPictures(encoder, side, pictures, int(encoder.num_features), downloaded)  # type: ignore[arg-type]
