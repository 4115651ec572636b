"""Pictures to latents: the autoencoder's moments of the cropped pictures, whole or not there, the same however often it was stopped."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from tiny_autoencoders import SIDE, autoencoder_of, pictures, save_autoencoder
from tiny_extractors import NAME
from tiny_trials import CELLS, tiny
from trial_reports import run

from model.autoencoder import Autoencoder
from model.config import LatentsData
from model.config.autoencoder import AutoencoderConfig
from model.config.encoded_data import read_encoded
from model.data.crop import cropped
from model.data.source import facts
from model.encode_data import Encoding, encode_data
from model.errors import ConfigError, DataError
from model.train_trial import ensure_trainable

COUNT = 14
"""Pictures of each class."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_autoencoder(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture(scope="module")
def autoencoder(weights: Path) -> Autoencoder:
    return autoencoder_of(weights)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    shown, labels = pictures()
    pixels = ((shown + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    for label, name in enumerate(("china", "flower")):
        (root / name).mkdir()
        for place, picture in enumerate(pixels[labels.numpy() == label][:COUNT]):
            Image.fromarray(picture).save(root / name / f"{place:02}.png")
    return root


def wrap(folder: Path, output: Path, weights: Path, **more: Any) -> Encoding:
    given: dict[str, Any] = {"side": SIDE, "batch": 4, "dtype": "float32"} | more
    return Encoding(folder, output, AutoencoderConfig(weights=str(weights)), **given)


def encoded(folder: Path, output: Path, weights: Path, **more: Any) -> list[str]:
    said: list[str] = []
    encode_data(wrap(folder, output, weights, **more), said.append)
    return said


def files(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}


def read(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*/*.png"))])


def test_latents_are_the_autoencoders_moments_of_the_pictures(
    folder: Path, weights: Path, autoencoder: Autoencoder, tmp_path: Path
) -> None:
    said = encoded(folder, tmp_path / "out", weights)
    pixels = read(folder)
    shown = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    wanted = autoencoder.encode(shown)
    moments = np.load(tmp_path / "out" / "moments.npy")
    torch.testing.assert_close(torch.from_numpy(moments), wanted, rtol=1e-4, atol=1e-5)
    assert np.array_equal(np.load(tmp_path / "out" / "images.npy"), pixels)
    assert np.load(tmp_path / "out" / "labels.npy").tolist() == [0] * COUNT + [1] * COUNT
    about = read_encoded(tmp_path / "out")
    assert about is not None
    assert (about.images, about.channels, about.resolution, about.scale) == (2 * COUNT, 4, SIDE // 2, 0.5)
    assert about.class_names == ("china", "flower")
    assert about.autoencoder.weights_hash == autoencoder.name
    again = autoencoder.decode(torch.from_numpy(moments)[:, :4]).clamp(-1, 1)
    error = ((again - shown) ** 2).mean().item()
    assert f"28 pictures decoded again: PSNR {10 * np.log10(4 / error):.1f} dB" in "\n".join(said)
    assert set(files(tmp_path / "out")) == {"dataset.json", "moments.npy", "labels.npy", "images.npy", ".lock"}


def test_halves_in_float16_and_mirrored_pictures(folder: Path, weights: Path, tmp_path: Path) -> None:
    encoded(folder, tmp_path / "plain", weights)
    encoded(folder, tmp_path / "both", weights, flip=True, dtype="float16")
    plain, both = (np.load(tmp_path / name / "moments.npy") for name in ("plain", "both"))
    assert both.dtype == np.float16
    np.testing.assert_allclose(both[::2], plain, rtol=2e-3, atol=2e-3)
    images = np.load(tmp_path / "both" / "images.npy")
    assert np.array_equal(images[1::2], images[::2, :, ::-1])
    assert np.array_equal(images[::2], read(folder))
    assert np.load(tmp_path / "both" / "labels.npy").tolist() == [0] * 2 * COUNT + [1] * 2 * COUNT
    encoded(folder, tmp_path / "bare", weights, images=False)
    assert not (tmp_path / "bare" / "images.npy").exists()


def test_stopped_anywhere_it_goes_on_and_the_files_are_the_same(
    folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded(folder, tmp_path / "whole", weights)
    monkeypatch.setattr("model.block_work.NOTE_SECONDS", 0.0)
    out, blocks = tmp_path / "out", 0
    encode = Autoencoder.encode

    def stopping(self: Autoencoder, shown: torch.Tensor) -> torch.Tensor:
        nonlocal blocks
        blocks += 1
        if blocks in (3, 6):
            raise KeyboardInterrupt
        return encode(self, shown)

    monkeypatch.setattr(Autoencoder, "encode", stopping)
    for done in (8, 16):
        with pytest.raises(KeyboardInterrupt):
            encoded(folder, out, weights)
        assert json.loads((out / "encoding.json").read_text())["done"] == done
        assert not (out / "moments.npy").exists()
        with pytest.raises(DataError, match=r"out is encoded in part; give its `sweeper data encode` once more, which goes on"):
            ensure_trainable(tiny(data={"kind": "latents", "path": str(out), "channels": 4, "resolution": 8, "classes": 2, "images": 28}))
    with pytest.raises(DataError, match=r"out was begun with another batch \(4, now 7\); give the same command again"):
        encoded(folder, out, weights, batch=7)
    said = encoded(folder, out, weights)
    assert said[0] == "16 of 28 pictures are done; going on"
    assert files(out) == files(tmp_path / "whole")
    (out / "encoding.json").write_text("{}")  # as it is left by a stop between the last two files
    ensure_trainable(tiny(data={"kind": "latents", "path": str(out)}))
    with pytest.raises(DataError, match=r"out has dataset\.json already: it is whole"):
        encoded(folder, out, weights)


def test_a_killed_process_loses_nothing(folder: Path, weights: Path, tmp_path: Path) -> None:
    encoded(folder, tmp_path / "whole", weights)
    out = tmp_path / "out"
    slowly = (
        "import sys, time; from pathlib import Path; import model.encode_data as e, model.block_work as w;"
        "from model.autoencoder import Autoencoder as A;"
        "from model.config.autoencoder import AutoencoderConfig as C; w.NOTE_SECONDS = 0; encode = A.encode;"
        "A.encode = lambda self, shown: (time.sleep(0.3), encode(self, shown))[1];"
        "e.encode_data(e.Encoding(Path(sys.argv[1]), Path(sys.argv[2]), C(weights=sys.argv[3]), 16, batch=4, dtype='float32'), print)"
    )
    process = subprocess.Popen([sys.executable, "-c", slowly, str(folder), str(out), str(weights)], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    journal = out / "encoding.json"
    while not (journal.exists() and json.loads(journal.read_text())["done"] >= 8):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.02)
    with pytest.raises(DataError, match=r"another process encodes into .*out; wait for it"):
        encoded(folder, out, weights)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert encoded(folder, out, weights)[0].endswith("of 28 pictures are done; going on")
    assert files(out) == files(tmp_path / "whole")


def test_stopped_while_the_files_got_their_names(folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded(folder, tmp_path / "whole", weights)
    with monkeypatch.context() as patched:
        patched.setattr("model.config.encoded_data.EncodedData.model_dump_json", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            encoded(folder, tmp_path / "out", weights)
    assert (tmp_path / "out" / "moments.npy").exists()
    with pytest.raises(DataError, match="is encoded in part"):
        ensure_trainable(tiny(data={"kind": "latents", "path": str(tmp_path / "out"), "resolution": 8, "classes": 2, "images": 28}))
    encoded(folder, tmp_path / "out", weights)
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def by_hand(picture: Image.Image, side: int) -> np.ndarray:
    """`center_crop_arr` of the code released with 2105.05233, word for word but for its names."""
    while min(*picture.size) >= 2 * side:
        picture = picture.resize(tuple(x // 2 for x in picture.size), resample=Image.Resampling.BOX)  # type: ignore[arg-type]
    scale = side / min(*picture.size)
    picture = picture.resize(tuple(round(x * scale) for x in picture.size), resample=Image.Resampling.BICUBIC)  # type: ignore[arg-type]
    array = np.array(picture)
    down, right = (array.shape[0] - side) // 2, (array.shape[1] - side) // 2
    return array[down : down + side, right : right + side]


@pytest.mark.parametrize("size", [(70, 41), (16, 16), (33, 90), (9, 20)])
def test_pictures_are_cropped_as_published(size: tuple[int, int]) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8))
    assert np.array_equal(np.asarray(cropped(picture, 16, "adm")), by_hand(picture, 16))


def test_pictures_of_other_sizes_and_kinds(folder: Path, weights: Path, tmp_path: Path) -> None:
    mixed = shutil.copytree(folder, tmp_path / "mixed")
    grey = Image.fromarray(np.random.default_rng(0).integers(256, size=(40, 50), dtype=np.uint8))
    grey.save(mixed / "china" / "00.png")
    encoded(mixed, tmp_path / "adm", weights)
    first = np.load(tmp_path / "adm" / "images.npy")[0]
    assert np.array_equal(first, by_hand(grey.convert("RGB"), SIDE))
    encoded(mixed, tmp_path / "center", weights, crop="center")
    assert np.array_equal(np.load(tmp_path / "center" / "images.npy")[0][..., 0], np.asarray(grey)[12:28, 17:33])
    with pytest.raises(DataError, match=r"00\.png: it is 50 x 40 pixels, not 16 x 16; take --crop adm or center"):
        encoded(mixed, tmp_path / "none", weights, crop="none")


def test_broken_files_are_named_or_left_out(folder: Path, weights: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "flower" / "03.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"flower/03\.png cannot be read as an image .* or take --skip-broken"):
        encoded(broken, tmp_path / "out", weights)
    encoded(broken, tmp_path / "skipped", weights, skip_broken=True)
    about = read_encoded(tmp_path / "skipped")
    assert about is not None
    assert (about.images, about.left_out) == (2 * COUNT - 1, ("flower/03.png",))


def test_pictures_of_an_npz(folder: Path, weights: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", images=read(folder), labels=np.arange(2 * COUNT) // COUNT)
    encoded(folder, tmp_path / "folder", weights)
    encoded(tmp_path / "all.npz", tmp_path / "npz", weights)
    for name in ("moments.npy", "images.npy", "labels.npy"):
        assert (tmp_path / "npz" / name).read_bytes() == (tmp_path / "folder" / name).read_bytes()


def test_a_refused_request_leaves_nothing(folder: Path, weights: Path, tmp_path: Path) -> None:
    for more, rule in (({"side": 15}, "--resolution 15 is no multiple of 2"), ({"batch": 0}, "at least 1"), ({"device": "abc"}, "no such")):
        with pytest.raises(ConfigError, match=rule):
            encoded(folder, tmp_path / "out", weights, **more)
    with pytest.raises(DataError, match="there is no folder"):
        encoded(tmp_path / "nowhere", tmp_path / "out", weights)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "out" / "moments.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"out has moments\.npy already, and nothing says where it comes from"):
        encoded(folder, tmp_path / "out", weights)


def test_a_config_need_not_say_what_the_folder_says(folder: Path, weights: Path, tmp_path: Path) -> None:
    encoded(folder, tmp_path / "out", weights)
    short = LatentsData.model_validate({"kind": "latents", "path": tmp_path / "out"})
    assert (short.images, short.channels, short.resolution, short.classes, short.scale) == (2 * COUNT, 4, 8, 2, 0.5)
    assert LatentsData.model_validate(short.model_dump()) == short
    assert LatentsData.model_validate({"kind": "latents", "path": tmp_path / "out", "scale": 1.0}).scale == 1.0
    wrong = LatentsData.model_validate({"kind": "latents", "path": tmp_path / "out", "images": 27})
    with pytest.raises(DataError, match=r"moments\.npy has shape \(28, 8, 8, 8\), but the config says \(27, 8, 8, 8\)"):
        facts(wrong)
    assert facts(short.model_copy(update={"held_out_fraction": 0.3, "spread": "any"})).class_names == ("china", "flower")
    (tmp_path / "out" / "dataset.json").write_text('{"format": 2}')
    assert LatentsData.model_validate(short.model_dump()) == short, "what was written down needs no folder"
    with pytest.raises(ValidationError, match=r"has format 2, and this release reads 1; upgrade sweeper, or encode again"):
        LatentsData.model_validate({"kind": "latents", "path": tmp_path / "out"})


def test_a_trial_on_what_was_encoded(folder: Path, weights: Path, tmp_path: Path) -> None:
    encoded(folder, tmp_path / "out", weights)
    data = {"kind": "latents", "path": str(tmp_path / "out"), "held_out_fraction": 0.3, "spread": "any"}
    extractor = {"kind": "timm", "name": NAME, "weights": "none"}

    def config(folder: Path) -> Any:
        evaluation = {"autoencoder": {"weights": str(folder)}, "extractor": extractor}
        return tiny(CELLS["dual_full"], data=data, precision="fp32", evaluation=evaluation)

    told = run(config(weights), tmp_path / "attempt", tmp_path / "cache")
    assert told.of("evaluation")[0][1]["fd_test_vit_random"] > 0
    other = save_autoencoder(tmp_path / "other", seed=1)
    with pytest.raises(DataError, match=r"out was encoded with .*, but evaluation\.autoencoder is .*other .*; decode with the autoencoder"):
        run(config(other), tmp_path / "another", tmp_path / "cache")
