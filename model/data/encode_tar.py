"""Pictures of tar shards in WebDataset's layout: `NAME.jpg` beside `NAME.cls`, or `NAME.json` with a label.

A shard's headers are read once, for where its members begin; a picture is read from there when it is asked for.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model.data.class_folders import SUFFIXES
from model.data.images import shown_name
from model.data.labels import known_labels
from model.data.picture_source import Choice, Entries, Labels, Pixels, Square, broken
from model.data.shards import Shards, of_split
from model.errors import ConfigError, DataError
from model.plain_files import ensure_plain

LABEL, FIELDS = "cls", ("label", "class")
"""The member that holds a label, and the fields of a `.json` that may, where there is no such member."""
PICTURES = {suffix.removeprefix(".") for suffix in SUFFIXES}
MOST_LABEL = 2**24
"""Bytes of a member that holds a label."""


class Member(NamedTuple):
    """Where a member of a shard lies."""

    name: str
    begins: int
    size: int


class Sample(NamedTuple):
    """A picture with its label."""

    shard: Path
    picture: Member
    label: int | str


def of_tar(path: Path, files: tuple[Path, ...], square: Square, choice: Choice) -> Entries:
    """The pictures of the shards, in the order of shards and of members.

    Raises:
        ConfigError: An option chooses what is not there.
        DataError: A shard is torn, or a picture has no label.
    """
    choice.ensure_meant(str(path), "split", "image_column", "label_column")
    shards = of_split(path, files, choice.split)
    found: list[Sample] = []
    pictureless: list[str] = []
    for shard in shards.files:
        for key, members in _samples(shard).items():
            picture = _picture(shard, key, members, choice.image_column)
            if picture is None:
                pictureless.append(f"{shard.name}: {shown_name(key)}")
            else:
                found.append(Sample(shard, picture, _label(shard, key, members, choice.label_column)))
    if not found:
        wanted = f".{choice.image_column}" if choice.image_column else ", ".join(sorted(SUFFIXES))
        raise DataError(f"{path} holds no pictures ({wanted}); give .tar files with NAME.jpg and NAME.cls, or other data")
    labels, names = _numbered(path, found)

    def read(place: int) -> Pixels:
        shard, picture, _ = found[place]
        where = f"{shard}: {shown_name(picture.name)}"
        try:
            held = _bytes(shard, picture)
        except OSError as error:
            raise broken(where, error) from error
        return square.opened(io.BytesIO(held), where)

    sizes = np.array([sample.picture.size for sample in found], np.int64)
    content = (
        *(part for shard in shards.files for part in (os.fsencode(shard.name), str(shard.stat().st_size).encode())),
        *(sample.picture.name.encode(errors="surrogateescape") for sample in found),
        sizes.tobytes(),
    )
    return Entries(
        str(path),
        read,
        lambda place: f"{found[place].shard.name}: {shown_name(found[place].picture.name)}",
        labels,
        names,
        content,
        (*shards.remarks, *_remark(pictureless, len(found))),
        _part(shards, choice),
    )


def _samples(shard: Path) -> dict[str, dict[str, Member]]:
    """The members of each sample, by what follows the first dot of their names; in the order of the shard."""
    found: dict[str, dict[str, Member]] = {}
    for member in _members(shard):
        folder, _, name = member.name.rpartition("/")
        stem, dot, suffix = name.partition(".")
        if not stem or not dot:  # hidden files, and what archives leave behind
            continue
        members = found.setdefault(f"{folder}/{stem}" if folder else stem, {})
        if suffix.lower() in members:
            raise DataError(f"{shard}: {shown_name(member.name)} is there twice; give every sample a name of its own")
        members[suffix.lower()] = member
    return found


def _members(shard: Path) -> Iterator[Member]:
    try:
        size = ensure_plain(shard).st_size
        with tarfile.open(shard, "r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep a thousand bytes of each
                if member.isreg() and not member.issparse():
                    yield Member(member.name, member.offset_data, member.size)
            ends = archive.offset
        with shard.open("rb") as file:  # tarfile takes damage behind the first member for the end
            file.seek(ends)
            block = file.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or any(block):
            raise tarfile.ReadError(f"it is cut off or damaged at byte {ends:,} of {size:,}")
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{shard} cannot be read as a .tar without compression ({said}); write or copy it again") from error


def _picture(shard: Path, key: str, members: dict[str, Member], asked: str | None) -> Member | None:
    found = [suffix for suffix in members if suffix in PICTURES] if asked is None else [asked.lower()] if asked.lower() in members else []
    if len(found) > 1:
        raise ConfigError(
            f"{shard}: {shown_name(key)} has the pictures {' and '.join(f'.{suffix}' for suffix in found)}; say which: --image-column"
            f" {found[0]}"
        )
    return members[found[0]] if found else None


def _label(shard: Path, key: str, members: dict[str, Member], asked: str | None) -> int | str:
    """A number, or the name of a class."""
    where = f"{shard}: {shown_name(key)}"
    if asked is None and LABEL not in members and "json" not in members:
        raise DataError(
            f"{where} has no label; give every picture a member NAME.{LABEL} with the number of its class, or NAME.json with a field"
            f" {' or '.join(map(repr, FIELDS))}"
        )
    if asked in members or (asked is None and LABEL in members):
        name = asked or LABEL
        text = _text(shard, members[name]).strip()
    elif "json" in members:
        name = "json"
        text = _field(where, _text(shard, members["json"]), asked)
    else:
        raise ConfigError(f"--label-column {asked}: {where} has no member .{asked}, and no .json; choose one of its own")
    try:
        return int(text)
    except ValueError:
        if name != LABEL and text and text.isprintable():
            return text
        raise DataError(f"{where}: .{name} holds {shown_name(text[:40])!r}, and no number of a class; write one") from None


def _field(where: str, text: str, asked: str | None) -> str:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}.json cannot be read ({error}); write it again") from error
    fields = held if isinstance(held, dict) else {}
    there = [asked] if asked in fields else [field for field in FIELDS if field in fields] if asked is None else []
    if len(there) > 1 and len({json.dumps(fields[field]) for field in there}) > 1:
        raise ConfigError(f"{where}.json has the fields {' and '.join(map(repr, there))}; say which: --label-column {there[0]}")
    if not there:
        wanted = repr(asked) if asked else " or ".join(map(repr, FIELDS))
        names = ", ".join(shown_name(str(field)) for field in list(fields)[:8]) or "nothing"
        raise DataError(f"{where}.json has no field {wanted}, only {names}; name the field of the label: --label-column FIELD")
    value = fields[there[0]]
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise DataError(f"{where}.json: {there[0]!r} is {json.dumps(value)[:40]}, and neither a whole number nor a name; write one")
    return str(value).strip()


def _numbered(path: Path, found: list[Sample]) -> tuple[Labels, tuple[str, ...]]:
    """Labels from 0 on; of classes that have names, in the order of these."""
    names = sorted({sample.label for sample in found if isinstance(sample.label, str)})
    if not names:
        try:
            labels = np.array([sample.label for sample in found], np.int64)
        except OverflowError:
            raise DataError(f"{path}: a label has more digits than 64 bits hold; number the classes from 0 without gaps") from None
        return known_labels(str(path), len(found), labels), ()
    if mixed := next((sample for sample in found if isinstance(sample.label, int)), None):
        raise DataError(
            f"{mixed.shard}: {shown_name(mixed.picture.name)} has the label {mixed.label}, and other pictures have names such as"
            f" {shown_name(names[0])!r}; write numbers or names, not both"
        )
    places = {name: label for label, name in enumerate(names)}
    return np.array([places[str(sample.label)] for sample in found], np.int64), tuple(map(shown_name, names))


def _text(shard: Path, member: Member) -> str:
    if member.size > MOST_LABEL:
        raise DataError(f"{shard}: {shown_name(member.name)} has {member.size:,} bytes, which no label has; write it again")
    try:
        return _bytes(shard, member).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{shard}: {shown_name(member.name)} cannot be read ({error}); write it again") from error


def _bytes(shard: Path, member: Member) -> bytes:
    with shard.open("rb") as file:
        file.seek(member.begins)
        return file.read(member.size)


def _remark(pictureless: list[str], pictures: int) -> tuple[str, ...]:
    if not pictureless:
        return ()
    return (f"{len(pictureless):,} of {pictures + len(pictureless):,} samples have no picture, the first {pictureless[0]}",)


def _part(shards: Shards, choice: Choice) -> str:
    told = [shards.part, *(f"{what} {name}" for what, name in (("pictures", choice.image_column), ("labels", choice.label_column)) if name)]
    return ", ".join(filter(None, told))
