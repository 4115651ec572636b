"""What a node of a cluster is asked before any trial, and what its answer means."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from model.config import TrainConfig, outside_files
from sweeper.execution.node_checks import Needs, _fault, _token, look


def needs(root: Path, **more: Any) -> Needs:
    return Needs(root, {}, **more)


def test_a_node_that_shares_all_fits_and_leaves_nothing(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "mine.npz",
        images=np.zeros((40, 8, 8), np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None] * 6,
        labels=np.arange(40) % 4,
    )
    section = f'{{"kind": "npz", "path": "{tmp_path / "mine.npz"}"}}'
    with _token(tmp_path / "home") as (path, word):
        first = look(str(path), word, {"?": section})
        (content,) = first["data"].values()
        assert len(content) == 16
        found = look(str(path), word, {content: section})
        assert found["data"] == {content: content}
        assert _fault(found, needs(tmp_path / "home"), path, word) is None
        other = _fault(first, needs(tmp_path / "home"), path, word)
        assert other == f"has other data: content {content}, and this machine ?; copy the same data there"
        lost = look(str(path), word, {"?": section.replace("mine", "lost")})
        assert str(_fault(lost, needs(tmp_path / "home"), path, word)).startswith(
            f"lacks the data: data.path: there is no file {tmp_path / 'lost.npz'}; "
        )
    assert list((tmp_path / "home").iterdir()) == []


def test_another_folder_of_the_same_name_is_not_the_storage(tmp_path: Path) -> None:
    with _token(tmp_path / "home") as (path, word):
        unseen = look(str(path.with_name("node-check-of-another")), word, {})
        assert unseen["storage"] == f"does not see SWEEPER_HOME {tmp_path / 'home'} of this machine"
        other = look(str(path), "another word", {})
        assert other["storage"] == f"sees another {tmp_path / 'home'} than this machine's"
        seen = look(str(path), word, {})
        path.with_name(f"{path.name}-{seen['host']}-{seen['process']}").unlink()
        assert str(_fault(seen, needs(tmp_path), path, word)).startswith("writes into another ")


def test_versions_are_compared_and_torch_may_be_allowed(tmp_path: Path) -> None:
    with _token(tmp_path / "home") as (path, word):
        found = look(str(path), word, {})
        found["versions"]["torch"] = "2.0.0"
        here = version("torch").split("+")[0]
        more = "install the same, or count all versions alike with --allow-mixed torch"
        said = f"has torch 2.0.0, and this machine {here}; {more}"
        assert _fault(found, needs(tmp_path), path, word) == said
        assert _fault(found, needs(tmp_path, any_torch=True), path, word) is None
        found["versions"]["sweeper"] = None
        assert _fault(found, needs(tmp_path, any_torch=True), path, word) == (
            f"has sweeper not installed, and this machine {version('sweeper')}; install the same"
        )


def test_python_and_ray_are_compared_too(tmp_path: Path) -> None:
    with _token(tmp_path / "home") as (path, word):
        found = look(str(path), word, {})
        assert set(found["versions"]) == {"Python", "sweeper", "torch", "ray"}
        for name, here in (("Python", platform.python_version()), ("ray", version("ray"))):
            other = found | {"versions": found["versions"] | {name: "2.1.0"}}
            assert _fault(other, needs(tmp_path), path, word) == f"has {name} 2.1.0, and this machine {here}; install the same"


def test_weights_and_references_are_compared_by_content(tmp_path: Path) -> None:
    weights = tmp_path / "encoder.safetensors"
    weights.write_bytes(b"weights of the driver")
    config = TrainConfig.model_validate(
        {"alignment": {"kind": "external", "encoder": {"name": "vit_tiny_patch16_224", "weights": str(weights)}}}
    )
    files = {(place, file): content for place, (file, content) in outside_files(config).items()}
    assert list(files) == [("alignment.encoder.weights", str(weights))]
    wanted = needs(tmp_path, files=files)
    with _token(tmp_path / "home") as (path, word):
        assert _fault(look(str(path), word, {}, tuple(files)), wanted, path, word) is None
        weights.write_bytes(b"other weights")
        other = str(_fault(look(str(path), word, {}, tuple(files)), wanted, path, word))
        assert other.startswith(f"has another alignment.encoder.weights: {weights} has the content ")
        assert other.endswith(f" there, and {files['alignment.encoder.weights', str(weights)]} on this machine; copy the same file there")
        weights.unlink()
        said = f"lacks a file: alignment.encoder.weights: {weights} cannot be read (No such file or directory); give a file of weights"
        assert _fault(look(str(path), word, {}, tuple(files)), wanted, path, word) == said


def test_what_is_not_used_or_comes_by_name_is_no_file() -> None:
    assert outside_files(TrainConfig()) == {}
    named = {"alignment": {"kind": "external", "encoder": {"name": "vit_tiny_patch16_224", "weights": "none"}}}
    assert outside_files(TrainConfig.model_validate(named)) == {}
