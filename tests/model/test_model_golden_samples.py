"""Golden states of every sampler: what the same weights and generation seed give, in float64.

A failure means that stored results would not be drawn again. By accident: repair it. On purpose: raise
`model.config.train.EVALUATOR_VERSION`, set SWEEPER_WRITE_GOLDEN=1 for one run of this file, say so in CHANGELOG.md.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from test_model_generation import sample
from tiny_trials import DDPM, network_of, tiny

from model.config.train import EVALUATOR_VERSION
from model.noise.process import process_of

GOLDEN = Path(__file__).parent / "golden" / "sampler_states.json"
GUIDED = {"scale": 1.8, "interval": (0.0, 0.7)}
SAMPLERS: dict[str, dict[str, Any]] = {
    "euler": {"kind": "euler", "steps": 5},
    "heun": {"kind": "heun", "steps": 5},
    "dopri5": {"kind": "dopri5"},
    "euler_maruyama": {"kind": "euler_maruyama", "steps": 5},
    "ancestral": {"kind": "ancestral", "steps": 5},
}


@pytest.mark.parametrize("guided", [False, True], ids=["plain", "guided"])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_samples_are_those_of_this_evaluator_version(kind: str, guided: bool) -> None:
    config = tiny(DDPM if kind == "ancestral" else {})
    process, guidance = process_of(config.process), {"guidance": GUIDED} if guided else {}
    tokens, _ = sample(network_of(config), process=process, samples=3, sampler=SAMPLERS[kind], **guidance)
    found = tokens[:, 5].flatten().tolist()
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    name = f"{kind}, {'guided' if guided else 'plain'}"
    if os.environ.get("SWEEPER_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(golden | {"evaluator_version": EVALUATOR_VERSION, name: found}, indent=1) + "\n")
        return
    assert golden["evaluator_version"] == EVALUATOR_VERSION, "renew the states with the version (see above)"
    assert found == pytest.approx(golden[name], rel=1e-9)


def test_the_samplers_have_states_of_their_own() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert len({tuple(values) for name, values in golden.items() if name != "evaluator_version"}) == 2 * len(SAMPLERS)
