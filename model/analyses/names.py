"""The analyses by name, and what each needs; loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Need = Literal["weights", "held-out images", "training images", "samples", "several averages", "groups"]
"""`groups`: a partition of at least two. `several averages`: moving averages of at least two training steps."""


@dataclass(frozen=True)
class AnalysisInfo:
    """What an analysis is, before anything is computed."""

    name: str
    version: int
    """Raised when the definition of its numbers changes."""
    summary: str
    """One plain sentence."""
    needs: tuple[Need, ...]
    """Without one of these it does not apply to a trial."""


_ALL = (
    AnalysisInfo(
        "attention_mass",
        1,
        "How much of a token's attention falls on the other groups, over chance, by layer and by the noise levels of both.",
        ("weights", "held-out images", "groups"),
    ),
    AnalysisInfo(
        "loss_grid",
        1,
        "The loss on a group's tokens at its own noise level beside the others', and what reading the others gains, with the same weights.",
        ("weights", "held-out images", "groups"),
    ),
    AnalysisInfo(
        "by_level",
        1,
        "Held-out loss and overfitting gap at each noise level.",
        ("weights", "held-out images", "training images"),
    ),
    AnalysisInfo(
        "probe",
        1,
        "How well a linear probe tells the classes from the features after each layer, at each noise level.",
        ("weights", "held-out images", "training images"),
    ),
    AnalysisInfo(
        "counterfactual",
        1,
        "Held-out loss and samples of the same weights with reading across groups on and off.",
        ("weights", "held-out images", "samples", "groups"),
    ),
    AnalysisInfo(
        "memorisation",
        1,
        "Whether samples lie nearer to training images than to held-out ones, and how many are near copies of one.",
        ("weights", "held-out images", "training images", "samples"),
    ),
    AnalysisInfo(
        "views",
        1,
        "How many views of the training images (image, group, noise level) training has shown, and how often levels differ in an image.",
        (),
    ),
    AnalysisInfo(
        "alignment",
        1,
        "How alike the features of every two layers are (unbiased linear CKA), and of each layer and the frozen encoder.",
        ("weights", "held-out images"),
    ),
    AnalysisInfo(
        "overfitting",
        1,
        "Held-out loss minus training loss over training steps and noise levels.",
        ("several averages", "held-out images", "training images"),
    ),
)

ANALYSES: Mapping[str, AnalysisInfo] = MappingProxyType({info.name: info for info in _ALL})
"""By name, the ones that say most about interaction first."""
