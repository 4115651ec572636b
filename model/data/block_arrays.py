"""Arrays that are written block by block into files, by one process or several, with a journal of what is done.

Until they are whole, the files have other names. A block is written wherever it belongs, so whoever writes it, and when, the files are the
same to the bit.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import DataError
from model.whole_file import to_disk, whole_file

PART = ".part"
"""What a file's name ends in until the arrays are whole."""
PROCESSOR = "processor"
"""Of what arrays depend on, the model of what computes them: no command names it."""
Shapes = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]


@dataclass(frozen=True)
class BlockArrays:
    """The files of arrays that are not yet whole. Pickled, it is the same files in another process, whose part is to `write`."""

    folder: Path
    shapes: Shapes
    """Of every array by its file's name."""
    begins: Mapping[str, int]
    """Bytes of the header."""

    def write(self, first: int, rows: Mapping[str, npt.NDArray[Any]]) -> None:
        """Rows of arrays from row `first` on. Not by a map: on a full disk that would be a signal, not an error."""
        for name, values in rows.items():
            shape, dtype = self.shapes[name]
            assert values.dtype == dtype, "of the array"
            with self.existing(name).open("r+b") as file:
                file.seek(self.begins[name] + first * int(np.prod(shape[1:])) * dtype.itemsize)
                file.write(np.ascontiguousarray(values).data)

    def rows(self, name: str, places: Any) -> Any:
        """Rows that were written, in memory."""
        shape, dtype = self.shapes[name]
        held = np.memmap(self.existing(name), dtype=dtype, mode="r", offset=self.begins[name], shape=shape)
        return np.array(held[places])

    def existing(self, name: str) -> Path:
        """A run that was stopped while it gave the files their names has given some."""
        part = self.folder / f"{name}{PART}"
        return part if part.exists() else self.folder / name

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file; reads them."""
        found = {}
        for name in self.shapes:
            with self.existing(name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return found

    def name_files(self) -> None:
        """Gives the files the names of whole ones."""
        for name in self.shapes:
            if (part := self.folder / f"{name}{PART}").exists():
                part.replace(self.folder / name)


@dataclass
class Journal:
    """Of what is done, by the one process that keeps it."""

    file: Path
    identity: Mapping[str, Any]
    """What the numbers depend on: the journal of another request is refused."""
    restart: str
    """What to do where it is torn, in words."""
    younger: frozenset[str] = frozenset()
    """Of `identity`, what journals of earlier releases do not say."""
    done: int = field(default=0, init=False)
    """Rows' sources, pictures above all, that are done: all before it."""

    def begin(self, folder: Path, shapes: Shapes) -> BlockArrays:
        """The arrays as an earlier run left them, or new ones.

        Raises:
            DataError: They were begun with another request, the journal is torn, or the files are not as it says.
            OSError: What the system refuses.
        """
        if (held := self.held()) is not None:
            if different := sorted(name for name in self.identity if self._differs(name, held["identity"])):
                there = " on such a machine" if different == [PROCESSOR] else ""
                raise DataError(
                    f"{folder} was begun with another {different[0]} ({held['identity'].get(different[0])}, now"
                    f" {self.identity[different[0]]}); give the same command again{there}, or {self.restart}"
                )
            self.done = held["done"]
        else:
            for name, (shape, dtype) in shapes.items():
                with (folder / f"{name}{PART}").open("wb") as file:
                    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    os.fsync(file.fileno())
        begins: dict[str, int] = {}
        arrays = BlockArrays(folder, shapes, begins)
        for name, (shape, dtype) in shapes.items():
            path = arrays.existing(name)
            try:
                with path.open("rb") as file:
                    np.lib.format.read_magic(file)
                    found = np.lib.format.read_array_header_1_0(file)
                    begins[name] = file.tell()
                size = path.stat().st_size
            except Exception as error:  # a damaged header makes numpy and Python's own tokenizer raise what they will
                said = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise DataError(f"{path} cannot be read ({said}), and {self.file.name} says that it was begun; {self.restart}") from error
            least = begins[name] + self.done * int(np.prod(shape[1:])) * dtype.itemsize
            if found != (shape, False, dtype) or size < least:
                raise DataError(
                    f"{path} is not as {self.file.name} says: it has shape {found[0]} of {found[2]} in {size:,} bytes, and {shape} of"
                    f" {dtype} was begun, of which {least:,} bytes are done; {self.restart}"
                )
        if held is None:
            self.note(0, arrays)
        return arrays

    def held(self) -> dict[str, Any] | None:
        """What it says: `identity` and `done`; None where there is none. Raises DataError where it is torn."""
        if not self.file.exists():
            return None
        try:
            held = json.loads(self.file.read_text(encoding="utf-8"))
            return {"identity": dict(held["identity"]), "done": int(held["done"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.file} cannot be read ({error}); {self.restart}") from error

    def note(self, done: int, arrays: BlockArrays) -> None:
        """Once the rows are on the disk, whichever process wrote them."""
        for name in arrays.shapes:
            to_disk(arrays.existing(name))
        with whole_file(self.file) as beside:
            beside.write_text(json.dumps({"identity": dict(self.identity), "done": done}), encoding="utf-8")
            to_disk(beside)
        self.done = done

    def _differs(self, name: str, held: Mapping[str, Any]) -> bool:
        return held.get(name) != self.identity[name] and not (name in self.younger and name not in held)
