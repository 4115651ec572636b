"""Golden 5-step loss curves: the guard of NUMERICS_VERSION.

A failure means that the same config gives other numbers than stored trials have. By accident: repair it. On purpose: raise
`model.config.NUMERICS_VERSION`, set SWEEPER_WRITE_GOLDEN=1 for one run of this file, say so in CHANGELOG.md.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_trials import CELLS, DDPM, tiny

from model.config import NUMERICS_VERSION
from model.data.dataset import DataSet
from model.methods import METHODS
from model.presets import merge
from model.training.state import initial_state
from model.training.step import train_step

GOLDEN = Path(__file__).parent / "golden" / "loss_curves.json"
STEPS = 5
DUAL_APART = CELLS["dual_full"]
CURVES: dict[str, dict[str, Any]] = CELLS | {
    "noisy_reads_clean": DUAL_APART | {"attention": {"separation": "noisy_reads_clean"}},
    "clean_reads_noisy": DUAL_APART | {"attention": {"separation": "clean_reads_noisy"}},
    "shuffled": DUAL_APART | {"attention": {"separation": "shuffled"}},
    "bernoulli": DUAL_APART | {"partition": {"assignment": "bernoulli"}},
    "block": DUAL_APART | {"partition": {"assignment": "block"}},
    "checkerboard": DUAL_APART | {"partition": {"assignment": "checkerboard"}},
    "rows": DUAL_APART | {"partition": {"assignment": "rows"}},
    "learned": DUAL_APART | {"partition": {"assignment": "learned"}},
    "learned by saliency": DUAL_APART | {"partition": {"assignment": "learned", "score": {"by": "saliency", "first": "smallest"}}},
    "whole images": DUAL_APART | {"partition": {"full_image_probability": 0.25}},
    "per token": {"timesteps": {"kind": "per_token"}},
    "ordered, logit-normal, shifted": {
        "timesteps": {"kind": "dual", "ordering": "masked_is_noisier", "distribution": {"kind": "logit_normal"}, "shift": 2.0}
    },
    "cosine": {"process": {"path": "cosine"}},
    "ddpm": DDPM,
    "ddpm, dual, separated": DDPM | DUAL_APART,
}
RANDOM_ENCODER = {"alignment": {"encoder": {"name": "test_vit", "weights": "none", "resolution": 64}, "head_width": 32}}
TOLERANCES = {"method repa": 1e-6}
"""Where 1e-9 cannot be had on every processor: the encoder of REPA runs in single precision whatever the trial does."""
CURVES |= {f"method {name}": merge(rows, RANDOM_ENCODER) if name == "repa" else rows for name, rows in METHODS.items()}


def curves(cell: str, digits: DataSet) -> dict[str, list[float]]:
    """Losses and gradient norm of every step."""
    config = tiny(CURVES[cell], batch_size=16, label_dropout=0.1)
    state = initial_state(config, digits, torch.device("cpu"), torch.float64)
    found: dict[str, list[float]] = {name: [] for name in ("generation_loss", "align_loss", "grad_norm") if name in state.sums}
    for _ in range(STEPS):
        before = {name: state.sums[name].item() for name in found}
        train_step(config, state, digits.train, "float64")
        for name, values in found.items():
            values.append(state.sums[name].item() - before[name])
    return found


@pytest.mark.parametrize("cell", CURVES)
def test_loss_curves_are_those_of_this_numerics_version(cell: str, digits: DataSet) -> None:
    found = curves(cell, digits)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("SWEEPER_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(golden | {"numerics_version": NUMERICS_VERSION, cell: found}, indent=1) + "\n")
        return
    assert golden["numerics_version"] == NUMERICS_VERSION, "renew the curves with the version (see above)"
    assert golden[cell].keys() == found.keys()
    for name, values in found.items():
        assert values == pytest.approx(golden[cell][name], rel=TOLERANCES.get(cell, 1e-9)), name


def test_the_cells_have_curves_of_their_own() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert len({tuple(golden[cell]["generation_loss"]) for cell in CURVES}) == len(CURVES)
    for cell in CURVES:
        assert golden[cell]["generation_loss"][-1] < golden[cell]["generation_loss"][0]
