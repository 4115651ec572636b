"""A second opinion on a claim's t test over pairs, without a law: under the null each difference may as well have the other sign."""

from collections.abc import Sequence

from sweeper.spec.claims import ClaimKind

FEWEST = 6
"""Pairs: with five, the smallest two-sided p is 6%."""
_ALL_SIGNS = 14
"""Pairs up to which every choice of signs is counted; beyond, so many are drawn, the same every time."""
_DRAWS = 2**_ALL_SIGNS


def sign_flip_p(kind: ClaimKind, effects: Sequence[float], margin: float) -> float | None:
    """p of the claim; None with fewer than 6 pairs. It is exact where differences lie symmetrically about the bound of the null.

    Args:
        kind: Of the claim; `superior` is two-sided, as its t test.
        effects: The weighted sum at every seed, positive where it is better.
        margin: On the same scale; 0 without one.
    """
    if len(effects) < FEWEST:
        return None
    match kind:
        case "superior":
            return min(1.0, 2 * _one_sided([effect - margin for effect in effects]))
        case "non_inferior":
            return _one_sided([effect + margin for effect in effects])
        case _:
            return max(_one_sided([effect + margin for effect in effects]), _one_sided([margin - effect for effect in effects]))


def _one_sided(values: Sequence[float]) -> float:
    """Share of the choices of signs whose sum is at least that of the values as they are, which is one of the choices."""
    import numpy as np

    sizes = np.abs(np.asarray(values, dtype=np.float64))
    number = len(sizes)
    if number <= _ALL_SIGNS:
        negative = (np.arange(2**number)[:, None] >> np.arange(number)) & 1
        extra = 0
    else:
        negative = np.random.default_rng(0).integers(0, 2, (_DRAWS - 1, number))
        extra = 1
    # Sums of the sizes with a minus, which are equal where the sums of all are: smaller is more.
    against = negative @ sizes
    own = float(sizes[np.asarray(values) < 0].sum())
    as_far = int((against <= own + 1e-12 * float(sizes.sum())).sum())
    return (as_far + extra) / (len(against) + extra)
