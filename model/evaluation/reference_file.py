"""A published reference as ADM's suite reads it (2105.05233, evaluations/evaluator.py): means and covariances of its images in features of
FID's Inception, and some of the images. F features, n images, S pixels a side."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from model.config.evaluation import EvaluationConfig
from model.config.frozen import read_hash
from model.config.reference_file import IMAGES, SPATIAL_STATISTICS, STATISTICS
from model.errors import DataError
from model.evaluation.distances import Array, Moments

FEATURES, SPATIAL_FEATURES = 2048, 2023
"""F: Inception's pooled features, and its spatial ones (17 x 17 places of 7 channels)."""
SHOWN = 10_000
"""Images whose features are the manifold of precision and recall: as many as ADM's files hold."""
_TORN = (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class ReferenceFile:
    """A file that holds what its config says."""

    path: Path
    hash: str

    @classmethod
    def of(cls, config: EvaluationConfig) -> "ReferenceFile | None":
        """That of the config, None for the training images; raises DataError where it is not what it was when the trial was named."""
        if not config.reference_hash:
            return None
        path = Path(config.reference)
        try:
            now = read_hash(path)
        except OSError as error:
            raise DataError(f"evaluation.reference: {path} cannot be read ({error.strerror}); put the file back") from error
        if now != config.reference_hash:
            raise DataError(f"{path} changed since this trial was named; plan the sweep again, or put the old file back")
        return cls(path, now)

    def __str__(self) -> str:
        return f"{self.path.name} ({self.hash})"

    def moments(self) -> Moments:
        """Of the pooled features."""
        return self._moments(*STATISTICS, FEATURES)

    def spatial(self) -> Moments:
        """Of the spatial features."""
        return self._moments(*SPATIAL_STATISTICS, SPATIAL_FEATURES)

    def images(self, device: torch.device, size: int, most: int) -> Iterator[Tensor]:
        """The first of its images, at most `most`, as blocks (m, 3, S, S) float32 in [-1, 1]; never more than a block is held."""
        with self._opened(IMAGES) as (file, shape, dtype):
            if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or dtype != np.uint8:
                raise DataError(f"{self.path}: {IMAGES} is {shape} of {dtype}, not images (n, side, side, 3) of uint8; give another file")
            left, each = min(most, shape[0]), int(np.prod(shape[1:]))
            while left:
                n = min(size, left)
                try:
                    held = file.read(n * each)
                except _TORN as error:
                    raise self._torn(IMAGES, error) from error
                if len(held) != n * each:
                    raise self._torn(IMAGES, EOFError("it ends early"))
                pixels = torch.from_numpy(np.frombuffer(held, np.uint8).reshape(n, *shape[1:]).copy())
                yield pixels.to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
                left -= n

    def _moments(self, mean: str, covariance: str, width: int) -> Moments:
        mu, sigma = self._array(mean, (width,)), self._array(covariance, (width, width))
        if not np.allclose(sigma, sigma.T, rtol=1e-5, atol=1e-7 * float(np.abs(sigma).max())):
            raise DataError(f"{self.path}: {covariance} is not symmetric, so it is no covariance; give another file")
        return Moments(mu, (sigma + sigma.T) / 2, 0)

    def _array(self, name: str, wanted: tuple[int, ...]) -> Array:
        with self._opened(name) as (_, shape, dtype):
            if shape != wanted or dtype.kind != "f":
                raise DataError(f"{self.path}: {name} is {shape} of {dtype}, not {wanted} floats, as Inception's are; give another file")
        try:
            with np.load(self.path, allow_pickle=False) as held:
                found: Array = held[name].astype(np.float64)
        except _TORN as error:
            raise self._torn(name, error) from error
        if not np.isfinite(found).all():
            raise DataError(f"{self.path}: {name} holds values that are not finite; give another file")
        return found

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype[Any]]]:
        """An array of the file, its header read: the file at the first value, shape, type."""
        with ExitStack() as held:
            try:
                file = held.enter_context(held.enter_context(zipfile.ZipFile(self.path)).open(f"{name}.npy"))
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, by_column, dtype = read(file)
                if by_column and len(shape) > 2:
                    raise ValueError("it is stored column by column")
            except _TORN as error:
                raise self._torn(name, error) from error
            yield file, shape, dtype

    def _torn(self, name: str, error: Exception) -> DataError:
        return DataError(f"{self.path}: {name} cannot be read ({str(error).strip() or type(error).__name__}); fetch the file again")
