"""Frozen models of timm, with the weights that a config names. Nothing else imports timm."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from model.config.availability import ensure_available
from model.config.classifier import TimmClassifier
from model.config.frozen import FrozenNetwork, TimmNetwork, read_hash
from model.errors import ConfigError, DataError
from model.plain_files import MOST_WEIGHTS, ensure_plain, version_of
from model.randomness import stream, xavier_uniform
from model.weight_files import read_weight_file

UNREADABLE = (OSError, RuntimeError, ValueError, ImportError, EOFError, UnpicklingError, SafetensorError)
"""What a file of weights, or the network that it should come over, can raise."""
ENTRIES = ("state_dict_ema", "model_ema", "state_dict", "model")
_declared: list[torch.library.Library] = []
"""Operators are declared for as long as their library object lives."""


@lru_cache(maxsize=1)
def import_timm() -> ModuleType:
    """timm, imported when a model is first asked for: it takes seconds, and most trials need none."""
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


def load_timm_model(config: TimmNetwork, refusal: str, classes: int = 0, **options: Any) -> nn.Module:
    """The frozen model with a head for so many classes, none without; raises ConfigError for one that cannot be made, DataError for weights
    it cannot have.

    `refusal` is what a message says of a model that timm does not make with `options`, {error} the reason.
    """
    ensure_available(config)
    timm = import_timm()
    try:
        with torch.random.fork_rng(devices=()):  # timm draws from the global generator
            model: nn.Module = timm.create_model(config.name, pretrained=False, num_classes=classes, **options)
    except (TypeError, AttributeError, AssertionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{config.place}.name: {config.name} {refusal.format(error=error)}") from error
    if config.weights == "none":
        _redraw(model)
    else:
        _load_weights(timm, model, config, classes)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def _redraw(model: nn.Module) -> None:
    """Random weights as a function of the parameter's name, not of a global generator or of timm's version."""
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            parameter.copy_(xavier_uniform(parameter.shape, stream(0, "init", f"encoder.{name}")))
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def _load_weights(timm: ModuleType, model: nn.Module, config: TimmNetwork, classes: int) -> None:
    """timm skips what a file lacks when its classifier is cut off; a network that is half random must not pass."""
    if config.file is None:
        published = getattr(model, "pretrained_cfg", {}).get("num_classes")
        if classes and published != classes:
            raise ConfigError(
                f"{config.place}.weights: the published {config.name} tells {published} classes apart, and the data has {classes}; give a"
                " file of weights for the data's classes"
            )
        try:
            held = timm.create_model(config.name, pretrained=True, num_classes=classes).state_dict()
        except UNREADABLE as error:
            raise unreadable(f"the pretrained weights of {config.name}", config.place, error, config.offline) from error
    else:
        held = read_weights(config.file, config)
    head = getattr(model, "pretrained_cfg", {}).get("classifier") if isinstance(config, TimmClassifier) else None
    if head is not None and (last := held.get(f"{head}.weight")) is not None and len(last) != classes:
        raise DataError(
            f"{config.place}.weights tell {len(last)} classes apart, and the data has {classes}; give a classifier of the data's classes"
        )
    try:
        missing = model.load_state_dict(_adapted(model, held), strict=False).missing_keys
    except Exception as error:  # timm turns names and shapes of checkpoints that it has never seen
        raise DataError(f"the weights are of another model than {config.name} ({_last_line(error)}); name theirs") from error
    if missing:
        raise DataError(f"the weights of {config.name} lack {missing[0]} and {len(missing) - 1} more; name the model that they are of")


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()


def read_weights(file: Path, config: FrozenNetwork) -> dict[str, Any]:
    """The state dict in the file that `config` was named by. Raises DataError, also when the file is not what it was then."""
    try:
        before = version_of(ensure_plain(file, MOST_WEIGHTS))
        if read_hash(file) == config.weights_hash:
            held = _network_in(read_weight_file(file))
            if version_of(ensure_plain(file)) == before:
                return held
    except Exception as error:  # what a stranger's file holds makes timm's helper raise what it will
        raise unreadable(f"the file {file}", config.place, error) from error
    raise DataError(f"{file} changed since this trial was named; plan the sweep again, or put the old file back")


def _network_in(held: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of the network among what a training checkpoint keeps: its moving average first, as timm looks for them."""
    entry = next((held[name] for name in ENTRIES if isinstance(held.get(name), Mapping)), held)
    cleaned: dict[str, Any] = import_timm().models.clean_state_dict(entry)
    return cleaned


def unreadable(what: str, place: str, error: Exception, instead: str = "a safetensors or torch file of them") -> DataError:
    """The error of weights that cannot be had, for the section at `place` of a config; `instead` is what to give there."""
    said = getattr(error, "strerror", None) or (str(error).splitlines()[0] if str(error) else type(error).__name__)
    return DataError(f"{what} cannot be read ({said}); give {place}.weights: {instead}")


def _adapted(model: nn.Module, held: dict[str, Any]) -> dict[str, Any]:
    """Names of a public checkpoint turned into timm's, positions resized to the model's grid, where the model's family knows how."""
    family = sys.modules[type(model).__module__]
    adapt = getattr(family, "checkpoint_filter_fn", None)
    return adapt(held, model) if adapt is not None else held
