"""Whose features samples and real images are compared in. A metric's name says it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from model.config.frozen import FrozenNetwork, TimmNetwork
from model.config.section import NOT_IDENTITY, Section

FID_WEIGHTS = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of the one published file of FID's Inception (2015-12-05, ported from TensorFlow): `weights-` and `pt_inception-2015-12-05-
6726825d.pth` of torch-fidelity and pytorch-fid are the same bytes."""
DINOV2_WEIGHTS = "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428"
"""SHA-256 of `dinov2_vitl14_pretrain.pth`, the file that the authors of 2306.04675 load; timm converts it."""
_NAMES_OF_THEIR_OWN = {
    ("kid", "fid"): "kid",
    ("sfid", "fid"): "sfid",
    ("fd_infinity", "fid"): "fid_infinity",
    ("cmmd", "fd_clip"): "cmmd",
}
"""What a metric is called in the features of the distance that it was published with."""


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


class NamedTimmExtractor(TimmNetwork):
    """A model of timm whose published weights give a number of a name of its own."""

    place = "evaluation.extractor"
    published: ClassVar[frozenset[str]] = frozenset({"pretrained"})
    """What `weights_hash` is of those weights."""

    kind: str

    @property
    def features(self) -> str:
        """Name of the features: that of the kind for the published weights alone."""
        return self.kind if self.weights_hash in self.published else f"{self.kind}_{'random' if self.weights == 'none' else 'other'}"


class Dinov2Extractor(NamedTimmExtractor):
    """DINOv2 ViT-L/14 as in 2306.04675 (Stein et al. 2023): class token of pictures of 224 x 224; gives `fd_dinov2`."""

    published: ClassVar = frozenset({"pretrained", DINOV2_WEIGHTS[:16]})
    offline: ClassVar = "dinov2_vitl14_pretrain.pth of facebookresearch/dinov2 (1.2 GB)"

    kind: Literal["dinov2"]
    name: Literal["vit_large_patch14_dinov2.lvd142m"] = "vit_large_patch14_dinov2.lvd142m"


class ClipExtractor(NamedTimmExtractor):
    """OpenAI's CLIP ViT-L/14 at 336 x 336, as in 2401.09603 (Jayasumana et al. 2024): projected embeddings of length 1, for `cmmd`."""

    offline: ClassVar = (
        "a file of them, for results named cmmd_clip_other; or put timm/vit_large_patch14_clip_336.openai into the hub's cache"
        " ($HF_HOME/hub)"
    )

    kind: Literal["clip"]
    name: Literal["vit_large_patch14_clip_quickgelu_336.openai"] = "vit_large_patch14_clip_quickgelu_336.openai"
    """With the activation that OpenAI trained with; timm's `vit_large_patch14_clip_336` has the same weights and another activation."""


AnyExtractor = ClassifierExtractor | TimmExtractor | Dinov2Extractor | ClipExtractor | InceptionExtractor
Extractor = Annotated[AnyExtractor, Field(discriminator="kind")]


def named_by_features(metric: str, distance: str) -> str:
    """Name in results of `cmmd`, `kid`, `sfid` or `fd_infinity`, in the features of a Fréchet distance of that name, such as kid_digits."""
    if (metric, distance) in _NAMES_OF_THEIR_OWN:
        return _NAMES_OF_THEIR_OWN[metric, distance]
    return f"{metric}_{distance.removeprefix('fd_')}"


def feature_metrics(extractor: AnyExtractor, data: str) -> tuple[str, ...]:
    """What is always measured in the extractor's features, on `data.kind`: first the Fréchet distance.

    `fid`, `inception_score` and `fd_dinov2` are names of numbers that published weights give, so other weights of the same network have
    none of them.
    """
    match extractor:
        case ClassifierExtractor():
            return ("fd_digits",) if data == "digits" else ("fd_classifier",)
        case TimmExtractor():
            return (f"fd_{extractor.name}_random",) if extractor.weights == "none" else (f"fd_{extractor.name}",)
        case NamedTimmExtractor():
            return (f"fd_{extractor.features}",)
        case InceptionExtractor():
            return ("fid", "inception_score") if extractor.weights_hash == FID_WEIGHTS[:16] else ("fd_inception",)
