"""A user's own images: a folder with one sub-folder per class."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from model.config import FolderData
from model.data.images import LabelledImages, content_hash
from model.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def read_folder(config: FolderData) -> LabelledImages:
    """Images in the order (class, file name); raises DataError naming the first file that is unreadable, unlabelled or of a wrong size."""
    root = config.path
    if not os.path.isdir(root):  # unlike Path.is_dir, of a name too long as well
        what = f"{root} is a file" if os.path.isfile(root) else f"there is no folder {root}"
        raise DataError(f"data.path: {what}; give a folder with one sub-folder of images per class")
    try:
        return _read_classes(root, config)
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be listed ({error.strerror}); mend its permissions") from error


def _read_classes(root: Path, config: FolderData) -> LabelledImages:
    loose = sorted(p.name for p in root.iterdir() if p.suffix.lower() in SUFFIXES)
    if loose:
        raise DataError(f"{root / loose[0]} has no label; move it into the sub-folder of its class")
    classes = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    images: list[np.ndarray] = []
    labels: list[int] = []
    for label, folder in enumerate(classes):
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))}); remove the empty class or fill it")
        images += [_read(file, config) for file in files]
        labels += [label] * len(files)
    if not images:
        raise DataError(f"{root} has no class folders; give a folder with one sub-folder of images per class")
    pixels = np.stack(images)
    named = content_hash(*(os.fsencode(p.name) for p in classes), pixels.tobytes(), np.asarray(labels, np.int64).tobytes())
    values = (pixels.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
    return LabelledImages(np.ascontiguousarray(values), np.asarray(labels, np.int64), len(classes), named)


def _read(file: Path, config: FolderData) -> np.ndarray:
    if not os.path.isfile(file):  # a pipe would be waited for, a device read for ever
        raise DataError(f"{file} cannot be read as an image (it is no file); replace or remove it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is looked at before anything is unpacked
            with Image.open(file) as image:
                size = image.size
                if size == (config.resolution, config.resolution):
                    pixels = np.asarray(image.convert("L" if config.channels == 1 else "RGB"), np.uint8)
    except Exception as error:  # a damaged file makes Pillow's decoders raise what they will, a bomb too
        raise DataError(f"{file} cannot be read as an image ({str(error) or type(error).__name__}); replace or remove it") from error
    if size != (config.resolution, config.resolution):
        raise DataError(
            f"{file} is {size[0]} x {size[1]} pixels, but data.resolution is {config.resolution}; resize it, or set the resolution"
        )
    return pixels.reshape(config.resolution, config.resolution, config.channels)
