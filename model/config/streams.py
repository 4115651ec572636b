"""Which random streams a config draws from, and what besides the seed their draws depend on.

Two trials of one seed share a stream when both draw from it and this is equal: then the draws are the same, whatever is made of them.
"""

from typing import TYPE_CHECKING, Any

from model.config import equivalence

if TYPE_CHECKING:
    from model.config.train import TrainConfig


def stream_identities(config: "TrainConfig") -> dict[str, dict[str, Any]]:
    """Stream -> what fixes its draws, together with the seed; JSON-ready. Only streams whose draws reach the weights."""
    data = config.data.model_dump(mode="json", exclude={"train_images"})  # which only says what the data order is an order of
    batch: dict[str, Any] = {"batch_size": config.batch_size}
    tokens = batch | {"data": data, "patch": config.backbone.patch}
    backbone = config.backbone.model_dump(mode="json")
    found: dict[str, dict[str, Any]] = {
        "backbone weights": {"backbone": backbone, "process": config.process.kind, "data": data},
        "data order": batch | {"data": config.data.model_dump(mode="json")},
        "noise": tokens,
        "timesteps": batch,
    }
    aligned, teacher = config.alignment, config.alignment.teacher
    if aligned.kind != "none" and aligned.head:
        target = aligned.model_dump(mode="json", include={"kind", "head_width", "encoder"}) if aligned.kind == "external" else {}
        found["head weights"] = {"width": config.backbone.width} | target
    if aligned.kind == "self" and teacher.timesteps == "interval" and teacher.interval.width > 0:
        found["interval"] = batch
    if equivalence.noise_groups_used(config):
        found["partition"] = tokens | {"assignment": config.partition.assignment}
    if config.attention.separation == "shuffled":
        found["views"] = tokens | {"assignment": config.partition.assignment}
    if config.label_dropout > 0:
        found["label dropout"] = batch
    return found
