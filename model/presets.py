"""Named starting points of a config: the published backbones with their alignment layers, the nano model for digits, and the methods.

A preset says how large, a method (model/methods.py) what is trained. Both are partial configs: the method is laid over the preset, what
the user writes beside them over both. Sizes: 2212.09748 (table 1); alignment layers: 2505.02831 for B, L and XL, ours for S.
"""

from collections.abc import Mapping
from typing import Any

from model.config import TrainConfig
from model.config.backbone import BackboneConfig
from model.errors import ConfigError
from model.methods import METHODS, Partial

__all__ = ["METHODS", "PRESETS", "complete", "config_from", "lay_method", "merge"]


def _backbone(layers: int, width: int, heads: int, student_layer: int, teacher_layer: int) -> Partial:
    return {
        "backbone": {"layers": layers, "width": width, "heads": heads},
        "alignment": {"student_layer": student_layer, "teacher": {"layer": teacher_layer}},
    }


_SIZES = {
    "S": _backbone(12, 384, 6, 3, 8),
    "B": _backbone(12, 768, 12, 3, 8),
    "L": _backbone(24, 1024, 16, 6, 16),
    "XL": _backbone(28, 1152, 16, 8, 20),
}

_DDPM_TEACHER_LAYERS = {"S": 7, "B": 7, "L": 14, "XL": 16}
"""2505.02831 aligns a DiT with an earlier layer than a SiT; for S it is ours."""

_REPA_LAYERS = {"S": 4, "B": 4, "L": 8, "XL": 8}
"""2410.06940; for B its sources say 4 or 8, for S it is ours."""

_NANO = {
    "backbone": {"layers": 3, "width": 48, "heads": 3, "patch": 2},
    "alignment": {"student_layer": 1, "teacher": {"layer": 2}},
    "optimizer": {"learning_rate": 8e-3, "betas": [0.9, 0.95]},
    "batch_size": 64,
    "ema_decay": 0.985,
    "steps": 800,
    "held_out_every": 200,
    "samples_every": 200,
    "checkpoint_every": 200,
    "evaluation": {"samples": 1000, "sampler": {"kind": "euler", "steps": 25}},
}

PRESETS: dict[str, Partial] = {"nano": _NANO} | {
    f"{size}/{patch}": merged
    for size, partial in _SIZES.items()
    for patch in (2, 4, 8)
    for merged in [partial | {"backbone": partial["backbone"] | {"patch": patch}}]
}
"""`nano` carries its whole recipe for 8 x 8 digits; the published sizes carry only sizes, the recipe being the config's defaults."""


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Partial:
    """`above` laid over `below`: mappings are merged key by key, all else is replaced. Neither argument changes.

    A mapping with another `kind` replaces the one below it whole: fields of a different kind mean nothing to it. The kinds of `alignment`
    share their fields, such as the layer that a preset chose, so it is always merged.
    """
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if not isinstance(value, Mapping):
            merged[key] = value
        elif isinstance(under, Mapping) and (key == "alignment" or not _other_kind(under, value)):
            merged[key] = merge(under, value)
        else:
            merged[key] = merge({}, value)
    return merged


def _other_kind(below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
    return "kind" in below and "kind" in above and below["kind"] != above["kind"]


def complete(partial: Mapping[str, Any]) -> Partial:
    """A partial config with its `preset` and its `method` (if it names them) laid underneath; raises ConfigError for an unknown name."""
    given = dict(partial)
    preset, method = given.pop("preset", None), given.pop("method", None)
    below = {} if preset is None else _named("preset", preset, PRESETS)
    if method is not None:
        below = lay_method(below, method, preset)
    process = merge(below, given).get("process")
    if isinstance(process, Mapping) and process.get("kind") == "ddpm" and (layer := _of_size(_DDPM_TEACHER_LAYERS, preset)) is not None:
        below = merge(below, {"alignment": {"teacher": {"layer": layer}}})
    return merge(below, given)


def lay_method(below: Mapping[str, Any], method: Any, preset: Any) -> Partial:
    """A method laid over a partial config that began with `preset`; raises ConfigError for an unknown method."""
    rows = _named("method", method, METHODS)
    if method == "repa":
        layer = _of_size(_REPA_LAYERS, preset)
        rows = rows if layer is None else merge(rows, {"alignment": {"student_layer": layer}})
    if method == "self_flow":  # 2603.06507: from .3 of the depth to .7 of it; the rounding is ours
        depth = below.get("backbone", {}).get("layers", BackboneConfig().layers)
        rows = merge(rows, {"alignment": {"student_layer": max(1, round(0.3 * depth)), "teacher": {"layer": round(0.7 * depth)}}})
    return merge(below, rows)


def _of_size(layers: Mapping[str, int], preset: Any) -> int | None:
    """The layer of the preset's size; None keeps the preset's own (nano). The default config is a B/2."""
    return layers["B"] if preset is None else layers.get(str(preset).split("/")[0])


def _named(what: str, name: Any, known: Mapping[str, Partial]) -> Partial:
    if not isinstance(name, str) or name not in known:
        raise ConfigError(f"there is no {what} {name!r}; choose one of {', '.join(known)}")
    return known[name]


def config_from(partial: Mapping[str, Any]) -> TrainConfig:
    """The config that a mapping, possibly with a `preset` and a `method`, describes; raises ConfigError or pydantic's ValidationError."""
    return TrainConfig.model_validate(complete(partial))
