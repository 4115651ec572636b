"""Guidance and generation with a network: passes, labels, blocks."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from tiny_trials import CLASSES, PATCH_VALUES, TOKENS, network_of, tiny
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.grouping import Grouping
from model.noise.process import FLOW, Process
from model.sampling import generate as generation
from model.sampling import samplers
from model.sampling.generate import generate

SHAPE = (TOKENS, PATCH_VALUES)


class Pass:
    """Arguments of one call of the network."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        x, t, self.labels, self.grouping = arguments
        self.images = len(x)
        (self.t,) = t.unique().tolist()
        self.rows = t.shape[1]


@pytest.fixture
def network() -> DiffusionTransformer:
    return network_of(tiny())


def sample(
    network: DiffusionTransformer, passes: list[Pass] | None = None, process: Process = FLOW, **settings: int | Mapping[str, Any]
) -> tuple[Tensor, Tensor]:
    config = EvaluationConfig.model_validate({"samples": 7, "sampler": {"steps": 4}} | settings)
    seen = passes if passes is not None else []
    hook = network.register_forward_pre_hook(lambda _, arguments: seen.append(Pass(arguments)))
    blocks = list(generate(network, config, shape=SHAPE, dtype=torch.float64, tick=lambda: None, channels=1, process=process))
    hook.remove()
    return torch.cat([tokens for tokens, _ in blocks]), torch.cat([labels for _, labels in blocks])


@pytest.mark.parametrize("kind", ["euler", "euler_maruyama"])
def test_a_scale_of_one_is_no_guidance_and_one_pass_a_step(network: DiffusionTransformer, kind: str) -> None:
    sampler = {"kind": kind, "steps": 5}
    plain, guided, passes = sample(network, sampler=sampler)[0], [], []
    guided = sample(network, passes, sampler=sampler, guidance={"scale": 1.0, "interval": (0.2, 0.8)})[0]
    assert torch.equal(guided, plain)
    assert [p.images for p in passes] == [7] * 5


def test_inference_is_full_attention_in_image_order_with_one_row(network: DiffusionTransformer) -> None:
    passes: list[Pass] = []
    sample(network, passes, guidance={"scale": 1.5})
    assert all(p.grouping == Grouping.whole(TOKENS) and p.rows == 1 for p in passes)


@pytest.mark.parametrize("kind", ["euler", "euler_maruyama"])
def test_guidance_acts_inside_its_interval_only(network: DiffusionTransformer, kind: str) -> None:
    passes: list[Pass] = []
    sample(network, passes, sampler={"kind": kind, "steps": 9}, guidance={"scale": 2.0, "interval": (0.3, 0.75)})
    assert len(passes) == 9
    for p in passes:
        assert p.images == (14 if 0.3 <= p.t <= 0.75 else 7), p.t
    assert {p.images for p in passes} == {7, 14}


def test_the_ends_of_the_interval_belong_to_it(network: DiffusionTransformer) -> None:
    passes: list[Pass] = []
    sample(network, passes, guidance={"scale": 2.0, "interval": (0.25, 0.75)})
    assert [(p.t, p.images) for p in passes] == [(1.0, 7), (0.75, 14), (0.5, 14), (0.25, 14)]


def test_the_null_label_is_the_number_of_classes(network: DiffusionTransformer) -> None:
    passes: list[Pass] = []
    sample(network, passes, guidance={"scale": 2.0})
    for p in passes:
        assert p.labels[:7].tolist() == list(range(7))
        assert p.labels[7:].tolist() == [CLASSES] * 7


def test_guidance_goes_on_from_null_past_the_label(network: DiffusionTransformer) -> None:
    x = generation.stream(3, "sample").normal((7, *SHAPE)).double()
    labels, whole = torch.arange(7), Grouping.whole(TOKENS)
    with torch.no_grad():
        for t, after in ((1.0, 0.5), (0.5, 0.0)):
            levels = torch.full((7, 1), t, dtype=torch.float64)
            null, known = (network(x, levels, given, whole)[0] for given in (torch.full_like(labels, CLASSES), labels))
            x = x + (after - t) * (null + 1.8 * (known - null))
    found, _ = sample(network, seed=3, sampler={"steps": 2}, guidance={"scale": 1.8})
    torch.testing.assert_close(found, x, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", ["euler", "euler_maruyama"])
def test_more_samples_begin_with_the_fewer(network: DiffusionTransformer, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BLOCK", 8)
    sampler = {"kind": kind, "steps": 3}
    few, more, most = (sample(network, samples=n, sampler=sampler)[0] for n in (5, 8, 21))
    torch.testing.assert_close(more[:5], few, rtol=1e-10, atol=1e-10)  # batch size rounds
    assert torch.equal(most[:8], more)
    assert len(most) == 21
    assert len(torch.unique(most.flatten(1), dim=0)) == 21


def test_labels_go_round_the_classes_and_every_block_and_network_call_says_alive(
    network: DiffusionTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "BLOCK", 8)
    ticks: list[None] = []
    config = EvaluationConfig.model_validate({"samples": 20, "sampler": {"steps": 2}})
    blocks = list(generate(network, config, shape=SHAPE, dtype=torch.float64, tick=lambda: ticks.append(None), channels=1))
    assert [len(labels) for _, labels in blocks] == [8, 8, 4]
    assert torch.cat([labels for _, labels in blocks]).tolist() == [i % CLASSES for i in range(20)]
    assert len(ticks) == 3 * (1 + 2)


def test_samples_depend_on_the_generation_seed_alone(network: DiffusionTransformer) -> None:
    assert torch.equal(sample(network)[0], sample(network)[0])
    assert not torch.allclose(sample(network, seed=1)[0], sample(network)[0])
    sde = {"kind": "euler_maruyama", "steps": 3}
    assert torch.equal(sample(network, sampler=sde)[0], sample(network, sampler=sde)[0])


def test_blocks_have_their_own_noise_along_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks that begin alike part ways at the first noisy step, and so do the steps of one block."""
    monkeypatch.setattr(generation, "BLOCK", 3)
    monkeypatch.setattr(generation, "guided_field", lambda *_: lambda x, _: torch.zeros_like(x))
    moves: list[Tensor] = []
    genuine = samplers.euler_maruyama

    def watched(field: Any, x: Tensor, steps: int, fresh_noise: Any, path: Any) -> Tensor:
        moves.extend(fresh_noise(i) for i in range(3))
        return genuine(field, x, steps, fresh_noise, path)

    monkeypatch.setattr(samplers, "euler_maruyama", watched)
    sample(network_of(tiny()), samples=6, sampler={"kind": "euler_maruyama", "steps": 4})
    assert len(torch.unique(torch.stack(moves).flatten(1), dim=0)) == 6
