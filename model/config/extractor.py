"""Whose features samples and real images are compared in. A metric's name says it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from model.config.frozen import FrozenNetwork, TimmNetwork
from model.config.section import NOT_IDENTITY, Section

FID_WEIGHTS = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of the one published file of FID's Inception (2015-12-05, ported from TensorFlow): `weights-` and `pt_inception-2015-12-05-
6726825d.pth` of torch-fidelity and pytorch-fid are the same bytes."""


class ClassifierExtractor(Section):
    """The small classifier that is trained once on the data's training part."""

    kind: Literal["classifier"] = "classifier"


class TimmExtractor(TimmNetwork):
    """Any image model of timm: its pooled features, before its classifier."""

    place = "evaluation.extractor"

    kind: Literal["timm"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+=-]*$")  # it becomes part of a metric's name
    """Model name in timm, such as `vit_small_patch14_dinov2.lvd142m` or `resnet50.a1_in1k`."""


class InceptionExtractor(FrozenNetwork):
    """FID's Inception-v3: 2048 pooled features, 1008 logits. Needs torch-fidelity (the extra `fid`)."""

    place = "evaluation.extractor"
    words: ClassVar = {"hub": FID_WEIGHTS[:16]}

    kind: Literal["inception"]
    weights: str = Field(default="hub", min_length=1, json_schema_extra=NOT_IDENTITY)
    """`hub`: the published file, from torch's download cache or over the network | that file (or one of the same network)."""


Extractor = Annotated[ClassifierExtractor | TimmExtractor | InceptionExtractor, Field(discriminator="kind")]


def named_by_features(metric: str, distance: str) -> str:
    """Name in results of `kid`, `sfid` or `fd_infinity`, in the features of a Fréchet distance of that name, such as kid_digits."""
    if distance == "fid":
        return {"kid": "kid", "sfid": "sfid", "fd_infinity": "fid_infinity"}[metric]
    return f"{metric}_{distance.removeprefix('fd_')}"


def feature_metrics(extractor: ClassifierExtractor | TimmExtractor | InceptionExtractor, data: str) -> tuple[str, ...]:
    """What is always measured in the extractor's features, on `data.kind`: first the Fréchet distance.

    `fid` and `inception_score` are names of numbers that one file of weights gives, so other weights of the same network have neither.
    """
    match extractor:
        case ClassifierExtractor():
            return ("fd_digits",) if data == "digits" else ("fd_classifier",)
        case TimmExtractor():
            return (f"fd_{extractor.name}_random",) if extractor.weights == "none" else (f"fd_{extractor.name}",)
        case InceptionExtractor():
            return ("fid", "inception_score") if extractor.weights_hash == FID_WEIGHTS[:16] else ("fd_inception",)
