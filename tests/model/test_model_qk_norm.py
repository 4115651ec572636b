"""Normalised queries and keys against the formula written out, and what the option leaves as it was."""

import math

import pytest
import torch
from dense_reference import standardised
from test_model_identity import training_hash
from tiny_trials import CELLS, batch_of, gradients, objective_of, tiny
from torch import Tensor

from model.backbone.attention import Attention
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig
from model.grouping import Segment

QK_NORM = {"backbone": {"qk_norm": True}}


def redrawn(attention: Attention) -> Attention:
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_(std=0.7, generator=generator)
    return attention


def by_hand(attention: Attention, x: Tensor) -> Tensor:
    """Every head by itself: LayerNorm(q) . LayerNorm(k) / sqrt(D/H), softmax, values."""
    weights = dict(attention.named_parameters())
    width, heads = x.shape[-1], attention.heads
    size = width // heads
    q, k, v = (x @ weights["qkv.weight"].T + weights["qkv.bias"]).split(width, dim=-1)
    read = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        queries = standardised(q[..., part], 1e-5) * weights["q_norm.weight"] + weights["q_norm.bias"]
        keys = standardised(k[..., part], 1e-5) * weights["k_norm.weight"] + weights["k_norm.bias"]
        read.append(torch.softmax(queries @ keys.transpose(-1, -2) / math.sqrt(size), dim=-1) @ v[..., part])
    return torch.cat(read, dim=-1) @ weights["proj.weight"].T + weights["proj.bias"]


def test_attention_with_normalised_queries_and_keys_is_the_formula() -> None:
    attention = redrawn(Attention(12, 3, qk_norm=True).double())
    x = torch.randn(2, 5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(attention(x, (Segment(),)), by_hand(attention, x), rtol=1e-10, atol=1e-10)


def test_the_scale_of_queries_and_keys_no_longer_matters() -> None:
    attention = redrawn(Attention(12, 3, qk_norm=True).double())
    x = torch.randn(2, 5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before = attention(x, (Segment(),))
    with torch.no_grad():
        attention.qkv.weight[:24] *= 7.0
        attention.qkv.bias[:24] *= 7.0
    torch.testing.assert_close(attention(x, (Segment(),)), before, rtol=1e-4, atol=1e-4)  # up to epsilon


def test_names_and_initial_weights() -> None:
    plain, normed = (
        DiffusionTransformer(BackboneConfig(patch=2, layers=2, width=8, heads=2, qk_norm=on), tokens=16, patch_values=4, classes=10, seed=0)
        for on in (False, True)
    )
    added = {f"blocks.{n}.attn.{part}_norm.{kind}" for n in (0, 1) for part in "qk" for kind in ("weight", "bias")}
    assert set(normed.state_dict()) - set(plain.state_dict()) == added
    for name, tensor in normed.state_dict().items():
        if name in added:
            assert torch.equal(tensor, torch.ones(4) if name.endswith("weight") else torch.zeros(4)), name
        else:
            assert torch.equal(tensor, plain.state_dict()[name]), name


@pytest.mark.parametrize("cell", ["single_none", "dual_full"])
def test_it_is_trained_in_every_cell(cell: str) -> None:
    config = tiny(CELLS[cell], QK_NORM)
    objective, batch = objective_of(config), batch_of(config)
    objective(batch.data, batch.labels, batch.draws).total.backward()
    found = gradients(objective)
    for name in ("q_norm.weight", "q_norm.bias", "k_norm.weight"):
        assert found[f"student.blocks.1.attn.{name}"].abs().max() > 0, name


def test_bfloat16_normalises_in_single_precision_and_still_attends() -> None:
    attention = redrawn(Attention(12, 3, qk_norm=True))
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = attention(x, (Segment(),))
    torch.testing.assert_close(rough.float(), attention(x, (Segment(),)), rtol=0.1, atol=0.1)


def test_it_names_a_trial_only_when_it_is_on() -> None:
    assert training_hash({"backbone": {"qk_norm": False}}) == training_hash({})
    assert training_hash(QK_NORM) != training_hash({})
