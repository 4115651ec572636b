"""Which file stands for the real images that samples are compared with. It goes by its content, never by its path."""

import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

from model.config.frozen import read_hash
from model.config.paths import absolute_path
from model.errors import ConfigError
from model.plain_files import MOST_WEIGHTS, Version, ensure_plain, version_of

TRAINING = "training"
PLACE = "evaluation.reference"
STATISTICS, SPATIAL_STATISTICS = ("mu", "sigma"), ("mu_s", "sigma_s")
"""Arrays of the file: mean and covariance of the pooled features, and of the spatial ones."""
IMAGES = "arr_0"
"""Array of the file: some of its images, (n, S, S, 3) uint8."""
_REMEDY = "give training, or a reference file of ADM, such as VIRTUAL_imagenet256_labeled.npz"


def named_reference(written: str) -> tuple[str, str]:
    """The whole path of the file that a user means, and the short hash of its content; raises ConfigError when it cannot be read."""
    try:
        path = absolute_path(written)
    except ValueError as error:
        raise ConfigError(f"{PLACE}: {error}") from error
    try:
        return str(path), _hash_of(path, version_of(ensure_plain(path, MOST_WEIGHTS)))
    except OSError as error:
        raise ConfigError(f"{PLACE}: {path} cannot be read ({error.strerror}); {_REMEDY}") from error


def ensure_holds(path: Path, wanted: dict[str, str]) -> None:
    """Raises ConfigError when the file lacks one of the arrays; `wanted` says what each is needed for.

    A file that is not there is passed over: a config that was written down with a hash is read where the file never was.
    """
    try:
        held = _arrays_of(path, version_of(ensure_plain(path, MOST_WEIGHTS)))
    except OSError:
        return
    except (zipfile.BadZipFile, NotImplementedError, ValueError, zlib.error) as error:
        raise ConfigError(f"{PLACE}: {path} is no whole .npz file ({error}); {_REMEDY}") from error
    for name, use in wanted.items():
        if name not in held:
            remedy = "do not ask for it, or give a file that holds it" if name not in STATISTICS else _REMEDY
            raise ConfigError(f"{PLACE}: {use} needs the array {name}, which {path} lacks; {remedy}")


@lru_cache(maxsize=16)
def _hash_of(path: Path, version: Version) -> str:
    """Kept while the file does not change: a config is made for every trial, and the file may be of gigabytes."""
    return read_hash(path)


@lru_cache(maxsize=16)
def _arrays_of(path: Path, version: Version) -> frozenset[str]:
    with zipfile.ZipFile(path) as archive:
        return frozenset(name.removesuffix(".npy") for name in archive.namelist())
