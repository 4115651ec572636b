"""Which kind of data set a source is. The readers of class folders and of an `.npz`; n pictures, S pixels a side."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from model.config import NpzData
from model.data.class_folders import list_classes
from model.data.crop import Crop
from model.data.encode_tables import is_saved, of_hub, of_parquet, of_saved
from model.data.encode_tar import of_tar
from model.data.images import content_hash, shown_name
from model.data.npz import read_npz
from model.data.picture_source import ALL, Choice, HubName, Labels, Pixels, Source, Square, broken, readable
from model.data.shards import shards_in
from model.errors import DataError
from model.plain_files import ensure_plain

SOURCES = (
    "a folder with one sub-folder of pictures per class, an .npz file, .tar or .parquet files, a data set saved by `datasets`, or"
    " hub:OWNER/NAME"
)


def open_source(path: Path | HubName, side: int, crop: Crop, *, skip_broken: bool, choice: Choice = ALL) -> Source:
    """The pictures of a data set, as squares of `side`.

    `skip_broken` reads every file once before, and leaves out those that cannot be read.

    Raises:
        ConfigError: An option chooses what the source has not, or a package that reads it is not installed.
        DataError: There are no pictures, or they lie otherwise than they should.
    """
    square = Square(side, crop)
    if isinstance(path, HubName):
        return of_hub(path, square, choice).source(skip_broken=skip_broken)
    if is_saved(path):
        return of_saved(path, square, choice).source(skip_broken=skip_broken)
    tars, parquets = shards_in(path, ".tar"), shards_in(path, ".parquet")
    if tars and parquets:
        raise DataError(f"{path} holds {tars[0].name} and {parquets[0].name}, and nothing says which are the data; move one kind elsewhere")
    if tars:
        return of_tar(path, tars, square, choice).source(skip_broken=skip_broken)
    if parquets:
        return of_parquet(path, parquets, square, choice).source(skip_broken=skip_broken)
    choice.ensure_meant(str(path))
    return _of_npz(path, square) if path.suffix == ".npz" else _of_folder(path, square, skip_broken)


def _of_npz(path: Path, square: Square) -> Source:
    found = read_npz(NpzData(kind="npz", path=path))
    if found.images.shape[1] not in (1, 3):
        raise DataError(f"{path} has pictures of {found.images.shape[1]} channels; give grey or RGB pictures")
    pixels = ((found.images + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)

    def read(place: int) -> Pixels:
        picture = Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels[place], (*pixels.shape[1:3], 3))))
        return square.of(picture, f"{path}: picture {place}")

    return Source(read, found.labels, found.class_names, found.classes, found.content_hash)


def _of_folder(path: Path, square: Square, skip_broken: bool) -> Source:
    if not os.path.isdir(path):
        raise DataError(f"there is no folder {path}; give {SOURCES}")
    try:
        found = list_classes(path)
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be listed ({error.strerror}); mend its permissions") from error

    def read(file: Path) -> Pixels:
        try:
            ensure_plain(file)
        except OSError as error:
            raise broken(str(file), error) from error
        return square.opened(file, str(file))

    files, known = list(found.files), np.asarray(found.labels, np.int64)
    left_out: tuple[str, ...] = ()
    kept, listed = None, ""
    if skip_broken:
        listed = _name_of(path, files, known)
        kept, bad = readable(lambda place: read(files[place]), known, lambda label: str(path / found.names[label]))
        left_out = tuple(shown_name(str(files[place].relative_to(path))) for place in bad)
        files, known = [files[place] for place in kept], known[kept]
    named, remarks = _name_of(path, files, known), found.remarks
    return Source(
        lambda place: read(files[place]), known, found.class_names, len(found.names), named, left_out, remarks, kept=kept, listed=listed
    )


def _name_of(path: Path, files: list[Path], labels: Labels) -> str:
    """A file that cannot be looked at, such as a link to nowhere, has the size -1; reading it says why."""
    sizes = np.array([_size(file) for file in files], np.int64)
    return content_hash(*(os.fsencode(file.relative_to(path)) for file in files), sizes.tobytes(), labels.tobytes())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
