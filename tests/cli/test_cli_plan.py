"""`sweeper plan`: what would run and why, on any machine, and nothing is started or made."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from stored_sweep import store_sweep

from sweeper.plan.machine import Machine
from tests.state_files import write_state

Sweeper = Callable[..., Any]

TRIAL = {
    "type": "object",
    "properties": {
        "variant": {"type": "string"},
        "seed": {"type": "integer"},
        "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "steps": {"type": "integer"},
        "action": {"enum": ["run", "resume", "evaluate", "reuse", "fold", "diverged", "mixed"]},
        "reason": {"type": "string", "minLength": 1},
    },
    "required": ["variant", "seed", "fingerprint", "steps", "action", "reason"],
    "additionalProperties": False,
}
PACE = {
    "type": "object",
    "properties": {
        "seconds_per_step": {"type": "number", "exclusiveMinimum": 0},
        "other_seconds": {"type": "number", "minimum": 0},
        "source": {"enum": ["measured", "preflight", "estimated"]},
        "how": {"type": "string", "minLength": 1},
    },
    "required": ["seconds_per_step", "other_seconds", "source", "how"],
    "additionalProperties": False,
}
PROMISE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "metric": {"type": "string"},
        "kind": {"enum": ["superior", "non_inferior", "equivalent", "no_interaction", "finishes_more"]},
        "margin": {"type": ["string", "null"]},
        "effect": {"type": "string"},
        "paired": {"type": "boolean"},
        "given": {"type": "integer"},
        "needed": {"type": ["integer", "null"]},
        "needed_alone": {"type": ["integer", "null"]},
        "power": {"type": ["number", "null"]},
        "claimable": {"type": ["number", "null"]},
        "sign_flip_floor": {"type": "number"},
        "blocks": {"type": ["integer", "null"]},
        "uncounted": {"type": ["string", "null"]},
        "smallest_effect": {"type": ["string", "null"]},
        "needed_for_equivalent": {"type": ["integer", "null"]},
    },
    "additionalProperties": False,
}
PRIOR = {
    "type": "object",
    "properties": {
        "cv": {"type": "number"},
        "correlation": {"type": "number"},
        "level": {"type": ["number", "null"]},
        "source": {"type": "string"},
    },
    "additionalProperties": False,
}
DATA = {
    "type": "object",
    "properties": {
        "content_hash": {"type": "string"},
        **{name: {"type": "integer", "minimum": 1} for name in ("train", "held_out", "channels", "resolution", "classes")},
        "left_out": {"type": "integer", "minimum": 0},
        **{name: {"type": "array", "items": {"type": "string"}} for name in ("class_names", "remarks")},
    },
    "required": ["content_hash", "train", "left_out", "held_out", "channels", "resolution", "classes", "class_names", "remarks"],
    "additionalProperties": False,
}
PLAN = {
    "type": "object",
    "properties": {
        "sweep": {
            "type": "object",
            "properties": {key: {"type": "string"} for key in ("name", "profile", "version", "question")},
            "required": ["name", "profile", "version", "question"],
            "additionalProperties": False,
        },
        "trials": {"type": "array", "items": TRIAL},
        "data": {"type": "array", "items": DATA},
        "passes": {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "resources": {
            "type": "object",
            "properties": {
                "cpus": {"type": "number"},
                "gpus": {"type": "number"},
                "processes": {"type": "integer"},
                "concurrent": {"type": "integer"},
                "device": {"type": ["string", "null"]},
            },
            "required": ["cpus", "gpus", "processes", "concurrent", "device"],
            "additionalProperties": False,
        },
        "time": {
            "type": "object",
            "properties": {
                **{name: {"type": "number", "minimum": 0} for name in ("trial_seconds", "gpu_hours", "core_hours")},
                "wall_seconds": {"type": ["number", "null"]},
                "variants": {"type": "object", "additionalProperties": PACE},
            },
            "required": ["trial_seconds", "wall_seconds", "gpu_hours", "core_hours", "variants"],
            "additionalProperties": False,
        },
        "contrasts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "caveats": {"type": "array", "items": {"type": "string"}}},
                "required": ["name", "caveats"],
                "additionalProperties": False,
            },
        },
        "not_comparable": {"type": ["string", "null"]},
        "aliases": {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}},
        "search": {"type": ["object", "null"]},
        "preflight": {"type": "object", "additionalProperties": {"type": "string"}},
        "disk_bytes": {"type": "integer", "minimum": 0},
        "disk": {
            "type": "object",
            "properties": {
                **{name: {"type": "integer", "minimum": 0} for name in ("at_end_bytes", "meanwhile_bytes", "there_bytes", "missing_bytes")},
                "free_bytes": {"type": ["integer", "null"]},
            },
            "required": ["at_end_bytes", "meanwhile_bytes", "there_bytes", "free_bytes", "missing_bytes"],
            "additionalProperties": False,
        },
        "claims": {
            "type": ["object", "null"],
            "properties": {
                "prior": {"anyOf": [PRIOR, {"type": "null"}]},
                "priors": {"type": "object", "additionalProperties": PRIOR},
                "claims": {"type": "array", "items": PROMISE},
            },
            "additionalProperties": False,
        },
    },
    "required": [
        "sweep",
        "trials",
        "data",
        "passes",
        "counts",
        "resources",
        "time",
        "contrasts",
        "not_comparable",
        "aliases",
        "preflight",
        "disk_bytes",
        "disk",
        "claims",
    ],
    "additionalProperties": False,
}
"""What scripts may rely on."""


def as_json(sweeper: Sweeper, *words: str) -> dict[str, Any]:
    said = sweeper("plan", "sweep.yaml", "--json", *words)
    assert (said.code, said.err) == (0, "")
    plan: dict[str, Any] = json.loads(said.out)
    jsonschema.validate(plan, PLAN)
    return plan


def test_where_nothing_ran_everything_is_new_and_no_database_is_made(sweeper: Sweeper, home: Path) -> None:
    said = sweeper("plan", "sweep.yaml", "--profile", "smoke")
    assert (said.code, said.err) == (0, "")
    lines = [line.rstrip() for line in said.out.splitlines()]
    assert lines[0].startswith("noise_aug_vs_interaction (profile smoke, version ")
    assert "4 variants x 2 seeds = 8 trials: 8 run" in lines
    assert "each on cpu (A): 1 CPU, 1 torch threads; 2 at once" in lines
    assert "data 4ac1f3e70578fd29: 1,438 images to train on, 359 held out, 1 x 8 x 8, 10 classes" in lines
    kept = r"disk for checkpoints: about \d+ MiB at the end \(keep: resumable\), up to \d+ MiB meanwhile; [\d.]+ [GT]iB are free in /.*"
    assert any(re.fullmatch(kept, line) for line in lines)
    rows = [line.split() for line in lines if line.endswith("new")]
    assert [row[1:3] for row in rows] == [[v, s] for s in "01" for v in ("single/none", "single/full", "dual/none", "dual/full")]
    assert not home.exists()


def test_fewer_training_images_and_the_passes_over_them(sweeper: Sweeper) -> None:
    """800 steps of 64 images."""
    said = sweeper("plan", "sweep.yaml")
    assert "passes over the training images (steps x batch size / images): 36" in said.out.splitlines()
    levels = "{path: data.train_images, levels: [100, null]}"
    sized = ("--set", f"design.factors={{images: {levels}}}", "--set", "contrasts=[]", "--set", "baseline=null")
    lines = sweeper("plan", "sweep.yaml", *sized).out.splitlines()
    assert "passes over the training images (steps x batch size / images): 36 to 512" in lines
    assert "data 4ac1f3e70578fd29: 100 of 1,438 images to train on, 359 held out, 1 x 8 x 8, 10 classes" in lines
    assert "data 4ac1f3e70578fd29: 1,438 images to train on, 359 held out, 1 x 8 x 8, 10 classes" in lines
    plan = as_json(sweeper, *sized)
    assert plan["passes"] == {"100": 512, "null": pytest.approx(800 * 64 / 1438)}
    assert [(data["train"], data["left_out"]) for data in plan["data"]] == [(100, 1338), (1438, 0)]
    assert plan["not_comparable"] is None, "held-out images and classifier are the same"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (1439, "there are 1438 training images; ask for at most so many, or leave it out for all"),
        (9, "there are 10 classes, and each needs an image; ask for at least 10"),
    ],
)
def test_training_images_that_there_are_not(sweeper: Sweeper, home: Path, images: int, message: str) -> None:
    said = sweeper("plan", "sweep.yaml", "--set", f"base.data.train_images={images}")
    assert said.code == 2
    assert f"variant single/none: data.train_images is {images}, but {message}" in " ".join(said.err.split())
    assert not home.exists()


def test_json_holds_every_trial(sweeper: Sweeper, home: Path) -> None:
    plan = as_json(sweeper, "--set", "seeds=20", "--max-concurrent", "1")
    assert len(plan["trials"]) == 80
    assert plan["counts"] == {"run": 80}
    assert plan["resources"] == {"cpus": 1, "gpus": 0, "processes": 1, "concurrent": 1, "device": "cpu (A)"}
    assert plan["sweep"]["profile"] == "default"
    assert not home.exists()


def test_a_long_list_is_left_to_json(sweeper: Sweeper) -> None:
    said = sweeper("plan", "sweep.yaml", "--set", "seeds=11")
    assert said.code == 0
    assert "(more than 40 trials: --json lists every one)" in said.out
    assert "fingerprint" not in said.out


def test_the_paper_s_recipe_is_printed_on_a_machine_without_a_gpu(sweeper: Sweeper, home: Path) -> None:
    said = sweeper("plan", "sweep.yaml", "--profile", "imagenet256")
    assert (said.code, said.err) == (0, "")
    assert "each on a device that is not on this machine: 8 CPU, 1 GPU, 8 torch threads; as many at once as the cluster holds" in said.out
    assert "1,268,355 images to train on, 12,812 held out, 4 x 32 x 32, 1000 classes" in said.out
    assert "800,000" in said.out
    assert not home.exists()


def test_a_gpu_is_named(sweeper: Sweeper, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: cls(16, ("NVIDIA H100",) * 8, cluster=False)))
    said = sweeper("plan", "sweep.yaml", "--set", "resources.gpus=0.5")
    assert "each on NVIDIA H100: 1 CPU, 0.5 GPU, 1 torch threads; 16 at once" in said.out


def test_what_is_stored_is_reused_and_what_is_more_is_run(sweeper: Sweeper, home: Path) -> None:
    endings = {("dual/none", 1): "failed", ("dual/full", 1): "diverged", ("single/full", 1): None}
    store_sweep(endings=endings)
    before = sorted(home.rglob("*.db"))
    plan = as_json(sweeper, "--profile", "smoke", "--set", "seeds=3")
    said = {(t["variant"], t["seed"]): (t["action"], t["reason"]) for t in plan["trials"]}
    assert said["single/none", 0] == ("reuse", "finished at step 40")
    assert said["dual/none", 1] == ("run", "failed before, tried again")
    assert said["dual/full", 1] == ("diverged", "train_loss became nan at step 12; the weights before that step are kept")
    assert said["single/full", 1] == ("run", "new")
    assert said["single/none", 2] == ("run", "new")
    assert plan["counts"] == {"reuse": 5, "run": 6, "diverged": 1}
    assert sorted(home.rglob("*.db")) == before
    longer = as_json(sweeper, "--profile", "smoke", "--set", "base.steps=80")["trials"][0]
    assert (longer["action"], longer["reason"]) == ("resume", "from step 40 of 80")
    more = as_json(sweeper, "--profile", "smoke", "--set", "base.evaluation.samples=200")["trials"][0]
    assert (more["action"], more["reason"]) == ("evaluate", "trained to step 40, this evaluation is new")
    fresh = as_json(sweeper, "--profile", "smoke", "--fresh")
    assert fresh["counts"] == {"run": 8}


def test_results_of_another_machine_are_named_and_run_refuses_to_mix_them(
    sweeper: Sweeper, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_sweep()
    monkeypatch.setattr("sweeper.plan.machine.cpu_model", lambda: "cpu (B)")
    plan = as_json(sweeper, "--profile", "smoke")
    assert plan["counts"] == {"mixed": 8}
    assert plan["trials"][0]["reason"] == "device cpu (A) there, cpu (B) here"
    assert as_json(sweeper, "--profile", "smoke", "--allow-mixed", "device")["counts"] == {"reuse": 8}
    said = sweeper("run", "sweep.yaml", "--profile", "smoke")
    assert said.code == 2
    assert said.err == (
        "error: 8 trials were run under other conditions (single/none, seed 0: device cpu (A) there, cpu (B) here);"
        " use --allow-mixed device to count them all the same, or --fresh to train them again here\n"
    )


def test_run_of_a_finished_sweep_trains_nothing_and_prints_its_table(sweeper: Sweeper, home: Path) -> None:
    store_sweep()
    said = sweeper("run", "sweep.yaml", "--profile", "smoke")
    assert (said.code, said.err) == (0, "")
    table = sweeper("report")
    assert said.out == table.out
    assert said.out.endswith("\n")
    assert not said.out.endswith("\n\n")


def test_claims_are_counted_before_anything_runs(sweeper: Sweeper, home: Path) -> None:
    claims = as_json(sweeper)["claims"]
    assert claims["prior"]["cv"] == 0.011
    assert claims["prior"]["source"].startswith("stated: ")
    found = {one["name"]: one for one in claims["claims"]}
    assert {name: (one["paired"], one["given"], one["needed"], one["needed_alone"]) for name, one in found.items()} == {
        "augmentation effect": (True, 3, 10, 7),
        "token-interaction effect": (True, 3, 8, 6),
        "factor interaction": (True, 3, 17, 13),
    }
    said = sweeper("plan", "sweep.yaml").out
    assert "spread over seeds 1.10%: stated: " in said
    assert "a two-sided sign-flip test of 3 paired seeds cannot go below p = 0.25" in said
    assert not home.exists()


def test_a_plan_of_blocks_counts_with_their_degrees_of_freedom(sweeper: Sweeper) -> None:
    words = ("--set", "analysis=block")
    found = {one["name"]: one for one in as_json(sweeper, *words)["claims"]["claims"]}
    assert {name: (one["paired"], one["blocks"], one["needed"]) for name, one in found.items()} == {
        "augmentation effect": (False, 4, 8),
        "token-interaction effect": (False, 4, 7),
        "factor interaction": (False, 4, 16),
    }
    said = sweeper("plan", "sweep.yaml", *words).out
    assert "block analysis over 4 variants" in " ".join(said.split())
    assert "sign-flip" not in said


def test_a_claim_on_trials_that_finish_needs_no_spread(sweeper: Sweeper) -> None:
    claim = "{name: c, of: {timesteps: dual}, to: {timesteps: single}, kind: finishes_more, alpha: 0.05, expected: 80%}"
    words = ("--set", f"contrasts=[{claim}]")
    claims = as_json(sweeper, *words)["claims"]
    assert (claims["prior"], claims["priors"]) == (None, {})
    (found,) = claims["claims"]
    assert (found["metric"], found["kind"], found["needed"]) == ("finishing", "finishes_more", 3)
    said = " ".join(sweeper("plan", "sweep.yaml", *words).out.split())
    assert "c: finishes more With 95% of the trials of one side finishing, and 15% of those of the other, it needs 3 seeds per cell" in said
    assert "spread over seeds" not in said


def test_the_spread_is_this_sweep_s_own_once_trials_have_finished(sweeper: Sweeper, home: Path) -> None:
    store_sweep()
    prior = as_json(sweeper, "--profile", "smoke")["claims"]["prior"]
    assert prior["source"] == ("measured on this sweep's finished trials (4 degrees of freedom; correlation of pairs 0 until measured)")
    assert prior["cv"] == pytest.approx(0.01 / 0.5 / 2**0.5, rel=0.05)
    Path("other.yaml").write_text(Path("sweep.yaml").read_text().replace("name: noise_aug_vs_interaction", "name: other"))
    said = sweeper("plan", "other.yaml", "--profile", "smoke", "--json")
    other = json.loads(said.out)["claims"]["prior"]
    assert other["source"].startswith("measured on noise_aug_vs_interaction, sweeps of the same metric, backbone, data and steps (4 ")
    longer = as_json(sweeper, "--profile", "smoke", "--set", "base.steps=77")["claims"]["prior"]
    assert longer["source"].startswith("stated: "), "other steps are another kind"


def test_a_search_that_has_not_begun_is_counted_on_the_disk(sweeper: Sweeper, home: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "sweeps" / "search_alignment.yaml", "search.yaml")
    planned = json.loads(sweeper("plan", "search.yaml", "--json").out)
    one = json.loads(sweeper("plan", "sweep.yaml", "--json", "--set", "seeds=1").out)["disk"]["at_end_bytes"] / 4
    assert planned["disk"]["at_end_bytes"] == planned["search"]["total"] * one, "a trial of the same network"


def test_a_pilot_is_planned_and_then_counted_with(sweeper: Sweeper, home: Path) -> None:
    asked = ("--profile", "smoke", "--set", "base.steps=40")
    command = "sweeper run sweep.yaml --profile smoke --set base.steps=40 --pilot"
    assert f"to count with a spread that was measured: {command}" in sweeper("plan", "sweep.yaml", *asked).out
    planned = as_json(sweeper, *asked, "--pilot")
    assert (planned["sweep"]["name"], planned["claims"]) == ("noise_aug_vs_interaction-pilot", None)
    assert {trial["seed"] for trial in planned["trials"]} == {1000, 1001, 1002}
    said = sweeper("plan", "sweep.yaml", *asked, "--pilot").out
    assert said.endswith(f"\nwhen `{command}` has run the pilot, `sweeper plan sweep.yaml` counts seeds with its spread\n")

    store_sweep(pilot=True)
    prior = as_json(sweeper, *asked)["claims"]["prior"]
    assert prior["source"].startswith("measured on this sweep's pilot (8 degrees of freedom; correlation of pairs ")
    assert "to count with a spread" not in sweeper("plan", "sweep.yaml", *asked).out
    assert "\nthe pilot has run, `sweeper plan sweep.yaml` counts" in sweeper("plan", "sweep.yaml", *asked, "--pilot").out
    longer = as_json(sweeper, "--profile", "smoke", "--set", "base.steps=77")["claims"]["prior"]
    assert longer["source"].startswith("stated: "), "of other steps the pilot says nothing"


def test_a_sweep_without_claims_counts_none(sweeper: Sweeper) -> None:
    assert as_json(sweeper, "--set", "contrasts=[]")["claims"] is None
    assert "claims (power" not in sweeper("plan", "sweep.yaml", "--set", "contrasts=[]").out


@pytest.mark.parametrize("damage", ["deleted", "torn", "empty", "another trial's"])
def test_a_plan_promises_to_resume_only_what_is_there(damage: str, sweeper: Sweeper, home: Path) -> None:
    name = store_sweep().trials[0].fingerprint
    (checkpoint,) = (home / "trials" / name).rglob("checkpoint-*")
    whole = checkpoint.read_bytes()
    checkpoint.unlink()
    if damage == "another trial's":  # moved away with its folder
        (home / "trials" / name).rename(home / "trials" / "elsewhere")
    elif damage != "deleted":
        checkpoint.write_bytes(whole[:-1] if damage == "torn" else b"")
    longer = as_json(sweeper, "--profile", "smoke", "--set", "base.steps=80")["trials"][0]
    gone = "its checkpoint of step 40 is not here (deleted, torn or on another machine): from the start"
    assert (longer["action"], longer["reason"]) == ("run", gone)
    again = as_json(sweeper, "--profile", "smoke", "--set", "base.evaluation.samples=120", "--set", "base.steps=40")["trials"][0]
    assert (again["action"], again["reason"]) == ("run", gone)
    assert as_json(sweeper, "--profile", "smoke", "--set", "base.steps=40")["trials"][0]["action"] == "reuse", "a result needs no file"


def test_an_average_is_enough_for_a_new_evaluation_but_not_for_more_steps(sweeper: Sweeper, home: Path) -> None:
    name = store_sweep().trials[0].fingerprint
    (checkpoint,) = (home / "trials" / name).rglob("checkpoint-*")
    write_state(checkpoint.parent, "average", 40)
    checkpoint.unlink()
    again = as_json(sweeper, "--profile", "smoke", "--set", "base.evaluation.samples=120", "--set", "base.steps=40")["trials"][0]
    assert (again["action"], again["reason"]) == ("evaluate", "trained to step 40, this evaluation is new")
    longer = as_json(sweeper, "--profile", "smoke", "--set", "base.steps=80")["trials"][0]
    assert longer["action"] == "run"


def test_a_plan_says_when_the_disk_is_too_small(sweeper: Sweeper, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_sweep()
    longer = ("--profile", "smoke", "--set", "base.steps=80", "--set", "keep=average")
    whole = as_json(sweeper, *longer)["disk"]
    assert whole["meanwhile_bytes"] > whole["at_end_bytes"] > 0
    assert whole["there_bytes"] == sum(file.stat().st_size for file in home.rglob("*.safetensors"))
    assert whole["missing_bytes"] == 0
    asked = []

    def usage(path: Path) -> Any:
        asked.append(path)
        return shutil._ntuple_diskusage(10**9, 10**9 - 5000, 5000)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", usage)
    lacking = as_json(sweeper, *longer)["disk"]
    assert lacking["missing_bytes"] == whole["meanwhile_bytes"] - whole["there_bytes"] - 5000
    assert asked == [home / "trials"], "the disk that the checkpoints go to"
    shown = " ".join(sweeper("plan", "sweep.yaml", *longer).out.split())
    assert "(keep: average)" in shown
    assert f"; 5 KiB are free in {home / 'trials'} NOT ENOUGH SPACE in {home / 'trials'}: " in shown
    assert "are lacking; free some (`sweeper prune` shows what nobody needs), keep less (keep: average), or set SWEEPER_HOME" in shown
