"""From a data config to its images, or to the few facts a plan needs of them."""

import json
import os
from pathlib import Path

from model.config import DataConfig, DigitsData, FolderData, ImagesData, LatentsData, NpzData, PhotographsData
from model.config.data import HELD_OUT_FRACTION
from model.config.encoded_data import read_encoded
from model.config.section import identity
from model.data import digits
from model.data.images import DataFacts, LabelledImages, content_hash, held_out_count, with_subset
from model.errors import DataError


def read(config: DataConfig, cache: Path | None = None) -> LabelledImages:
    """All images and labels; raises DataError when they are missing, unreadable or not as described.

    `cache`: a folder in which decoded pictures are kept, by name, size and time of their files.
    """
    match config:
        case DigitsData():
            return digits.read_digits()
        case PhotographsData():
            from model.data.photographs import read_photographs

            return read_photographs(config)
        case NpzData():
            from model.data.npz import read_npz

            return read_npz(config)
        case FolderData():
            from model.data.folder import read_folder

            return read_folder(config, cache)
        case LatentsData() | ImagesData():
            raise DataError(f"data.kind: {config.kind} is opened by its own module, not read whole")


def held_out_fraction(config: DataConfig) -> float:
    """Share of the images kept away from training."""
    return config.held_out_fraction if isinstance(config, NpzData | FolderData) else HELD_OUT_FRACTION


def facts(config: DataConfig, cache: Path | None = None) -> DataFacts:
    """What a plan needs; reads the data set, but not the digits, whose facts are known. Arrays that are not there declare theirs.

    `cache`: see `read`; pictures that are kept there are not read at all.
    """
    return with_subset(_of_whole(config, cache), config.train_images)


def class_names(folder: Path) -> tuple[str, ...]:
    """Of arrays, as the folder's `dataset.json` says; () where it says none."""
    encoded = read_encoded(folder)
    return () if encoded is None else encoded.class_names


def _of_whole(config: DataConfig, cache: Path | None) -> DataFacts:
    match config:
        case DigitsData():
            held_out = held_out_count(digits.IMAGES, HELD_OUT_FRACTION, "digits")
            return DataFacts(digits.CONTENT_HASH, 1, digits.RESOLUTION, digits.CLASSES, digits.IMAGES - held_out, held_out)
        case LatentsData():
            from model.data.latents import open_latents

            named = open_latents(config).content_hash if _there(config.path) else _declared(config)
            held_out = held_out_count(config.images, config.held_out_fraction, str(config.path))
            return _of_array(config, named, config.channels, held_out)
        case ImagesData():
            from model.data.stored_images import held_out_images, open_stored_images

            named = open_stored_images(config).content_hash if _there(config.path) else _declared(config)
            return _of_array(config, named, 3, held_out_images(config))
        case FolderData():
            from model.data.folder import open_folder

            pictures = open_folder(config, cache)
            n, side, _, channels = pictures.pixels.shape
            held_out = held_out_count(n, config.held_out_fraction, str(config.path))
            names = pictures.found.class_names
            return DataFacts(pictures.content_hash, channels, side, len(names), n - held_out, held_out, names, pictures.remarks)
        case _:
            found = read(config)
            held_out = held_out_count(len(found.images), held_out_fraction(config), str(getattr(config, "path", config.kind)))
            _, channels, side, _ = found.images.shape
            train = len(found.images) - held_out
            return DataFacts(found.content_hash, channels, side, found.classes, train, held_out, found.class_names, found.remarks)


def _there(path: Path) -> bool:
    return os.path.exists(path)  # unlike Path.exists, of a name too long or in a closed folder as well


def _declared(config: LatentsData | ImagesData) -> str:
    declared = {name: value for name, value in identity(config).items() if name != "train_images"}
    return f"declared-{content_hash(json.dumps(declared).encode())}"


def _of_array(config: LatentsData | ImagesData, named: str, channels: int, held_out: int) -> DataFacts:
    train = config.images - held_out
    return DataFacts(named, channels, config.resolution, config.classes, train, held_out, class_names(config.path))
