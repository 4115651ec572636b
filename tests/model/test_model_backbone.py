"""Patches, positions, initial weights."""

import math

import pytest
import torch
from dense_reference import position_table
from tiny_trials import tiny

from model.alignment.features import projection_head
from model.backbone.embeddings import TimestepEmbedder, grid_positions
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig
from model.grouping import Grouping
from model.patches import patchify, unpatchify


@pytest.mark.parametrize("patch", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_patches_and_back(patch: int, channels: int) -> None:
    images = torch.randn(2, channels, 8, 8)
    tokens = patchify(images, patch)
    assert tokens.shape == (2, (8 // patch) ** 2, channels * patch**2)
    assert torch.equal(unpatchify(tokens, patch, channels), images)


def test_tokens_go_row_by_row_and_values_as_in_a_convolution() -> None:
    images = torch.arange(2 * 4 * 4).reshape(1, 2, 4, 4)
    tokens = patchify(images, 2)
    assert tokens[0, 1].tolist() == [2, 3, 6, 7, 18, 19, 22, 23]  # first row, second column; channel by channel
    weight = torch.randn(5, 2, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    convolved = torch.nn.functional.conv2d(images.double(), weight, stride=2).flatten(2).transpose(1, 2)
    torch.testing.assert_close(tokens.double() @ weight.reshape(5, -1).T, convolved)


def test_positions() -> None:
    torch.testing.assert_close(grid_positions(16, 24)[0].double(), position_table(16, 24), rtol=0, atol=1e-7)
    table = grid_positions(16, 8)[0].reshape(4, 4, 8)
    assert torch.equal(table[0, 2, :4], table[3, 2, :4])  # the first half is the column's
    assert torch.equal(table[3, 0, 4:], table[3, 2, 4:])
    assert table[0, 1, :4].tolist() == pytest.approx([math.sin(1), math.sin(0.01), math.cos(1), math.cos(0.01)], abs=1e-6)


def test_the_sinusoid_is_of_raw_t_with_cosines_first() -> None:
    embedder = TimestepEmbedder(8).double()
    seen: list[torch.Tensor] = []
    embedder.mlp[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    embedder(torch.tensor([[0.7]], dtype=torch.float64))
    frequencies = [10000 ** (-i / 128) for i in range(128)]
    wanted = [math.cos(0.7 * f) for f in frequencies] + [math.sin(0.7 * f) for f in frequencies]
    assert seen[0].flatten().tolist() == pytest.approx(wanted, abs=1e-6)


def test_the_sinusoid_stays_in_single_precision_under_bfloat16() -> None:
    embedder = TimestepEmbedder(8)
    seen: list[torch.Tensor] = []
    embedder.mlp[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    t = torch.tensor([[0.7, 0.7001]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedder(t)
    embedder(t)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0][0, 0], seen[0][0, 1])


def test_initial_weights() -> None:
    network = DiffusionTransformer(BackboneConfig(patch=2, layers=2, width=64, heads=4), tokens=16, patch_values=4, classes=10, seed=0)
    for name, p in network.named_parameters():
        if name.endswith("bias") or "adaLN" in name or name.startswith("final_layer"):
            assert (p == 0).all(), name
        elif name.startswith(("t_embedder", "y_embedder")):
            assert p.std().item() == pytest.approx(0.02, rel=0.15), name
            assert abs(p.mean().item()) < 0.003, name
        else:
            bound = (6 / sum(p.shape)) ** 0.5
            assert p.abs().max() <= bound, name
            assert p.std().item() == pytest.approx(bound / 3**0.5, rel=0.15), name
    assert network.y_embedder.embedding_table.weight.shape == (11, 64)
    assert network.y_embedder.null == 10


def test_the_output_starts_at_zero_and_the_image_passes_through() -> None:
    config = tiny()
    network = DiffusionTransformer(config.backbone, tokens=16, patch_values=4, classes=10, seed=0)
    x = torch.randn(2, 16, 4)
    velocity, features = network(x, torch.rand(2, 1), torch.tensor([1, 10]), Grouping.whole(16), features_after=3)
    assert (velocity == 0).all()
    assert torch.equal(features, network.x_embedder(x) + network.positions)


def test_parameter_names_are_those_of_the_public_checkpoints() -> None:
    network = DiffusionTransformer(BackboneConfig(patch=2, layers=1, width=8, heads=2), tokens=16, patch_values=4, classes=10, seed=0)
    parts = ["x_embedder.proj", "t_embedder.mlp.0", "t_embedder.mlp.2", "blocks.0.attn.qkv", "blocks.0.attn.proj", "blocks.0.mlp.fc1"]
    parts += ["blocks.0.mlp.fc2", "blocks.0.adaLN_modulation.1", "final_layer.linear", "final_layer.adaLN_modulation.1"]
    wanted = {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")} | {"y_embedder.embedding_table.weight"}
    assert set(network.state_dict()) == wanted


def test_the_head() -> None:
    head = projection_head(6, seed=0)
    assert [tuple(p.shape) for p in head.parameters()] == [(12, 6), (12,), (6, 12), (6,)]
    assert isinstance(head[1], torch.nn.SiLU)
