"""Which images of a batch are left whole: the rounded share, evenly spread, so that parts of a batch have equal work."""

from collections.abc import Iterator

import pytest
import torch
from tiny_trials import CELLS, tiny

from model.config.noise import PartitionConfig
from model.data.dataset import DataSet
from model.noise.partition import draw_whole_images
from model.randomness import BatchStreams
from model.training.state import initial_state
from model.training.step import train_step

BATCH, PARTS = 40, 2


@pytest.mark.parametrize(
    ("probability", "images", "whole"),
    [(0.25, 64, 16), (0.25, 10, 2), (1.0, 7, 7), (0.34, 6, 2), (0.0, 5, 0), (0.02, 40, 1), (0.3, 40, 12), (0.9, 48, 43)],
)
def test_exactly_the_rounded_share_of_images_is_whole_and_evenly_spread(probability: float, images: int, whole: int) -> None:
    chosen = draw_whole_images(PartitionConfig(full_image_probability=probability), BatchStreams(3, 5, images))
    assert (chosen.shape, chosen.dtype, int(chosen.sum())) == ((images,), torch.bool, whole)
    for size in range(1, images + 1):
        counts = {int(chosen[first : first + size].sum()) for first in range(images - size + 1)}
        assert max(counts) - min(counts) <= 1, size


def test_parts_of_a_batch_agree_with_the_whole() -> None:
    config = PartitionConfig(full_image_probability=0.3)
    parts = [draw_whole_images(config, BatchStreams(0, 2, BATCH, slice(first, first + 5))) for first in range(0, BATCH, 5)]
    assert torch.equal(torch.cat(parts), draw_whole_images(config, BatchStreams(0, 2, BATCH)))
    assert {int(part.sum()) for part in parts} == {1, 2}


@pytest.fixture
def compiling() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.usefixtures("compiling")
def test_a_compiled_step_in_parts_is_compiled_at_most_twice(digits: DataSet) -> None:
    """It ended in an error at the ninth graph, when parts had any count of whole images."""
    changes = {"partition": {"full_image_probability": 0.33}, "backbone": {"layers": 2}}
    config = tiny(CELLS["dual_full"] | changes, batch_size=BATCH, accumulation=PARTS)
    state = initial_state(config, digits, torch.device("cpu"), torch.float64)
    graphs: list[object] = []

    def kept(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(graph)
        return graph.forward

    state.trained.compile(fullgraph=True, dynamic=False, backend=kept)
    for _ in range(12):
        train_step(config, state, digits.train, "float64")
    assert len(graphs) == 2  # 6 and 7 of 20
