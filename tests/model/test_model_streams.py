"""Streams by name: no variant shifts another's draws, and a part of a batch draws what the whole draws."""

from typing import Any

import pytest
import torch
from tiny_trials import CELLS, tiny

from model import randomness
from model.data.dataset import DataSet
from model.data.examples import batch_indices
from model.randomness import BatchStreams, stream, stream_seed
from model.step_noise import StepNoise, draw
from model.training.state import initial_state

VARIANTS: dict[str, dict[str, Any]] = CELLS | {
    "three groups": {"partition": {"ratio": (0.5, 0.3, 0.2)}, "timesteps": {"kind": "dual"}},
    "max gap": {"timesteps": {"kind": "dual", "gap": {"max": 0.3}}},
    "fixed gap": {"timesteps": {"kind": "dual", "gap": {"fixed": 0.3}}},
    "per token": {"timesteps": {"kind": "per_token"}},
    "shuffled": {"attention": {"separation": "shuffled"}, "timesteps": {"kind": "dual"}},
    "one-way": {"attention": {"separation": "noisy_reads_clean"}, "timesteps": {"kind": "dual"}},
    "some whole": {"partition": {"full_image_probability": 0.3}, "timesteps": {"kind": "dual"}},
    "learned": {"partition": {"assignment": "learned"}, "timesteps": {"kind": "dual"}},
    "k per group": {"alignment": {"teacher": {"interval": {"per": "group"}}}},
    "no alignment": {"alignment": {"kind": "none"}},
    "min": {"alignment": {"teacher": {"timesteps": "min"}}},
    "deeper": {"backbone": {"layers": 4}},
}


def draws_of(variant: str, seed: int = 0, step: int = 2, images: slice | None = None) -> StepNoise:
    return draw(tiny(VARIANTS[variant], seed=seed, batch_size=40), BatchStreams(seed, step, 40, images), 16, 4)


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        (("init", "blocks.0.attn.qkv.weight"), 4429153401142922807),
        (("noise", 0), 5864775114666645453),
        (("noise", 1), 2480800251985686597),
        (("timesteps/1", 7), 904765204877227473),
        (("data", 0), 1623185807416110813),
    ],
)
def test_seeds_of_streams_are_fixed_for_ever(name: tuple[Any, ...], seed: int) -> None:
    """A failure means that no stored trial can be repeated or resumed: restore the function rather than the literals."""
    assert stream_seed(3, *name) == seed


def test_a_name_is_not_confused_with_another() -> None:
    names = [(1, "a"), (1, "a", 0), (1, "a", 1), (1, "a", 1, 1), (1, "a", 11), (11, "a"), (1, "b"), (0, "1", "a"), (1, "a/1")]
    assert len({stream_seed(*name) for name in names}) == len(names)
    assert all(0 <= stream_seed(*name) < 2**63 for name in names)


def test_a_stream_is_the_same_each_time_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    assert torch.equal(stream(0, "x").uniform((5,)), stream(0, "x").uniform((5,)))
    draws_of("dual_full")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_with_one_seed_share_what_they_draw(variant: str) -> None:
    plain, other = draws_of("single_none"), draws_of(variant)
    for name in ("noise", "order", "dropped"):
        assert torch.equal(getattr(other, name), getattr(plain, name)), name
    assert torch.equal(other.t[:, :1], plain.t)
    assert torch.equal(other.k[:, :1], plain.k)


@pytest.mark.parametrize("changed", ["seed", "step"])
def test_another_seed_or_step_draws_everything_anew(changed: str) -> None:
    a, b = draws_of("dual_full"), draws_of("dual_full", **{changed: 9})
    for name, value in a.tensors().items():
        assert not torch.equal(value, b.tensors()[name]), name


@pytest.mark.parametrize(
    "variant", ["single_none", "dual_full", "fixed gap", "three groups", "per token", "shuffled", "some whole", "learned"]
)
def test_parts_of_a_batch_draw_what_the_whole_draws(variant: str) -> None:
    whole = draws_of(variant)
    parts = [draws_of(variant, images=cut).tensors() for cut in (slice(0, 7), slice(7, 20), slice(20, 40))]
    for name, value in whole.tensors().items():
        assert torch.equal(torch.cat([part[name] for part in parts]), value), name


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4])
def test_labels_are_dropped_at_their_rate(rate: float) -> None:
    dropped = draw(tiny(label_dropout=rate, batch_size=10_000), BatchStreams(0, 0, 10_000), 1, 1).dropped
    assert dropped.double().mean().item() == pytest.approx(rate, abs=0.015 if rate else 0)


def test_no_two_draws_of_a_trial_share_a_stream(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, ...]] = []

    def watched(seed: int, purpose: str, *indices: int | str) -> int:
        opened.append((seed, purpose, *indices))
        return stream_seed(seed, purpose, *indices)

    monkeypatch.setattr(randomness, "stream_seed", watched)
    config = tiny(VARIANTS["three groups"], batch_size=40)
    initial_state(config, digits, torch.device("cpu"), torch.float64)
    for step in (0, 1):
        draw(config, BatchStreams(0, step, 40), 16, 4)
    batch_indices(0, 0, 40, 123)
    assert len(set(opened)) == len(opened)
    per_step = {"noise", "timesteps", "timesteps/1", "timesteps/2", "interval", "interval/1", "interval/2", "partition", "label_dropout"}
    assert {name[1] for name in opened} == per_step | {"init", "data"}
    assert {name[2] for name in opened if name[1] == "init" and name[2].startswith("ap_head.")} == {
        f"ap_head.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")
    }


@pytest.mark.parametrize("assignment", ["block", "checkerboard", "rows", "bernoulli"])
def test_assignments_views_and_whole_images_have_streams_of_their_own(assignment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = draws_of("dual_none")
    opened: list[tuple[Any, ...]] = []

    def watched(seed: int, purpose: str, *indices: int | str) -> int:
        opened.append((seed, purpose, *indices))
        return stream_seed(seed, purpose, *indices)

    monkeypatch.setattr(randomness, "stream_seed", watched)
    config = tiny(
        attention={"separation": "shuffled"},
        timesteps={"kind": "dual"},
        partition={"assignment": assignment, "full_image_probability": 0.25},
        batch_size=40,
    )
    found = draw(config, BatchStreams(0, 2, 40), 16, 4)
    assert len(set(opened)) == len(opened)
    assert torch.equal(found.noise, plain.noise)
    assert torch.equal(found.dropped, plain.dropped)
    assert found.whole is not None
    assert torch.equal(found.t[~found.whole], plain.t[~found.whole])
    assert torch.equal(found.k[~found.whole], plain.k[~found.whole])


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_with_one_seed_start_from_the_same_weights(variant: str, digits: DataSet) -> None:
    plain, other = (initial_state(tiny(VARIANTS[v]), digits, torch.device("cpu"), torch.float64) for v in ("single_none", variant))
    ours, theirs = dict(other.objective.student.named_parameters()), dict(plain.objective.student.named_parameters())
    assert theirs.keys() <= ours.keys()
    assert all(torch.equal(ours[name], p) for name, p in theirs.items())
    for a, b in zip(plain.objective.head.parameters(), other.objective.head.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_seed_starts_elsewhere(digits: DataSet) -> None:
    a, b = (initial_state(tiny(seed=seed), digits, torch.device("cpu"), torch.float64).objective for seed in (0, 1))
    assert not torch.equal(a.student.x_embedder.proj.weight, b.student.x_embedder.proj.weight)
    assert not torch.equal(next(a.head.parameters()), next(b.head.parameters()))


@pytest.mark.parametrize(("images", "batch"), [(10, 3), (10, 10), (7, 20), (1438, 64)])
def test_every_image_is_seen_once_an_epoch(images: int, batch: int) -> None:
    steps = -(-3 * images // batch)
    seen = torch.cat([batch_indices(0, step, batch, images) for step in range(steps)])
    assert len(seen) == steps * batch
    epochs = seen[: 3 * images].reshape(3, images)
    assert torch.equal(epochs.sort(dim=1).values, torch.arange(images).expand(3, -1))
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(batch_indices(1, 0, batch, images), batch_indices(0, 0, batch, images))
