"""Attention by segments against a softmax over a dense mask, values and gradients."""

import pytest
import torch
from dense_reference import attend
from tiny_trials import TOKENS, network_of, tiny
from torch import Tensor

from model.backbone.attention import segmented_attention
from model.grouping import Grouping, Segment
from model.noise import layout
from model.noise.layout import grouping_of

N, HEADS, WIDTH = 5, 3, 4

whole = slice(None)
WHOLE_THEN_SEPARATED = (
    Segment(images=slice(0, 2)),
    Segment(images=slice(2, 5), queries=slice(0, 5), keys=slice(0, 5)),
    Segment(images=slice(2, 5), queries=slice(5, 16), keys=slice(5, 16)),
)
SEPARATED_THEN_WHOLE = (
    Segment(images=slice(0, 4), queries=slice(0, 3), keys=slice(0, 3)),
    Segment(images=slice(0, 4), queries=slice(3, 9), keys=slice(3, 9)),
    Segment(images=slice(0, 4), queries=slice(9, 16), keys=slice(9, 16)),
    Segment(images=slice(4, 5)),
)
KEYS_ARE_NOT_QUERIES = (
    Segment(images=slice(0, 1), queries=slice(0, 7), keys=whole),
    Segment(images=slice(0, 1), queries=slice(7, 16), keys=slice(7, 16)),
    Segment(images=slice(1, 5), queries=slice(0, 2), keys=slice(0, 2)),
    Segment(images=slice(1, 5), queries=slice(2, 16), keys=whole),
)
LAYOUTS = {
    "whole": (Segment(),),
    "two groups": (Segment(queries=slice(0, 4), keys=slice(0, 4)), Segment(queries=slice(4, 16), keys=slice(4, 16))),
    "whole images first": WHOLE_THEN_SEPARATED,
    "whole image last": SEPARATED_THEN_WHOLE,
    "one-way": KEYS_ARE_NOT_QUERIES,
    "one segment with fewer keys": (Segment(keys=slice(0, 5)),),
}


def mask_of(segments: tuple[Segment, ...]) -> Tensor:
    """(N, T, T): may image n's token i read token j; asserts that every query is covered once."""
    may_read, covered = torch.zeros(N, TOKENS, TOKENS, dtype=torch.bool), torch.zeros(N, TOKENS)
    for segment in segments:
        may_read[segment.images, segment.queries, segment.keys] = True if segment.mask is None else segment.mask[:, 0]
        covered[segment.images, segment.queries] += 1
    assert (covered == 1).all()
    return may_read


def values_and_gradients(read: Tensor, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    probe = torch.randn(read.shape, dtype=read.dtype, generator=torch.Generator().manual_seed(9))
    return [read.detach(), *torch.autograd.grad((read * probe).sum(), inputs)]


@pytest.mark.parametrize("case", LAYOUTS)
def test_segments_are_a_dense_mask(case: str) -> None:
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(N, HEADS, TOKENS, WIDTH, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(3))
    found = values_and_gradients(segmented_attention(q, k, v, LAYOUTS[case]), (q, k, v))
    wanted = values_and_gradients(attend(q, k, v, mask_of(LAYOUTS[case])), (q, k, v))
    for ours, dense in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, dense, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("sliced_from", [1, TOKENS + 1], ids=["slices", "a mask"])
@pytest.mark.parametrize("separated", [False, True])
@pytest.mark.parametrize("counts", [(16,), (4, 12), (5, 5, 6)])
def test_the_partition_separates_at_its_counts(
    counts: tuple[int, ...], separated: bool, sliced_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "SLICED_FROM", sliced_from)
    order = torch.rand(N, TOKENS, generator=torch.Generator().manual_seed(2)).argsort(dim=1)
    grouping = grouping_of(order, counts, separated=separated)
    group = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    alike = (group[:, None] == group[None, :]).expand(N, -1, -1)
    assert torch.equal(mask_of(grouping.segments), alike if separated else torch.ones_like(alike))
    assert any(segment.mask is not None for segment in grouping.segments) == (separated and sliced_from > TOKENS)


def test_sort_lays_tokens_in_order_and_unsort_undoes_it() -> None:
    order = torch.rand(N, TOKENS, generator=torch.Generator().manual_seed(3)).argsort(dim=1)
    tokens = torch.randn(N, TOKENS, 2, generator=torch.Generator().manual_seed(4))
    grouping = grouping_of(order, (4, 12), separated=True)
    placed = grouping.sort(tokens)
    for n in range(N):
        for place in range(TOKENS):
            assert torch.equal(placed[n, place], tokens[n, order[n, place]])
    assert torch.equal(grouping.unsort(placed), tokens)
    whole_image = Grouping.whole(TOKENS)
    assert torch.equal(whole_image.sort(tokens), tokens)
    assert torch.equal(whole_image.unsort(tokens), tokens)


def test_spread_gives_each_token_the_row_of_its_group() -> None:
    rows = torch.arange(3 * 3 * 2, dtype=torch.float64).reshape(3, 3, 2)
    spread = Grouping(None, (1, 4, 2), (Segment(),)).spread(rows)
    assert torch.equal(spread, rows[:, [0, 1, 1, 1, 1, 2, 2]])
    one = rows[:, :1]
    assert torch.equal(Grouping(None, (1, 4, 2), (Segment(),)).spread(one).expand(3, 7, 2), one.expand(3, 7, 2))
    index = torch.tensor([[2, 0, 0], [1, 1, 1], [0, 2, 1]])
    assert torch.equal(Grouping(None, (1, 1, 1), (Segment(),), index).spread(rows), torch.stack([rows[n, index[n]] for n in range(3)]))
    with pytest.raises(AssertionError, match="2 conditioning rows for 3 groups"):
        Grouping(None, (1, 4, 2), (Segment(),)).spread(rows[:, :2])


def test_a_network_over_a_mix_of_whole_and_separated_images_is_each_part_by_itself() -> None:
    config = tiny()
    network = network_of(config)
    order = torch.rand(N, TOKENS, generator=torch.Generator().manual_seed(6)).argsort(dim=1)
    x = torch.randn(N, TOKENS, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    t = torch.rand(N, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    labels = torch.arange(N)
    mixed, _ = network(x, t, labels, Grouping(order, (5, 11), WHOLE_THEN_SEPARATED))
    free, _ = network(x[:2], t[:2], labels[:2], grouping_of(order[:2], (5, 11), separated=False))
    apart, _ = network(x[2:], t[2:], labels[2:], grouping_of(order[2:], (5, 11), separated=True))
    torch.testing.assert_close(mixed, torch.cat([free, apart]), rtol=1e-10, atol=1e-10)
    assert not torch.allclose(network(x, t, labels, grouping_of(order, (5, 11), separated=True))[0][:2], free)
