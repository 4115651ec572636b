"""A small classifier trained once on a data set's training part: its features and its classes measure samples.

Everything is fixed (weights, order, when it stops), so one machine always trains the same one; it is kept under the data set's content
hash. 800 steps are enough where they fit the training images. Else it goes on while its accuracy on training images kept aside still rises;
held-out images choose nothing, so its accuracy on them is not flattered.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from filelock import FileLock
from torch import Tensor, nn

from model.backbone.transformer import initialise
from model.data.dataset import DataSet
from model.data.examples import Examples, batch_indices
from model.data.images import content_hash
from model.evaluation.distances import Moments, frechet_distance
from model.patches import unpatchify
from model.tensor_file import save_tensors
from model.weight_files import open_safetensors
from model.whole_file import whole_file

CLASSIFIER_VERSION = 3
FEATURES = 64
STEPS, BATCH, LEARNING_RATE = 800, 64, 2e-3
FITTED = 0.95
"""Accuracy on its own training images from which more steps are not tried."""
ROUNDS = 4
"""Of 1, 2, 4 and 8 times `STEPS`, each of which must raise the accuracy on images kept aside by `LEAST_RISE` to have another."""
LEAST_RISE = 0.01
ROUNDS_SIDE = 32
"""Images of which all rounds are affordable; larger ones have as many rounds as take no more pixels."""
MOST_ASIDE = 5000
"""Images kept aside: a tenth of the training images, at most so many."""
BLOCK = 1024


class Classifier(nn.Module):
    """Convolutions down to at most 4 x 4, one feature layer, one linear."""

    def __init__(self, channels: int, resolution: int, classes: int) -> None:
        super().__init__()
        width, layers = 16, [nn.Conv2d(channels, 16, 3, padding=1), nn.GELU()]
        while resolution > 4:
            layers += [nn.Conv2d(width, min(2 * width, 64), 3, stride=2, padding=1), nn.GELU()]
            width, resolution = min(2 * width, 64), (resolution + 1) // 2
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * resolution**2, FEATURES), nn.GELU())
        self.logits = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, C, S, S) in [-1, 1] to (N, 64)."""
        return self.trunk(images)


@dataclass(frozen=True)
class EvaluationClassifier:
    """A trained classifier with the moments of the training images and what is known of its quality."""

    classifier: Classifier
    reference: Moments
    """Of the features of all training images."""
    accuracy: float
    """On held-out images."""
    floor: float
    """Fréchet distance of held-out against training images: real against real, with `floor_n` images."""
    floor_n: int
    name: str
    """Hash of the weights: part of the comparability key."""
    patch: int
    channels: int
    bounded: bool = True
    """Images are clamped to [-1, 1]; latents are not."""

    @torch.no_grad()
    def classify(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, 64) float64 and predicted classes (n,) of images given as tokens (n, T, P), clamped where `bounded`."""
        with torch.autocast(tokens.device.type, enabled=False):  # the same features whatever the trial's precision
            features = _features(self.classifier, Examples(tokens, torch.empty(len(tokens))), self.patch, self.channels, self.bounded)
            return features.double().cpu(), self.classifier.logits(features).argmax(dim=1)

    @torch.no_grad()
    def log_probabilities(self, features: Tensor) -> Tensor:
        """Log-probability (n, K) float64 of every class, from features (n, 64) as `classify` gives them."""
        place = self.classifier.logits.weight
        with torch.autocast(place.device.type, enabled=False):
            return F.log_softmax(self.classifier.logits(features.to(place.device, place.dtype)).double(), dim=1).cpu()


def load_or_train_classifier(data: DataSet, patch: int, cache: Path) -> EvaluationClassifier:
    """The classifier of a data set, trained at its first use and then read from `cache`; one process trains, the others wait."""
    cache.mkdir(parents=True, exist_ok=True)
    split = f"{len(data.reference_images)}-{len(data.held_out)}"  # of a fixed shuffle, so the sizes name the split
    path = cache / f"judge-{data.content_hash}-{split}-v{CLASSIFIER_VERSION}.safetensors"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            _train(data, patch, path)
    return _read(data, patch, path)


def _read(data: DataSet, patch: int, path: Path) -> EvaluationClassifier:
    device = data.reference_images.tokens.device
    with open_safetensors(path) as file:
        about = json.loads((file.metadata() or {})["classifier"])
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    moments = Moments(tensors.pop("reference.mean").numpy(), tensors.pop("reference.covariance").numpy(), about["reference_n"])
    classifier = _untrained(data, patch)
    classifier.load_state_dict(tensors)
    classifier.to(device).requires_grad_(False)
    accuracy, floor, floor_n, name = (about[key] for key in ("accuracy", "floor", "floor_n", "name"))
    return EvaluationClassifier(classifier, moments, accuracy, floor, floor_n, name, patch, data.channels, data.bounded)


def _untrained(data: DataSet, patch: int) -> Classifier:
    side = round(data.reference_images.tokens.shape[1] ** 0.5) * patch
    classifier = Classifier(data.channels, side, data.classes)
    initialise(classifier, seed=0, prefix="judge.")
    return classifier


def _train(data: DataSet, patch: int, path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same bits whatever the trial's thread count
    try:
        train, held_out = (Examples(part.tokens.float().cpu(), part.labels.cpu()) for part in (data.reference_images, data.held_out))
        classifier = _untrained(data, patch)
        _fit(classifier, train, range(STEPS), patch, data.channels)
        rounds = _rounds(round(data.reference_images.tokens.shape[1] ** 0.5) * patch)
        if rounds > 1 and _accuracy(classifier, train, data, patch) < FITTED:
            classifier = _trained_in_rounds(data, train, patch, rounds)
        with torch.no_grad():
            known, new = (_features(classifier, part, patch, data.channels, data.bounded) for part in (train, held_out))
            right = classifier.logits(new).argmax(dim=1) == held_out.labels
    finally:
        torch.set_num_threads(threads)
    reference, unseen = Moments.of(known.double().numpy()), Moments.of(new.double().numpy())
    weights = {name: tensor.contiguous() for name, tensor in classifier.state_dict().items()}
    about = {
        "accuracy": right.double().mean().item(),
        "floor": frechet_distance(reference, unseen),
        "floor_n": unseen.n,
        "reference_n": reference.n,
        "name": content_hash(*(tensor.numpy().tobytes() for tensor in weights.values())),
    }
    moments = {"reference.mean": torch.from_numpy(reference.mean), "reference.covariance": torch.from_numpy(reference.covariance)}
    with whole_file(path) as beside:
        save_tensors(weights | moments, beside, {"classifier": json.dumps(about)})


def _fit(classifier: Classifier, images: Examples, steps: range, patch: int, channels: int) -> None:
    """Trains for those steps, on a learning rate that falls to 0 at their end."""
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(steps))
    for step in steps:
        tokens, labels = images.take(batch_indices(0, step, BATCH, len(images)))
        optimizer.zero_grad()
        logits = classifier.logits(classifier.features(unpatchify(tokens, patch, channels)))
        F.cross_entropy(logits, labels, label_smoothing=0.1).backward()
        optimizer.step()
        schedule.step()


def _rounds(side: int) -> int:
    """How many rounds images of that side can have."""
    affordable = (2**ROUNDS - 1) * (ROUNDS_SIDE / side) ** 2
    return max(1, *(n for n in range(ROUNDS + 1) if 2**n - 1 <= affordable))


def _trained_in_rounds(data: DataSet, train: Examples, patch: int, rounds: int) -> Classifier:
    """From new weights on nine tenths of the training images; the best of its rounds by accuracy on the rest."""
    aside = max(1, min(MOST_ASIDE, len(train) // 10))  # the training part is shuffled once for all
    fitted, kept_aside = (Examples(train.tokens[part], train.labels[part]) for part in (slice(aside, None), slice(aside)))
    classifier, found, best = _untrained(data, patch), -1.0, {}
    for number in range(rounds):
        _fit(classifier, fitted, range(STEPS * (2**number - 1), STEPS * (2 ** (number + 1) - 1)), patch, data.channels)
        accuracy = _accuracy(classifier, kept_aside, data, patch)
        rise = accuracy - found
        if rise > 0:
            found, best = accuracy, {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
        if rise < LEAST_RISE:
            break
    classifier.load_state_dict(best)
    return classifier


@torch.no_grad()
def _accuracy(classifier: Classifier, images: Examples, data: DataSet, patch: int) -> float:
    seen = _features(classifier, images, patch, data.channels, data.bounded)
    return (classifier.logits(seen).argmax(dim=1) == images.labels).double().mean().item()


def _features(classifier: Classifier, images: Examples, patch: int, channels: int, bounded: bool) -> Tensor:
    shown = (unpatchify(block, patch, channels) for block in images.tokens.float().split(BLOCK))
    return torch.cat([classifier.features(block.clamp(-1, 1) if bounded else block) for block in shown])
