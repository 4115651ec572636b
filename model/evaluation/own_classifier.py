"""A classifier of the user's own, which says of which class a sample is, and how well it knows the data's held-out images."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from model.config.classifier import Classifier, TimmClassifier
from model.config.train import EVALUATOR_VERSION
from model.data.dataset import DataSet
from model.data.images import content_hash
from model.errors import DataError
from model.evaluation.extractors import BLOCK, FeatureExtractor, as_trained, named
from model.evaluation.reference import kept, real_pictures
from model.timm_models import load_timm_model


@dataclass(frozen=True)
class OwnClassifier:
    """A network with a head for the data's classes."""

    extractor: FeatureExtractor
    """Whose features are its logits."""
    patch: int
    channels: int
    accuracy: float = math.nan
    """On the data's held-out images; NaN until it was measured."""

    def logits(self, tokens: Tensor, tick: Callable[[], None]) -> Tensor:
        """Logits (n, K) float64, on the CPU, of images given as tokens (n, T, P); `tick` is called before every block of images."""
        return self.extractor.extract_tokens(tokens, self.patch, self.channels, tick)[0]

    def logits_at(self, images: Iterable[Tensor], tick: Callable[[], None]) -> Tensor:
        """As `logits`, of blocks of images (m, 1 or 3, S, S)."""
        return self.extractor.extract(images, tick)[0]

    def measured(self, data: DataSet, cache: Path, tick: Callable[[], None]) -> "OwnClassifier":
        """With its accuracy on the data's held-out images, which is computed once and kept in `cache`."""

        def computed() -> dict[str, Tensor]:
            pictures = real_pictures(data, self.patch)
            found = self.logits_at(pictures.held_out.blocks(BLOCK), tick).argmax(dim=1)
            return {"accuracy": (found == data.held_out.labels.cpu()).double().mean()}

        split = f"{len(data.reference_images)}-{len(data.held_out)}"
        what = (data.pictures_hash, split, self.extractor.name, data.held_out.tokens.device.type)
        key = f"{content_hash(*(part.encode() for part in what))}-v{EVALUATOR_VERSION}"
        return replace(self, accuracy=kept(cache / f"accuracy-{key}.safetensors", computed, tick)["accuracy"].item())


def open_own_classifier(config: Classifier, data: DataSet, patch: int, device: torch.device) -> OwnClassifier | None:
    """The classifier of the config, or None for the one that is trained on the data.

    Raises:
        ConfigError: There is no such model, or its published weights have other classes.
        DataError: The weights are of another network, or tell another number of classes apart.
    """
    if not isinstance(config, TimmClassifier):
        return None
    model = load_timm_model(config, "cannot be made ({error}); choose another model", data.classes).to(device)
    shown, about = as_trained(model, config.name, device)

    def forward(images: Tensor) -> tuple[Tensor, None]:
        logits: Tensor = model(shown(images))
        if logits.shape != (len(images), data.classes):
            said = f"{tuple(logits.shape[1:])} numbers an image, and the data has {data.classes} classes"
            raise DataError(f"{config.place}: {config.name} gives {said}; give a classifier of the data's classes")
        return logits, None

    return OwnClassifier(FeatureExtractor(named(model, about | {"classes": data.classes}), forward), patch, data.channels)
