"""A user's own images: a folder with one sub-folder per class. Decoded once, and then one array that all trials share."""

import contextlib
import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from PIL import Image

from model.config import FolderData
from model.data.class_folders import ClassFolders, list_classes, versions_of
from model.data.images import LabelledImages, content_hash
from model.data.pixels import NoRule, has_other_colours, to_pixels
from model.errors import DataError
from model.plain_files import ensure_plain

RULE = 2
"""Raised when the same files would give other pixels."""
SETTLED_NS = 100_000_000
"""A file changed less than this before it was read may change again without another time: what it holds is not kept."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """The decoded pictures of a folder."""

    found: ClassFolders
    content_hash: str
    remarks: tuple[str, ...]
    """About the listing and the pictures."""
    pixels: Pixels
    """(n, S, S, C), mapped where they come from the cache; not loaded then before they are used."""


def read_folder(config: FolderData, cache: Path | None = None) -> LabelledImages:
    """Images in the order (class, file name), and their hash as they are read here.

    Raises:
        DataError: Names the first file that is unreadable, unlabelled or of a wrong size.
    """
    pictures = open_folder(config, cache)
    if _named(pictures.found, pictures.pixels) != pictures.content_hash:  # the cache was damaged
        pictures = open_folder(config, cache, anew=True)
    values = (pictures.pixels.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
    labels = np.asarray(pictures.found.labels, np.int64)
    names = pictures.found.class_names
    return LabelledImages(np.ascontiguousarray(values), labels, len(names), pictures.content_hash, names, pictures.remarks)


def open_folder(config: FolderData, cache: Path | None = None, *, anew: bool = False) -> Pictures:
    """The pictures, from `cache` where every file still has the name, size and times that it was decoded with, unless `anew`.

    Raises as `read_folder`; never for a cache that cannot be read or written.
    """
    root = config.path
    if not os.path.isdir(root):  # unlike Path.is_dir, of a name too long as well
        what = f"{root} is a file" if os.path.isfile(root) else f"there is no folder {root}"
        raise DataError(f"data.path: {what}; give a folder with one sub-folder of images per class")
    try:
        found = list_classes(root)
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be listed ({error.strerror}); mend its permissions") from error
    if cache is None:
        return _decoded(config, found)
    kept = _Kept(config, found, cache)
    if not anew and (pictures := kept.read()) is not None:
        return pictures
    with kept.alone():
        pictures = None if anew else kept.read()  # another process may have decoded them meanwhile
        if pictures is None:
            pictures = _decoded(config, found)
            kept.write(pictures)
    return pictures


def _named(found: ClassFolders, pixels: Pixels) -> str:
    labels = np.asarray(found.labels, np.int64)
    return content_hash(*(os.fsencode(name) for name in found.names), np.ascontiguousarray(pixels).data, labels.tobytes())


def _decoded(config: FolderData, found: ClassFolders) -> Pictures:
    pixels = np.empty((len(found.files), config.resolution, config.resolution, config.channels), np.uint8)
    coloured = 0
    for place, file in enumerate(found.files):
        pixels[place], other_colours = _read(file, config)
        coloured += other_colours
    has = "1 picture has" if coloured == 1 else f"{coloured:,} pictures have"
    remarks = (f"{has} a colour profile other than sRGB, which is not applied",) if coloured else ()
    return Pictures(found, _named(found, pixels), (*found.remarks, *remarks), pixels)


def _read(file: Path, config: FolderData) -> tuple[Pixels, bool]:
    wanted = (config.resolution, config.resolution)
    try:
        ensure_plain(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is looked at before anything is unpacked
            with Image.open(file) as image:
                size = image.size
                if size == wanted:
                    return to_pixels(image, config.channels), has_other_colours(image)
    except NoRule as error:
        raise DataError(f"{file} is not read: {error}, or remove it") from error
    except Exception as error:  # a damaged file makes Pillow's decoders raise what they will, a bomb too
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{file} cannot be read as an image ({said}); replace or remove it") from error
    raise DataError(f"{file} is {size[0]} x {size[1]} pixels, but data.resolution is {config.resolution}; resize it, or set the resolution")


class _Kept:
    """Decoded pictures in a cache: an array, and beside it what names it. One pair for a folder at one resolution."""

    def __init__(self, config: FolderData, found: ClassFolders, cache: Path) -> None:
        self._root, self._found, self._cache = config.path, found, cache
        about = f"{os.path.realpath(config.path)}\n{config.resolution} {config.channels}"
        self._stem = f"pictures-{hashlib.sha256(os.fsencode(about)).hexdigest()[:12]}"
        self._versions, self._newest = versions_of(config.path, found.files)
        self._array, self._about = (cache / f"{self._stem}-{self._versions[:16]}{suffix}" for suffix in (".npy", ".json"))

    def read(self) -> Pictures | None:
        """None where there are none of these very files by this rule, or where they cannot be read."""
        try:
            about = json.loads(self._about.read_text(encoding="utf-8"))
            if about["rule"] != RULE or about["versions"] != self._versions:
                return None
            ensure_plain(self._array)
            pixels = np.lib.format.open_memmap(self._array, mode="r")
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if pixels.dtype != np.uint8 or list(pixels.shape) != about["shape"] or len(pixels) != len(self._found.files):
            return None
        return Pictures(self._found, about["content_hash"], (*self._found.remarks, *about["remarks"]), pixels)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Of the processes that would decode the same files, one does; without a cache to lock, each."""
        lock = FileLock(self._cache / f"{self._stem}.lock")
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError:  # a folder that may only be read
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def write(self, pictures: Pictures) -> None:
        """Where it can be written, and the files were not changed while they were read."""
        before = pictures.found.remarks
        if time.time_ns() - self._newest < SETTLED_NS or versions_of(self._root, self._found.files) != (self._versions, self._newest):
            return
        about = {
            "rule": RULE,
            "versions": self._versions,
            "shape": list(pictures.pixels.shape),
            "content_hash": pictures.content_hash,
            "remarks": pictures.remarks[len(before) :],
            "folder": os.fsdecode(os.path.realpath(self._root)),
        }
        beside = self._cache / f"{self._stem}.writing"
        try:
            with beside.open("wb") as file:
                np.save(file, pictures.pixels)
            beside.replace(self._array)
            beside.write_text(json.dumps(about), encoding="utf-8")
            beside.replace(self._about)
            for older in self._cache.glob(f"{self._stem}-*"):
                if older not in (self._array, self._about):
                    older.unlink()
        except (OSError, ValueError):  # a full disk or a name without a text: it is decoded again next time
            with contextlib.suppress(OSError):
                beside.unlink()
