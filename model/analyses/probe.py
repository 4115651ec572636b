"""What features say of the class, to a linear map: ridge regression on one-hot labels, and the largest of its outputs.

Features are means over tokens after layer l at noise level t, under the null label. The probe is fitted on training images and its accuracy
is on held-out ones. n images, D features, K classes.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from model.analyses.grid import LEVELS, layers_axis, t_axis
from model.analyses.pooled_features import pooled_features
from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult

NAME = "probe"
FITTED_ON, JUDGED_ON = 1024, 1024
"""Images, at most."""
PENALTY = 1.0
"""Of the squared weights, beside a sum of squared errors over images: scikit-learn's `alpha`, at its default, on standardised features."""


def probe(trained: Trained) -> AnalysisResult:
    """`accuracy[layer, t]`, of training images `train_accuracy[layer, t]`, and `chance`, the share of the commonest class."""
    train, new = trained.known(FITTED_ON), trained.held_out(JUDGED_ON)
    network, process, seed, classes = trained.network, trained.process, trained.config.evaluation.seed, trained.data.classes
    layers = len(network.blocks)
    accuracy, fitted = np.empty((2, layers, len(LEVELS)))
    for place, level in enumerate(LEVELS):
        seen = pooled_features(network, train, level, process, seed, "probe_training")
        unseen = pooled_features(network, new, level, process, seed, "probe_held_out")
        for layer in range(layers):
            accuracy[layer, place], fitted[layer, place] = probe_accuracies(
                seen[layer], train.labels.cpu(), unseen[layer], new.labels.cpu(), classes
            )
    axes = (layers_axis(layers), t_axis())
    chance = new.labels.bincount(minlength=classes).max().item() / len(new)
    arrays = (
        AnalysisArray("accuracy", "accuracy of a linear probe, held-out images", axes, accuracy),
        AnalysisArray("train_accuracy", "accuracy of a linear probe, training images", axes, fitted),
        AnalysisArray("chance", "share of the commonest class, held-out images", (), np.array(chance)),
    )
    details = {"training_images": len(train), "held_out_images": len(new), "penalty": PENALTY, "label": "null"}
    return trained.result(NAME, arrays, details)


def probe_accuracies(known: Tensor, labels: Tensor, new: Tensor, wanted: Tensor, classes: int) -> tuple[float, float]:
    """Shares of `new` (m, D) and of `known` (n, D) whose class the probe of `known` tells right, of labels (n,) and `wanted` (m,)."""
    first, second = (features.double().numpy() for features in (known, new))
    mean, scale = first.mean(axis=0), first.std(axis=0)
    first, second = ((features - mean) / np.where(scale > 0, scale, 1) for features in (first, second))
    weights, offset = ridge(first, np.eye(classes)[labels.numpy()], PENALTY)
    told = ((features @ weights + offset).argmax(axis=1) for features in (second, first))
    right = [float((found == asked.numpy()).mean()) for found, asked in zip(told, (wanted, labels), strict=True)]
    return right[0], right[1]


def ridge(features: NDArray[np.float64], targets: NDArray[np.float64], penalty: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (D, K) and offset (K,) that minimise |targets - features @ weights - offset|^2 + penalty |weights|^2.

    Hoerl and Kennard (1970); targets (n, K).
    """
    mean, level = features.mean(axis=0), targets.mean(axis=0)
    centred = features - mean
    normal = centred.T @ centred + penalty * np.eye(features.shape[1])
    weights: NDArray[np.float64] = np.linalg.solve(normal, centred.T @ (targets - level))
    return weights, level - mean @ weights
