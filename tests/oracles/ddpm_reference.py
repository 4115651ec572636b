"""DDPM with learned variance the slow way: Bayes' rule and torch's own distributions, one t per token. Shares no code with the package.

N images, T tokens, P values of a patch. 2006.11239, equations 4 to 7; 2102.09672, equations 15 and 16; constants of 2212.09748.
"""

import math

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

BETA = [1e-4 + (0.02 - 1e-4) * i / 999 for i in range(1000)]
KEPT: list[float] = []
for beta in BETA:
    KEPT.append((KEPT[-1] if KEPT else 1.0) * (1 - beta))


def noised(data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t of (N, T, P), t (N, T) integers."""
    kept = looked_up(KEPT, t)
    return kept.sqrt() * data + (1 - kept).sqrt() * noise


def looked_up(table: list[float], t: Tensor) -> Tensor:
    """(N, T, 1)."""
    return torch.tensor([[table[int(value)] for value in row] for row in t], dtype=torch.float64).unsqueeze(-1)


def posterior(data: Tensor, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of x_(t-1) given x_t and data, by the product of two normal laws; at t = 0 the variance is that of t = 1."""
    beta, before = looked_up(BETA, t), looked_up([1.0, *KEPT[:-1]], t)
    least = [1 / ((1 - BETA[s]) / BETA[s] + 1 / (1 - KEPT[s - 1])) for s in range(1, 1000)]
    variance = looked_up([least[0], *least], t)
    first = (t == 0).unsqueeze(-1)
    prior = torch.where(first, 1.0, 1 - before)
    mean = variance * ((1 - beta).sqrt() / beta * x + before.sqrt() / prior * data)
    return torch.where(first, data, mean), variance


def bound(predicted: Tensor, data: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Mean over all values of the term of the variational bound at each token's t, in bits; only the variance learns from it."""
    noise, v = predicted.split(predicted.shape[-1] // 2, dim=-1)
    kept = looked_up(KEPT, t)
    clean = (x - (1 - kept).sqrt() * noise.detach()) / kept.sqrt()
    mean, least = posterior(clean, x, t)
    true_mean, true_variance = posterior(data, x, t)
    share = (v + 1) / 2
    deviation = torch.exp((share * looked_up(BETA, t).log() + (1 - share) * least.log()) / 2)
    terms = kl_divergence(Normal(true_mean, true_variance.sqrt()), Normal(mean, deviation))

    def below(edge: Tensor) -> Tensor:
        z = (edge - mean) / deviation
        return (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2

    lower = torch.where(data < -0.999, torch.zeros_like(data), below(data - 1 / 255))
    upper = torch.where(data > 0.999, torch.ones_like(data), below(data + 1 / 255))
    likelihood = torch.log(torch.clamp(upper - lower, min=1e-12))
    return torch.where((t == 0).unsqueeze(-1), -likelihood, terms).mean() / math.log(2)
