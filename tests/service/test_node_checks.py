"""What a node of a cluster is asked before any trial, what its answer means, and when a cluster is too small."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.errors import RequestError
from sweeper.execution.node_checks import Needs, _ensure_large_enough, _fault, _token, look


def needs(root: Path, **more: Any) -> Needs:
    return Needs(root, {}, 1.0, 0.0, **more)


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


def node(cpus: float, gpus: float) -> dict[str, Any]:
    return {"Resources": {"CPU": cpus} | ({"GPU": gpus} if gpus else {})}


def test_a_cluster_with_gpus_is_not_left_unused_in_silence(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(RequestError, match=r"auto asks the machine that the command runs on, which has no GPU, and the cluster has 8; set"):
        _ensure_large_enough([node(4, 0), node(64, 8)], needs(tmp_path), auto_gpus=True, say=said.append)
    _ensure_large_enough([node(4, 0), node(64, 8)], needs(tmp_path), auto_gpus=False, say=said.append)
    _ensure_large_enough([node(4, 0)], needs(tmp_path), auto_gpus=True, say=said.append)
    assert said == []


def test_a_trial_that_no_node_holds_is_waited_for_aloud(tmp_path: Path) -> None:
    said: list[str] = []
    large = Needs(tmp_path, {}, 8, 1)
    _ensure_large_enough([node(64, 0), node(4, 1)], large, auto_gpus=False, say=said.append)
    wanted = "no node of the cluster has 8 CPU and 1 GPU for a trial"
    assert said == [f"{wanted}; waiting for one that has (a cluster that grows by itself brings it)"]
    _ensure_large_enough([node(64, 0), node(8, 1)], large, auto_gpus=False, say=said.append)
    assert len(said) == 1
