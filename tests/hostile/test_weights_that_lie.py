"""Files of weights that would run code, are damaged, or hold something else: refused by name, and nothing of them is run."""

import os
import pickle
import random
import re
import socket
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from model.__main__ import main
from model.config.encoder import EncoderConfig
from model.config.extractor import InceptionExtractor
from model.errors import CheckpointError, DataError
from model.plain_files import MOST_WEIGHTS
from model.sample_trial import newest_average
from model.timm_models import read_weights
from model.training import durable_file
from model.weight_files import open_safetensors, read_weight_file

TENSORS = {"pos_embed": torch.zeros(2, 3), "blocks.0.weight": torch.ones(3)}


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.file,)


def bare_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap(path.with_name("trapped"))))


def torch_zip(path: Path) -> None:
    torch.save({"model": TENSORS, "extra": Trap(path.with_name("trapped"))}, path)


def torch_legacy(path: Path) -> None:
    torch.save({"model": TENSORS, "extra": Trap(path.with_name("trapped"))}, path, _use_new_zipfile_serialization=False)


def whole_module(path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), path)


RUN_CODE = [bare_pickle, torch_zip, torch_legacy, whole_module]
SUFFIXES = [".pt", ".bin", ".ckpt"]


def test_the_trap_works(tmp_path: Path) -> None:
    bare_pickle(tmp_path / "weights.pt")
    pickle.loads((tmp_path / "weights.pt").read_bytes())
    assert (tmp_path / "trapped").exists()


def sample_says(capsys: pytest.CaptureFixture[str], path: Path, output: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = ["sample", "--preset", "nano", "--channels", "1", "--resolution", "8", "--classes", "10", "--checkpoint", str(path)]
        code = main([*arguments, "--output", str(output), "--samples", "2"])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert not output.exists()
    return said.err


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("spoil", RUN_CODE)
def test_a_checkpoint_that_would_run_code(
    spoil: Callable[[Path], None], suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"weights{suffix}"
    spoil(path)
    said = sample_says(capsys, path, tmp_path / "grid.png")
    assert f"{path} is no torch file, or holds objects that loading would have to run as code; it is refused" in said
    assert not (tmp_path / "trapped").exists()


def test_a_checkpoint_of_another_type_or_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(TENSORS, tmp_path / "torn.safetensors")
    (tmp_path / "torn.safetensors").write_bytes((tmp_path / "torn.safetensors").read_bytes()[:-5])
    (tmp_path / "empty.pt").touch()
    (tmp_path / "text.safetensors").write_text("weights")
    (tmp_path / "folder.pt").mkdir()
    torch.save([TENSORS], tmp_path / "list.pt")
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as file:
        file.writestr("a", "b")
    for name in ("torn.safetensors", "empty.pt", "text.safetensors", "folder.pt", "missing.pt", "list.pt", "zip.pt"):
        assert str(tmp_path / name) in sample_says(capsys, tmp_path / name, tmp_path / "grid.png")


def test_weights_of_another_type_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from model.backbone.transformer import DiffusionTransformer
    from model.presets import config_from

    config = config_from({"preset": "nano"}).backbone
    network = DiffusionTransformer(config, tokens=16, patch_values=4, classes=10, seed=0)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    name = next(iter(state))
    for wrong in (torch.int64, torch.bool, torch.complex64):
        save_file(state | {name: state[name].to(wrong)}, tmp_path / "wrong.safetensors")
        said = sample_says(capsys, tmp_path / "wrong.safetensors", tmp_path / "grid.png")
        assert f"{name} holds {wrong} and should hold floats" in said


@pytest.mark.parametrize("network", [EncoderConfig, InceptionExtractor])
@pytest.mark.parametrize("spoil", RUN_CODE)
def test_weights_of_a_frozen_network_that_would_run_code(network: Any, spoil: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    spoil(path)
    given = {"name": "vit_tiny_patch16_224"} if network is EncoderConfig else {"kind": "inception"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match=r"weights\.pt cannot be read \("):
            read_weights(path, network(weights=str(path), **given))
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("place", ["missing.pt", ".", "/dev/zero", "/dev/null"])
def test_what_is_no_file_of_weights(place: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"alignment\.encoder\.weights: .* cannot be read \("):
        EncoderConfig(name="vit_tiny_patch16_224", weights=str(tmp_path / place))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))  # such a name may have 107 bytes


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    """A file of holes, longer than any network."""
    path.touch()
    os.truncate(path, MOST_WEIGHTS + 1)


def packed(path: Path) -> None:
    """A torch file whose values unpack from a few bytes."""
    torch.save({"pos_embed": torch.zeros(1_000_000)}, path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in held.items():
            archive.writestr(name, value)


OTHERS = {
    pipe: "it is a pipe",
    listening_socket: "it is a socket",
    endless: "it is a device",
    huge: "it has 68,719,476,737 bytes, more than the 68,719,476,736 that are read",
}


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("spoil", OTHERS)
def test_a_checkpoint_without_an_end(
    spoil: Callable[[Path], None], suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"weights{suffix}"
    spoil(path)
    said = sample_says(capsys, path, tmp_path / "grid.png")
    assert said == f"error: {path} cannot be read ({OTHERS[spoil]}); give a file of weights\n"


@pytest.mark.parametrize("spoil", OTHERS)
def test_every_other_file_of_weights_without_an_end(spoil: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a frozen network, of a trial's folder, and of its cache."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "average-00000001.safetensors"
    spoil(path)
    for network, given in ((EncoderConfig, {"name": "vit_tiny_patch16_224"}), (InceptionExtractor, {"kind": "inception"})):
        with pytest.raises(ValidationError, match=re.escape(f"{path} cannot be read ({OTHERS[spoil]})")):
            network.model_validate(given | {"weights": str(path)})
        named = network.model_validate(given | {"weights": str(path), "weights_hash": "0" * 16})
        with pytest.raises(DataError, match=re.escape(f"{path} cannot be read ({OTHERS[spoil]})")):
            read_weights(path, named)
    with pytest.raises(CheckpointError, match=re.escape(OTHERS[spoil])):
        durable_file.read(path)
    assert newest_average([tmp_path]) is None
    with pytest.raises(OSError, match=re.escape(OTHERS[spoil])), open_safetensors(path):
        pass


def test_packed_weights_are_not_unpacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "weights.pt"
    packed(path)
    assert path.stat().st_size < 100_000
    said = sample_says(capsys, path, tmp_path / "grid.png")
    assert "is packed, as torch packs nothing; it is not unpacked. Write the file with torch.save" in said
    named = EncoderConfig(name="vit_tiny_patch16_224", weights=str(path))
    with pytest.raises(DataError, match="is packed, as torch packs nothing"):
        read_weights(path, named)


def test_weights_replaced_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same size, and with the time of the old file put back."""
    path = tmp_path / "weights.safetensors"
    save_file(TENSORS, path)
    named = EncoderConfig(name="vit_tiny_patch16_224", weights=str(path))
    then = path.stat()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    with pytest.raises(DataError, match="changed since this trial was named"):
        read_weights(path, named)
    assert EncoderConfig(name="vit_tiny_patch16_224", weights=str(path)).weights_hash != named.weights_hash
    path.write_bytes(whole)

    def replaced(file: Path) -> Mapping[str, Any]:
        held = read_weight_file(file)
        file.write_bytes(whole)
        return held

    monkeypatch.setattr("model.timm_models.read_weight_file", replaced)
    with pytest.raises(DataError, match="changed since this trial was named"):
        read_weights(path, named)


def test_damaged_weights_are_read_or_refused(tmp_path: Path) -> None:
    """Three forms, 600 damaged files; torch's own unpickler raises KeyError, UnicodeDecodeError, struct.error and more on them."""
    torch.save({"model": TENSORS, "step": 3}, tmp_path / "new.pt")
    torch.save({"model": TENSORS}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file(TENSORS, tmp_path / "safe.safetensors")
    draw, refused = random.Random(0), 0
    for name in ("new.pt", "old.pt", "safe.safetensors"):
        whole = (tmp_path / name).read_bytes()
        path = tmp_path / f"damaged{Path(name).suffix}"
        for _ in range(200):
            changed = bytearray(whole)
            for _ in range(draw.choice([1, 2, 8])):
                changed[draw.randrange(min(300, len(changed)))] = draw.randrange(256)
            path.write_bytes(changed[: draw.randrange(len(changed))] if draw.random() < 0.3 else changed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    read_weight_file(path)
                except CheckpointError:
                    refused += 1
    assert refused > 300
