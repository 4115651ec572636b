"""The preflight as commands use it: in a process of its own, before anything is started."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stored_sweep import store_sweep

from sweeper.execution.preflight import check_configs
from sweeper.plan.machine import Machine
from sweeper.service.plan_sweep import SweepRequest, plan_sweep

Sweeper = Callable[..., Any]
BROKEN = """
from model.noise.assignments import Assignment

class Broken(Assignment):
    def order(self, counts, streams, purpose):
        raise RuntimeError("no order today")

class Deadly(Assignment):
    def order(self, counts, streams, purpose):
        import os
        os._exit(9)
"""


def test_a_cell_that_fails_in_its_first_step_stops_a_run_before_it_takes_a_gpu(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(4, ("a GPU", "a GPU"), cluster=False)
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: machine))
    Path("broken_orders.py").write_text(BROKEN)
    whole = yaml.safe_load(Path("sweep.yaml").read_text())
    whole["design"] = {
        "kind": "variants",
        "variants": {"good": {}, "bad": {"timesteps.kind": "dual", "partition.assignment": "broken_orders.Broken"}},
    }
    whole |= {"baseline": None, "contrasts": []}
    Path("own.yaml").write_text(yaml.safe_dump(whole))
    said = "own.yaml: variant bad: one step on the CPU failed: RuntimeError: no order today; nothing was started"
    assert refused("run", "own.yaml") == said
    assert refused("plan", "own.yaml", "--preflight") == said


def test_one_cell_of_each_shape_is_tried_and_timed(sweeper: Sweeper) -> None:
    said = sweeper("plan", "sweep.yaml", "--profile", "smoke", "--preflight", "--json")
    assert (said.code, said.err) == (0, "")
    plan = json.loads(said.out)
    assert plan["preflight"] == dict.fromkeys(("single/none", "single/full", "dual/none", "dual/full"), "one step, 2 samples")
    assert {pace["source"] for pace in plan["time"]["variants"].values()} == {"preflight"}


def test_shapes_that_the_store_has_trained_are_not_tried_again(sweeper: Sweeper, home: Path) -> None:
    store_sweep(endings={("dual/full", 0): None, ("dual/full", 1): None})
    plan = json.loads(sweeper("plan", "sweep.yaml", "--profile", "smoke", "--set", "seeds=3", "--preflight", "--json").out)
    assert list(plan["preflight"]) == ["dual/full"]
    sources = {name: pace["source"] for name, pace in plan["time"]["variants"].items()}
    assert sources == {"single/none": "measured", "single/full": "measured", "dual/none": "measured", "dual/full": "preflight"}


def test_a_config_that_ends_its_process_is_named(home: Path) -> None:
    Path("broken_orders.py").write_text(BROKEN)
    planned = plan_sweep(SweepRequest(Path("sweep.yaml")), lambda _: {})
    name, trial = next(iter(planned.untried.items()))
    deadly = {**trial.config, "timesteps": {"kind": "dual"}, "partition": {"assignment": "broken_orders.Deadly"}}
    facts = planned.facts[name]
    found = check_configs({"deadly": (deadly, facts), "after": (trial.config, facts)}, threads=1, user_code=(Path.cwd(),))
    assert list(found) == ["deadly"]
    assert found["deadly"].error == "its process ended with 9: without a word"
