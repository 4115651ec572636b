"""Which frozen vision transformer shows the student what an image holds (REPA, 2410.06940)."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from model.config.section import NOT_IDENTITY, Section
from model.errors import ConfigError

WORDS = ("none", "pretrained")


class EncoderConfig(Section):
    """A vision transformer of timm; it never trains and is in no checkpoint, so its name and weights are part of a trial's name."""

    name: str = Field(min_length=1)
    """Model name in timm, such as `vit_base_patch14_dinov2.lvd142m`."""
    weights: str = Field(default="pretrained", min_length=1, json_schema_extra=NOT_IDENTITY)
    """`pretrained`: those of the name, over the network | a file (safetensors or torch) | `none`: random, for tests and controls."""
    weights_hash: str = ""
    """What names the weights wherever their file lies: filled in at construction."""
    resolution: int | None = Field(default=None, ge=1)
    """Side of the image that the encoder sees; None is 224 * (side of the images / 256). Its patches must be as many as our tokens."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_weights(cls, given: Any) -> Any:
        """A file goes by its content; a config that was written down with a hash keeps it, and loading looks whether it still holds."""
        if not isinstance(given, dict) or not isinstance(weights := given.get("weights", "pretrained"), str):
            return given
        if weights in WORDS:
            return given | {"weights_hash": weights}
        path = Path(weights).expanduser().absolute()  # a trial may run in another folder
        return given | {"weights": str(path), "weights_hash": given.get("weights_hash") or file_hash(path)}

    @property
    def file(self) -> Path | None:
        """The file of the weights, if they come from one."""
        return None if self.weights in WORDS else Path(self.weights)


def file_hash(path: Path) -> str:
    """Short content hash of a file of weights; raises ConfigError when it cannot be read."""
    try:
        about = path.stat()
        return _hash_of(path, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise ConfigError(
            f"alignment.encoder.weights: {path} cannot be read ({error.strerror}); give pretrained, none, or a file of weights"
        ) from error


@lru_cache(maxsize=16)
def _hash_of(path: Path, changed: int, size: int) -> str:
    """Kept while the file does not change: a config is made for every trial, and a file of weights may be large."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
