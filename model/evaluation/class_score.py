"""How sure and how varied a classifier's verdicts are: the formula of the Inception Score (1606.03498) under another classifier."""

import torch
from torch import Tensor

SPLIT = 5000
"""Images of which the published scores are: 50,000 in 10 splits (1606.03498); ADM's suite keeps the size where there are fewer or more."""


def class_score(log_probabilities: Tensor) -> float:
    """exp of the mean over images of KL(p(y | x) || p(y)), from log p(y | x) of shape (n, K); 1 at worst, K at best.

    One split over all samples. It is no Inception Score: that name belongs to the verdicts of one network trained on ImageNet.
    """
    log_p = log_probabilities.double()
    log_marginal = torch.logsumexp(log_p, dim=0) - torch.log(torch.tensor(len(log_p), dtype=torch.float64, device=log_p.device))
    p = log_p.exp()
    # A class of probability 0 adds nothing, whatever its logarithm.
    terms = torch.where(p > 0, p * (log_p - log_marginal), torch.zeros_like(p))
    return terms.sum(dim=1).mean().exp().item()


def inception_score(logits: Tensor, split: int = SPLIT) -> float:
    """Mean of the class score over splits of `split` samples, as ADM's suite (2105.05233) takes it, from logits (n, K) of FID's Inception.

    Fewer than `split` samples are one split. It grows with the size of a split, so only equal numbers of samples can be compared.
    """
    scores = [class_score(torch.log_softmax(part.double(), dim=1)) for part in logits.split(split)]
    return sum(scores) / len(scores)
