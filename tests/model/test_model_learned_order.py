"""`assignment: learned`: the order against scores of the dense reference, ties, streams, what runs, and trials that resume."""

from itertools import pairwise, product
from pathlib import Path
from typing import Any

import dense_reference
import pytest
import torch
from test_model_dense_agreement import assert_agreement, dense_batch, dense_method
from tiny_trials import CELLS, DDPM, PATCH_VALUES, TOKENS, Batch, batch_of, objective_of, tiny
from torch import Tensor
from trial_reports import run

from model import learned_order, randomness
from model.config import TrainConfig
from model.learned_order import in_learned_order
from model.randomness import BatchStreams, stream_seed
from model.reports import TrialReport
from model.step_noise import StepNoise, draw
from model.training import loop

BY, FIRST = ("loss", "saliency"), ("largest", "smallest")
THIRDS = {"partition": {"ratio": (0.5, 0.3, 0.2)}}
DUAL = {"timesteps": {"kind": "dual"}}
MODES: dict[str, dict[str, Any]] = {
    "single, full": {"attention": {"separation": "full"}},
    "single, k per group": {"alignment": {"teacher": {"interval": {"per": "group"}}}},
    "dual": DUAL,
    "dual, shuffled": DUAL | {"attention": {"separation": "shuffled"}},
    "dual, three groups": DUAL | THIRDS,
    "dual, ordered": {"timesteps": {"kind": "dual", "ordering": "masked_is_noisier", "gap": {"max": 0.4}}},
    "dual, shifted, cosine": {"timesteps": {"kind": "dual", "shift": 3.0}, "process": {"path": "cosine"}},
    "dual, ddpm": DUAL | DDPM,
    "dual, some whole": {"timesteps": {"kind": "dual", "ordering": "masked_is_noisier"}, "partition": {"full_image_probability": 0.34}},
    "dual, no alignment": DUAL | {"alignment": {"kind": "none"}},
    "dual, deeper": DUAL | {"alignment": {"teacher": {"layer": 3, "labels": "dropped", "timesteps": "min"}}},
}


def learned(by: str = "loss", first: str = "largest") -> dict[str, Any]:
    return {"partition": {"assignment": "learned", "score": {"by": by, "first": first}}}


def drawn(config: TrainConfig, images: int | None = None) -> StepNoise:
    """Of the step that `batch_of` makes, before tokens are scored."""
    size = images or config.batch_size
    return draw(config, BatchStreams(config.seed, 3, size), TOKENS, PATCH_VALUES)


def dense_scores(config: TrainConfig, batch: Batch, by: str) -> Tensor:
    """(N, T) by the dense reference, from the draws of `single` with the same law of t."""
    law = {"kind": "single", "gap": "independent", "ordering": "none"}
    t = drawn(TrainConfig.model_validate(config.model_dump() | {"timesteps": config.timesteps.model_dump() | law})).t.double()
    average = objective_of(config).average.state_dict()
    everyone = torch.ones(len(t), TOKENS, TOKENS, dtype=torch.bool)
    t = t.expand(-1, TOKENS)
    x, wanted = dense_reference.mixed(dense_method(config), dense_batch(config, batch), t)
    predicted, taps = dense_reference.forward(average, config.backbone.heads, x, t, batch.labels, everyone)
    if by == "loss":
        return ((predicted[..., :PATCH_VALUES] - wanted) ** 2).sum(dim=2) / PATCH_VALUES
    tap = taps[config.alignment.teacher.layer - 1]
    mean = tap.sum(dim=1, keepdim=True) / TOKENS
    return 1 - (tap * mean).sum(dim=2) / torch.sqrt((tap**2).sum(dim=2) * (mean**2).sum(dim=2))


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("mode", MODES)
def test_the_order_is_that_of_the_dense_references_scores(mode: str, by: str, first: str) -> None:
    config = tiny(learned(by, first), MODES[mode])
    batch = batch_of(config)
    assert batch.draws.dropped.any(), "labels that only the student sees dropped"
    scores = dense_scores(config, batch, by)
    assert (scores.sort(dim=1).values.diff(dim=1) > 1e-7).all(), "no ties here"
    assert torch.equal(batch.draws.order, scores.argsort(dim=1, descending=first == "largest"))
    after = batch.draws.tensors()
    for name, before in drawn(config).tensors().items():
        if name not in ("order", "scored_at"):
            assert torch.equal(after[name], before.to(after[name].dtype)), name


@pytest.mark.parametrize("by", BY)
def test_groups_have_their_exact_sizes_from_one_end_of_the_scores(by: str) -> None:
    config = tiny(learned(by), DUAL, THIRDS)
    batch = batch_of(config)
    scores = dense_scores(config, batch, by).gather(1, batch.draws.order)
    assert torch.equal(batch.draws.order.sort(dim=1).values, torch.arange(TOKENS).expand(len(scores), -1))
    parts = scores.split(config.partition.counts(TOKENS), dim=1)
    assert [part.shape[1] for part in parts] == [8, 5, 3]
    for upper, lower in pairwise(parts):
        assert (upper.amin(dim=1) > lower.amax(dim=1)).all()


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("values", [1, 2, 3])
def test_equal_scores_go_by_the_uniform_order_of_the_random_partition(values: int, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = 500
    config = tiny(learned(first=first), DUAL, batch_size=images)
    scores = (torch.arange(TOKENS) % values).double().expand(images, -1)
    monkeypatch.setattr(learned_order, "token_scores", lambda *_: scores)
    batch = batch_of(config)
    uniform = drawn(tiny(DUAL, batch_size=images)).order
    for found, base in zip(batch.draws.order.tolist(), uniform.tolist(), strict=True):
        sign = -1 if first == "largest" else 1
        assert found == sorted(base, key=lambda token: sign * (token % values))  # python's sort is stable


@pytest.mark.parametrize("mode", MODES)
def test_no_stream_shifts(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, ...]] = []

    def watched(seed: int, purpose: str, *indices: int | str) -> int:
        opened.append((seed, purpose, *indices))
        return stream_seed(seed, purpose, *indices)

    monkeypatch.setattr(randomness, "stream_seed", watched)
    random, ours = drawn(tiny(MODES[mode])), drawn(tiny(learned(), MODES[mode]))
    half = len(opened) // 2
    assert set(opened[:half]) == set(opened[half:]), "the same streams, and no other"
    assert random.scored_at is None
    for name, value in random.tensors().items():
        assert torch.equal(ours.tensors()[name], value), name
    single = drawn(tiny(DDPM if "ddpm" in mode else {}, timesteps={"shift": MODES[mode].get("timesteps", {}).get("shift", 1.0)}))
    assert ours.scored_at is not None
    assert torch.equal(ours.scored_at, single.t)


@pytest.mark.parametrize("changes", [{}, {"attention": {"separation": "shuffled"}}, {"timesteps": {"kind": "per_token"}}])
def test_an_order_that_nobody_uses_is_not_made(changes: dict[str, Any]) -> None:
    config = tiny(learned(), changes)
    assert not config.orders_by_score
    draws = drawn(config)
    objective = objective_of(config)
    assert in_learned_order(config, objective.average, torch.zeros(0), torch.zeros(0), draws) is draws


def test_losses_refuse_draws_whose_order_is_still_to_be_made() -> None:
    config = tiny(learned(), DUAL)
    batch = batch_of(config)
    with pytest.raises(AssertionError, match="draws go through in_learned_order first"):
        objective_of(config)(batch.data, batch.labels, drawn(config).to(torch.device("cpu"), torch.float64))


def test_a_saliency_stops_at_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the average ran past the layer")

    for by in BY:
        config = tiny(learned(by), DUAL, alignment={"kind": "none"})
        objective, batch = objective_of(config), batch_of(config)
        for module in (objective.average.blocks[2], objective.average.final_layer):
            monkeypatch.setattr(module, "forward", never)
        draws = drawn(config).to(torch.device("cpu"), torch.float64)
        if by == "saliency":
            found = in_learned_order(config, objective.average, batch.data, batch.labels, draws)
            assert torch.equal(found.order, batch.draws.order)
        else:
            with pytest.raises(AssertionError, match="ran past the layer"):
                in_learned_order(config, objective.average, batch.data, batch.labels, draws)


@pytest.mark.parametrize(("mode", "first"), [case for case in product(MODES, FIRST) if case[0] != "dual, no alignment"])
def test_losses_and_gradients_in_an_order_by_saliency_are_those_of_the_dense_reference(mode: str, first: str) -> None:
    assert_agreement(tiny(learned("saliency", first), MODES[mode]))


def test_a_score_left_out_is_the_default_score_by_name() -> None:
    short, long = tiny(partition={"assignment": "learned"}), tiny(learned())
    assert short == long
    assert tiny(partition={"assignment": "learned", "score": None}) == long
    assert TrainConfig.model_validate(long.model_dump(mode="json")) == long
    assert long.training_identity(content_hash="", precision="fp32")["partition"]["score"] == {"by": "loss", "first": "largest"}
    assert "score" not in tiny().training_identity(content_hash="", precision="fp32")["partition"]


EXTERNAL = {"alignment": {"kind": "external", "encoder": {"name": "test_vit", "weights": "none", "resolution": 64}}}
TRIALS: dict[str, dict[str, Any]] = {
    "loss": CELLS["dual_full"] | learned(),
    "saliency": CELLS["single_full"] | learned("saliency", "smallest"),
    "saliency, no alignment": DUAL | {"alignment": {"kind": "none"}} | learned("saliency"),
    "saliency, frozen encoder": DUAL | EXTERNAL | learned("saliency"),
}


class Killed(Exception):
    """Stands for kill -9."""


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize(
    ("trial", "precision"), [("loss", "float64"), ("loss", "bf16"), *((trial, "fp32") for trial in TRIALS if trial != "loss")]
)
def test_six_steps_are_three_a_kill_and_three(
    trial: str, precision: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "ALIVE_SECONDS", -1.0)
    config = tiny(TRIALS[trial], precision=precision, checkpoint_every=3, log_every=1)
    whole = run(config, tmp_path / "whole", cache)

    def kill(report: TrialReport) -> bool:
        if report.kind == "alive" and report.step == 5:
            raise Killed
        return False

    with pytest.raises(Killed):
        run(config, tmp_path / "attempt-1", cache, stop=kill)
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[tmp_path / "attempt-1"])
    assert resumed.started().step == 3
    for name in ("checkpoint-00000006.safetensors", "average-00000006.safetensors"):
        ours, theirs = resumed.tensors(name), whole.tensors(name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    for kind in ("points", "evaluation"):
        assert resumed.of(kind) == [said for said in whole.of(kind) if said[0] > 3], kind
    random = run(tiny(config.model_dump(), partition={"assignment": "random", "score": None}), tmp_path / "random", cache)
    assert random.of("points") != whole.of("points"), "the order makes a difference"
