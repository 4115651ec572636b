"""What classifiers say of samples: of which class each is, and how sure they are. n samples, K classes."""

from collections.abc import Collection

import torch

from model.evaluation.class_score import class_score
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.measured_samples import Measured
from model.evaluation.own_classifier import OwnClassifier


def class_metrics(
    samples: Measured, classifier: EvaluationClassifier, own: OwnClassifier | None, asked: Collection[str]
) -> dict[str, float]:
    """Class accuracy, and class score where it is `asked` for; by the user's own classifier where there is one."""
    metrics = {"class_accuracy": samples["right"].double().mean().item()}
    if "class_score" in asked:
        log_p = (
            classifier.log_probabilities(samples["classifier"]) if own is None else torch.log_softmax(samples["own_logits"].double(), dim=1)
        )
        metrics["class_score"] = class_score(log_p)
    return metrics
