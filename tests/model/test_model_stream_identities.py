"""Trials of one seed share exactly the draws of the streams that are alike by `stream_identities`."""

from typing import Any

import pytest
import torch
from tiny_trials import PATCH_VALUES, TINY, TOKENS, tiny

from model.config import TrainConfig, stream_identities
from model.randomness import BatchStreams
from model.step_noise import draw


def draws(given: TrainConfig) -> dict[str, Any]:
    drawn = draw(given, BatchStreams(7, 3, given.batch_size), TOKENS, PATCH_VALUES)
    return {"noise": drawn.noise, "timesteps": drawn.t[:, :1], "partition": drawn.order, "views": drawn.views, "interval": drawn.k[:, :1]}


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({}, set()),
        ({"timesteps": {"kind": "dual"}}, set()),
        ({"optimizer": {"learning_rate": 1e-3}}, set()),
        ({"timesteps": {"kind": "dual"}, "attention": {"separation": "full"}, "alignment": {"teacher": {"separated": True}}}, set()),
        ({"backbone": TINY["backbone"] | {"width": 32}}, {"backbone weights", "head weights"}),
        ({"data": {"kind": "digits", "train_images": 100}}, {"data order"}),
        ({"batch_size": 8}, {"data order", "noise", "timesteps", "interval", "label dropout"}),
    ],
)
def test_alike_streams_draw_alike(changes: dict[str, Any], differing: set[str]) -> None:
    plain, other = tiny({}), tiny(changes)
    streams, others = stream_identities(plain), stream_identities(other)
    common = streams.keys() & others.keys()
    assert {"backbone weights", "data order", "noise", "timesteps"} <= common
    assert {name for name in common if streams[name] != others[name]} == differing
    mine, theirs = draws(plain), draws(other)
    for name in common & mine.keys():
        assert torch.equal(mine[name], theirs[name]) == (name not in differing)


def test_a_stream_that_nobody_reads_is_none() -> None:
    single = stream_identities(tiny({"alignment": {"kind": "none"}, "label_dropout": 0.0}))
    assert set(single) == {"backbone weights", "data order", "noise", "timesteps"}
    shuffled = {"timesteps": {"kind": "dual"}, "attention": {"separation": "shuffled"}, "alignment": {"teacher": {"separated": True}}}
    assert {"partition", "views"} <= set(stream_identities(tiny(shuffled)))
    assert "views" not in stream_identities(tiny(shuffled | {"attention": {"separation": "full"}}))


def test_the_partition_is_shared_whatever_its_ratio() -> None:
    dual = {"timesteps": {"kind": "dual"}}
    found = [stream_identities(tiny(dual | {"partition": {"ratio": ratio}})) for ratio in (0.25, 0.5)]
    assert found[0] == found[1]
    block = stream_identities(tiny(dual | {"partition": {"assignment": "block"}}))
    assert block["partition"] != found[0]["partition"]


def test_the_seed_and_what_comes_after_training_are_no_part_of_it() -> None:
    assert stream_identities(tiny({"seed": 5, "steps": 7, "evaluation": {"samples": 20}})) == stream_identities(tiny({}))
