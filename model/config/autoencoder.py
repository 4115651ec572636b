"""Which frozen autoencoder stands between pictures and the latents that are trained on."""

import hashlib
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from model.config.paths import absolute_path
from model.config.section import NOT_IDENTITY, Section
from model.errors import ConfigError
from model.plain_files import MOST_WEIGHTS, Version, ensure_plain, version_of

SETTINGS, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
"""What diffusers' `save_pretrained` writes. Weights in any other file are pickled, and not read."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class AutoencoderConfig(Section):
    """An autoencoder of diffusers (the extra `latents`), frozen. It goes by the content of its weights, never by a path."""

    place: ClassVar[str] = "evaluation.autoencoder"

    kind: Literal["kl", "tiny", "dc"] = "kl"
    """`kl`: AutoencoderKL, of Stable Diffusion (4 channels) and its successors (16) | `tiny`: AutoencoderTiny (TAESD), small and fast |
    `dc`: AutoencoderDC, 32 pixels a side in a latent cell. The last two give one latent, with a standard deviation of 0."""
    weights: str = Field(min_length=1, json_schema_extra=NOT_IDENTITY)
    """A folder as diffusers' `save_pretrained` writes it (`config.json`, `diffusion_pytorch_model.safetensors`), or a name on the
    Hugging Face hub, such as `stabilityai/sd-vae-ft-ema`."""
    weights_hash: str = ""
    """What names the weights wherever they lie: filled in at construction; of a name on the hub, the name."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_weights(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(weights := given.get("weights"), str):
            return given
        if _HUB_NAME.fullmatch(weights) and not os.path.isdir(weights):
            return given | {"weights_hash": given.get("weights_hash") or weights}
        try:
            folder = absolute_path(weights)
        except ValueError as error:
            raise ConfigError(f"{cls.place}.weights: {error}") from error
        return given | {"weights": str(folder), "weights_hash": given.get("weights_hash") or hash_of(folder, f"{cls.place}.weights")}

    @property
    def folder(self) -> Path | None:
        """Where the weights lie; None for a name on the hub."""
        return Path(self.weights) if os.path.isabs(self.weights) else None


def hash_of(folder: Path, place: str) -> str:
    """Short content hash of settings and weights in a folder; raises ConfigError, naming `place`, when they cannot be read."""
    try:
        settings, weights = folder / SETTINGS, folder / WEIGHTS
        return _hash_of(folder, version_of(ensure_plain(settings, 2**20)), version_of(ensure_plain(weights, MOST_WEIGHTS)))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"{place}: {folder} holds no autoencoder ({said}); give a folder with {SETTINGS} and {WEIGHTS}, as diffusers' save_pretrained"
            " writes it, or a name on the Hugging Face hub, such as stabilityai/sd-vae-ft-ema"
        ) from error


@lru_cache(maxsize=16)
def _hash_of(folder: Path, settings: Version, weights: Version) -> str:
    """Kept while the files do not change. Of the settings what shapes the network, not who wrote them."""
    known = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    plain = {name: value for name, value in known.items() if not name.startswith("_") or name == "_class_name"}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    with (folder / WEIGHTS).open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
