"""The published methods by name: every factor that sets one apart from the others, and nothing of its size or budget.

`dit` is `sit` on ddpm. `self_flow_p1` is the row by which 2607.02508 compares with
`self_flow`. The cosine over tokens is what was released for SRA; its equations compare over the width.
"""

from typing import Any

Partial = dict[str, Any]

_ONE_TIME: Partial = {"kind": "single", "gap": "independent"}
_GROUP_TIMES: Partial = {"kind": "dual", "gap": "independent"}
_QUARTER: Partial = {"ratio": 0.25, "assignment": "random", "score": None}
_NOTHING: Partial = {"kind": "none", "teacher": {"separated": False}}


def _teacher(timesteps: str, *, per: str = "auto", labels: str = "undropped", separated: bool = False) -> Partial:
    return {"timesteps": timesteps, "interval": {"width": 0.2, "per": per}, "labels": labels, "separated": separated}


def _self(teacher: Partial, *, loss: str = "cosine", axis: str = "tokens", weight: float = 0.5) -> Partial:
    return {"kind": "self", "loss": loss, "axis": axis, "weight": weight, "head": True, "teacher": teacher}


METHODS: dict[str, Partial] = {
    "sit": {"process": {"kind": "flow"}, "timesteps": _ONE_TIME, "attention": {"separation": "none"}, "alignment": _NOTHING},
    "dit": {
        "process": {"kind": "ddpm"},
        "timesteps": _ONE_TIME,
        "attention": {"separation": "none"},
        "alignment": _NOTHING,
        "evaluation": {"sampler": {"kind": "ancestral"}},
    },
    "sra": {"timesteps": _ONE_TIME, "attention": {"separation": "none"}, "alignment": _self(_teacher("interval", per="image"))},
    "sra_2505": {
        "timesteps": _ONE_TIME,
        "attention": {"separation": "none"},
        "alignment": _self(_teacher("interval", per="image", labels="dropped"), loss="smooth_l1", weight=0.2),
    },
    "self_flow": {
        "timesteps": _GROUP_TIMES,
        "attention": {"separation": "none"},
        "partition": {"ratio": 0.25, "assignment": "bernoulli", "score": None},
        "alignment": _self(_teacher("min"), axis="width", weight=0.8),
    },
    "self_flow_p1": {
        "timesteps": _GROUP_TIMES,
        "attention": {"separation": "none"},
        "partition": _QUARTER,
        "alignment": _self(_teacher("min")),
    },
    "sra_dts": {
        "timesteps": _GROUP_TIMES,
        "attention": {"separation": "none"},
        "partition": _QUARTER,
        "alignment": _self(_teacher("interval", per="group")),
    },
    "sra_as": {
        "timesteps": _ONE_TIME,
        "attention": {"separation": "full"},
        "partition": _QUARTER,
        "alignment": _self(_teacher("interval", per="group", separated=True)),
    },
    "sra_dts_as": {
        "timesteps": _GROUP_TIMES,
        "attention": {"separation": "full"},
        "partition": _QUARTER,
        "alignment": _self(_teacher("interval", per="group", separated=True)),
    },
    "repa": {
        "timesteps": _ONE_TIME,
        "attention": {"separation": "none"},
        "alignment": {
            "kind": "external",
            "loss": "cosine",
            "axis": "width",
            "weight": 0.5,
            "head": True,
            "teacher": {"separated": False},
            "encoder": {"name": "vit_base_patch14_dinov2.lvd142m", "weights": "pretrained"},
        },
    },
}
"""2401.08740 (sit); 2212.09748 (dit); 2607.02508, table 1 (sra, self_flow_p1, sra_dts, sra_as, sra_dts_as); 2505.02831 (sra_2505, without
the decay of its weight after epoch 149); 2603.06507 (self_flow); 2410.06940 (repa). The teacher of `self_flow_p1` is not stated: the
smallest noise level, as in 2603.06507, is ours."""
