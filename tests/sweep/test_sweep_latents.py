"""The whole way: a folder of real pictures to latents, four variants by two seeds on them under Ray, and a Fréchet distance of decoded
samples in the table and on the page, against a reference file of ADM's layout. Real parts; their weights are random or hardly trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from sweeper import results
from tests.model.tiny_autoencoders import save_autoencoder
from tests.model.tiny_inception import drawn_state
from tests.sweep.sweeper_home import Home

pytestmark = pytest.mark.slow
PICTURES, SIDE = 400, 16
METRICS = ["fd_inception", "sfid_inception", "kid_inception", "precision", "recall"]


def pictures(folder: Path) -> np.ndarray:
    """Writes 400 digits, upsampled, in class folders; gives them as (n, S, S, 3) uint8."""
    digits = load_digits()
    shown = []
    for place, (values, label) in enumerate(zip(digits.images[:PICTURES], digits.target, strict=False)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray((values * 255 / 16).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / str(label) / f"{place:04}.png")
        shown.append(np.asarray(picture.convert("RGB")))
    return np.stack(shown)


def reference(file: Path, shown: np.ndarray, weights: Path) -> None:
    """Statistics of the pictures, as ADM's evaluator keeps them, by torch-fidelity's own network."""
    from model.config.extractor import InceptionExtractor
    from model.evaluation.extractors import load_extractor

    extractor = load_extractor(InceptionExtractor(kind="inception", weights=str(weights)), torch.device("cpu"))
    assert extractor is not None
    images = torch.from_numpy(shown[:24]).permute(0, 3, 1, 2).float() / 127.5 - 1
    features = extractor.extract(images.split(32), lambda: None)[0].numpy()
    random = np.random.default_rng(0)
    places = random.normal(size=(30, 2023))  # of the spatial features the layout alone: tests/model holds their numbers
    np.savez(
        file,
        mu=features.mean(axis=0),
        sigma=np.cov(features, rowvar=False),
        mu_s=places.mean(axis=0),
        sigma_s=np.cov(places, rowvar=False),
        arr_0=shown[:24],
    )


def spec(folder: Path) -> dict[str, object]:
    return {
        "question": "Does the whole way work? (Networks far too small to show anything.)",
        "name": "latents",
        "base": {
            "preset": "nano",
            "backbone": {"layers": 2, "width": 16, "heads": 2},
            "alignment": {"student_layer": 1, "teacher": {"layer": 2}},
            "data": {"kind": "latents", "path": str(folder / "latents"), "held_out_fraction": 0.05, "spread": "any"},
            "batch_size": 16,
            "steps": 20,
            "evaluation": {
                "samples": 20,
                "sampler": {"steps": 4},
                "held_out_levels": 2,
                "autoencoder": {"weights": str(folder / "autoencoder")},
                "extractor": {"kind": "inception", "weights": str(folder / "inception.pth")},
                "reference": str(folder / "reference.npz"),
                "extra_metrics": ["sfid", "kid", "precision", "recall"],
            },
        },
        "design": {
            "kind": "factorial",
            "factors": {
                "timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]},
                "separation": {"path": "attention.separation", "levels": ["none", "full"]},
            },
        },
        "seeds": [0, 1],
        "metric": {"primary": "fd_inception", "direction": "lower"},
        "resources": {"cpus": 1, "gpus": 0},
    }


def test_from_a_folder_of_pictures_to_an_fid_in_the_table(cluster_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = cluster_home
    shown = pictures(tmp_path / "pictures")
    save_autoencoder(tmp_path / "autoencoder")
    torch.save(drawn_state(), tmp_path / "inception.pth")
    reference(tmp_path / "reference.npz", shown, tmp_path / "inception.pth")
    paths = [str(tmp_path / name) for name in ("pictures", "latents")]
    said = home.run("data", "encode", *paths, "--autoencoder", str(tmp_path / "autoencoder"), "--resolution", str(SIDE))
    assert "400 latents in" in said
    (tmp_path / "latents.yaml").write_text(yaml.safe_dump(spec(tmp_path)))
    table = home.run("run", str(tmp_path / "latents.yaml"))
    assert "8 trials" in table
    monkeypatch.setenv("SWEEPER_HOME", str(home.path))
    frame = results("latents")
    for metric in METRICS:
        mine = frame[frame["metric"] == metric]
        assert len(mine) == 8, metric
        assert np.isfinite(mine["value"]).all()
    report = json.loads(home.run("report", "latents", "--format", "json"))
    assert {row["name"] for row in report["variants"]} == {"none/single", "full/single", "none/dual", "full/dual"}
    page = tmp_path / "page.html"
    home.run("report", "latents", "--format", "html", "--output", str(page))
    assert page.read_text().count("data:image/png") >= 4, "a strip of pictures of each variant"
    grids = sorted((home.path / "trials").glob("*/*/samples-00000020.png"))
    assert len(grids) == 8
    with Image.open(grids[0]) as picture:
        assert picture.mode == "RGB"
        assert picture.width > 10 * 2 * SIDE
    assert home.run("run", str(tmp_path / "latents.yaml"))
    assert len(list((home.path / "trials").glob("*/attempt-*"))) == 8, "nothing is trained twice"
