"""`assignment: learned`: an image's tokens in order of what the moving average says of each (ours; future work in 2607.02508).

Between the draws of a step and the objective, which stays a function of its draws. The average sees an image as `single` would show it: the
step's own noise, every token at t_0 (group 0's draw, before `timesteps.ordering` sorts the levels), the true label, full attention, no
gradient. A score is

* `loss`: mean over a token's values of the squared error of the average's prediction;
* `saliency`: 1 - cosine, in [0, 2], of a token's features after block `alignment.teacher.layer` and their mean over the image: near
  0 is what most of it looks like. A cosine, as the alignment's default is one and the scale of features differs between layers and
  grows in training. While features are little more than positions, so is this order.

Group 0 is the first counts[0] tokens of that order, group 1 the next; equal scores go by the order that `random` would have drawn, so they
fall uniformly. Nothing else is drawn: k and t belong to groups, whichever tokens are in them. The price is one more forward pass of the
average in every step, for `saliency` only as far as the layer. N images, T tokens, P values of a patch.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.grouping import Grouping
from model.noise.process import process_of
from model.step_noise import StepNoise


def in_learned_order(config: TrainConfig, average: DiffusionTransformer, data: Tensor, labels: Tensor, draws: StepNoise) -> StepNoise:
    """The draws with `order` by score, of clean tokens `data` (N, T, P) and true labels (N,); the same draws where no order is learned."""
    score = config.partition.score
    if draws.scored_at is None:
        return draws
    assert score is not None, "draw asks for a score where the config has one"
    scores = token_scores(config, average, data, labels, draws.noise, draws.scored_at).gather(1, draws.order)
    rank = scores.argsort(dim=1, descending=score.first == "largest", stable=True)
    return replace(draws, order=draws.order.gather(1, rank), scored_at=None)


@torch.no_grad()
def token_scores(config: TrainConfig, average: DiffusionTransformer, data: Tensor, labels: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """(N, T) in image order, from clean tokens and noise (N, T, P), labels (N,) and one noise level per image, t (N, 1)."""
    process, grouping, level = process_of(config.process), Grouping.whole(data.shape[1]), t.unsqueeze(-1)
    noisy = process.add_noise(data, noise, level)
    if config.scores_features:
        features = average.features(noisy, t, labels, grouping, after=config.alignment.teacher.layer).to(data.dtype)
        return 1 - F.cosine_similarity(features, features.mean(dim=1, keepdim=True), dim=-1)
    predicted, _ = average(noisy, t, labels, grouping)
    wrong = predicted[..., : data.shape[-1]].to(data.dtype) - process.target(data, noise, level)
    return wrong.square().mean(dim=-1)
