"""What `dataset.json` says of a folder of latents that `sweeper data encode` wrote: all that names it, and all that a config needs."""

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from model.config.section import Section, first_fault
from model.errors import ConfigError
from model.plain_files import ensure_plain

FILE = "dataset.json"
FORMAT = 1
_MOST_BYTES = 2**28


class EncodedBy(Section):
    """The autoencoder that encoded."""

    kind: Literal["kl", "tiny", "dc"]
    weights: str
    """Folder or name on the hub, as it was given."""
    weights_hash: str
    """Of its settings and weights."""


class EncodedData(Section):
    """A folder of latents."""

    format: int
    images: int
    """Rows of every array, mirrored pictures among them."""
    class_names: tuple[str, ...]
    classes: int
    channels: int
    resolution: int
    """Side of a latent in cells."""
    picture_side: int
    """Side of a picture in pixels."""
    crop: Literal["adm", "center", "none"]
    flip: bool
    """Row 2i + 1 is of the picture of row 2i, mirrored."""
    source: str
    source_hash: str
    """Of the names, sizes and labels of the pictures' files."""
    autoencoder: EncodedBy
    scale: float | tuple[float, ...]
    shift: float | tuple[float, ...]
    dtype: Literal["float16", "float32"]
    arrays: dict[str, str]
    """SHA-256 of every array's file."""
    left_out: tuple[str, ...]
    """Files that could not be read, where these were to be skipped."""
    versions: dict[str, str]


def read_encoded(folder: Path) -> EncodedData | None:
    """What the folder says of itself; None where it says nothing, as folders of other tools.

    Raises:
        ConfigError: The file is torn, or of a later format.
    """
    path = folder / FILE
    if not os.path.isfile(path):
        return None
    try:
        ensure_plain(path, _MOST_BYTES)
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); encode the data set again") from error
    if not isinstance(held, dict) or "format" not in held or "labels" in held:
        return None  # EDM2's and REPA's tools write a file of the same name
    if held["format"] != FORMAT:
        raise ConfigError(f"{path} has format {held['format']}, and this release reads {FORMAT}; upgrade sweeper, or encode again")
    try:
        return EncodedData.model_validate(held)
    except ValidationError as error:
        raise ConfigError(f"{path} is not as `sweeper data encode` writes it ({first_fault(error)}); encode the data set again") from error
