"""Precision and recall of samples by nearest neighbours (Kynkäänniemi et al. 2019, 1904.06991). n, m features of width F."""

import torch
from torch import Tensor

NEIGHBOURS = 3
"""k of the paper."""
BLOCK = 1024
"""Rows of the distance matrix that are held at a time."""


def precision_and_recall(real: Tensor, generated: Tensor, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Share of the generated features (m, F) on the manifold of the real ones (n, F), and the other way round; n, m > k.

    Equation 1 of the paper: a manifold is the union of balls about its points, each as wide as the distance to its point's k-th nearest
    neighbour; a point on a ball's surface is inside. Both depend on n and m, so only values of equal sizes can be compared.
    """
    return _share_inside(generated, real, radii(real, k)), _share_inside(real, generated, radii(generated, k))


def radii(points: Tensor, k: int) -> Tensor:
    """Distance (n,) from each of the points (n, F) to its k-th nearest other point."""
    if len(points) <= k:
        raise AssertionError(f"{len(points)} points have no {k}-th nearest neighbours")
    # The nearest of all is the point itself, or one at the same place: either way a distance of 0 that does not count.
    return torch.cat([_distances(block, points).kthvalue(k + 1, dim=1).values for block in points.split(BLOCK)])


def _share_inside(points: Tensor, centres: Tensor, radius: Tensor) -> float:
    inside = [(_distances(block, centres) <= radius).any(dim=1) for block in points.split(BLOCK)]
    return torch.cat(inside).double().mean().item()


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """(n, m), without the shortcut over a matrix product, under which a point would lie apart from itself."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
