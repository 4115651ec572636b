"""The same weights with reading across groups on and off: the loss of held-out images, and samples.

An image has one noise level here, as at inference: what changes is only who reads whom. `on` is inference as it is, `off` lets every group
of the trial's partition read itself alone, in every layer, at every step of the sampler.
"""

import numpy as np

from model.analyses.drawn_samples import Samples, draw_samples, reading_blocked
from model.analyses.looks import Looks, ungrouped
from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.held_out import BLOCK, held_out_losses

NAME = "counterfactual"
READING = ("on", "off")


def counterfactual(trained: Trained) -> AnalysisResult:
    """`held_out_loss`, `frechet_distance` and `class_accuracy` by [reading], `held_out_loss_by_level[reading, t]`, and `gain`, which is
    (off - on) / on of the loss."""
    if why := ungrouped(trained.config, trained.tokens):
        return trained.not_applicable(NAME, why)
    network, config, process = trained.network, trained.config, trained.process
    images = trained.held_out(BLOCK)  # one network call has all, so that a partition belongs to each
    looks = Looks.of(config, network, images.tokens, images.labels)
    on = held_out_losses(network, images, config.evaluation, process)
    with reading_blocked(network, config, looks.draws):
        off = held_out_losses(network, images, config.evaluation, process)
    drawn = (trained.samples, draw_samples(network, config, trained.data, blocked=True))
    judged = np.array([judge(samples, trained.classifier) for samples in drawn])
    reading, count = Axis("reading", READING), config.evaluation.held_out_levels
    t = Axis("t", tuple((place + 0.5) / count for place in range(count)))
    quantity = f"squared error of the {process.predicts}, held-out images"
    losses = np.array([on.loss, off.loss])
    arrays = (
        AnalysisArray("held_out_loss", quantity, (reading,), losses),
        AnalysisArray("gain", "gain of reading, (off - on) / on of the loss", (), np.array((off.loss - on.loss) / on.loss)),
        AnalysisArray(
            "held_out_loss_by_level", quantity, (reading, t), np.array([list(on.by_level.values()), list(off.by_level.values())])
        ),
        AnalysisArray("frechet_distance", "Fréchet distance in the evaluation classifier's features", (reading,), judged[:, 0]),
        AnalysisArray("class_accuracy", "class accuracy of samples", (reading,), judged[:, 1]),
    )
    details = {
        "held_out_images": len(images),
        "samples": len(drawn[0]),
        "reference_images": trained.classifier.reference.n,
        "evaluator": trained.classifier.name,
        "guidance": config.evaluation.guidance.scale,
        "shares": list(config.partition.shares),
        "predicts": process.predicts,
    }
    if config.partition.assignment == "learned":
        details["partition_of_samples"] = "random: a sample has no clean image to score"
    return trained.result(NAME, arrays, details)


def judge(samples: Samples, classifier: EvaluationClassifier) -> tuple[float, float]:
    """Fréchet distance from the training images in the classifier's features, and the share that it takes for the class asked for."""
    features, told = classifier.classify(samples.tokens)
    right = (told == samples.labels).double().mean().item()
    return frechet_distance(classifier.reference, Moments.of(features.numpy())), right
