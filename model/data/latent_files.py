"""Latents as the data set tools of EDM2 and REPA write them: a file per image in a folder, or in a zip that is not compressed.

    dataset.json                      {"labels": [["00000/img-mean-std-00000000.npy", 17], ...]}, integers from 0
    00000/img-mean-std-00000000.npy   (2C, S, S) float32: of the image's posterior the mean, C channels, then the standard deviation

A folder that holds this in `vae-sd/`, beside `images/`, may be named itself. Images are in the order of their names, as the authors'.
"""

import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.data.npy_header import read_header
from model.errors import DataError
from model.plain_files import ensure_plain

LABELS, INSIDE = "dataset.json", "vae-sd"
MOST_LABELS, MOST_LATENT = 2**30, 2**26
"""Bytes of a file of labels, and of one image's moments."""
TOOLS = "the `encode` of EDM2's dataset_tool.py or REPA's dataset_tools.py"


@dataclass(frozen=True)
class LatentFiles:
    """Which files, and their labels."""

    root: Path
    """The folder of `dataset.json`, or the zip."""
    inside: str
    """What precedes the names in the zip."""
    names: tuple[str, ...]
    labels: npt.NDArray[np.int64]

    def moments(self) -> Iterator[npt.NDArray[Any]]:
        """Of each image in turn, (2C, S, S); raises DataError naming the first file that cannot be read, or that is not like the others."""
        first: tuple[tuple[int, ...], Any] | None = None
        with _Bytes(self.root, self.inside) as held:
            for name in self.names:
                place = self.place_of(name)
                array = _array(place, held, name)
                if first is None:
                    first = array.shape, array.dtype
                elif (array.shape, array.dtype) != first:
                    raise DataError(
                        f"{place} has shape {array.shape} of {array.dtype}, and {self.place_of(self.names[0])} {first[0]} of {first[1]};"
                        " all images of a data set have one: encode this one again, or leave it and its label out"
                    )
                yield array

    def place_of(self, name: str) -> str:
        """The file, for messages."""
        return f"{self.root}/{self.inside}{name}"

    @property
    def labels_file(self) -> str:
        """For messages."""
        return self.place_of(LABELS)


def is_latent_files(path: Path) -> bool:
    """Whether there is a zip, or a folder with the labels of this layout."""
    return os.path.isfile(path) or any(os.path.isfile(folder / LABELS) for folder in (path, path / INSIDE))


def list_latent_files(path: Path) -> LatentFiles:
    """The files that have labels; raises DataError when a file has none, or a label has no file."""
    root = path / INSIDE if not os.path.isfile(path / LABELS) and os.path.isfile(path / INSIDE / LABELS) else path
    try:
        with _Bytes(root, "") as held:
            present = held.names()
            inside = f"{INSIDE}/" if LABELS not in present and f"{INSIDE}/{LABELS}" in present else ""
            if f"{inside}{LABELS}" not in present:
                raise DataError(f"{root} has no {LABELS}; give what {TOOLS} writes")
            text = held.read(f"{inside}{LABELS}", MOST_LABELS)
    except DataError:
        raise
    except Exception as error:  # a damaged zip makes zipfile raise what it will
        raise DataError(f"{root} cannot be read ({_said(error)}); give a folder or a zip that {TOOLS} writes") from error
    on_disk = {name.removeprefix(inside) for name in present if name.startswith(inside) and name.endswith(".npy")}
    labels = _labels(f"{root}/{inside}{LABELS}", text)
    if missing := sorted(name for name in labels.keys() - on_disk if not os.path.isfile(root / name)):  # behind a link to a folder
        raise DataError(
            f"{root}/{inside}{LABELS} has labels of {_counted(missing, 'files that are', 'a file that is')} not there: {missing[0]}; copy"
            " the data set again, or take these labels out"
        )
    if unlabelled := sorted(on_disk - labels.keys()):
        raise DataError(
            f"{root}/{inside}{LABELS} has no label for {_counted(unlabelled, 'files', 'the file')} beside it: {unlabelled[0]}; add the"
            " labels, or move the files away"
        )
    names = tuple(sorted(labels))
    return LatentFiles(root, inside, names, np.array([labels[name] for name in names], np.int64))


def _counted(names: list[str], many: str, one: str) -> str:
    return one if len(names) == 1 else f"{len(names):,} {many}"


def _labels(place: str, text: bytes) -> dict[str, int]:
    try:
        given = json.loads(text)["labels"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f'{place} is not {{"labels": [[name, label], ...]}} ({_said(error)}); write it again with {TOOLS}') from error
    if given is None:
        raise DataError(
            f"{place}: labels are null, which {TOOLS} writes where the pictures lay in no class folders; give [[name, label], ...] with"
            " integers from 0, or 0 for each if there is one class"
        )
    wrong = given if not isinstance(given, list) else next((entry for entry in given if not _is_entry(entry)), None)
    if wrong is not None or not given:
        raise DataError(f"{place}: labels are [[name, label], ...] with integers from 0, not {str(wrong if given else given)[:80]}")
    doubled, times = Counter(name for name, _ in given).most_common(1)[0]
    if times > 1:
        raise DataError(f"{place}: {doubled} has {times} labels; an image has one")
    return dict(given)


def _is_entry(entry: Any) -> bool:
    """Of a class, not one-hot: and a label that an array can hold."""
    return isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and type(entry[1]) is int and abs(entry[1]) < 2**31


def _array(place: str, held: "_Bytes", name: str) -> npt.NDArray[Any]:
    try:
        whole = held.read(name, MOST_LATENT)
        file = io.BytesIO(whole)
        shape, fortran_order, dtype = read_header(file)
    except Exception as error:  # a damaged header makes numpy and Python's own tokenizer raise what they will
        raise DataError(f"{place} cannot be read as an array ({_said(error)}); encode it again, or leave it and its label out") from error
    if len(shape) != 3 or shape[0] % 2 or not shape[0] or shape[1] != shape[2] or fortran_order:
        raise DataError(
            f"{place} has shape {shape}{' in Fortran order' if fortran_order else ''}; give (2 x channels, side, side): means, then"
            " standard deviations"
        )
    if dtype not in (np.float16, np.float32):
        raise DataError(f"{place} holds {dtype}; give float16 or float32")
    size, begins = int(np.prod(shape, dtype=object)) * dtype.itemsize, file.tell()
    if len(whole) - begins != size:
        raise DataError(f"{place} says to be {shape} of {dtype}, {size:,} bytes, but holds {len(whole) - begins:,}; encode it again")
    array = np.frombuffer(whole, dtype, offset=begins).reshape(shape)
    if not np.isfinite(array).all():
        raise DataError(f"{place} has values that are not finite; encode it again, or leave it and its label out")
    if (least := array[shape[0] // 2 :].min()) < 0:
        raise DataError(
            f"{place} has a negative standard deviation, {least:g}; the first {shape[0] // 2} channels are means, the others standard"
            " deviations: not their logarithms, and not one latent alone"
        )
    return array


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class _Bytes:
    """The files of a folder, or of a zip."""

    def __init__(self, root: Path, inside: str) -> None:
        self._root, self._inside, self._zip = root, inside, None
        if os.path.isfile(root):
            ensure_plain(root)
            self._zip = zipfile.ZipFile(root)

    def __enter__(self) -> "_Bytes":
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def names(self) -> set[str]:
        """All but leftovers of archives and systems; raises DataError for a packed zip, whose files would each have to be unpacked."""
        if self._zip is not None:
            packed = next((about for about in self._zip.infolist() if about.compress_type != zipfile.ZIP_STORED), None)
            if packed is not None:
                raise DataError(
                    f"{self._root} is compressed ({packed.filename} is), which latents gain nothing by; write it with {TOOLS}, with `zip -0"
                    " -r`, or give the unpacked folder"
                )
            return {name for name in self._zip.namelist() if not _is_leftover(name)}
        found = set()
        for folder, folders, files in os.walk(self._root, onerror=_refuse):
            folders[:] = [name for name in folders if not _is_leftover(name)]
            at = os.path.relpath(folder, self._root)
            found |= {name if at == "." else f"{at}/{name}" for name in files if not _is_leftover(name)}
        return found

    def read(self, name: str, most: int) -> bytes:
        if self._zip is not None:
            about = self._zip.getinfo(f"{self._inside}{name}")
            if about.file_size > most:
                raise OSError(f"it has {about.file_size:,} bytes, more than the {most:,} that are read")
            return self._zip.read(about)
        ensure_plain(self._root / name, most)
        return (self._root / name).read_bytes()


def _refuse(error: OSError) -> None:
    raise error


def _is_leftover(name: str) -> bool:
    return "__MACOSX" in name or name.rpartition("/")[2].startswith(".")
