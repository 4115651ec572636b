"""Frozen vision transformers of timm as the source of features (REPA, 2410.06940). Nothing else imports timm."""

import sys
from functools import lru_cache
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from model.config.encoder import EncoderConfig, file_hash
from model.errors import ConfigError, DataError
from model.patches import unpatchify
from model.randomness import stream

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours, for images in [0, 1]."""
PUBLISHED_SIDE, PUBLISHED_RESOLUTION = 224, 256
BLOCK = 64
_declared: list[torch.library.Library] = []
"""Operators are declared for as long as their library object lives."""


@lru_cache(maxsize=1)
def import_timm() -> ModuleType:
    """timm, imported when an encoder is first asked for: it takes seconds, and most trials need none."""
    try:
        import timm
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        # A torchvision built for another torch (a CUDA one beside a CPU torch) brings no compiled operators, and its Python part stops at
        # the first that it cannot find. No encoder uses them: their declarations are all that it needs to be imported.
        library = torch.library.Library("torchvision", "DEF")
        _declared.append(library)
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import timm
    return timm


def encoder_side(config: EncoderConfig, resolution: int) -> int:
    """Side of the image that the encoder sees of images of side `resolution`."""
    return config.resolution or round(PUBLISHED_SIDE * resolution / PUBLISHED_RESOLUTION)


def load_encoder(config: EncoderConfig, side: int) -> nn.Module:
    """The frozen encoder for images of `side`; raises ConfigError for a model that is none, DataError for weights it cannot have."""
    timm = import_timm()
    wanted = f"alignment.encoder.name: {config.name}"
    if not timm.is_model(config.name.split(".")[0]):
        near = ", ".join(timm.list_models(f"*{config.name.split('.')[0].split('_')[0]}*")[:3]) or "vit_small_patch16_224"
        raise ConfigError(f"{wanted} is no model of timm {timm.__version__}; choose a vision transformer, such as {near}")
    try:
        with torch.random.fork_rng(devices=()):  # timm draws from the global generator
            encoder = timm.create_model(config.name, pretrained=False, num_classes=0, img_size=side)
        encoder.patch_embed.patch_size, encoder.num_prefix_tokens  # noqa: B018 - what a vision transformer has and a convolution has not
    except (TypeError, AttributeError, AssertionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"{wanted} takes no image of {side} x {side} as a vision transformer ({error});"
            " choose one whose patch divides alignment.encoder.resolution, or another model"
        ) from error
    if config.weights == "none":
        _redraw(encoder)
    else:
        _load_weights(timm, encoder, config)
    return encoder.eval().requires_grad_(False)


@torch.no_grad()
def _redraw(encoder: nn.Module) -> None:
    """Random weights as a function of the parameter's name, not of a global generator or of timm's version."""
    for name, parameter in encoder.named_parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter, generator=stream(0, "init", f"encoder.{name}"))
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def _load_weights(timm: ModuleType, encoder: nn.Module, config: EncoderConfig) -> None:
    """timm skips what a file lacks when its classifier is cut off; a feature extractor that is half random must not pass."""
    try:
        if config.file is None:
            held = timm.create_model(config.name, pretrained=True, num_classes=0).state_dict()
        else:
            if file_hash(config.file) != config.weights_hash:
                raise DataError(f"{config.file} changed since this trial was named; plan the sweep again, or put the old file back")
            held = timm.models.load_state_dict(str(config.file))
    except (OSError, RuntimeError, ValueError, ImportError, EOFError, UnpicklingError, SafetensorError) as error:
        where = f"the file {config.file}" if config.file else f"the pretrained weights of {config.name}"
        raise DataError(
            f"{where} cannot be read ({str(error).splitlines()[0] if str(error) else type(error).__name__});"
            " give alignment.encoder.weights: a safetensors or torch file of them"
        ) from error
    try:
        missing = encoder.load_state_dict(_adapted(encoder, held), strict=False).missing_keys
    except (RuntimeError, AttributeError, TypeError) as error:
        raise DataError(
            f"the weights are of another model than {config.name} ({str(error).splitlines()[-1].strip()}); name theirs"
        ) from error
    if missing:
        raise DataError(f"the weights of {config.name} lack {missing[0]} and {len(missing) - 1} more; name the model that they are of")


def _adapted(encoder: nn.Module, held: dict[str, Any]) -> dict[str, Any]:
    """Names of a public checkpoint turned into timm's, positions resized to the encoder's grid, where the model's family knows how."""
    family = sys.modules[type(encoder).__module__]
    adapt = getattr(family, "checkpoint_filter_fn", None)
    return adapt(held, encoder) if adapt is not None else held


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


def encoded_training_set(config: EncoderConfig, tokens: Tensor, patch: int, channels: int) -> Tensor:
    """Features (n, T, F) of a whole training set of tokens (n, T, P), computed once and kept on its device.

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
        return encode(encoder, tokens, patch, channels, side)
