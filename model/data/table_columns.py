"""Which columns of a table hold the pictures and their labels: found by their types, asked for where several could."""

from dataclasses import dataclass
from typing import Any

from model.data.images import shown_name
from model.errors import ConfigError, DataError

_WHOLE = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


@dataclass(frozen=True)
class Columns:
    """The two columns that are read."""

    image: str
    decoded: bool
    """Whether `datasets` would decode the pictures itself."""
    label: str
    class_names: tuple[str, ...]
    """() where the column has none."""


def columns_of(place: str, features: Any, image: str | None, label: str | None) -> Columns:
    """The columns of a table with `features` of `datasets`.

    Pictures are in a column of type Image, else of {bytes, path}, else of bytes. Labels are in one of type ClassLabel, else of integers.

    Raises:
        ConfigError: The column that is asked for is not there or of another type, or several could be meant.
        DataError: No column could be.
    """
    pictures, labels = _first_kind(features, _PICTURES), _first_kind(features, _LABELS)
    image = _chosen(
        place, features, "image", image, pictures, (_is_image, _is_struct, _is_bytes), "pictures (Image, {bytes, path} or bytes)"
    )
    label = _chosen(place, features, "label", label, labels, (_is_class, _is_whole), "labels (ClassLabel or integers)")
    names = tuple(map(shown_name, features[label].names or ())) if _is_class(features[label]) else ()
    return Columns(image, _is_image(features[image]), label, names)


def _first_kind(features: Any, kinds: tuple[Any, ...]) -> list[str]:
    for kind in kinds:
        if found := [name for name in features if kind(features[name])]:
            return found
    return []


def _chosen(place: str, features: Any, what: str, asked: str | None, found: list[str], kinds: tuple[Any, ...], wanted: str) -> str:
    option = f"--{what}-column"
    columns = ", ".join(f"{shown_name(name)} ({_shown(feature)})" for name, feature in features.items())
    if asked is not None:
        if asked not in features:
            raise ConfigError(f"{option} {asked}: {place} has no such column, it has {columns}; choose one of its own")
        if not any(kind(features[asked]) for kind in kinds):
            raise ConfigError(f"{option} {asked}: the column of {place} is {_shown(features[asked])}, and no {wanted}; choose another")
        return asked
    if not found:
        raise DataError(f"{place} has no column of {wanted}, it has {columns}; add one, with a type of `datasets`")
    if len(found) > 1:
        raise ConfigError(f"{place} has the {what} columns {', '.join(map(shown_name, found))}; say which: {option} {shown_name(found[0])}")
    return found[0]


def _is_image(feature: Any) -> bool:
    return type(feature).__name__ == "Image"


def _is_struct(feature: Any) -> bool:
    return isinstance(feature, dict) and getattr(feature.get("bytes"), "dtype", "") in ("binary", "large_binary")


def _is_bytes(feature: Any) -> bool:
    return getattr(feature, "dtype", "") in ("binary", "large_binary")


def _is_class(feature: Any) -> bool:
    return type(feature).__name__ == "ClassLabel"


def _is_whole(feature: Any) -> bool:
    return type(feature).__name__ == "Value" and feature.dtype in _WHOLE


def _shown(feature: Any) -> str:
    if isinstance(feature, dict):
        return "{" + ", ".join(map(str, feature)) + "}"
    name = type(feature).__name__
    return str(feature.dtype) if name == "Value" else name


_PICTURES, _LABELS = (_is_image, _is_struct, _is_bytes), (_is_class, _is_whole)
"""Kinds of columns; one of an earlier kind is taken before any of a later one."""
