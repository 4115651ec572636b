"""Real images of a data set, block by block: from its tokens, or from a file of pictures.

n images, C channels, S pixels a side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.data import stored_images
from model.data.images import content_hash
from model.data.mapped import places_looked_at, rows_at
from model.errors import DataError
from model.patches import unpatchify
from model.plain_files import ensure_plain

IMAGES = stored_images.IMAGES


def from_pixels(pixels: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """Images (n, 3, S, S) float32 in [-1, 1] on `device`, of pixels (n, S, S, 3)."""
    return in_range(torch.from_numpy(np.ascontiguousarray(pixels)).to(device))


def in_range(pixels: Tensor) -> Tensor:
    """Images (n, 3, S, S) float32 in [-1, 1], of pixels (n, S, S, 3) uint8, where these are; the same bits on every device."""
    white = torch.full((), 127.5, device=pixels.device)  # by a number of the host's, a GPU multiplies with its reciprocal
    return pixels.permute(0, 3, 1, 2).float().div_(white).sub_(1)


class RealImages(Protocol):
    """Images of one part of a data set."""

    def __len__(self) -> int: ...

    def blocks(self, size: int, most: int | None = None) -> Iterator[Tensor]:
        """The first images, `most` of them or all, as blocks (m, C, S, S) float32 in [-1, 1]."""


@dataclass(frozen=True)
class TokenImages:
    """Images that are held as tokens (n, T, P)."""

    tokens: Tensor
    patch: int
    channels: int

    def __len__(self) -> int:
        return len(self.tokens)

    def blocks(self, size: int, most: int | None = None) -> Iterator[Tensor]:
        """See `RealImages`."""
        for block in self.tokens[:most].float().split(size):
            yield unpatchify(block, self.patch, self.channels)


@dataclass(frozen=True)
class StoredImages:
    """Images in a mapped file: only what is looked at is read."""

    rows: npt.NDArray[np.uint8]
    """(N, S, S, 3), of the whole data set."""
    places: Tensor
    """(n,) which rows are these images, a CPU tensor."""
    device: torch.device
    folder: Path | None = None
    """Where the file lies, and features of its images may."""

    def __len__(self) -> int:
        return len(self.places)

    def at(self, places: Tensor) -> Tensor:
        """The images (m, 3, S, S) float32 in [-1, 1] at `places` (m,) among these, on the device."""
        return from_pixels(rows_at(self.rows, self.places[places.cpu()].numpy()), self.device)

    def blocks(self, size: int, most: int | None = None) -> Iterator[Tensor]:
        """See `RealImages`."""
        for places in torch.arange(len(self) if most is None else min(most, len(self))).split(size):
            yield self.at(places)


@dataclass(frozen=True)
class Pictures:
    """Real images of a data set, in the order of its parts."""

    train: StoredImages | None
    """Those that are trained on, where they are stored."""
    reference_images: RealImages
    held_out: RealImages


def open_images(folder: Path, count: int) -> tuple[npt.NDArray[np.uint8], str] | None:
    """The pictures beside latents, (count, S, S, 3) mapped, and what names them; None where there are none.

    Raises:
        DataError: The file holds something else.
    """
    path = folder / IMAGES
    if not path.exists():
        return None
    try:
        ensure_plain(path)
        rows: npt.NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read ({said}); encode the data set again, or move the file away") from error
    if rows.dtype != np.uint8 or rows.ndim != 4 or len(rows) != count or rows.shape[1] != rows.shape[2] or rows.shape[3] != 3:
        raise DataError(
            f"{path} has shape {rows.shape} of {rows.dtype}; give the pictures of the latents beside it, ({count}, side, side, 3) uint8"
        )
    return rows, content_hash(str(rows.shape).encode(), rows_at(rows, places_looked_at(count)).tobytes())
