"""The diffusion of DDPM (2006.11239) with learned variance (2102.09672), as DiT (2212.09748) trains and samples it.

N images, T tokens, P values of a patch. Networks give 2 P values per token: the noise, and v in [-1, 1] that places the log-variance
between that of the posterior (-1) and log beta (1). Nothing is clipped. Every t is an integer, held in whatever type, that broadcasts
against (N, T, P).
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.config.noise import DDPM_STEPS

FIRST_BETA, LAST_BETA = 1e-4, 0.02
HALF_PIXEL = 1 / 255
"""Half the distance of two values of an 8-bit image in [-1, 1]."""
EDGE = 0.999
"""Beyond it a value is one of the outermost two, whose likelihood is that of a whole tail."""
SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class Diffusion:
    """A chain of S noising steps; t = 0 is the first of them."""

    betas: Tensor
    """(S,) float64."""
    original: Tensor
    """(S,) int64: the t that the network is told at each step."""
    signal: Tensor = field(init=False)
    """(S,) float64, product of 1 - beta up to and with t: the squared share of the data in x_t."""
    tables: dict[str, Tensor] = field(init=False)
    """Coefficients by name, (S,) float64 each."""
    _placed: dict[tuple[str, torch.device, torch.dtype], Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        signal = (1 - self.betas).cumprod(dim=0)
        before = torch.cat([torch.ones(1, dtype=torch.float64), signal[:-1]])
        variance = self.betas * (1 - before) / (1 - signal)
        object.__setattr__(self, "signal", signal)
        tables = {
            "data": signal.sqrt(),
            "noise": (1 - signal).sqrt(),
            "mean of data": self.betas * before.sqrt() / (1 - signal),
            "mean of x": (1 - before) * (1 - self.betas).sqrt() / (1 - signal),
            "least": torch.cat([variance[1:2], variance[1:]]).log(),  # that of t = 0 would be log 0
            "most": self.betas.log(),
        }
        object.__setattr__(self, "tables", tables)

    @classmethod
    def linear(cls) -> "Diffusion":
        """The 1000 steps that networks are trained on."""
        return cls(torch.linspace(FIRST_BETA, LAST_BETA, DDPM_STEPS, dtype=torch.float64), torch.arange(DDPM_STEPS))

    def respaced(self, steps: int) -> "Diffusion":
        """The chain of `steps` of these steps, evenly spread with both ends, that passes the same noise levels (2102.09672)."""
        stride = (len(self.betas) - 1) / (steps - 1)
        kept = torch.tensor([round(i * stride) for i in range(steps)])
        passed = self.signal[kept]
        before = torch.cat([torch.ones(1, dtype=torch.float64), passed[:-1]])
        return Diffusion(1 - passed / before, self.original[kept])

    def _at(self, name: str, t: Tensor, like: Tensor) -> Tensor:
        """Coefficients at t, in the type of `like`."""
        key = (name, like.device, like.dtype)
        if key not in self._placed:
            self._placed[key] = self.tables[name].to(like.device, like.dtype)
        return self._placed[key][t.long()]

    def add_noise(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t from data and noise (N, T, P)."""
        return self._at("data", t, data) * data + self._at("noise", t, data) * noise

    def posterior_mean(self, data: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """Mean of x_(t-1) given x_t and the data."""
        return self._at("mean of data", t, x) * data + self._at("mean of x", t, x) * x

    def step_back(self, predicted: Tensor, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of x_(t-1) as a network's output (N, T, 2P) at x_t tells them, (N, T, P) each."""
        noise, v = predicted.chunk(2, dim=-1)
        data = (x - self._at("noise", t, x) * noise) / self._at("data", t, x)
        least, most = self._at("least", t, x), self._at("most", t, x)
        share = (v + 1) / 2
        return self.posterior_mean(data, x, t), share * most + (1 - share) * least

    def bits(self, predicted: Tensor, data: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """Terms of the variational bound (N, T, P), in bits per value, each at the t of its token (2102.09672).

        At t = 0 the likelihood of the 8-bit values, elsewhere the divergence of the step back. The gradient goes to the variance alone.
        """
        noise, v = predicted.chunk(2, dim=-1)
        mean, log_variance = self.step_back(torch.cat([noise.detach(), v], dim=-1), x, t)
        true_mean, true_log_variance = self.posterior_mean(data, x, t), self._at("least", t, x)
        divergence = 0.5 * (
            log_variance
            - true_log_variance
            - 1
            + (true_log_variance - log_variance).exp()
            + (true_mean - mean).square() * (-log_variance).exp()
        )
        return torch.where(t == 0, -log_likelihood(data, mean, 0.5 * log_variance), divergence) / math.log(2)


def log_likelihood(data: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Log-probability of 8-bit values in [-1, 1] under a normal law cut at the middles between them (2006.11239)."""
    precision, centred = (-log_deviation).exp(), data - mean
    below, above = (_normal_below(precision * (centred + side)) for side in (-HALF_PIXEL, HALF_PIXEL))

    def log(probability: Tensor) -> Tensor:
        return probability.clamp(min=SMALLEST_PROBABILITY).log()

    return torch.where(data < -EDGE, log(above), torch.where(data > EDGE, log(1 - below), log(above - below)))


def _normal_below(x: Tensor) -> Tensor:
    """The normal distribution function by tanh, as released."""
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
