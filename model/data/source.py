"""From a data config to its images, or to the few facts a plan needs of them."""

import json
import os

from model.config import DataConfig, DigitsData, FolderData, LatentsData, NpzData
from model.config.data import HELD_OUT_FRACTION
from model.config.section import identity
from model.data import digits
from model.data.images import DataFacts, LabelledImages, content_hash, held_out_count
from model.errors import DataError


def read(config: DataConfig) -> LabelledImages:
    """All images and labels; raises DataError when they are missing, unreadable or not as described."""
    match config:
        case DigitsData():
            return digits.read_digits()
        case NpzData():
            from model.data.npz import read_npz

            return read_npz(config.path)
        case FolderData():
            from model.data.folder import read_folder

            return read_folder(config)
        case LatentsData():
            raise DataError("latents are opened by model.data.latents, not read whole")


def held_out_fraction(config: DataConfig) -> float:
    """Share of the images kept away from training."""
    return config.held_out_fraction if isinstance(config, NpzData | FolderData | LatentsData) else HELD_OUT_FRACTION


def facts(config: DataConfig) -> DataFacts:
    """What a plan needs; reads a user's data set, but not the digits, whose facts are known. Latents that are not there declare theirs."""
    match config:
        case DigitsData():
            held_out = held_out_count(digits.IMAGES, HELD_OUT_FRACTION, "digits")
            return DataFacts(digits.CONTENT_HASH, 1, digits.RESOLUTION, digits.CLASSES, digits.IMAGES - held_out, held_out)
        case LatentsData():
            named = f"declared-{content_hash(json.dumps(identity(config)).encode())}"
            if os.path.exists(config.path):  # unlike Path.exists, of a name too long or in a closed folder as well
                from model.data.latents import open_latents

                named = open_latents(config).content_hash
            held_out = held_out_count(config.images, config.held_out_fraction, str(config.path))
            return DataFacts(named, config.channels, config.resolution, config.classes, config.images - held_out, held_out)
        case _:
            found = read(config)
            held_out = held_out_count(len(found.images), held_out_fraction(config), str(config.path))
            _, channels, side, _ = found.images.shape
            return DataFacts(found.content_hash, channels, side, found.classes, len(found.images) - held_out, held_out)
