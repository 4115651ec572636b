"""Which files of a folder are the pictures of a data set, and of which class: by names alone, before any is opened."""

import hashlib
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model.data.images import shown_name
from model.errors import DataError
from model.plain_files import version_of

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
LEFTOVERS = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "lost+found"}
"""What archives and systems leave behind, besides all that begins with a dot; in small letters."""
_NUMBER = re.compile(r"[0-9]+")
_TOLD = 5
"""Kinds of files that a remark names."""


@dataclass(frozen=True)
class ClassFolders:
    """The pictures of a data set on disk, and what lies beside them."""

    names: tuple[str, ...]
    """Of the class folders, in the order of their labels."""
    files: tuple[Path, ...]
    """In the order (class, file name)."""
    labels: tuple[int, ...]
    """Of each file."""
    remarks: tuple[str, ...]
    """What was left out, in words."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names as text."""
        return tuple(map(shown_name, self.names))


def list_classes(root: Path) -> ClassFolders:
    """The class folders in `root`: in the order of their numbers where all names are whole numbers, else as text.

    Raises:
        DataError: A picture has no class, a class has no pictures, or there are no classes.
        OSError: A folder cannot be listed.
    """
    beside = _Beside(root)
    classes = [entry for entry in sorted(root.iterdir()) if beside.may_hold_pictures(entry) and _is_class(entry, beside)]
    if all(_NUMBER.fullmatch(folder.name) for folder in classes):
        classes.sort(key=lambda folder: int(folder.name))
    files: list[Path] = []
    labels: list[int] = []
    for label, folder in enumerate(classes):
        entries = [entry for entry in sorted(folder.iterdir()) if beside.may_hold_pictures(entry)]
        found = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
        if not found:
            held = f", only {_counted(Counter(map(_kind, entries)))}" if entries else ""
            raise DataError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))}){held}; remove the empty class or fill it")
        for entry in entries:
            if entry.suffix.lower() not in SUFFIXES:
                beside.no_picture(entry)
        files += found
        labels += [label] * len(found)
    if not files:
        raise DataError(f"{root} has no class folders; give a folder with one sub-folder of images per class")
    return ClassFolders(tuple(folder.name for folder in classes), tuple(files), tuple(labels), beside.remarks(len(files)))


def versions_of(root: Path, files: tuple[Path, ...]) -> tuple[str, int]:
    """A hash of name, size and times of every file, and when the last of them was changed (ns, by ctime).

    While the hash stays, so does what they hold. A file that cannot be looked at has no version; reading it will say why.
    """
    digest, newest = hashlib.sha256(), 0
    for file in files:
        try:
            found = version_of(os.stat(file))
        except OSError:
            digest.update(os.urandom(32))
            continue
        digest.update(f"{found}\0".encode() + os.fsencode(os.path.relpath(file, root)) + b"\n")
        newest = max(newest, found.changed)
    return digest.hexdigest(), newest


def _is_class(entry: Path, beside: "_Beside") -> bool:
    if entry.suffix.lower() in SUFFIXES and not entry.is_dir():
        raise DataError(f"{entry} has no label; move it into the sub-folder of its class")
    if entry.is_dir():
        return True
    beside.no_picture(entry)
    return False


def _kind(entry: Path) -> str:
    return "folders" if entry.is_dir() else shown_name(entry.suffix.lower()) or "without a suffix"


def _counted(kinds: Counter[str]) -> str:
    """'.jp2 (14), .txt (3), and 2 more kinds'."""
    told = [f"{kind} ({count:,})" for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))]
    return ", ".join([*told[:_TOLD], *([f"and {len(told) - _TOLD} more kinds"] if len(told) > _TOLD else [])])


class _Beside:
    """What lies beside the pictures, counted."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._leftovers: list[Path] = []
        self._others: Counter[str] = Counter()

    def may_hold_pictures(self, entry: Path) -> bool:
        """Whether the name is a user's rather than a leftover's."""
        if not entry.name.startswith(".") and entry.name.lower() not in LEFTOVERS:
            return True
        self._leftovers.append(entry)
        return False

    def no_picture(self, entry: Path) -> None:
        self._others[_kind(entry)] += 1

    def remarks(self, pictures: int) -> tuple[str, ...]:
        found = []
        others = self._others.total()
        if others:
            are = "is no picture" if others == 1 else "are no pictures"
            found.append(f"{others:,} of {pictures + others:,} files {are} by name: {_counted(self._others)}")
        if self._leftovers:
            named = ", ".join(shown_name(str(entry.relative_to(self._root))) for entry in self._leftovers[:2])
            more = ", ..." if len(self._leftovers) > 2 else ""
            what = "hidden file or leftover of an archive is" if len(self._leftovers) == 1 else "hidden files and leftovers of archives are"
            found.append(f"{len(self._leftovers):,} {what} skipped: {named}{more}")
        return tuple(found)
