"""A sweep file that is wrong: the exact message, exit code 2, nothing started; `run` and `plan` say the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.cli.app import run_command
from sweeper.plan.machine import Machine

Refused = Callable[..., str]
START = "start from sweeps/noise_aug_vs_interaction.yaml"
SUCH_AS = "give a sweep file, such as sweeps/noise_aug_vs_interaction.yaml"
ALL_PRESETS = "nano, S/2, S/4, S/8, B/2, B/4, B/8, L/2, L/4, L/8, XL/2, XL/4, XL/8"


def changed(old: str, new: str) -> None:
    """sweep.yaml with one text replaced."""
    text = Path("sweep.yaml").read_text()
    assert text.count(old) >= 1
    Path("sweep.yaml").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"sweep.yaml is empty; {START}"),
        (b"# later\n", f"sweep.yaml is empty; {START}"),
        (b"a: [1\nb: 2\n", "sweep.yaml, line 2: a [ or { above is not closed; close it"),
        (b"seeds: 1\nseeds: 2\n", "sweep.yaml, line 2: not YAML (key 'seeds' appears twice); fix the line"),
        (b"\x89PNG\r\n\x1a\n\0\0", "sweep.yaml is not text (byte 0 is not UTF-8); give a YAML file"),
        (b"#" * 1_000_001, f"sweep.yaml is longer than the 1,000,000 bytes of a sweep file; {SUCH_AS}"),
        (b"- question\n- name\n", f"sweep.yaml holds ['question', 'name'], not `key: value` lines; {START}"),
        (b"hello\n", f"sweep.yaml holds 'hello', not `key: value` lines; {START}"),
    ],
    ids=["empty", "comment", "not YAML", "twice", "binary", "large", "list", "text"],
)
def test_what_is_no_sweep_file(refused: Refused, content: bytes, message: str) -> None:
    Path("sweep.yaml").write_bytes(content)
    assert refused("plan", "sweep.yaml") == message


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("sweeep.yaml", 'there is no file sweeep.yaml; did you mean "sweep.yaml"?'),
        ("xyz", "there is no file xyz; valid here: sweep.yaml"),
        ("sweeps/a.yaml", f"there is no file sweeps/a.yaml: sweeps is no folder; {SUCH_AS}"),
        (".", f". is a directory; {SUCH_AS}"),
    ],
)
def test_what_is_no_file(refused: Refused, file: str, message: str) -> None:
    assert refused("plan", file) == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: [0, 1, 2]", "seeds: [0]\nsedes: 3", "sedes: there is no field 'sedes'; did you mean \"seeds\"?"),
        ("weight: 0.5", "wieght: 0.5", "base.alignment.wieght: there is no field 'wieght'; did you mean \"weight\"?"),
        ("preset: nano", "preset: nano\n  steps: many", "base.steps: give a whole number, not 'many'"),
        ("preset: nano", "preset: nanno", "base.preset: there is no preset 'nanno'; did you mean \"nano\"?"),
        ("preset: nano", "preset: 3", f"base: there is no preset 3; choose one of {ALL_PRESETS}"),
        ("seeds: [0, 1, 2]", "seeds: []", "seeds: a sweep has 1 to 1,000 seeds, not 0; give a list such as [0, 1, 2], or how many: 3"),
        ("seeds: [0, 1, 2]", "seeds: some", "seeds: give a list such as [0, 1, 2], or how many: 3; not 'some'"),
        (
            "attention.separation: none",
            "attention.seperation: none",
            "variants single/none, dual/none: attention.seperation: there is no field 'seperation'; did you mean \"separation\"?",
        ),
        (
            "separation: none, alignment.teacher.separated: false",
            "separation: none, alignment.teacher.separated: true",
            "variants single/none, dual/none: alignment.teacher.separated needs a separated student;"
            " set attention.separation: full or alignment.teacher.separated: false",
        ),
        (
            "ratio: 0.25",
            "ratio: [1.0]",
            "variants single/full, dual/none, dual/full: timesteps.kind: dual and attention.separation need at least two groups;"
            " give partition.ratio a share such as 0.25",
        ),
        (
            "preset: nano",
            "preset: nano\n  backbone: {patch: 3}",
            "variant single/none: backbone.patch 3 does not divide the images' side of 8; choose a divisor of it",
        ),
        (
            "ratio: 0.25",
            "assignment: my_orders.Spiral",
            "variant single/full: partition.assignment my_orders.Spiral: there is no module my_orders with a source file; put my_orders"
            " beside the sweep file, in the current folder or on PYTHONPATH, or use one of random, block, checkerboard, rows, learned,"
            " bernoulli",
        ),
        ("baseline: single/none", "baseline: single/nun", "baseline: there is no variant 'single/nun'; did you mean \"single/none\"?"),
        ("primary: held_out_loss", "primary: heldout", "metric: there is no metric 'heldout'; did you mean \"held_out_loss\"?"),
        ("direction: lower", "direction: higher", "metric: held_out_loss is better lower, not higher; set direction: lower"),
        (
            "of: {timesteps: dual}",
            "of: {timestep: dual}",
            "contrasts: 'augmentation effect' names 'timestep', which is no factor of the design; did you mean \"timesteps\"?",
        ),
        ("dual/full: 1", "dual/full: 2", "contrasts.2: contrast 'factor interaction': weights add up to 1, not to zero"),
    ],
)
def test_what_a_sweep_cannot_say(refused: Refused, old: str, new: str, message: str) -> None:
    changed(old, new)
    assert refused("plan", "sweep.yaml") == f"sweep.yaml: {message}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--profile", "smok"), "sweep.yaml has no profile 'smok'; did you mean \"smoke\"?"),
        (("--profile", "paper"), "sweep.yaml has no profile 'paper'; valid here: default, smoke, imagenet256"),
        (("--set", "base.steps"), "--set base.steps: write path.to.field=value, such as base.steps=400"),
        (("--set", "steps=4"), "--set steps=4: the sweep has no field 'steps'; did you mean \"base.steps\"?"),
        (("--set", "base.stepz=4"), "sweep.yaml: base.stepz: there is no field 'stepz'; did you mean \"steps\"?"),
        (("--set", "base.steps=[4"), "--set base.steps=[4, line 1: not YAML (expected ',' or ']', but got '<stream end>'); fix the line"),
        (("--set", "seeds=[]"), "sweep.yaml: seeds: a sweep has 1 to 1,000 seeds, not 0; give a list such as [0, 1, 2], or how many: 3"),
        (("--set", "resources.cpus=8"), "resources.cpus: a trial asks for 8, this machine has 2; ask for fewer"),
        (
            ("--set", "resources.gpus=1"),
            "resources.gpus: a trial asks for 1, this machine has 0; ask for fewer, or set RAY_ADDRESS to a cluster that has them",
        ),
        (
            ("--profile", "imagenet256", "--set", "resources={cpus: 1, gpus: 0}"),
            "sweep.yaml: variant single/none: data.path: there is no folder CWD/data/imagenet256_latents; give a folder with moments.npy,"
            " (1281167, 8, 32, 32) float16 or float32: means, then standard deviations; and labels.npy, (1281167,) integers",
        ),
    ],
)
def test_run_is_refused_before_anything_starts(sweeper: Callable[..., Any], words: tuple[str, ...], message: str) -> None:
    said = sweeper("run", "sweep.yaml", *words)
    assert (said.code, said.out, said.err) == (2, "", f"error: {message}\n".replace("CWD", str(Path.cwd())))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "{kind: npz, path: digits.npz}",
            "data.path: there is no file CWD/digits.npz; give an .npz file with `images` (N, H, H) or (N, H, H, C), uint8 or floats"
            " in [-1, 1], and `labels` (N,) integers",
        ),
        (
            "{kind: folder, path: pictures, resolution: 8}",
            "data.path: there is no folder CWD/pictures; give a folder with one sub-folder of images per class",
        ),
        (
            "{kind: npz, path: sweep.yaml}",
            "CWD/sweep.yaml cannot be read (This file contains pickled (object) data. If you trust the file you can load it unsafely"
            " using the `allow_pickle=` keyword argument or `pickle.load()`.); give an .npz file with `images` (N, H, H) or (N, H, H, C),"
            " uint8 or floats in [-1, 1], and `labels` (N,) integers",
        ),
    ],
)
def test_a_data_set_that_is_not_there(refused: Refused, data: str, message: str) -> None:
    changed("{kind: digits}", data)
    assert refused("plan", "sweep.yaml") == f"sweep.yaml: variant single/none: {message}".replace("CWD", str(Path.cwd()))


def test_debug_shows_the_traceback_and_nothing_else_does(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["plan", "none.yaml"], debug=True) == 2
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last)")
    assert "sweeper.errors.SpecError: there is no file none.yaml" in said
    assert said.rstrip().splitlines()[-1].startswith("error: there is no file none.yaml")
    assert run_command(["plan", "none.yaml"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [("none.yaml",), ("sweep.yaml", "--set", "base.stepz=4"), ("sweep.yaml", "--set", "resources.cpus=8")])
def test_a_refused_run_leaves_nothing_behind(refused: Refused, words: tuple[str, ...]) -> None:
    refused("run", *words)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_batch_that_the_gpus_of_a_trial_cannot_share(refused: Refused, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: cls(16, ("NVIDIA H100",) * 8, cluster=False)))
    assert refused(command, "sweep.yaml", "--set", "resources.gpus=6") == (
        "sweep.yaml: variant single/none: batch_size 64 cannot be cut into 1 equal micro-batches for each of 6 processes;"
        " change batch_size, accumulation or the processes of a trial"
    )
