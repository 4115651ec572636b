"""`python -m model`: its commands, what they write, and what they refuse in one line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from public_checkpoints import CHANNELS, CLASSES, SIDE, velocity, written
from safetensors.torch import save_file
from tiny_trials import TINY, tiny

from model.__main__ import main
from model.backbone.checkpoints import load_network
from model.backbone.transformer import DiffusionTransformer
from model.data.dataset import DataSet
from model.patches import unpatchify
from model.presets import config_from
from model.randomness import stream
from model.sampling.archive import to_pixels
from model.sampling.generate import generate
from model.training import checkpoint
from model.training.state import initial_state

NANO = config_from({"preset": "nano"}).backbone
PUBLIC_IMAGES = ["--channels", str(CHANNELS), "--resolution", str(SIDE), "--classes", str(CLASSES)]


@pytest.fixture
def trial(tmp_path: Path, digits: DataSet) -> Path:
    """A folder with a tiny trial's config and its final moving average."""
    state = initial_state(tiny(), digits, torch.device("cpu"), torch.float32)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in state.objective.average.parameters():
            parameter.normal_(std=0.2, generator=generator)
    checkpoint.save_average(state, tmp_path, "x")
    (tmp_path / "trial.yaml").write_text(yaml.safe_dump(TINY))
    return tmp_path


def sampled(trial: Path, *options: str) -> int:
    average = next(trial.glob("average-*.safetensors"))
    grid = ["--output", str(trial / "new" / "grid.png"), "--device", "cpu"]
    return main(["sample", "--checkpoint", str(average), "--config", str(trial / "trial.yaml"), *grid, *options])


def drawn(trial: Path, **evaluation: Any) -> np.ndarray:
    """What the trial's weights give by way of the package."""
    config = tiny({"evaluation": {"sampler": {"kind": "euler"}}}, {"evaluation": evaluation})
    path = next(trial.glob("average-*.safetensors"))
    network = load_network(path, "ours", config.backbone, channels=1, resolution=8, classes=10, outputs=1)
    blocks = generate(network, config.evaluation, shape=(16, 4), dtype=torch.float32, tick=lambda: None, channels=1)
    return to_pixels(unpatchify(torch.cat([tokens for tokens, _ in blocks]), 2, 1))


@pytest.mark.parametrize(
    ("options", "evaluation"),
    [
        ([], {}),
        (["--sampler", "heun", "--steps", "4", "--seed", "5"], {"sampler": {"kind": "heun", "steps": 4}, "seed": 5}),
        (
            ["--sampler", "dopri5", "--relative-tolerance", "1e-2", "--guidance", "2", "--guidance-interval", "0", "0.7"],
            {"sampler": {"kind": "dopri5", "relative_tolerance": 1e-2}, "guidance": {"scale": 2.0, "interval": (0, 0.7)}},
        ),
    ],
    ids=["as the trial says", "heun", "guided dopri5"],
)
def test_samples_of_a_trial(options: list[str], evaluation: dict[str, Any], trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sampled(trial, "--samples", "23", "--npz", str(trial / "samples.npz"), *options) == 0
    with np.load(trial / "samples.npz") as archive:
        assert archive.files == ["arr_0"]
        pixels = archive["arr_0"]
    assert (pixels.shape, pixels.dtype) == ((23, 8, 8, 3), np.uint8)
    assert np.array_equal(pixels, drawn(trial, samples=23, **evaluation))
    assert len(np.unique(pixels)) > 20
    with Image.open(trial / "new" / "grid.png") as grid:
        assert grid.size == (10 * 34 + 2, 3 * 34 + 2)  # ten classes wide, pixels enlarged to 32
    assert capsys.readouterr().out.startswith("drawn 23 of 23\n23 samples in ")
    assert not list(trial.rglob("*.writing"))


def test_only_the_classes_that_are_asked_for(trial: Path) -> None:
    """Sample i has its noise whatever its class: each is that of the whole set where the classes agree."""
    assert sampled(trial, "--samples", "20", "--npz", str(trial / "all.npz")) == 0
    assert sampled(trial, "--samples", "20", "--npz", str(trial / "two.npz"), "--label", "3", "--label", "5") == 0
    every, two = (np.load(trial / name)["arr_0"] for name in ("all.npz", "two.npz"))
    same = [i for i in range(20) if np.array_equal(every[i], two[i])]
    assert same == [5, 15]  # 3 would be an even sample, 5 an odd one
    with Image.open(trial / "new" / "grid.png") as grid:
        assert grid.size == (2 * 34 + 2, 10 * 34 + 2)


def test_samples_in_bf16_are_near_those_in_fp32(trial: Path) -> None:
    for precision in ("fp32", "bf16"):
        assert sampled(trial, "--samples", "10", "--npz", str(trial / f"{precision}.npz"), "--precision", precision) == 0
    full, half = (np.load(trial / f"{precision}.npz")["arr_0"].astype(int) for precision in ("fp32", "bf16"))
    assert 0 < np.abs(full - half).mean() < 5


@pytest.mark.parametrize("label", ["10", "-1"])
def test_a_class_that_is_not_there_is_refused(label: str, trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sampled(trial, f"--label={label}") == 2
    assert capsys.readouterr().err == f"error: --label {label}: the classes are 0 to 9; give one of them\n"


def test_a_public_checkpoint_is_sampled_as_its_own_code_would(tmp_path: Path) -> None:
    """Euler by hand on the velocity of the public code, from the noise that the package draws."""
    weights = written("sit", config=NANO)
    torch.save({"ema": weights, "model": written("sit", 7, NANO)}, tmp_path / "sit.pt")
    files = ["--checkpoint", str(tmp_path / "sit.pt"), "--npz", str(tmp_path / "a.npz"), "--output", str(tmp_path / "a.png")]
    network = ["--family", "sit", "--preset", "nano", *PUBLIC_IMAGES]
    assert main(["sample", *files, *network, "--samples", "6", "--steps", "3", "--device", "cpu"]) == 0
    noise = stream(0, "sample").normal((6, 16, 12))
    x, labels = unpatchify(noise, 2, CHANNELS).double(), torch.arange(6) % CLASSES
    for i in range(3):
        x = x - velocity("sit", weights, x, torch.full((6,), 1 - i / 3).double(), labels, NANO) / 3
    wanted = to_pixels(x).astype(int)
    found = np.load(tmp_path / "a.npz")["arr_0"].astype(int)
    assert np.abs(found - wanted).max() <= 1  # float32 against float64, rounded
    assert len(np.unique(found)) > 50


def test_latents_make_a_grid_and_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = DiffusionTransformer(NANO, tokens=16, patch_values=16, classes=1000, seed=0)
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    files = ["--checkpoint", str(tmp_path / "a.safetensors"), "--output", str(tmp_path / "a.png"), "--device", "cpu"]
    options = ["--preset", "nano", "--resolution", "8", "--samples", "5", "--steps", "2"]
    assert main(["sample", *files, *options]) == 0
    assert "latents as they are" in capsys.readouterr().out
    assert (tmp_path / "a.png").exists()
    assert main(["sample", *files, *options, "--npz", str(tmp_path / "a.npz")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --npz is for pictures, and samples of 4 channels are latents; leave it out, or give the --autoencoder")


REFUSED: dict[str, tuple[list[str], str]] = {
    "no network": ([], "say which network it is: --config FILE, or --preset NAME with --channels, --resolution and --classes"),
    "two networks": (["--config", "a.yaml", "--classes", "3"], "--config already describes the network; leave out --preset,"),
    "ddpm": (
        ["--family", "dit", "--preset", "nano", "--sampler", "euler"],
        "evaluation.sampler.kind: euler does not sample process.kind: ddpm; set evaluation.sampler.kind: ancestral",
    ),
    "one sample": (["--preset", "nano", "--samples", "1"], "samples: Input should be greater than or equal to 2"),
    "tolerance": (["--preset", "nano", "--relative-tolerance", "1"], "sampler: evaluation.sampler.relative_tolerance belongs to dopri5"),
    "interval": (["--preset", "nano", "--guidance-interval", "0.7", "0.1"], "guidance: guidance.interval is [low, high] with"),
    "patch": (["--preset", "nano", "--resolution", "9"], "backbone.patch 2 does not divide the images' side of 9"),
    "channels": (["--preset", "nano", "--channels", "0"], "--channels is at least 1, not 0"),
    "no checkpoint": (["--preset", "nano"], "none.pt cannot be read (No such file or directory); give a file of weights"),
    "no config": (["--config", "none.yaml"], "none.yaml cannot be read as YAML"),
    "GPU": (["--preset", "nano", "--device", "cuda"], "--device cuda: torch sees no GPU here; use --device cpu"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_in_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    options, said = REFUSED[case]
    assert main(["sample", "--checkpoint", "none.pt", "--device", "cpu", *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_named(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(trial.glob("average-*.safetensors"))
    weights = load_network(path, "ours", tiny().backbone, channels=1, resolution=8, classes=10, outputs=1).state_dict()
    save_file(weights | {"final_layer.linear.bias": torch.full((4,), torch.nan)}, path)
    assert sampled(trial) == 2
    assert f"{path} gives samples that are not finite; is ours its family?" in capsys.readouterr().err


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("command", [[], ["train"]])
def test_a_config_file_alone_is_trained(command: list[str], tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(TINY | {"steps": 1}))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "judges").symlink_to(cache)  # trained once for all tests
    assert main([*command, str(tmp_path / "a.yaml"), "--folder", str(tmp_path / "run"), "--device", "cpu"]) == 0
    assert "finished at step 1" in capsys.readouterr().out
    assert (tmp_path / "run" / "average-00000001.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.yaml"], 2, "error: missing.yaml cannot be read as YAML"),
        (["--folder", "x", "missing.yaml"], 2, "error: missing.yaml cannot be read as YAML"),
        (["smaple"], 2, "invalid choice: 'smaple'"),
        (["sample"], 2, "the following arguments are required: --checkpoint"),
        ([], 2, "usage: python -m model"),
    ],
)
def test_as_a_program(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(root)!r}); from model.__main__ import main; sys.exit(main())",
            *arguments,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert found.returncode == code
    assert said in found.stdout + found.stderr
    assert "Traceback" not in found.stderr


def test_help_comes_without_torch() -> None:
    probe = "import sys, model.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], cwd=Path(__file__).parents[2], timeout=300, check=False).returncode == 0
