"""Held-out loss and overfitting gap over the noise level, and over training (2603.13419 finds the gap widest at intermediate noise).

Both losses are the evaluation's own, on its own grid of noise levels and with its own noise, so their means over levels are the metrics
`held_out_loss` and `overfitting_gap`. Several generation seeds count by their mean.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.analyses.trained import Trained
from model.analysis_result import AnalysisArray, AnalysisResult, Axis
from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.evaluation.held_out import held_out_losses
from model.noise.process import Process


@dataclass(frozen=True)
class LevelLosses:
    """Losses (K,) at the middle of each of K equal parts of the noise levels."""

    held_out: NDArray[np.float64]
    training: NDArray[np.float64]
    """On as many training images, each with the noise of the held-out image in its place."""

    @property
    def gap(self) -> NDArray[np.float64]:
        """Above 0 where the network overfits."""
        return self.held_out - self.training


def level_losses(network: DiffusionTransformer, data: DataSet, evaluation: EvaluationConfig, process: Process) -> LevelLosses:
    """Those of a network, as `model.evaluation.held_out` measures them."""
    images = len(data.held_out)
    known = data.train.fixed(images, "judged_posterior").repeated(images)

    def seen(examples: Examples) -> NDArray[np.float64]:
        one = (evaluation.model_copy(update={"seed": seed}) for seed in evaluation.generation_seeds)
        return np.mean([list(held_out_losses(network, examples, asked, process).by_level.values()) for asked in one], axis=0)

    return LevelLosses(seen(data.held_out), seen(known))


def by_level(trained: Trained) -> AnalysisResult:
    """`held_out_loss[t]`, `train_loss[t]`, `gap[t]`, and their means over t, `mean_held_out_loss` and `mean_gap`."""
    found = level_losses(trained.network, trained.data, trained.config.evaluation, trained.process)
    t, quantity = _levels(trained), f"squared error of the {trained.process.predicts}"
    arrays = (
        AnalysisArray("held_out_loss", f"{quantity}, held-out images", (t,), found.held_out),
        AnalysisArray("train_loss", f"{quantity}, training images", (t,), found.training),
        AnalysisArray("gap", "held-out minus training loss", (t,), found.gap),
        AnalysisArray("mean_held_out_loss", f"{quantity}, held-out images, mean over t", (), np.array(found.held_out.mean())),
        AnalysisArray("mean_gap", "held-out minus training loss, mean over t", (), np.array(found.gap.mean())),
    )
    return trained.result("by_level", arrays, _images(trained))


def overfitting(trained: Trained) -> AnalysisResult:
    """`gap[step, t]`, `held_out_loss[step, t]`, `train_loss[step, t]` and `mean_gap[step]` of all moving averages that are kept."""
    kept = dict(trained.averages)
    if trained.step is not None:
        kept[trained.step] = trained.average
    if len(kept) < 2:
        return trained.not_applicable(
            "overfitting", f"a gap over training needs moving averages of at least two steps, and {len(kept)} is kept of this trial"
        )
    steps = sorted(kept)
    found = [level_losses(trained.load(kept[step]), trained.data, trained.config.evaluation, trained.process) for step in steps]
    over, t = Axis("step", tuple(float(step) for step in steps), "steps"), _levels(trained)
    quantity = f"squared error of the {trained.process.predicts}"
    gaps = np.stack([each.gap for each in found])
    arrays = (
        AnalysisArray("gap", "held-out minus training loss", (over, t), gaps),
        AnalysisArray("held_out_loss", f"{quantity}, held-out images", (over, t), np.stack([each.held_out for each in found])),
        AnalysisArray("train_loss", f"{quantity}, training images", (over, t), np.stack([each.training for each in found])),
        AnalysisArray("mean_gap", "held-out minus training loss, mean over t", (over,), gaps.mean(axis=1)),
    )
    return trained.result("overfitting", arrays, {**_images(trained), "averages": steps})


def _levels(trained: Trained) -> Axis:
    count = trained.config.evaluation.held_out_levels
    return Axis("t", tuple((place + 0.5) / count for place in range(count)))


def _images(trained: Trained) -> dict[str, object]:
    held_out, train = len(trained.data.held_out), len(trained.data.train)
    seeds = list(trained.config.evaluation.generation_seeds)
    return {"held_out_images": held_out, "training_images": min(train, held_out), "generation_seeds": seeds}
