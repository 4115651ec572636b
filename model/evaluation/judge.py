"""A small classifier trained once on a data set's training part: its features and its verdicts judge the samples.

Everything is fixed (weights, order, budget), so one machine always trains the same judge; it is kept under the data set's content hash.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from filelock import FileLock
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.backbone.transformer import initialise
from model.data.dataset import DataSet
from model.data.examples import Examples, batch_indices
from model.data.images import content_hash
from model.evaluation.distances import Moments, frechet_distance
from model.patches import unpatchify

JUDGE_VERSION = 1
FEATURES = 64
STEPS, BATCH, LEARNING_RATE = 800, 64, 2e-3
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
class Judge:
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
    def look(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, 64) float64 and predicted classes (n,) of images given as tokens (n, T, P), clamped where `bounded`."""
        with torch.autocast(tokens.device.type, enabled=False):  # the same judge whatever the trial's precision
            features = _features(self.classifier, Examples(tokens, torch.empty(len(tokens))), self.patch, self.channels, self.bounded)
            return features.double().cpu(), self.classifier.logits(features).argmax(dim=1)

    @torch.no_grad()
    def log_probabilities(self, features: Tensor) -> Tensor:
        """Log-probability (n, K) float64 of every class, from features (n, 64) as `look` gives them."""
        place = self.classifier.logits.weight
        with torch.autocast(place.device.type, enabled=False):
            return F.log_softmax(self.classifier.logits(features.to(place.device, place.dtype)).double(), dim=1).cpu()


def load_or_train_judge(data: DataSet, patch: int, cache: Path) -> Judge:
    """The judge of a data set, trained at its first use and then read from `cache`; one process trains, the others wait."""
    cache.mkdir(parents=True, exist_ok=True)
    split = f"{len(data.judged)}-{len(data.held_out)}"  # of a fixed shuffle, so the sizes name the split
    path = cache / f"judge-{data.content_hash}-{split}-v{JUDGE_VERSION}.safetensors"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            _train(data, patch, path)
    return _read(data, patch, path)


def _read(data: DataSet, patch: int, path: Path) -> Judge:
    device = data.judged.tokens.device
    with safe_open(path, framework="pt") as file:
        about = json.loads((file.metadata() or {})["judge"])
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    moments = Moments(tensors.pop("reference.mean").numpy(), tensors.pop("reference.covariance").numpy(), about["reference_n"])
    classifier = _untrained(data, patch)
    classifier.load_state_dict(tensors)
    classifier.to(device).requires_grad_(False)
    accuracy, floor, floor_n, name = (about[key] for key in ("accuracy", "floor", "floor_n", "name"))
    return Judge(classifier, moments, accuracy, floor, floor_n, name, patch, data.channels, data.bounded)


def _untrained(data: DataSet, patch: int) -> Classifier:
    side = round(data.judged.tokens.shape[1] ** 0.5) * patch
    classifier = Classifier(data.channels, side, data.classes)
    initialise(classifier, seed=0, prefix="judge.")
    return classifier


def _train(data: DataSet, patch: int, path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same bits whatever the trial's thread count
    try:
        train, held_out = (Examples(part.tokens.float().cpu(), part.labels.cpu()) for part in (data.judged, data.held_out))
        classifier = _untrained(data, patch)
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        for step in range(STEPS):
            tokens, labels = train.take(batch_indices(0, step, BATCH, len(train)))
            optimizer.zero_grad()
            logits = classifier.logits(classifier.features(unpatchify(tokens, patch, data.channels)))
            F.cross_entropy(logits, labels, label_smoothing=0.1).backward()
            optimizer.step()
            schedule.step()
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
    beside = path.with_suffix(".writing")
    save_file(weights | moments, beside, metadata={"judge": json.dumps(about)})
    beside.replace(path)


def _features(classifier: Classifier, images: Examples, patch: int, channels: int, bounded: bool) -> Tensor:
    shown = (unpatchify(block, patch, channels) for block in images.tokens.float().split(BLOCK))
    return torch.cat([classifier.features(block.clamp(-1, 1) if bounded else block) for block in shown])
