"""The ddpm process: its chain, its loss, its sampler, and what of it a config may ask for."""

import math
import re
from pathlib import Path
from typing import Any

import ddpm_reference
import pytest
import torch
from pydantic import ValidationError
from scipy import stats
from test_model_dense_agreement import assert_agreement
from test_model_generation import Pass, sample
from tiny_trials import CELLS, DDPM, batch_of, network_of, objective_of, tiny
from torch import Tensor
from trial_reports import run

from model.config import TrainConfig
from model.config.evaluation import EvaluationConfig
from model.noise.ddpm import Diffusion, log_likelihood
from model.noise.process import process_of
from model.presets import config_from, merge
from model.randomness import BatchStreams
from model.sampling.ancestral import ancestral
from model.sampling.guidance import Guided
from model.step_noise import draw

CHAIN = Diffusion.linear()
PROCESS = process_of(tiny(DDPM).process)
SRA_ON_DIT = {
    "alignment": {
        "loss": "smooth_l1",
        "weight": 0.04,
        "teacher": {"labels": "dropped", "interval": {"clamp": "released", "width": 0.2}},
    }
}
"""As the code released for DiT aligns (2505.02831)."""


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("aligned", [{}, SRA_ON_DIT], ids=["cosine", "released"])
@pytest.mark.parametrize(
    "layout",
    [
        *(pytest.param(cell, id=name) for name, cell in CELLS.items()),
        pytest.param({"timesteps": {"kind": "per_token"}}, id="per token"),
        pytest.param(CELLS["dual_full"] | {"attention": {"separation": "noisy_reads_clean"}}, id="noisy reads clean"),
        pytest.param(CELLS["dual_full"] | {"partition": {"assignment": "bernoulli"}}, id="bernoulli"),
        pytest.param(CELLS["dual_full"] | {"partition": {"full_image_probability": 0.5}}, id="whole images"),
    ],
)
def test_losses_and_gradients_are_those_of_the_dense_reference(layout: dict[str, Any], aligned: dict[str, Any]) -> None:
    assert_agreement(tiny(DDPM, layout, aligned))


def test_the_first_step_has_its_likelihood_and_the_edges_their_tails() -> None:
    """Data at the outermost values, at t = 0 and elsewhere, in one image: the switch is per token."""
    predicted, x = normal(0, 2, 4, 6), normal(1, 2, 4, 3)
    data = torch.tensor([-1.0, 0.2, 1.0], dtype=torch.float64).expand(2, 4, 3)
    t = torch.tensor([[0.0, 1, 999, 0], [500, 0, 0, 2]], dtype=torch.float64)
    found = PROCESS.variance_loss(predicted, data, x, t.unsqueeze(-1))
    assert found is not None
    assert found.item() == pytest.approx(ddpm_reference.bound(predicted, data, x, t).item(), rel=1e-9)


def test_the_probabilities_of_all_256_values_sum_to_one() -> None:
    values = (torch.arange(256, dtype=torch.float64) / 127.5 - 1).unsqueeze(1)
    mean, deviation = torch.tensor([[-1.2, 0.0, 0.93]]).double(), torch.tensor([[0.5, 0.01, 0.2]]).double()
    total = log_likelihood(values, mean.expand(256, 3), deviation.log().expand(256, 3)).exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones(3).double(), rtol=1e-6, atol=1e-6)


def test_the_bound_is_zero_where_the_step_back_is_right_and_teaches_the_variance_alone() -> None:
    data, noise = normal(0, 5, 4, 3), normal(1, 5, 4, 3)
    t = torch.tensor([1.0, 3, 200, 700, 999]).double().view(5, 1, 1)
    x = CHAIN.add_noise(data, noise, t)
    assert CHAIN.bits(torch.cat([noise, -torch.ones_like(noise)], dim=-1), data, x, t).abs().max() < 1e-9
    predicted = normal(2, 5, 4, 6).requires_grad_()
    CHAIN.bits(predicted, data, x, t).sum().backward()
    assert predicted.grad is not None
    of_noise, of_variance = predicted.grad.chunk(2, dim=-1)
    assert not of_noise.any()
    assert of_variance.all()


def test_noise_levels_are_whole_steps_each_as_likely() -> None:
    u = torch.rand(200_000, generator=torch.Generator().manual_seed(0))
    t = PROCESS.to_timestep(u)
    assert (t.min(), t.max()) == (0, 999)
    assert stats.chisquare(torch.bincount(t.long(), minlength=1000).numpy()).pvalue > 0.01
    assert PROCESS.to_timestep(torch.tensor([0.0, 0.0009999, 0.5, 1.0])).tolist() == [0, 0, 500, 999]


@pytest.mark.parametrize("clamp", ["zero", "released"])
def test_the_teacher_steps_back_by_less_than_a_fifth(clamp: str) -> None:
    config = tiny(DDPM, {"alignment": {"teacher": {"interval": {"clamp": clamp}}}}, batch_size=4000)
    drawn = draw(config, BatchStreams(0, 0, 4000), 16, 4)
    assert torch.equal(drawn.k, drawn.k.round())
    assert (drawn.k.min(), drawn.k.max()) == (0, 199)
    assert stats.chisquare(torch.bincount(drawn.k.long().flatten(), minlength=200).numpy()).pvalue > 0.01
    flow = draw(tiny(batch_size=4000), BatchStreams(0, 0, 4000), 16, 4)
    assert torch.equal(drawn.t, (1000 * flow.t).floor()), "the same draws as flow, in steps"


def test_what_was_released_gives_the_first_step_a_noisier_teacher() -> None:
    """Of the same draws, the clamp changes the alignment loss only where t - k is below 1."""
    found = {}
    for clamp in ("zero", "released"):
        config = tiny(DDPM, {"alignment": {"teacher": {"interval": {"clamp": clamp}}}})
        batch = batch_of(config)
        for t in (0.0, 500.0):
            draws = batch.draws.each(lambda value, t=t: torch.full_like(value, t) if value is batch.draws.t else value)  # noqa: B023
            found[clamp, t] = objective_of(config)(batch.data, batch.labels, draws).total.item()
    assert found["zero", 500.0] == found["released", 500.0]
    assert found["zero", 0.0] != found["released", 0.0]


def test_a_respaced_chain_passes_the_noise_levels_of_the_whole_one() -> None:
    for steps in (2, 10, 250, 1000):
        chain = CHAIN.respaced(steps)
        assert chain.original[0] == 0
        assert chain.original[-1] == 999
        torch.testing.assert_close(chain.signal, CHAIN.signal[chain.original], rtol=1e-12, atol=0)
    assert CHAIN.respaced(4).original.tolist() == [0, 333, 666, 999]
    torch.testing.assert_close(CHAIN.respaced(1000).betas, CHAIN.betas, rtol=1e-9, atol=0)
    assert CHAIN.signal[-1].item() == pytest.approx(math.exp(sum(math.log1p(-b) for b in ddpm_reference.BETA)))


def test_gaussian_data_and_its_exact_noise_have_the_right_moments() -> None:
    """Data N(.3, .5^2) value by value: the best noise is linear in x, and its samples are of that law again."""
    mean, deviation, told = 0.3, 0.5, []

    def predict(x: Tensor, t: float) -> Tensor:
        told.append(t)
        signal = CHAIN.signal[int(t)]
        noise = (1 - signal).sqrt() * (x - signal.sqrt() * mean) / (signal * deviation**2 + 1 - signal)
        return torch.cat([noise, -torch.ones_like(x)], dim=-1)

    x = ancestral(predict, normal(0, 4000, 1, 4), 250, lambda i: normal(i + 1, 4000, 1, 4), CHAIN)
    assert x.mean().item() == pytest.approx(mean, abs=0.02)
    assert x.std().item() == pytest.approx(deviation, rel=0.03)
    assert told == [float(t) for t in reversed(CHAIN.respaced(250).original.tolist())]
    assert (told[0], told[-1], len(told)) == (999, 0, 250)


def test_a_scale_of_one_is_no_guidance_and_each_step_one_call() -> None:
    network, sampler = network_of(tiny(DDPM)), {"kind": "ancestral", "steps": 5}
    passes: list[Pass] = []
    plain, _ = sample(network, process=PROCESS, sampler=sampler)
    guided, _ = sample(network, passes, process=PROCESS, sampler=sampler, guidance={"scale": 1.0, "interval": (0.2, 0.8)})
    assert torch.equal(plain, guided)
    assert [p.t for p in passes] == [999, 749, 500, 250, 0]
    assert {p.rows for p in passes} == {1}


def test_guidance_acts_inside_its_interval_and_on_its_channels() -> None:
    network, sampler = network_of(tiny(DDPM)), {"kind": "ancestral", "steps": 5}
    passes: list[Pass] = []
    sample(network, passes, process=PROCESS, sampler=sampler, guidance={"scale": 2.0, "interval": (0.2, 0.6)})
    assert [p.images for p in passes] == [7, 7, 14, 14, 7]


def test_the_learned_variance_and_later_channels_are_left_to_the_label() -> None:
    for channels, guided, values in ((4, "first3", 12), (4, "all", 16), (1, "first3", 4)):
        guidance = EvaluationConfig.model_validate({"guidance": {"scale": 2.0, "channels": guided}}).guidance
        assert Guided.of(guidance, PROCESS, 4 * channels, channels) == Guided(values, 999.0)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "its sampler": (
        {"process": {"kind": "ddpm"}},
        "evaluation.sampler.kind: euler does not sample process.kind: ddpm; set evaluation.sampler.kind: ancestral",
    ),
    "flow's sampler": (
        {"evaluation": {"sampler": {"kind": "ancestral"}}},
        "evaluation.sampler.kind: ancestral does not sample process.kind: flow;"
        " set evaluation.sampler.kind: euler, heun, dopri5 or euler_maruyama",
    ),
    "path": (
        {"process": {"kind": "ddpm", "path": "cosine"}},
        "process.path: cosine is a path of flow, and process.kind is ddpm; leave process.path out",
    ),
    "clamp": (
        {"alignment": {"teacher": {"interval": {"clamp": "released"}}}},
        "alignment.teacher.interval.clamp: released is a step of ddpm, and process.kind is flow; leave it out, or set process.kind: ddpm",
    ),
    "steps": (
        {"evaluation": {"sampler": {"kind": "ancestral", "steps": 1001}}},
        "evaluation.sampler.steps: ddpm has 1000 steps, not 1001; ask for at most so many",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_means_nothing_is_refused(case: str) -> None:
    changed, message = REFUSED[case]
    with pytest.raises(ValidationError, match=re.escape(message)):
        TrainConfig.model_validate(changed)


def test_dit_is_sit_on_ddpm_with_its_own_alignment_layers() -> None:
    dit, sit = (config_from({"preset": "B/2", "method": name}) for name in ("dit", "sit"))
    assert (dit.process.kind, dit.evaluation.sampler.kind, dit.alignment.kind) == ("ddpm", "ancestral", "none")
    changed = {"process": sit.process, "evaluation": sit.evaluation, "alignment": sit.alignment}
    assert dit.model_copy(update=changed) == sit
    aligned = {"alignment": {"kind": "self"}, "method": "dit"}
    layers = {size: config_from({"preset": f"{size}/2"} | aligned).alignment for size in ("S", "B", "L", "XL")}
    assert {size: (a.student_layer, a.teacher.layer) for size, a in layers.items()} == {
        "S": (3, 7),
        "B": (3, 7),
        "L": (6, 14),
        "XL": (8, 16),
    }
    assert config_from(merge({"preset": "B/2"} | aligned, {"alignment": {"teacher": {"layer": 9}}})).alignment.teacher.layer == 9
    assert config_from(aligned).alignment.teacher.layer == 7
    assert config_from({"preset": "nano"} | aligned).alignment.teacher.layer == 2


@pytest.mark.usefixtures("classifier")
def test_a_trial_trains_resumes_and_is_judged(tmp_path: Path, cache: Path) -> None:
    config = tiny(DDPM, CELLS["dual_full"], SRA_ON_DIT, {"timesteps": {"gap": {"max": 0.3}}})
    whole = run(config, tmp_path / "whole", cache)
    run(config.model_copy(update={"steps": 4}), tmp_path / "first", cache)
    resumed = run(config, tmp_path / "second", cache, resume_from=[tmp_path / "first"])
    assert resumed.of("evaluation") == whole.of("evaluation")
    ((_, metrics),) = whole.of("evaluation")
    assert metrics["held_out_noise_loss"] > 0
    assert "held_out_loss" not in metrics
    gaps = [point["realised_gap"] for _, point in whole.of("points") if "realised_gap" in point]
    assert len(gaps) == 3
    assert all(0 < gap < 0.3 for gap in gaps)
