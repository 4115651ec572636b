"""What the first bytes of an `.npy` say of its array, read before anything of that size is allocated."""

from typing import IO, NamedTuple

import numpy as np

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class NpyHeader(NamedTuple):
    """Shape, order and type of an array in a file."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[np.generic]


def read_header(file: IO[bytes]) -> NpyHeader:
    """Leaves `file` where the data begin. A damaged header makes numpy and Python's own tokenizer raise what they will."""
    return NpyHeader(*_READERS[np.lib.format.read_magic(file)](file))
