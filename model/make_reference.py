"""Pictures in, a reference file out: their statistics in FID's Inception, as ADM's suite reads them.

n pictures, S pixels a side, F features.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config.availability import ensure_available
from model.config.extractor import InceptionExtractor
from model.config.reference_file import IMAGES as KEPT_IMAGES
from model.config.reference_file import SPATIAL_STATISTICS, STATISTICS
from model.data.crop import Crop
from model.data.encode_source import open_source
from model.data.picture_source import ALL, Choice, HubName
from model.data.pictures import IMAGES, from_pixels, open_images
from model.errors import ConfigError, DataError
from model.whole_file import whole_file

KEPT = 10_000
"""Pictures kept as they are, for precision, recall and KID: as many as ADM's files hold."""
SAY_SECONDS = 5.0
Say = Callable[[str], None]
Pixels = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Referenced:
    """Of which pictures, and where it goes."""

    source: Path | HubName
    """As for `sweeper data encode`, or a folder that it wrote with its pictures."""
    output: Path
    side: int
    """Of a picture, in pixels; of encoded pictures it is their own."""
    crop: Crop = "adm"
    weights: str = "hub"
    """Of Inception, as `evaluation.extractor.weights`."""
    device: str = "cpu"
    choice: Choice = ALL
    """Which part of the source."""


class RunningMoments:
    """Mean and covariance of features that come block by block (Chan, Golub, LeVeque 1979): nothing but F x F numbers is held."""

    def __init__(self) -> None:
        self.n = 0
        self.mean: Array = np.zeros(0)
        self._squares: Array = np.zeros((0, 0))

    def add(self, features: Array) -> None:
        """Of a block (m, F)."""
        m, mean = len(features), features.mean(axis=0)
        around = features - mean
        squares = around.T @ around
        if not self.n:
            self.n, self.mean, self._squares = m, mean, squares
            return
        offset, n = mean - self.mean, self.n + m
        self._squares += squares + np.outer(offset, offset) * (self.n * m / n)
        self.mean = self.mean + offset * (m / n)
        self.n = n

    def covariance(self) -> Array:
        """(F, F), by n - 1."""
        return self._squares / (self.n - 1)


def make_reference(asked: Referenced, say: Say) -> int:
    """Writes the file; gives n.

    Raises:
        ConfigError: The request means nothing.
        DataError: The pictures or the weights cannot be read.
        OSError: What the system refuses: space, permissions.
    """
    if asked.output.suffix != ".npz":
        raise ConfigError(f"{asked.output} is no .npz; give the reference a name that ends so")
    if asked.output.exists():
        raise ConfigError(f"{asked.output} is there already; give another name, or remove it")
    inception = InceptionExtractor(kind="inception", weights=asked.weights)
    ensure_available(inception)
    n, read = _pictures(asked)
    if n < 2:
        raise DataError(f"{asked.source} has {n} pictures; statistics need 2 at least")
    from model.evaluation.extractors import BLOCK, load_extractor
    from model.transfer import device_of

    device = device_of(asked.device)
    extractor = load_extractor(inception, device)
    assert extractor is not None
    asked.output.parent.mkdir(parents=True, exist_ok=True)  # not after hours of looking
    pooled, spatial, begun = RunningMoments(), RunningMoments(), time.monotonic()
    said = begun
    for first in range(0, n, BLOCK):
        block = np.stack([read(place) for place in range(first, min(first + BLOCK, n))])
        features, _, places = extractor.extract_with_spatial([from_pixels(block, device)], lambda: None)
        pooled.add(features.numpy())
        spatial.add(places.numpy())
        now = time.monotonic()
        if now - said > SAY_SECONDS or first + BLOCK >= n:
            say(f"{pooled.n:,} of {n:,} pictures, {pooled.n / max(now - begun, 1e-9):,.1f} pictures/s")
            said = now
    kept = np.unique(np.linspace(0, n - 1, min(KEPT, n)).round().astype(np.int64))
    held: dict[str, Any] = dict(zip(STATISTICS, (pooled.mean, pooled.covariance()), strict=True))
    held |= dict(zip(SPATIAL_STATISTICS, (spatial.mean, spatial.covariance()), strict=True))
    held[KEPT_IMAGES] = np.stack([read(int(place)) for place in kept])
    with whole_file(asked.output) as beside, beside.open("wb") as file:
        np.savez(file, **held)
    return n


def _pictures(asked: Referenced) -> tuple[int, Callable[[int], Pixels]]:
    if isinstance(asked.source, Path) and (asked.source / IMAGES).is_file():
        asked.choice.ensure_meant(str(asked.source))
        try:
            count = len(np.load(asked.source / IMAGES, mmap_mode="r"))
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{asked.source / IMAGES} cannot be read ({error}); encode the data set again") from error
        found = open_images(asked.source, count)
        assert found is not None
        rows, _ = found
        return count, lambda place: np.array(rows[place])
    source = open_source(asked.source, asked.side, asked.crop, skip_broken=False, choice=asked.choice)
    return len(source.labels), source.read
