"""Frozen autoencoders of diffusers: pictures to the moments that are trained on, and latents back to pictures. Nothing else imports
diffusers.

n images, S pixels a side, C channels and s cells a side of a latent.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from model.config.autoencoder import SETTINGS, WEIGHTS, AutoencoderConfig, hash_of
from model.errors import ConfigError, DataError
from model.timm_models import import_timm

BLOCK = 32
"""Latents decoded together."""
Numbers = float | tuple[float, ...]
"""One, or one per channel."""
CLASSES = {"kl": "AutoencoderKL", "tiny": "AutoencoderTiny", "dc": "AutoencoderDC"}


@dataclass(frozen=True)
class Autoencoder:
    """An autoencoder that never trains, in float32 whatever the trial's precision."""

    network: nn.Module
    name: str
    """Content hash of its settings and weights."""
    channels: int
    """C of its latents."""
    factor: int
    """Pixels to a side of a latent cell."""
    scale: Numbers
    """What its authors multiply latents by for training, after `shift` was taken off: a number, or one per channel."""
    shift: Numbers

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """Moments (n, 2C, s, s) float32 of pictures (n, 3, S, S) in [-1, 1]: means, then standard deviations, neither scaled nor
        shifted."""
        with torch.autocast(pictures.device.type, enabled=False):
            found = self.network.encode(pictures.float())  # type: ignore[operator]
        if hasattr(found, "latent_dist"):
            return torch.cat([found.latent_dist.mean, found.latent_dist.std], dim=1)
        latents = found.latents if hasattr(found, "latents") else found.latent
        return torch.cat([latents, torch.zeros_like(latents)], dim=1)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (n, 3, S, S) float32, not clamped, of latents (n, C, s, s) that are neither scaled nor shifted."""
        with torch.autocast(latents.device.type, enabled=False):
            pictures: Tensor = self.network.decode(latents.float()).sample  # type: ignore[operator]
        return pictures


@dataclass(frozen=True)
class LatentDecoder:
    """Latents as a trial trains on them to pictures."""

    autoencoder: Autoencoder
    scale: Numbers
    """Of the data: what was trained on is (latent - shift) * scale."""
    shift: Numbers

    @torch.no_grad()
    def __call__(self, latents: Tensor, tick: Callable[[], None] = lambda: None) -> Tensor:
        """Pictures (n, 3, S, S) float32 in [-1, 1] of latents (n, C, s, s); `tick` is called before every block of them."""
        parts = []
        for block in latents.float().split(BLOCK):
            tick()
            parts.append(self.autoencoder.decode(unscaled(block, self.scale, self.shift)).clamp(-1, 1))
        return torch.cat(parts)


def load_decoder(
    config: AutoencoderConfig, channels: int, device: torch.device, scale: Numbers | None = None, shift: Numbers | None = None
) -> LatentDecoder:
    """What makes pictures of latents of so many channels; without scale and shift, by those of the autoencoder's authors.

    Raises:
        ConfigError: Its latents have other channels; or as `load_autoencoder`.
        DataError: As `load_autoencoder`.
    """
    found = load_autoencoder(config, device)
    if found.channels != channels:
        raise ConfigError(
            f"{config.place}: {config.weights} has latents of {found.channels} channels, and the network draws {channels}; name the"
            " autoencoder that the latents were encoded with"
        )
    return LatentDecoder(found, found.scale if scale is None else scale, found.shift if shift is None else shift)


def scaled(latents: Tensor, scale: Numbers, shift: Numbers) -> Tensor:
    """What is trained on: (latents - shift) * scale, of (n, C, s, s)."""
    if shift != 0:
        latents = latents - per_channel(shift, latents)
    return latents * per_channel(scale, latents)


def unscaled(latents: Tensor, scale: Numbers, shift: Numbers) -> Tensor:
    """The inverse of `scaled`."""
    return latents / per_channel(scale, latents) + per_channel(shift, latents)


def per_channel(given: Numbers, like: Tensor) -> Tensor | float:
    """A number as it is, or numbers (C,) that act on the channels of `like` (n, C, s, s)."""
    return given if isinstance(given, int | float) else torch.tensor(given, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)


def load_autoencoder(config: AutoencoderConfig, device: torch.device) -> Autoencoder:
    """The autoencoder of the config.

    Raises:
        ConfigError: diffusers is not installed, or makes no network of these settings.
        DataError: The weights cannot be had, are of another network, or are not those that the trial was named by.
    """
    diffusers = import_diffusers(config.place)
    folder = config.folder or _from_hub(config)
    name = hash_of(folder, f"{config.place}.weights")
    if config.folder is not None and name != config.weights_hash:
        raise DataError(f"{folder} changed since this trial was named; plan the sweep again, or put the old weights back")
    wanted = CLASSES[config.kind]
    kind = getattr(diffusers, wanted)
    try:
        known, _ = kind.load_config(folder, return_unused_kwargs=True)
        if (said := known.get("_class_name")) not in (None, wanted):
            fitting = next((kind for kind, name in CLASSES.items() if name == said), None)
            remedy = f"set kind: {fitting}" if fitting else f"give one of {', '.join(CLASSES.values())}"
            raise ConfigError(f"{config.place}.kind: {config.kind} is {wanted}, but {folder / SETTINGS} is of {said}; {remedy}")
        with torch.random.fork_rng(devices=()):
            network, about = kind.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False, output_loading_info=True
            )
    except ConfigError:
        raise
    except Exception as error:  # what a stranger's settings hold makes diffusers raise what it will
        raise DataError(
            f"{config.place}.weights: {folder} cannot be read as {wanted} ({_first_line(error)}); give a folder that diffusers'"
            " save_pretrained wrote"
        ) from error
    if wrong := [*about["missing_keys"], *about["unexpected_keys"], *about["mismatched_keys"]]:
        raise DataError(
            f"{config.place}.weights: {folder / WEIGHTS} is not of the network that {SETTINGS} describes ({wrong[0]} and"
            f" {len(wrong) - 1} more do not fit); save both anew with save_pretrained"
        )
    network.to(device=device, dtype=torch.float32).eval().requires_grad_(False)
    settings: Any = network.config
    channels = int(settings.latent_channels)
    return Autoencoder(network, name, channels, _factor(network), *_scaling(settings, channels))


def _scaling(settings: Any, channels: int) -> tuple[Numbers, Numbers]:
    """Scale and shift as the settings give them: one of each, or a mean and a standard deviation per channel."""
    mean, std = getattr(settings, "latents_mean", None), getattr(settings, "latents_std", None)
    scale = float(getattr(settings, "scaling_factor", None) or 1.0)
    if mean and std and len(mean) == len(std) == channels:
        return tuple(scale / float(value) for value in std), tuple(map(float, mean))
    return scale, float(getattr(settings, "shift_factor", None) or 0.0)


def _factor(network: nn.Module) -> int:
    settings: Any = network.config
    ratio = getattr(network, "spatial_compression_ratio", None) or getattr(settings, "spatial_compression_ratio", None)
    if ratio:
        return int(ratio)
    blocks = getattr(settings, "block_out_channels", None) or settings.encoder_block_out_channels
    return int(2 ** (len(blocks) - 1))


def _from_hub(config: AutoencoderConfig) -> Path:
    """The folder of the hub's cache; fetched when it is not there. Raises DataError without a network."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(config.weights, allow_patterns=[SETTINGS, WEIGHTS]))
    except Exception as error:  # no network, no such name, no right to it: the hub's client has an error for each
        raise DataError(
            f"{config.place}.weights: {config.weights} could not be fetched from the Hugging Face hub ({_first_line(error)}); where there"
            f" is no network, copy its {SETTINGS} and {WEIGHTS} into a folder, and give that"
        ) from error


@lru_cache(maxsize=1)
def import_diffusers(place: str) -> ModuleType:
    """diffusers, imported when an autoencoder is first asked for; raises ConfigError, naming `place`, where it is not installed."""
    import_timm()  # lets torchvision be imported, which diffusers looks for
    try:
        import diffusers
    except ImportError as error:
        raise ConfigError(f"{place}: autoencoders are diffusers', which is not installed; pip install 'sweeper[latents]'") from error
    logging.getLogger("diffusers").setLevel(logging.ERROR)  # it recommends accelerate for what takes no time here
    diffusers.utils.logging.set_verbosity_error()
    return diffusers


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()[:200]
