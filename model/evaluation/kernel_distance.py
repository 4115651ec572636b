"""Kernel distance of samples and real images (Bińkowski et al. 2018, 1801.01401). m, n features of width F, subsets of k."""

from torch import Tensor

from model.randomness import stream

SUBSET, SUBSETS = 1000, 100
"""Sizes that are published: a mean over so many random subsets of so many images of each kind."""
KEPT = 10_000
"""Real images whose features are kept: so many that 100 subsets of 1,000 are not the same images."""


def squared_mmd(real: Tensor, generated: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy of features (m, F) and (n, F), m, n >= 2, under the kernel (x·y / F + 1)^3.

    Equation 4 of the paper: pairs of a feature with itself do not count, so the mean over draws is 0 where both laws are the same, and a
    value may be negative. Float64, since it is a small difference of large sums.
    """
    real, generated = real.double(), generated.double()
    return (_within(real) + _within(generated) - 2 * _kernel(real, generated).mean()).item()


def subset_sizes(real: int, generated: int) -> tuple[int, int]:
    """Images of each kind in a subset, and how many subsets: one where it holds every image."""
    size = min(SUBSET, real, generated)
    return size, 1 if size == real == generated else SUBSETS


def kernel_distance(real: Tensor, generated: Tensor, seed: int) -> float:
    """Mean of `squared_mmd` over random subsets of real (m, F) and generated (n, F) features, drawn by the generation seed."""
    size, subsets = subset_sizes(len(real), len(generated))
    found = []
    for subset in range(subsets):
        a, b = (
            part.index_select(0, stream(seed, "kernel_distance", kind, subset).permutation(len(part))[:size].to(part.device))
            for kind, part in (("real", real), ("generated", generated))
        )
        found.append(squared_mmd(a, b))
    return sum(found) / len(found)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _within(points: Tensor) -> Tensor:
    """Mean of the kernel over pairs of different places."""
    if len(points) < 2:
        raise AssertionError("one feature has no pair")
    kernel = _kernel(points, points)
    return (kernel.sum() - kernel.diagonal().sum()) / (len(points) * (len(points) - 1))
