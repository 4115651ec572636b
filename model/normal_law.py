"""Normal values from 32-bit words, the same bits on every processor.

A word is a sign and 31 bits m of a tail: |x| = Q((m + 1/2) / 2^32), Q the quantile function of the upper tail. Q is interpolated linearly
between edges, `BINS` to each halving of the probability: within 1.6e-7 |x| of the true quantile, about two float32 roundings.
|x| ends at 6.34.
Only integers, a table, and products, sums and conversions that IEEE 754 rounds correctly one by one: no logarithm, no root and no fused
multiply-add, whose last digits differ between processors and libraries. The edges are quantiles rounded to float32; none is within
3e-13 (relative) of the middle between two of its values, so any library that is right to 1e-14 gives the same table.
"""

from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

BINS = 1024
"""To an octave of the tail's probability; the 10 bits after the leading one of 2 m + 1."""
OCTAVES = 32
CHUNK = 16384
"""Values made at once, so that what is between stays in a processor's cache."""
_MANTISSA, _BIAS = 52, 1023  # of a float64
_SHIFT = _MANTISSA - (BINS.bit_length() - 1)
_SIGN = np.uint32(1 << 31)


def normal(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """N(0, 1) of shape (n,), one value for each word."""
    start, slope = _lines()
    found = np.empty(len(words), dtype=np.float32)
    for first in range(0, len(words), CHUNK):
        part, values = words[first : first + CHUNK], found[first : first + CHUNK]
        tail = ((part << 1) | 1).astype(np.float64)  # 2 m + 1, exact; the sign is shifted out
        line = tail.view(np.int64) >> _SHIFT
        line -= _BIAS * BINS
        x = slope.take(line, mode="clip")  # clip: the quick way of numpy; no index is outside
        x *= tail
        x += start.take(line, mode="clip")
        values[:] = x
        values.view(np.uint32)[:] |= part & _SIGN
    return found


def edges() -> npt.NDArray[np.float64]:
    """Where 2 m + 1 changes its line: BINS in each octave, and the end, 2^32."""
    within = 1 + np.arange(BINS) / BINS
    return np.append((2.0 ** np.arange(OCTAVES)[:, None] * within).ravel(), 2.0**OCTAVES)


def quantiles() -> npt.NDArray[np.float64]:
    """Q at every edge, before it is rounded."""
    law = NormalDist()
    return np.array([-law.inv_cdf(edge / 2.0 ** (OCTAVES + 1)) for edge in edges()])


@cache
def _lines() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Value at 0 and slope of the line over each bin."""
    at, of = edges(), quantiles().astype(np.float32).astype(np.float64)
    slope = np.diff(of) / np.diff(at)
    return of[:-1] - slope * at[:-1], slope
