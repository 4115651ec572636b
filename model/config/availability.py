"""Whether the frozen networks that a config names can be had here, looked up without importing what takes seconds."""

import difflib
import re
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from model.config.autoencoder import AutoencoderConfig
from model.config.extractor import InceptionExtractor
from model.config.frozen import FrozenNetwork, TimmNetwork
from model.errors import ConfigError


def ensure_available(network: FrozenNetwork | AutoencoderConfig) -> None:
    """Raises ConfigError for a name that the installed timm has not, and for a network whose package is not installed."""
    if isinstance(network, AutoencoderConfig):
        if find_spec("diffusers") is None:
            raise ConfigError(f"{network.place}: autoencoders are diffusers', which is not installed; pip install 'sweeper[latents]'")
        return
    if isinstance(network, TimmNetwork) and network.name.split(".")[0] not in (names := timm_names()):
        near = ", ".join(difflib.get_close_matches(network.name.split(".")[0], sorted(names), n=3)) or "vit_small_patch16_224"
        raise ConfigError(
            f"{network.place}.name: {network.name} is no model of timm {version('timm')}; choose one of its own, such as {near}"
        )
    if isinstance(network, InceptionExtractor) and find_spec("torch_fidelity") is None:
        raise ConfigError(
            f"{network.place}.kind: inception is the network of torch-fidelity, which is not installed; pip install torch-fidelity, or"
            " choose another kind"
        )


def ensure_datasets(place: str) -> None:
    """Raises ConfigError, naming `place`, where the package that reads tables of pictures is not installed."""
    if find_spec("datasets") is None:
        raise ConfigError(
            f"{place}: parquet, saved data sets and the hub are read by `datasets`, which is not installed; pip install 'sweeper[data]'"
        )


@lru_cache(maxsize=1)
def timm_names() -> frozenset[str]:
    """Every model that timm registers, new names and old, read from its sources: importing it loads torch."""
    found = find_spec("timm")
    folders = found.submodule_search_locations if found else None
    files = [file for folder in folders or () for file in (Path(folder) / "models").rglob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    # Old names are the keys of mappings to new ones; that other keys pass too does no harm, timm itself has the last word.
    return frozenset(re.findall(r"@register_model\s+def (\w+)\(", text) + re.findall(r"['\"](\w+)['\"]:", text))
