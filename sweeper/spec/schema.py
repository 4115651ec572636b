"""The JSON Schema of a sweep file: the spec, with `base` and `profiles` spelled out."""

from typing import Any

from model.config import TrainConfig
from model.presets import METHODS, PRESETS
from sweeper.spec.sweep_spec import SweepSpec


def sweep_schema() -> dict[str, Any]:
    """Schema of what a user writes: `base` takes any part of a `TrainConfig`, `preset` and `method`, a profile any part of all."""
    whole = SweepSpec.model_json_schema()
    config = TrainConfig.model_json_schema()
    definitions = whole.pop("$defs") | config.pop("$defs")
    base = config | {"title": "base", "description": "One trial: a preset, and what differs from it; seeds come from `seeds`."}
    base["properties"] = {
        "preset": {"enum": list(PRESETS), "description": "A published backbone, or the nano recipe for digits."},
        "method": {"enum": list(METHODS), "description": "A published method: its factors, laid over the preset."},
        **{name: field for name, field in config["properties"].items() if name != "seed"},
    }
    base.pop("required", None)
    seeds = {"anyOf": [whole["properties"]["seeds"], {"type": "integer", "minimum": 1}], "description": "Training seeds, or how many."}
    properties = whole["properties"] | {"base": {"$ref": "#/$defs/base"}, "seeds": seeds}
    part_of_design = {"design": {"type": "object", "description": "Any part of the design."}}
    partial = {key: value for key, value in whole.items() if key != "required"}
    partial |= {"properties": properties | part_of_design, "title": "profile"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "properties": properties
        | {
            "profiles": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/profile"},
                "description": "Named overrides of the whole.",
            }
        },
        "$defs": definitions | {"base": base, "profile": partial},
    }
