"""Exact group sizes, and that the random partition is uniform."""

import pytest
import torch
from scipy import stats

from model.config.noise import PartitionConfig
from model.errors import ConfigError
from model.noise.assignments import Random
from model.randomness import BatchStreams

TOKENS, IMAGES = 16, 4000


@pytest.mark.parametrize(
    ("ratio", "tokens", "counts"),
    [
        (0.25, 256, (64, 192)),
        (0.35, 256, (90, 166)),
        (0.5, 256, (128, 128)),
        ((0.5, 0.3, 0.2), 256, (128, 77, 51)),
        ((5, 3, 2), 256, (128, 77, 51)),
        ((1.0,), 256, (256,)),
        ((7.0,), 256, (256,)),
        (0.5, 9, (5, 4)),  # a tie goes to the lower group
        ((1, 1, 1), 256, (86, 85, 85)),
        ((1, 1, 1, 1), 6, (2, 2, 1, 1)),
        ((0.25, 0.75), 16, (4, 12)),
        (0.35, 20, (7, 13)),  # .35 * 20 is a little below 7 in binary
        (0.3, 10, (3, 7)),
        (0.85, 10, (9, 1)),  # a tie, though (1 - .85) * 10 is a little above 1.5 in binary
        (0.41, 50, (21, 29)),
        (0.1, 5, (1, 4)),  # .5 and 4.5: a tie again
    ],
)
def test_counts(ratio: float | tuple[float, ...], tokens: int, counts: tuple[int, ...]) -> None:
    assert PartitionConfig(ratio=ratio).counts(tokens) == counts


@pytest.mark.parametrize("tokens", [2, 3, 16, 64, 255, 256, 1024])
@pytest.mark.parametrize("ratio", [0.5, 0.37, (0.2, 0.2, 0.6), (3, 1, 1, 2)])
def test_counts_are_all_tokens_within_one_of_the_quota(ratio: float | tuple[float, ...], tokens: int) -> None:
    partition = PartitionConfig(ratio=ratio)
    if tokens < len(partition.shares):
        with pytest.raises(ConfigError):
            partition.counts(tokens)
        return
    try:
        counts = partition.counts(tokens)
    except ConfigError:
        assert any(share * tokens < 1 for share in partition.shares)
        return
    assert sum(counts) == tokens
    assert all(abs(count - share * tokens) < 1 for count, share in zip(counts, partition.shares, strict=True))


@pytest.mark.parametrize(("ratio", "tokens"), [(0.01, 16), (0.99, 16), ((0.9, 0.05, 0.05), 4)])
def test_an_empty_group_is_refused(ratio: float | tuple[float, ...], tokens: int) -> None:
    with pytest.raises(ConfigError, match=r"leaves a group without tokens \(.*of \d+\); use a larger share"):
        PartitionConfig(ratio=ratio).counts(tokens)


def test_every_token_is_equally_likely_at_every_place() -> None:
    order = Random().order((TOKENS,), BatchStreams(0, 0, IMAGES), "partition")
    assert torch.equal(order.sort(dim=1).values, torch.arange(TOKENS).expand(IMAGES, -1))
    landed = torch.zeros(TOKENS, TOKENS)
    for place in range(TOKENS):
        landed[place] = order[:, place].bincount(minlength=TOKENS)
    # The table has (T - 1)^2 degrees of freedom, for both margins are fixed.
    statistic = ((landed - IMAGES / TOKENS) ** 2 / (IMAGES / TOKENS)).sum().item()
    assert stats.chi2((TOKENS - 1) ** 2).sf(statistic) > 0.01
    assert stats.chi2((TOKENS - 1) ** 2).cdf(statistic) > 0.01


def test_pairs_of_tokens_share_group_0_as_often_as_a_uniform_subset_of_four_does() -> None:
    order = Random().order((TOKENS,), BatchStreams(1, 0, IMAGES), "partition")
    inside = torch.zeros(IMAGES, TOKENS).scatter(1, order[:, :4], 1.0)
    pairs = (inside.T @ inside)[torch.triu_indices(TOKENS, TOKENS, 1).unbind()]
    wanted = IMAGES * (4 * 3) / (TOKENS * (TOKENS - 1))
    assert pairs.mean().item() == pytest.approx(wanted)  # 6 pairs of every image
    assert (abs(pairs - wanted) < 4.5 * wanted**0.5).all()


def test_images_and_steps_have_their_own_partition() -> None:
    first, second = (Random().order((TOKENS,), BatchStreams(0, step, 64), "partition") for step in (0, 1))
    assert len(torch.unique(first, dim=0)) == 64
    assert not torch.equal(first, second)
