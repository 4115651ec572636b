"""The file in which a sweep travels: a ZIP archive that `sweeper export` writes, and that any unzip reads.

    sweep.json                            {"format": 1, "sweeper": "0.1.0", "name": "...", "profile": "..."}
    versions.jsonl                        a line for each version of the sweep, the oldest first
    trials.jsonl                          a line for each trial that one of them names: config, attempts, curves, evaluations
    weights.jsonl                         a line for each name of weights that a version's report shows and that were measured; or no member
    analyses.jsonl                        a line for each analysis of a trial's weights; or no member
    attempts/FINGERPRINT/NUMBER/NAME      files of attempts that ended
    checksums.jsonl                       a line for each member before it: name, bytes, sha256

`docs/housekeeping.md` describes it for others. Two archives of the same store are the same bytes: members are sorted and have no times.
"""

import contextlib
import importlib.metadata
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Annotated, Self

from pydantic import Field

from model.config import Precision
from sweeper.errors import RequestError
from sweeper.plan.trial_names import Basis
from sweeper.store.exchange_format import Part, TrialPart, Whole, Word

FORMAT = 3
WITHOUT_WEIGHTS, WITHOUT_ANALYSES = 1, 2
"""The formats of an archive without `weights.jsonl` and without `analyses.jsonl`, which older versions read, too; 3 has both."""
HEAD, VERSIONS, TRIALS, CHECKSUMS = "sweep.json", "versions.jsonl", "trials.jsonl", "checksums.jsonl"
WEIGHTS, ANALYSES = "weights.jsonl", "analyses.jsonl"

LONGEST_LINE = 2**28
"""Bytes of a line: the curves of a trial, all of which are held at once."""
LARGEST_SMALL_FILE = 2**26
"""Bytes of a log, a picture or the facts of the data."""
LARGEST_DIRECTORY = 2**27
"""Bytes of the list of members at the end of the file, which is read whole: more than a million members."""
CHUNK = 2**20

_SMALL = r"data\.json|log\.txt|samples-[0-9]{8,16}\.png"
_WEIGHTS = r"average-[0-9]{8,16}\.safetensors"
_NAME = re.compile(rf"(?P<small>{_SMALL})|{_WEIGHTS}")
_MEMBER = re.compile(rf"attempts/(?P<trial>[0-9a-z][0-9a-z-]{{3,63}})/(?P<number>[1-9][0-9]{{0,5}})/(?P<name>{_SMALL}|{_WEIGHTS})")
_PLAIN = 0o100644 << 16
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class Head(Part):
    """What the file is."""

    format: Annotated[int, Field(ge=1, le=FORMAT)]
    sweeper: Word
    """Version of the program that wrote it."""
    name: Word
    profile: Word


class BasisPart(Part):
    """What a trial's name was made of beside its config."""

    data: Word
    precision: Precision
    numerics: Annotated[int, Field(ge=1, le=1_000_000)]

    def plain(self) -> Basis:
        """For whoever makes names again."""
        return Basis(self.data, self.precision, self.numerics)


class ArchivedTrial(Part):
    """A trial, and how its name is made again; without `named` whoever wrote this could not do that."""

    trial: TrialPart
    named: BasisPart | None


class Checksum(Part):
    """Of a member."""

    name: Word
    bytes: Whole
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, order=True)
class ArchivedFile:
    """Where a file of an attempt belongs."""

    fingerprint: str
    number: int
    """Of the attempt, in the store that the archive was made of."""
    name: str

    @property
    def member(self) -> str:
        """Its name in the archive."""
        return f"attempts/{self.fingerprint}/{self.number}/{self.name}"

    @property
    def is_weights(self) -> bool:
        """Whether it is a moving average."""
        return self.name.startswith("average-")

    @classmethod
    def of(cls, member: str) -> Self | None:
        """None for a member that is no file of an attempt."""
        found = _MEMBER.fullmatch(member)
        return None if found is None else cls(found["trial"], int(found["number"]), found["name"])


def travels(name: str, *, small: bool, weights: bool) -> bool:
    """Whether a file of an attempt's folder goes into an archive."""
    found = _NAME.fullmatch(name)
    return found is not None and (small if found["small"] else weights)


class ArchiveWriter:
    """Writes the members in the order in which they are given."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._checksums: list[str] = []
        self._directory = 0
        self.files = 0

    def head(self, name: str, profile: str, *, weights: bool = False, analyses: bool = False) -> None:
        """The first member. `weights`: whether there will be `weights.jsonl`; `analyses`: that and `analyses.jsonl`."""
        version = importlib.metadata.version("sweeper")
        format = FORMAT if analyses else WITHOUT_ANALYSES if weights else WITHOUT_WEIGHTS
        head = Head(format=format, sweeper=version, name=name, profile=profile)
        self.lines(HEAD, [head.model_dump_json()])

    def lines(self, name: str, lines: Iterable[str]) -> None:
        """A member of lines of JSON, however many."""

        def encoded() -> Iterable[bytes]:
            for line in lines:
                text = line.encode() + b"\n"
                if len(text) > LONGEST_LINE:
                    raise RequestError(f"a trial's curves take {len(text):,} bytes, more than the {LONGEST_LINE:,} that an archive holds")
                yield text

        self._add(name, zipfile.ZIP_DEFLATED, encoded(), None)

    def file(self, place: ArchivedFile, source: IO[bytes], size: int) -> None:
        """The first `size` bytes of a file of an attempt; pictures and weights are packed already."""

        def chunks() -> Iterable[bytes]:
            left = size
            while left and (chunk := source.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
            if left:
                raise RequestError(f"{place.member} became shorter while it was read; run the same command again")

        packed = zipfile.ZIP_STORED if place.name.endswith((".png", ".safetensors")) else zipfile.ZIP_DEFLATED
        self._add(place.member, packed, chunks(), size)
        self.files += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes the checksums and the list of members: before, it is no archive, and after an error it stays none."""
        if kind is None:
            self._add(CHECKSUMS, zipfile.ZIP_DEFLATED, (line.encode() for line in self._checksums), None)
            self._zip.close()
        else:
            with contextlib.suppress(OSError, ValueError):  # else it would be closed, and complain, when nobody listens any more
                self._zip.close()

    def _add(self, name: str, packed: int, chunks: Iterable[bytes], size: int | None) -> None:
        self._directory += 80 + len(name)
        if self._directory > LARGEST_DIRECTORY:
            raise RequestError("there are more files than an archive holds; leave them out with --no-files")
        info = zipfile.ZipInfo(name, _NO_TIME)
        info.compress_type, info.external_attr, info.create_system = packed, _PLAIN, 3
        info.file_size = size or 0
        digest, written = sha256(), 0
        with self._zip.open(info, "w", force_zip64=size is None) as member:
            for chunk in chunks:
                digest.update(chunk)
                written += member.write(chunk)
        self._checksums.append(Checksum(name=name, bytes=written, sha256=digest.hexdigest()).model_dump_json() + "\n")
