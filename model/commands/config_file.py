"""A trial's config in a YAML file: what a sweep's `base` is, an optional `preset` and what differs from it."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from model.config import TrainConfig
from model.config.section import first_fault
from model.errors import ConfigError
from model.presets import config_from

MAX_BYTES = 100_000


def read_config(path: Path) -> TrainConfig:
    """Raises ConfigError, naming the file, and the key where one is wrong."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES or b"&" in text:
            raise ValueError(f"it has aliases, or more than {MAX_BYTES:,} bytes, and no config has")
        held = yaml.safe_load(text.decode("utf-8"))
    except Exception as error:  # PyYAML's constructors raise what they will
        raise ConfigError(f"{path} cannot be read as YAML ({error}); give a file with a `preset` and what differs from it") from error
    if not isinstance(held, dict):
        raise ConfigError(f"{path} holds no `key: value` lines; write at least `preset: nano`")
    try:
        return config_from(held)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}") from error
