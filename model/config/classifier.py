"""Who says which class a sample is of."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from model.config.frozen import TimmNetwork
from model.config.section import NOT_IDENTITY, Section


class TrainedClassifier(Section):
    """The small classifier that is trained once on the data's training part."""

    kind: Literal["trained"] = "trained"


class TimmClassifier(TimmNetwork):
    """A classifier of the user's: a model of timm with a head for the data's classes, its class k being label k."""

    place = "evaluation.classifier"
    words: ClassVar = {"pretrained": "pretrained"}

    kind: Literal["timm"]
    weights: str = Field(default="pretrained", min_length=1, json_schema_extra=NOT_IDENTITY)
    """`pretrained`: those of the name, over the network, for data with the same classes | a file (safetensors or torch), head included."""


Classifier = Annotated[TrainedClassifier | TimmClassifier, Field(discriminator="kind")]
