"""Which files of a folder are the shards of a data set, and of which split: by names alone."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model.data.class_folders import LEFTOVERS
from model.data.images import shown_name
from model.errors import ConfigError, DataError

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Words of file names that say of which split a shard is, as `datasets` reads them."""
_WORD = {word: split for split, words in _SPLITS.items() for word in words}


@dataclass(frozen=True)
class Shards:
    """The shards that are read, in the order of their names, and what that leaves."""

    files: tuple[Path, ...]
    part: str = ""
    """Which split they are, in words; '' where there is but one."""
    remarks: tuple[str, ...] = ()


def shards_in(path: Path, suffix: str) -> tuple[Path, ...]:
    """`path` itself, or the files in it whose names end so; () where there are none, or where class folders lie beside them."""
    if path.suffix.lower() == suffix and not os.path.isdir(path):
        if not os.path.isfile(path):
            raise DataError(f"there is no file {path}; give a {suffix} file, or a folder of them")
        return (path,)
    if not os.path.isdir(path):
        return ()
    try:
        entries = [entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".") and entry.name.lower() not in LEFTOVERS]
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be listed ({error.strerror}); mend its permissions") from error
    if any(entry.is_dir() for entry in entries):
        return ()
    return tuple(entry for entry in entries if entry.suffix.lower() == suffix)


def of_split(path: Path, files: tuple[Path, ...], asked: str | None) -> Shards:
    """Those of one split, where names tell several.

    Raises:
        ConfigError: The split that is asked for is not there, or none is, and there are several.
    """
    if files == (path,):
        if asked is not None:
            raise ConfigError(f"--split {asked}: {path} is one file, and has no splits; leave the option out")
        return Shards(files)
    splits = [_split_of(file) for file in files]
    named = tuple(dict.fromkeys(name for name in splits if name))
    if asked is None and len(named) == 1 and None in splits:
        unnamed = files[splits.index(None)].name
        raise ConfigError(
            f"{path} has shards of the split {named[0]} by name, and others such as {shown_name(unnamed)}; say --split {named[0]}, or move"
            " them apart"
        )
    meant = _WORD.get(asked) if asked else None
    chosen = choose_split(str(path), named, meant if meant in named else asked)
    if chosen is None:
        return Shards(files)
    kept = tuple(file for file, split in zip(files, splits, strict=True) if split == chosen)
    others = Counter(split or "of no split by name" for split in splits if split != chosen)
    if not others:
        return Shards(files)
    told = ", ".join(f"{count:,} {split}" for split, count in sorted(others.items()))
    return Shards(kept, f"split {chosen}", (f"{len(kept):,} of {len(files):,} shards are of the split {chosen}; left out: {told}",))


def choose_split(place: str, splits: tuple[str, ...], asked: str | None) -> str | None:
    """The split that is asked for, or the only one; None where there are none and none is asked for.

    Raises:
        ConfigError: It is not there, or there are several and none is asked for.
    """
    shown = ", ".join(map(shown_name, splits))
    if asked is None:
        if len(splits) > 1:
            raise ConfigError(f"{place} has the splits {shown}; say which: --split {splits[0]}")
        return splits[0] if splits else None
    if not splits:
        raise ConfigError(f"--split {asked}: {place} has no splits; leave the option out")
    if asked not in splits:
        raise ConfigError(f"--split {asked}: {place} has only {shown}; choose one of its own")
    return asked


def _split_of(file: Path) -> str | None:
    words = [word for word in re.split(r"[^a-z]+", file.stem.lower()) if word in _WORD]
    return _WORD[words[0]] if words else None
