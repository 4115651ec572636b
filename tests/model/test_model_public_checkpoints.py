"""Checkpoints of every family, as their own code writes and runs them, through the conversion tables."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from public_checkpoints import CHANNELS, CLASSES, CONFIG, GEOMETRY, PUBLIC, SIDE, load, table_of, velocity, written
from safetensors.torch import save_file
from test_model_qk_norm import redrawn
from tiny_trials import tiny
from torch import Tensor

from model.backbone.checkpoints import load_network
from model.backbone.families import FAMILIES, family_of
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig
from model.data.dataset import DataSet
from model.errors import CheckpointError, ConfigError
from model.grouping import Grouping
from model.patches import patchify, unpatchify
from model.training import checkpoint
from model.training.state import initial_state

IMAGES = torch.randn(3, CHANNELS, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
LABELS = torch.tensor([1, CLASSES, 0])
WHOLE = Grouping.whole((SIDE // CONFIG.patch) ** 2)


def ours(network: DiffusionTransformer, t: Tensor) -> Tensor:
    found, _ = network.double()(patchify(IMAGES, CONFIG.patch), t[:, None], LABELS, WHOLE)
    return unpatchify(found, CONFIG.patch, found.shape[-1] // CONFIG.patch**2)


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
@pytest.mark.parametrize("name", PUBLIC)
def test_a_loaded_network_does_what_the_public_code_does(name: str, kind: str, tmp_path: Path) -> None:
    weights, path = written(name), tmp_path / f"public.{kind}"
    (save_file if kind == "safetensors" else torch.save)(weights, path)
    network = load(path, name)
    assert not any(p.requires_grad for p in network.parameters())
    for t in (torch.tensor([0.0, 0.3, 1.0]).double(), torch.tensor([0.81, 0.04, 0.5]).double()):
        t = (999 * t).floor() if name == "dit" else t
        wanted = velocity(name, weights, IMAGES, t, LABELS)
        assert wanted.std() > 0.1
        torch.testing.assert_close(ours(network, t), wanted, rtol=1e-5, atol=1e-5)


def test_rows_of_a_learned_sigma_are_dropped_as_the_papers_code_drops_them(tmp_path: Path) -> None:
    weights = written("sit")
    torch.save(weights, tmp_path / "sit.pt")
    network = load(tmp_path / "sit.pt", "sit")
    p, c, d = CONFIG.patch, CHANNELS, CONFIG.width
    kept = weights["final_layer.linear.weight"].view(p * p, 2 * c, d)[:, :c].reshape(-1, d)  # rows (p, q, c)
    for row, column, channel in ((0, 0, 0), (0, 1, 2), (1, 0, 1), (1, 1, 2)):
        found = network.final_layer.linear.weight[channel * p * p + row * p + column]
        assert torch.equal(found, -kept[(row * p + column) * c + channel])


def test_every_family_has_a_file_here() -> None:
    assert {table_of(name) for name in PUBLIC} | {"ours"} == set(FAMILIES)


@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod."])
def test_of_a_training_checkpoint_the_moving_average_is_taken(prefix: str, tmp_path: Path) -> None:
    trained, average = written("repa", seed=1), written("repa", seed=2)
    held: dict[str, Any] = {
        "model": {prefix + key: value for key, value in trained.items()},
        "ema": {prefix + key: value for key, value in average.items()},
        "opt": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]},
        "args": argparse.Namespace(model="SiT-XL/2", cfg_prob=0.1),
        "steps": 3,
    }
    t = torch.full((3,), 0.4).double()
    for name, wanted in (("all", average), ("no ema", trained)):
        torch.save(held, tmp_path / f"{name}.pt")
        torch.testing.assert_close(ours(load(tmp_path / f"{name}.pt", "repa"), t), velocity("repa", wanted, IMAGES, t, LABELS))
        del held["ema" if name == "all" else "model"]


def test_every_missing_and_surplus_key_and_wrong_shape_is_named(tmp_path: Path) -> None:
    weights = written("sit")
    del weights["blocks.1.mlp.fc2.bias"], weights["t_embedder.mlp.0.weight"]
    weights |= {"blocks.2.attn.qkv.bias": torch.zeros(2), "extra": torch.zeros(1), "y_embedder.embedding_table.weight": torch.zeros(9, 16)}
    torch.save(weights, tmp_path / "a.pt")
    with pytest.raises(CheckpointError) as refused:
        load(tmp_path / "a.pt", "sit")
    assert str(refused.value) == (
        f"{tmp_path / 'a.pt'} is no sit checkpoint of this network: missing t_embedder.mlp.0.weight, blocks.1.mlp.fc2.bias;"
        " surplus blocks.2.attn.qkv.bias, extra; y_embedder.embedding_table.weight is (9, 16) and should be (6, 16)"
    )


@pytest.mark.parametrize(
    ("written_as", "read_as", "said"),
    [
        ("repa", "sit", "surplus projectors.0.2.bias, projectors.0.2.weight"),
        ("sra", "repa", "surplus ap_head.0.bias, ap_head.0.weight"),
        ("self_flow", "sra", r"x_embedder.proj.weight is \(16, 12\) and should be \(16, 3, 2, 2\)"),
        ("sit", "self_flow", r"x_embedder.proj.weight is \(16, 3, 2, 2\) and should be \(16, 12\)"),
        ("sit", "ours", r"surplus pos_embed; .*final_layer.linear.weight is \(24, 16\) and should be \(12, 16\)"),
    ],
)
def test_a_file_of_another_family_is_refused(written_as: str, read_as: str, said: str, tmp_path: Path) -> None:
    torch.save(written(written_as), tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=said):
        load(tmp_path / "a.pt", read_as)


class Harmful:
    """Pickles to a call that leaves a mark when it is run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_refused_and_never_run(zipped: bool, tmp_path: Path) -> None:
    path, mark = tmp_path / "a.pt", tmp_path / "run"
    torch.save(written("sit") | {"opt": Harmful(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="would have to run as code; it is refused"):
        load(path, "sit")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("damage", ["half", "empty", "text", "missing"])
def test_torn_files_are_named(name: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / name
    (save_file if path.suffix == ".safetensors" else torch.save)(written("sit"), path)
    whole = path.read_bytes()
    path.write_bytes({"half": whole[: len(whole) // 2], "text": b"no checkpoint"}.get(damage, b""))
    if damage == "missing":
        path.unlink()
    with pytest.raises(CheckpointError, match=str(path)):
        load(path, "sit")


def test_a_file_without_names_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="holds a list, not named tensors"):
        load(tmp_path / "a.pt", "sit")


def test_our_own_average_and_full_state(tmp_path: Path, digits: DataSet) -> None:
    config = tiny({"backbone": {"qk_norm": True}})
    state = initial_state(config, digits, torch.device("cpu"), torch.float32)
    for block in state.objective.average.blocks:
        redrawn(block.attn)
    wanted = state.objective.average.state_dict()
    for path in (checkpoint.save_average(state, tmp_path, "x"), checkpoint.save(state, tmp_path, "x")):
        found = load_network(path, "ours", config.backbone, channels=1, resolution=8, classes=10, outputs=1).state_dict()
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


def test_normalised_queries_are_asked_for_by_the_config(tmp_path: Path) -> None:
    network = DiffusionTransformer(
        BackboneConfig.model_validate(CONFIG.model_dump() | {"qk_norm": True}), tokens=16, patch_values=12, classes=CLASSES, seed=0
    )
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"surplus blocks.0.attn.k_norm.bias, blocks.0.attn.k_norm.weight"):
        load_network(tmp_path / "a.safetensors", "ours", CONFIG, outputs=1, **GEOMETRY)


def test_a_dit_without_its_sigma_is_none(tmp_path: Path) -> None:
    weights = written("dit")
    for name in ("final_layer.linear.weight", "final_layer.linear.bias"):
        weights[name] = weights[name][: len(weights[name]) // 2]
    torch.save(weights, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"final_layer.linear.weight is \(12, 16\) and should be \(24, 16\)"):
        load(tmp_path / "a.pt", "dit")


def test_an_unknown_family() -> None:
    with pytest.raises(ConfigError, match="there is no checkpoint family 'sti'; choose one of ours, sit, sra, repa, self_flow, dit"):
        family_of("sti")
