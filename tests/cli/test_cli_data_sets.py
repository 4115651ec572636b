"""A sweep over data sets: what will not compare is said before anything trains, and what compares gets its table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_sweep import store_sweep

Sweeper = Callable[..., Any]
SWEEP = """
question: Do more images help?
name: images
base: {preset: nano, data: {kind: npz, path: few.npz}, steps: 10}
design: {kind: variants, variants: {few: {}, wide: {backbone.width: 96}, many: {data.path: many.npz}}}
seeds: [0, 1, 2]
metric: {primary: held_out_loss, direction: lower}
contrasts:
  - {name: more images, of: many, to: few, kind: superior, alpha: 0.05}
  - {name: wider, of: wide, to: few, kind: superior, alpha: 0.05}
"""
SAID = "not comparable between variants with different data ("
WHY = "Without an estimate: held_out_loss does not compare between different data sets"


@pytest.fixture
def spec(home: Path) -> str:
    for name, number in (("few", 200), ("many", 400)):
        images = np.arange(number * 64).reshape(number, 8, 8) % 251
        np.savez(f"{name}.npz", images=images.astype(np.uint8), labels=np.arange(number) % 10)
    Path("images.yaml").write_text(SWEEP)
    return "images.yaml"


def test_plan_says_what_will_not_compare(sweeper: Sweeper, spec: str) -> None:
    told = " ".join(sweeper("plan", spec).out.split())
    assert SAID in told
    assert ": few, wide | " in told
    assert "only times and memory compare, and all metrics within one data set" in told
    assert f"contrast more images: {WHY}" in told
    assert "contrast wider: Without" not in told
    assert "more images: superior" not in told, "seeds do not decide it"
    assert "wider: superior" in told
    planned = json.loads(sweeper("plan", spec, "--json").out)
    assert planned["not_comparable"].startswith(SAID)
    across, within = planned["contrasts"]
    assert any(WHY in caveat for caveat in across["caveats"])
    assert within["caveats"] == []
    assert [claim["name"] for claim in planned["claims"]["claims"]] == ["wider"]


def test_one_data_set_or_a_mix_that_is_asked_for_needs_no_word(sweeper: Sweeper, spec: str) -> None:
    assert SAID not in " ".join(sweeper("plan", spec, "--allow-mixed", "evaluator").out.split())
    assert SAID not in " ".join(sweeper("plan", spec, "--set", "design.variants.many={backbone.width: 128}").out.split())
    Path("many.npz").write_bytes(Path("few.npz").read_bytes())
    assert SAID not in " ".join(sweeper("plan", spec).out.split())


def test_a_metric_that_needs_no_data_compares(sweeper: Sweeper, spec: str) -> None:
    told = sweeper("plan", spec, "--set", "metric={primary: steps_per_second, direction: higher}").out
    assert SAID in " ".join(told.split())
    assert WHY not in " ".join(told.split())


@pytest.mark.parametrize("command", [("run", "images.yaml"), ("report",)])
def test_a_finished_sweep_over_data_sets_has_its_table(sweeper: Sweeper, spec: str, command: tuple[str, ...]) -> None:
    store_sweep(None, spec=spec, steps=10)
    said = sweeper(*command, *(("--set", "base.steps=10") if command[0] == "run" else ()))
    assert (said.code, said.err) == (0, "")
    told = " ".join(said.out.split())
    assert (SAID in told) == (command[0] == "run")
    assert "* Not comparable between variants with different data (few, wide | many): held-out loss*, class accuracy*" in told
    why = "since held_out_loss does not compare here: the variants have different data sets."
    assert f"more images Inconclusive: many is better than few. Nothing is concluded, {why}" in told
    assert "more images –† – 0/3 – inconclusive" in told
    assert "of wide" not in told
    assert "↑ steps/s" in told
