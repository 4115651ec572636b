"""What the features of generated samples say beside those of real images. n samples, F features."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.config.evaluation import BY_NEIGHBOURS, EvaluationConfig
from model.config.extractor import named_by_features
from model.evaluation.class_score import inception_score
from model.evaluation.cmmd import cmmd
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.extrapolation import distance_at, distance_at_infinity, sample_sizes
from model.evaluation.grid import save_grid
from model.evaluation.kernel_distance import kernel_distance, subset_sizes
from model.evaluation.measured_samples import GRID_COLUMNS, Measured
from model.evaluation.neighbours import precision_and_recall
from model.evaluation.reference import Reference


def sample_metrics(
    evaluation: EvaluationConfig,
    names: Sequence[str],
    reference: Reference,
    samples: Measured,
    device: torch.device,
    tick: Callable[[], None],
) -> tuple[dict[str, float], dict[str, Any]]:
    """Every metric of `names`, and precision and recall where asked for, in the reference's features; and what stands beside them.

    `names`: those of `model.config.extractor.feature_metrics`, the Fréchet distance first. All pairs are compared on `device`.
    """
    generated = samples["classifier" if reference.extractor is None else "extractor"].double()
    distance = names[0]
    metrics = {distance: frechet_distance(reference.moments, Moments.of(generated.numpy()))}
    details: dict[str, Any] = {"samples": evaluation.samples, "fd_features": generated.shape[1]}
    details |= {"reference": reference.file} if reference.file else {}
    details |= {"fd_reference_n": reference.moments.n} if reference.moments.n else {}  # a file does not say of how many it is
    more, said = _at_other_sizes(evaluation, distance, reference, generated, device)
    metrics |= more
    details |= said
    if reference.spatial is not None:
        tick()
        spatial = Moments.of(samples["spatial"].double().numpy())
        metrics[named_by_features("sfid", distance)] = frechet_distance(reference.spatial, spatial)
    if reference.embeddings is not None:
        metrics[named_by_features("cmmd", distance)] = cmmd(reference.embeddings.to(device), generated.to(device), tick)
        details["cmmd_reference_n"] = len(reference.embeddings)
    if (fewest := min(len(generated), reference.moments.n or len(generated))) <= generated.shape[1]:
        details["fd_note"] = f"{fewest:,} images in {generated.shape[1]:,} features have a singular covariance"
    if "inception_score" in names:
        metrics["inception_score"] = inception_score(samples["logits"])
    if reference.neighbours is not None:
        tick()
        near = precision_and_recall(reference.neighbours.to(device), generated.to(device))
        metrics |= {name: value for name, value in zip(BY_NEIGHBOURS, near, strict=True) if name in evaluation.extra_metrics}
        details["neighbour_images"] = len(reference.neighbours)
    return metrics, details


def save_picture(samples: Measured, evaluation: EvaluationConfig, picture: Path, classes: int, names: Sequence[str]) -> None:
    """The first samples, a column per class where classes take turns; `names` of the classes, or ()."""
    columns, balanced = min(GRID_COLUMNS, classes), evaluation.labels == "balanced"
    first, labels = samples["shown"], samples["shown_labels"]
    if not balanced:  # no column is of one class: the first samples, ordered by their classes
        first = first[labels.argsort(stable=True)]
    save_grid(first, columns, picture, names if balanced else ())


def _at_other_sizes(
    evaluation: EvaluationConfig, distance: str, reference: Reference, generated: Tensor, device: torch.device
) -> tuple[dict[str, float], dict[str, Any]]:
    """Kernel distance and Fréchet distance at infinity of generated features (n, F), where asked for; and what stands beside them."""
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {}
    seed, n = evaluation.seed, len(generated)
    if "fd_infinity" in evaluation.extra_metrics:
        features = generated.numpy()
        metrics[named_by_features("fd_infinity", distance)] = distance_at_infinity(reference.moments, features, seed)
        if 0 < reference.floor_n <= n:  # weights without data have no floor
            details["fd_at_floor_n"] = distance_at(reference.floor_n, reference.moments, features, seed)
        if (fewest := sample_sizes(n)[0]) <= generated.shape[1]:
            details["fd_infinity_note"] = (
                f"its line begins at {fewest:,} samples, which have a singular covariance in {generated.shape[1]:,} features"
            )
    if reference.features is not None:
        real = reference.features.to(device)
        metrics[named_by_features("kid", distance)] = kernel_distance(real, generated.to(device), seed)
        details["kid_subset"], details["kid_subsets"] = subset_sizes(len(real), n)
        details["kid_reference_n"] = len(real)
    return metrics, details
