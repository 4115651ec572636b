"""Reading the file in which a sweep travels, which anybody may have made: nothing is believed before it was looked at.

No member is unpacked past the size that the list of members states, none is written anywhere under a name of its own, and none is
unpickled.
"""

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ValidationError

from model.plain_files import ensure_plain
from sweeper.errors import RequestError
from sweeper.service.sweep_archive import (
    ANALYSES,
    CHECKSUMS,
    CHUNK,
    FORMAT,
    HEAD,
    LARGEST_DIRECTORY,
    LARGEST_SMALL_FILE,
    LONGEST_LINE,
    TRIALS,
    VERSIONS,
    WEIGHTS,
    WITHOUT_ANALYSES,
    WITHOUT_WEIGHTS,
    ArchivedFile,
    Checksum,
    Head,
)
from sweeper.store.exchange_format import Part, read_part

P = TypeVar("P", bound=Part)
Q = ParamSpec("Q")
R = TypeVar("R")

MOST_EXPANDED = 300
"""Times that a member may be larger than it is packed; lines of JSON are 5 to 50 times."""
_ALWAYS = 2**20
"""Bytes that a member may have, however small it is packed."""
_END, _END_64, _LOCATOR_64 = "<4s4H2LH", "<4sQ2H2L4Q", 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError, struct.error)


class _Format(BaseModel):
    """All that is read of the head of a format that may be newer."""

    format: int


class ArchiveReader:
    """An archive of which the list of members is sound; each of them is held against its checksum whenever it has been read to its end."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, size: int) -> None:
        self.path, self._zip = path, archive
        members = archive.infolist()
        if not members or members[0].filename != HEAD:
            raise self.damaged(f"it does not begin with {HEAD}")
        self.head = self._head()  # a newer format may have members of other names
        self._ensure_sound(members, size)
        names = [member.filename for member in members]
        first = [HEAD, VERSIONS, TRIALS, *self._of_format()]
        if names[: len(first)] != first or names[-1] != CHECKSUMS:
            raise self.damaged(f"it does not begin with {', '.join(first[:-1])} and {first[-1]} and end with {CHECKSUMS}")
        self.has_weights, self.has_analyses = WEIGHTS in first, ANALYSES in first
        self._checksums = self._read_checksums(members[:-1])
        self.files = [(file, member.file_size) for member in members[len(first) : -1] for file in [self._file(member)]]
        """Every file of an attempt, with its size."""
        places = [file for file, _ in self.files]
        if places != sorted(set(places)):
            raise self.damaged("its files are not in their order")
        next(self.lines(HEAD, Head))

    def lines(self, name: str, kind: type[P]) -> Iterator[P]:
        """The lines of a member, one at a time."""
        digest = hashlib.sha256()
        with self._opened(name) as member:
            number = 0
            while line := self._plainly(member.readline, LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise self.damaged(f"line {number:,} of {name} has more than {LONGEST_LINE:,} bytes")
                digest.update(line)
                yield read_part(kind, line, f"{self.path}: line {number:,} of {name}")
        self._ensure_checksum(name, digest.digest())

    def copy(self, file: ArchivedFile, target: IO[bytes]) -> None:
        """Writes what the file holds."""
        digest = hashlib.sha256()
        with self._opened(file.member) as member:
            while chunk := self._plainly(member.read, CHUNK):
                digest.update(chunk)
                target.write(chunk)
        self._ensure_checksum(file.member, digest.digest())

    def damaged(self, why: str) -> RequestError:
        """The error that says so."""
        return RequestError(f"{self.path} is damaged, or was not written by `sweeper export`: {why}; nothing was changed")

    def _head(self) -> Head:
        with self._opened(HEAD) as member:
            text = self._plainly(member.read, CHUNK)
        try:
            found = _Format.model_validate_json(text).format
        except (ValidationError, RecursionError):
            raise self.damaged(f"{HEAD} does not state its format") from None
        if found > FORMAT:
            raise RequestError(
                f"{self.path} has format {found}, and this sweeper reads formats up to {FORMAT}: it was made by a newer sweeper; upgrade,"
                " then run the same command again"
            )
        return read_part(Head, text, f"{self.path}: {HEAD}")

    def _of_format(self) -> list[str]:
        """The members of lines that not every archive has."""
        weights = [WEIGHTS] if self.head.format > WITHOUT_WEIGHTS else []
        return [*weights, ANALYSES] if self.head.format > WITHOUT_ANALYSES else weights

    def _read_checksums(self, members: list[zipfile.ZipInfo]) -> dict[str, bytes]:
        self._checksums = {}
        found = {}
        lines = self.lines(CHECKSUMS, Checksum)
        for member in members:
            line = next(lines, None)
            if line is None or (line.name, line.bytes) != (member.filename, member.file_size):
                raise self.damaged(f"{CHECKSUMS} does not name {member.filename} with its {member.file_size:,} bytes")
            found[line.name] = bytes.fromhex(line.sha256)
        if next(lines, None) is not None:
            raise self.damaged(f"{CHECKSUMS} names a member that is not there")
        return found

    def _ensure_checksum(self, name: str, digest: bytes) -> None:
        if name != CHECKSUMS and self._checksums[name] != digest:
            raise self.damaged(f"{name} is not what its checksum says")

    def _ensure_sound(self, members: list[zipfile.ZipInfo], size: int) -> None:
        """Plain members, each once, one behind the other, none of which unpacks to more than it can honestly hold."""
        seen: set[str] = set()
        end = 0
        for member in members:
            name = member.filename
            if member.orig_filename != name or not name.isascii() or not name.isprintable():
                raise self.damaged(f"a member is called {member.orig_filename[:80]!r}")
            if name in seen:
                raise self.damaged(f"there are two members {name}")
            seen.add(name)
            if name not in (HEAD, VERSIONS, TRIALS, CHECKSUMS, *self._of_format()):
                self._file(member)
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG) or member.is_dir():
                raise self.damaged(f"{name} is a link, a folder or a device")
            if member.flag_bits or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self.damaged(f"{name} is encrypted, or packed in a way that is not read here")
            if member.file_size > _ALWAYS + MOST_EXPANDED * member.compress_size:
                raise self.damaged(f"{name} would unpack from {member.compress_size:,} to {member.file_size:,} bytes")
            if member.header_offset < end:
                raise self.damaged(f"{name} lies within another member")
            end = member.header_offset + 30 + len(name) + member.compress_size
        if end > size:
            raise self.damaged("it is cut off")

    def _file(self, member: zipfile.ZipInfo) -> ArchivedFile:
        file = ArchivedFile.of(member.filename)
        if file is None:
            raise self.damaged(f"a member is called {member.filename[:80]!r}, which is no file of an attempt")
        if not file.is_weights and member.file_size > LARGEST_SMALL_FILE:
            raise self.damaged(f"{member.filename} has {member.file_size:,} bytes, more than the {LARGEST_SMALL_FILE:,} that are read")
        if file.is_weights and member.compress_type != zipfile.ZIP_STORED:
            raise self.damaged(f"{member.filename} is packed, as `sweeper export` packs no weights")
        return file

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        with self._plainly(self._zip.open, name) as member:
            yield io.BufferedReader(cast(io.RawIOBase, member), CHUNK)

    def _plainly(self, read: Callable[Q, R], *args: Q.args, **kwargs: Q.kwargs) -> R:
        return _plainly(self.path, read, *args, **kwargs)


@contextmanager
def opened_archive(path: Path) -> Iterator[ArchiveReader]:
    """Raises RequestError for whatever is no archive of a sweep that this version reads."""
    try:
        size = ensure_plain(path).st_size
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        _plainly(path, _ensure_small_directory, path, file, size)
        with _plainly(path, zipfile.ZipFile, file) as archive:
            yield ArchiveReader(path, archive, size)


def _ensure_small_directory(path: Path, file: IO[bytes], size: int) -> None:
    """zipfile reads the list of members whole, and takes what lies before or behind an archive for no fault."""
    tail = struct.calcsize(_END)
    file.seek(max(size - tail, 0))
    end = file.read(tail)
    if len(end) < tail or end[:4] != b"PK\5\6" or end[-2:] != b"\0\0":
        raise RequestError(f"{path} is no archive of `sweeper export`, or is cut off; nothing was changed")
    length = struct.unpack(_END, end)[5]
    before = size - tail - _LOCATOR_64 - struct.calcsize(_END_64)
    if length == 0xFFFFFFFF and before >= 0:
        file.seek(before)
        length = struct.unpack(_END_64, file.read(struct.calcsize(_END_64)))[8]
    if length > min(LARGEST_DIRECTORY, size):
        raise RequestError(f"{path} states a list of members of {length:,} bytes, more than is read; nothing was changed")
    file.seek(0)


def _plainly(path: Path, read: Callable[Q, R], *args: Q.args, **kwargs: Q.kwargs) -> R:
    """What a library raises of a damaged file, in words for the user."""
    try:
        return read(*args, **kwargs)
    except OSError as error:
        raise _unreadable(path, error) from error
    except _DAMAGE as error:
        said = str(error) or type(error).__name__
        raise RequestError(f"{path} is damaged ({said}); ask for it again, nothing was changed") from error


def _unreadable(path: Path, error: OSError) -> RequestError:
    return RequestError(f"{path} cannot be read ({error.strerror or error}); give a file that `sweeper export` wrote")
