"""Networks that never train: they go by what they are and by the content of their weights, never by a path."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from model.config.paths import absolute_path
from model.config.section import NOT_IDENTITY, Section
from model.errors import ConfigError
from model.plain_files import MOST_WEIGHTS, Version, ensure_plain, version_of


class FrozenNetwork(Section):
    """Base of the networks that are in no checkpoint, so that a fingerprint has to name their weights."""

    place: ClassVar[str]
    """Where the section stands in a config, for messages."""
    words: ClassVar[Mapping[str, str]]
    """Words that may stand for a file of weights, and what each names."""

    weights: str = Field(min_length=1, json_schema_extra=NOT_IDENTITY)
    """A word, or a file (safetensors or torch)."""
    weights_hash: str = ""
    """What names the weights wherever their file lies: filled in at construction."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_weights(cls, given: Any) -> Any:
        """A file goes by its content; a config that was written down with a hash keeps it, and loading looks whether it still holds."""
        if not isinstance(given, dict) or not isinstance(weights := given.get("weights", cls.model_fields["weights"].default), str):
            return given
        if weights in cls.words:
            return given | {"weights_hash": cls.words[weights]}
        try:
            path = absolute_path(weights)
        except ValueError as error:
            raise ConfigError(f"{cls.place}.weights: {error}") from error
        return given | {"weights": str(path), "weights_hash": given.get("weights_hash") or cls.hash_of(path)}

    @property
    def file(self) -> Path | None:
        """The file of the weights, if they come from one."""
        return None if self.weights in self.words else Path(self.weights)

    @classmethod
    def hash_of(cls, path: Path) -> str:
        """Short content hash of a file of weights; raises ConfigError when it cannot be read."""
        return hash_of_weights(path, f"{cls.place}.weights", f"{', '.join(cls.words)}, or a file of weights")


class TimmNetwork(FrozenNetwork):
    """A model of timm."""

    words: ClassVar = {"pretrained": "pretrained", "none": "none"}
    offline: ClassVar[str] = "a safetensors or torch file of them"
    """What to give as `weights` where those of the name cannot be fetched."""

    name: str = Field(min_length=1)
    """Model name in timm, such as `vit_base_patch14_dinov2.lvd142m`."""
    weights: str = Field(default="pretrained", min_length=1, json_schema_extra=NOT_IDENTITY)
    """`pretrained`: those of the name, over the network | a file (safetensors or torch) | `none`: random, for tests and controls."""


def hash_of_weights(path: Path, place: str, remedy: str = "a file of weights") -> str:
    """Short content hash of a file of weights; raises ConfigError, with the place and what to give there, when it cannot be read."""
    try:
        return _hash_of(path, version_of(ensure_plain(path, MOST_WEIGHTS)))
    except OSError as error:
        raise ConfigError(f"{place}: {path} cannot be read ({error.strerror}); give {remedy}") from error


@lru_cache(maxsize=16)
def _hash_of(path: Path, version: Version) -> str:
    """Kept while the file does not change: a config is made for every trial, and a file of weights may be large."""
    return read_hash(path)


def read_hash(path: Path) -> str:
    """The hash of what the file holds now, kept nowhere."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
