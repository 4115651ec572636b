"""From pydantic's errors to one clear sentence: the place, the rule, the value, the nearest valid name."""

import json
import re
import reprlib
import types
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sweeper.errors import nearest

Loc = Sequence[int | str]

_BOUNDS = {
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number not below {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number not above {le}",
    "finite_number": "a finite number",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "a name of letters, digits and _ . + = -, the first a letter or digit",
}
"""Error type -> what it asks for."""
_SINGULAR = {" 1 entries": " 1 entry", " 1 characters": " 1 character"}
_COMMA = re.compile(r"[-+]?\d+,\d+")
_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes", Path: "a path"}
_brief = reprlib.Repr()  # never writes out what a few aliases in a file can blow up to gigabytes
_brief.maxstring = _brief.maxother = 80
_KEYS = "`key: value` lines"


@dataclass(frozen=True)
class _Spot:
    """Where an error is."""

    path: tuple[int | str, ...]
    """As the user wrote it, without the names of union members that pydantic puts between."""
    options: tuple[Any, ...]
    """The types that may stand there."""
    union: int | None
    """Length of the path at the first union whose member no `kind` chose: every member complained there, and only one is meant."""


def explain(
    error: ValidationError, model: type[BaseModel], prefix: str | Callable[[str], str] = "", without: Container[str] = ()
) -> list[str]:
    """Every problem in words. `prefix`: what stands before the dotted path of a problem, or makes that of the path. `without`: types of
    errors that are left out."""
    problems: dict[tuple[int | str, ...], list[Any]] = {}
    for found in error.errors(include_url=False):
        if found["type"] in without or found["type"] == "default_factory_not_called":  # the field that it waits for is told of itself
            continue
        spot = _walk(found["loc"], model)
        problems.setdefault(spot.path[: spot.union], []).append(found)
    before = prefix if callable(prefix) else lambda _path: prefix
    # A misspelt name comes first: a field that is missing may be missing because of it.
    said = sorted((_said(found, model, before) for found in problems.values()), key=lambda pair: not pair[0])
    return list(dict.fromkeys(sentence for _, sentence in said))


def short(value: Any) -> str:
    """A value as a message shows it."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else _brief.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _said(errors: Sequence[Any], model: type[BaseModel], prefix: Callable[[str], str]) -> tuple[bool, str]:
    """Whether a name is misspelt, and the sentence for errors that have one cause."""
    pairs = [(error, _walk(error["loc"], model)) for error in errors]
    for error, spot in pairs:
        names = _fields_around(error["loc"], spot, model)
        if error["type"] == "extra_forbidden" and (spot.union is None or spot.path[-1] not in names):
            name = str(spot.path[-1])
            return True, f"{_place(spot.path, prefix)}there is no field {name!r}{nearest(name, names)}"
    meant = [pair for pair in pairs if pair[0]["type"] not in ("missing", "extra_forbidden")] or pairs[:1]
    error, spot = max(meant, key=lambda pair: len(pair[1].path))  # the deepest: its union member came furthest
    if spot.union == len(spot.path):
        spot = _walk(spot.path, model)
    place = _place(spot.path, prefix)
    match error["type"]:
        case "missing":
            return False, f"{place}this field is required; add it"
        case "value_error" | "assertion_error":
            message = error["msg"].removeprefix("Value error, ")
            return False, f"{place}{message[0].lower()}{message[1:]}"
        case "union_tag_invalid":
            tag, tags = error["ctx"]["tag"], [str(_tag(option)) for option in spot.options]
            return True, f"{_place((*spot.path, 'kind'), prefix)}there is no kind {tag!r}{nearest(tag, tags)}"
        case bound if bound in _BOUNDS:
            wanted = _BOUNDS[bound].format(**{name: _number(limit) for name, limit in error.get("ctx", {}).items()})
            for several, one in _SINGULAR.items():
                wanted = wanted.replace(several, one)
        case _:
            wanted = _wanted(spot.options) or error["msg"]
    return False, f"{place}give {wanted}, not {short(error['input'])}{_decimal_comma(error['input'])}"


def _decimal_comma(value: Any) -> str:
    """A hint for a number with a decimal comma."""
    return f"; write {value.strip().replace(',', '.')}, with a point" if isinstance(value, str) and _COMMA.fullmatch(value.strip()) else ""


def _number(limit: Any) -> str:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" if isinstance(limit, float) else str(limit)


def _place(path: Loc, prefix: Callable[[str], str]) -> str:
    dotted = ".".join(map(str, path))
    before = prefix(dotted)
    return f"{before}{dotted}: " if path else before if before.endswith(": ") else ""


def _walk(loc: Loc, model: type[BaseModel]) -> _Spot:
    here: list[Any] = [model]
    path: list[int | str] = []
    union = None
    for part in loc:
        branch = [option for option in here if len(here) > 1 and _names(part, option)]
        if branch:
            union = len(path) if union is None and _tag(branch[0]) != part else union
            here = branch
        elif part != "[key]":
            path.append(part)
            here = [inner for option in here for inner in _inside(option, part)]
    return _Spot(tuple(path), tuple(here), union)


def _fields_around(loc: Loc, spot: _Spot, model: type[BaseModel]) -> list[str]:
    """Valid names beside the last one of a location; of every member where a union was passed."""
    parent = _walk(loc[:-1] if spot.union is None else spot.path[:-1], model)
    return list(dict.fromkeys(name for option in parent.options if _is_model(option) for name in option.model_fields))


def _wanted(options: Iterable[Any]) -> str:
    """What may stand in a place, in words."""
    if tags := [tag for option in options if (tag := _tag(option)) is not None]:
        return "a mapping with kind: " + _either(tags)
    return _either(list(dict.fromkeys(word for option in options for word in _words(option))))


def _either(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else "".join(words)


def _words(option: Any) -> Iterator[str]:
    origin = get_origin(option) or option
    if origin is Literal:
        yield from map(repr, get_args(option))
    elif _is_model(option):
        yield f"{{{next(iter(option.model_fields))}: ...}}" if len(option.model_fields) == 1 else _KEYS
    elif origin in (list, tuple):
        yield "a list in [ ]"
    elif origin is dict:
        yield _KEYS
    elif origin in _PLAIN:
        yield _PLAIN[origin]


def _inside(option: Any, part: int | str) -> Iterator[Any]:
    """The types one step further down."""
    if _is_model(option):
        if part in option.model_fields:
            yield from _members(option.model_fields[str(part)].annotation)
    elif get_origin(option) in (list, tuple, dict):
        yield from _members(get_args(option)[1 if get_origin(option) is dict else 0])


def _members(annotation: Any) -> Iterator[Any]:
    """The types of a union, or the one type; None and Annotated taken off."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    elif annotation is not type(None):
        yield annotation


def _names(part: int | str, option: Any) -> bool:
    """Whether pydantic means this member of a union by this part of a location."""
    name = getattr(get_origin(option) or option, "__name__", "").lower()
    return part == _tag(option) or (isinstance(part, str) and part.lower().removeprefix("constrained-").split("[")[0] == name)


def _is_model(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, BaseModel)


def _tag(option: Any) -> str | None:
    """The literal `kind` that chooses this model in a union."""
    field = option.model_fields.get("kind") if _is_model(option) else None
    options = get_args(field.annotation) if field is not None else ()
    return options[0] if len(options) == 1 else None
