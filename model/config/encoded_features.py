"""What `features-NAME.json` says of the features beside it, and which of them an encoder may take.

It stands beside the array and not in `dataset.json`: pictures that numpy wrote have no such file, other tools' has the name but not the
form, and features may be added while earlier releases train on the folder.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from model.config.encoder import EncoderConfig
from model.config.section import Section, first_fault
from model.errors import DataError
from model.plain_files import ensure_plain

FORMAT = 1
_MOST_BYTES = 2**20
_BATCH_BY_BATCH = "or move both files away, and the pictures are encoded batch by batch"


class EncodedFeatures(Section):
    """Features of the pictures in `images.npy`, by a frozen encoder."""

    format: int
    encoder: str
    """Name in timm."""
    weights: str
    """As they were given."""
    weights_hash: str
    """As `EncoderConfig`'s."""
    downloaded: str
    """Name and content of weights that are only called `pretrained`; '' of others."""
    side: int
    """Of the image that the encoder saw, in pixels."""
    images_hash: str
    """What names `images.npy`."""
    shape: tuple[int, int, int]
    """(n, T, F)."""
    dtype: Literal["float16", "float32"]
    device: str
    """That computed them, by its name."""
    sha256: str
    """Of the array's file."""
    rows_hash: str = ""
    """Of some of its rows; '' where older code wrote it."""
    versions: dict[str, str]


class _Format(BaseModel):
    """What every format says."""

    format: int


def file_stem(name: str) -> str:
    """'features-NAME', of any name: what is no letter, digit, dot, dash or underscore becomes an underscore."""
    return f"features-{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"


def encoded_features(folder: Path, config: EncoderConfig) -> dict[Path, EncodedFeatures]:
    """The arrays of the encoder's features in the folder, of whatever side; none where none is of an encoder of its name.

    Raises:
        DataError: There are features of that encoder, but all of other weights; or what stands beside an array is torn.
    """
    found: dict[Path, EncodedFeatures] = {}
    for file in sorted(folder.glob("features-*.json")):
        about = _read(file)
        if about.encoder == config.name:
            found[file.with_suffix(".npy")] = about
    ours = {path: about for path, about in found.items() if about.weights_hash == config.weights_hash}
    if found and not ours:
        path, about = next(iter(found.items()))
        raise DataError(
            f"{path} holds features of {config.name} with the weights {about.weights} ({about.weights_hash}), and {config.place}.weights is"
            f" {config.weights} ({config.weights_hash}); write those of these weights beside them: sweeper data features {folder}"
            f" --encoder {config.name} --weights {config.weights} --name ANOTHER, {_BATCH_BY_BATCH}"
        )
    return ours


def ensure_of(path: Path, about: EncodedFeatures, config: EncoderConfig, downloaded: str, images_hash: str) -> None:
    """Raises DataError for features of other pictures than `images_hash` names, or of other weights of the name than were `downloaded`."""
    again = f"write them again: remove {path} and the .json beside it, then sweeper data features {path.parent} --encoder {config.name}"
    if about.images_hash != images_hash:
        raise DataError(f"{path} holds features of other pictures than are in images.npy now; {again}; {_BATCH_BY_BATCH}")
    if about.downloaded != downloaded:
        raise DataError(
            f"{path} holds features of the weights {about.downloaded}, and pretrained are now {downloaded}; {again}; {_BATCH_BY_BATCH}"
        )


def _read(file: Path) -> EncodedFeatures:
    try:
        ensure_plain(file, _MOST_BYTES)
        text = file.read_text(encoding="utf-8")
        held = _Format.model_validate_json(text).format
        about = EncodedFeatures.model_validate_json(text) if held == FORMAT else None
    except (OSError, ValidationError, ValueError) as error:
        said = first_fault(error) if isinstance(error, ValidationError) else getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{file} is not as `sweeper data features` writes it ({said}); remove it and its array, and write them again"
        ) from error
    if about is None:  # whatever fields it has
        raise DataError(f"{file} has format {held}, and this release reads {FORMAT}; upgrade sweeper, or write it again")
    return about
