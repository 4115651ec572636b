"""`sweeper evaluate`: a row with its protocol, above a published set; kept, and refused where it would be another's."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from model.backbone.transformer import DiffusionTransformer
from model.machine import cpu_model
from model.presets import config_from
from tests.cli.stored_sweep import store_sweep
from tests.reference_files import use_made_up_features, write_reference

Sweeper = Callable[..., Any]
NANO = ("--preset", "nano", "--channels", "1", "--resolution", "8", "--classes", "10", "--samples", "20", "--steps", "3", "--device", "cpu")


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Of random weights, against a reference in made-up features."""
    use_made_up_features(monkeypatch)
    network = DiffusionTransformer(config_from({"preset": "nano"}).backbone, tokens=16, patch_values=4, classes=10, seed=0)
    generator = torch.Generator().manual_seed(3)
    save_file(
        {name: 0.08 * torch.randn(tensor.shape, generator=generator) for name, tensor in network.state_dict().items()}, "nano.safetensors"
    )
    write_reference(Path("VIRTUAL_tiny.npz"))
    assert not home.exists()
    return ("evaluate", "nano.safetensors", "--reference", "VIRTUAL_tiny.npz", *NANO)


def test_a_row_with_its_protocol_above_published_ones(sweeper: Sweeper, asked: tuple[str, ...], home: Path) -> None:
    said = sweeper(*asked, "--guidance", "1.5", "--beside", "2607.02508-systems-256")
    assert (said.code, said.err) == (0, "")
    for text in (
        "Measured here",
        "FID of 20 samples · guidance 1.5 in [0, 1]",
        "euler, 3 steps · labels random",
        "against VIRTUAL_tiny.npz (",
        "Published figures, under their own protocol: 2607.02508-systems-256",
        "SiT-XL/2 + REPA",
        f"kept in {home / 'evaluations' / 'nano'}",
    ):
        assert text in said.out, text
    heading = next(line for line in said.out.splitlines() if line.startswith("weights "))
    assert all(name in said.out for name in ("FID", "sFID", "Inception", "precision", "recall")), heading
    assert {path.name for path in (home / "evaluations" / "nano").iterdir()} == {"result.json", "samples.png"}
    again = sweeper(*asked, "--guidance", "1.5")
    assert again.out.startswith(f"measured before: {home / 'evaluations' / 'nano' / 'result.json'}\n")
    assert "block 1" not in again.out
    other = sweeper(*asked, "--guidance", "2")
    assert (other.code, other.out) == (2, "")
    assert other.err == (
        f"error: {home / 'evaluations' / 'nano'} holds the result of other weights or another protocol; give another name, or remove it\n"
    )
    best = sweeper(*asked, "--guidance-best-of", "3", "--guidance-best-of", "1", "--guidance-seed", "7", "--name", "best")
    assert (best.code, best.err) == (0, "")
    assert "guidance best of 1, 3 on seed 7 in [0, 1]" in " ".join(best.out.split())
    assert "chosen on seed 7: fid " in best.out
    kept = json.loads((home / "evaluations" / "best" / "result.json").read_text())
    values = kept["details"]["guidance"]["values"]
    assert kept["metrics"]["guidance_scale"] == float(min(values, key=lambda scale: (values[scale], float(scale))))
    named = sweeper(*asked, "--guidance", "2", "--name", "twice", "--metric", "kid")
    assert (named.code, "KID" in named.out, "recall" in named.out) == (0, True, False)


def test_the_store_has_it_and_a_report_shows_it(sweeper: Sweeper, asked: tuple[str, ...], home: Path) -> None:
    folder = home / "evaluations" / "nano"
    assert sweeper(*asked).code == 0
    result = folder / "result.json"
    kept = json.loads(result.read_text())
    assert kept["protocol"]["device"] == cpu_model() != "cpu"
    assert set(kept["protocol"]["evaluation"]["guidance"]) == {"scale", "interval", "channels"}, "as kept results name it"
    assert set(kept["protocol"]["evaluation"]["sampler"]) == {"kind", "steps", "relative_tolerance", "absolute_tolerance"}
    # As versions left it that did not name the processor and had no place in the store for it.
    assert sweeper("delete", "nano", "--weights").out.endswith("nothing was deleted; `sweeper delete nano --weights --yes` does it\n")
    assert sweeper("delete", "nano", "--weights", "--yes").code == 0
    assert not folder.exists()
    folder.mkdir()
    result.write_text(json.dumps(kept | {"protocol": kept["protocol"] | {"device": "cpu"}}))
    store_sweep()
    shown = sweeper("report", "--beside", "nano")
    assert (shown.code, shown.err) == (0, "")
    assert "Weights measured here, not of this sweep" in shown.out
    again = sweeper(*asked)
    assert again.out.startswith(f"measured before: {result}\n")
    shutil.rmtree(folder)
    assert sweeper(*asked).out.startswith("measured before: in the store\n")
    other = sweeper(*asked, "--guidance", "2")
    assert other.err.startswith(
        "error: the store, under the name nano, holds the result of other weights or another protocol; give another"
    )
    assert json.loads(sweeper("report", "--beside", "nano", "--format", "json").out)["measured"][0]["protocol"]["device"] == "cpu"
    wrong = sweeper("report", "--beside", "nanno")
    assert (wrong.code, wrong.err) == (2, 'error: --beside nanno: there is no such set; did you mean "nano"?\n')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--beside", "2607.02508-sistems-256"),
            '--beside 2607.02508-sistems-256: there is no such set; did you mean "2607.02508-systems-256"?',
        ),
        (("--metric", "fidd"), '--metric fidd: there is no such metric of samples; did you mean "sfid"?'),
        (("--guidance-best-of", "2", "--guidance-seed", "7"), "guidance.best_of chooses among two or more scales, each once, not [2]"),
        (("--sampler", "eulr"), "--sampler is one of euler, heun, dopri5, euler_maruyama, ancestral, not 'eulr'; did you mean euler?"),
        (("--sampler", "ancestral"), "evaluation.sampler.kind: ancestral does not sample process.kind: flow"),
        (("--family", "sid"), "there is no checkpoint family 'sid'; choose one of ours, sit, sra, repa, self_flow, dit"),
        (("--preset", "B/3"), "--preset B/3: there is no such size"),
        (("--name", "2607.02508-cells"), "--name 2607.02508-cells: a set of published figures is called so; give another name"),
        (("--name", "a/b"), "--name a/b: it becomes the name of a folder"),
        (("--name", "a\tb"), "it becomes the name of a folder"),
        (("--sampler", "own_steps.Own"), "there is no module own_steps with a source file; put own_steps beside the sweep file"),
        (("--channels", "4"), "samples of 4 channels are latents; give the autoencoder"),
        (("--reference", "nothing.npz"), "nothing.npz cannot be read"),
        (("--classes", "11"), "nano.safetensors is no ours checkpoint of this network"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line_and_makes_nothing(
    sweeper: Sweeper, asked: tuple[str, ...], home: Path, options: tuple[str, ...], message: str
) -> None:
    said = sweeper(*asked, *options)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not home.exists()


def test_a_sampler_in_the_current_folder_draws(sweeper: Sweeper, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a command has it on no path."""
    source = Path(__file__).parents[1] / "model" / "midpoint_sampler.py"
    Path("own_midpoint.py").write_text(source.read_text())
    monkeypatch.setattr("sys.path", [path for path in sys.path if path not in ("", str(Path.cwd()))])
    said = sweeper(*asked, "--sampler", "own_midpoint.Midpoint", "--metric", "sfid")
    assert (said.code, said.err) == (0, "")
    result = json.loads((Path(said.out.split("kept in ")[1].strip()) / "result.json").read_text())
    assert result["protocol"]["evaluation"]["sampler"]["kind"] == "own_midpoint.Midpoint"
