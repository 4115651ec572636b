"""What is varied: a factor and its levels, and how one writes down some of its cells."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sweeper.spec.explaining import short
from sweeper.spec.section import LONGEST_NAME, Spec, twice

_BETWEEN = re.compile(r"([/,=\[\] ]+)")
"""What joins values in a name: levels in the name of a variant, fields and entries in that of a level."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")

Level = str | bool | int | float
Cell = dict[str, Level]
"""Factor name -> level name."""
Cells = dict[str, Level | list[Level]]
"""Factor name -> one level, or several any of which will do."""


class Factor(Spec):
    """Something that is varied: either `path` and a list of values, or named levels that each set several fields."""

    path: str | None = None
    """Dotted path of the one config field that a list of levels sets, such as `partition.ratio`."""
    levels: list[Any] | dict[str, dict[str, Any]] = Field(min_length=1)
    """Values for `path`; or level name -> {dotted path: value}."""

    @field_validator("levels", mode="before")
    @classmethod
    def _names_are_text(cls, levels: Any) -> Any:
        return {level_name(name): fields for name, fields in levels.items()} if isinstance(levels, dict) else levels

    @model_validator(mode="after")
    def _path_goes_with_a_list(self) -> Self:
        if (self.path is None) != isinstance(self.levels, dict):
            raise ValueError("a factor has either `path` and a list of levels, or no `path` and levels by name, each a {path: value}")
        names = [name for name, _ in self.named_levels()]
        if repeated := twice(names):
            raise ValueError(f"level {short(repeated[0])} appears twice; every level has its own name")
        bad = [name for name in names if "/" in name or not name.strip()]
        if bad:
            raise ValueError(f"level name {short(bad[0])} must not be blank or hold '/', which joins level names; name the levels by hand")
        if long := [name for name in names if len(name) > LONGEST_NAME]:
            raise ValueError(
                f"level name {short(long[0])} has {len(long[0]):,} characters; name the levels by hand, in {LONGEST_NAME} at most"
            )
        return self

    def named_levels(self) -> list[tuple[str, dict[str, Any]]]:
        """(level name, {dotted path: value}) of every level, in order."""
        if isinstance(self.levels, dict):
            return [(str(name), fields) for name, fields in self.levels.items()]
        assert self.path is not None, "checked at construction"
        return [(level_name(value), {self.path: value}) for value in self.levels]


def level_name(value: Any) -> str:
    """How a level given by value alone is called: `0.25`, `true`, `independent`, `fixed=0.1`."""
    if isinstance(value, dict):
        return ",".join(f"{key}={level_name(inner)}" for key, inner in value.items())
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def written_as(name: Any, known: Iterable[str]) -> str | None:
    """The one of the `known` names (of levels, or of variants: levels joined by /) that this means; None for none of them.

    The name itself, else the one that reads as the same values: a level 0.001 may be written 1e-3, '1e-3' or 0.001.
    """
    names, text = list(known), level_name(name)
    if text in names:
        return text
    meant = _values(text)
    same = [one for one in names if _values(one) == meant]
    return same[0] if len(same) == 1 else None


def as_text(value: Any) -> Any:
    """A name that YAML reads as a number, true, false or null, as text; anything else as it is."""
    return level_name(value) if value is None or isinstance(value, bool | int | float) else value


def also_numbers(schema: dict[str, Any]) -> None:
    """For editors: the name of a variant or level may be a number, true or false, without quotes."""
    schema["anyOf"].append({"type": ["number", "boolean"]})


def named_cell(cell: Mapping[Any, Any]) -> dict[Any, Any]:
    """A cell whose levels null and {field: value} are written by their names."""
    return {factor: level_name(level) if level is None or isinstance(level, dict) else level for factor, level in cell.items()}


def _values(name: str) -> list[tuple[str, Any]]:
    """What the parts of a name stand for, and what stands between them."""
    return [_value(part) for part in _BETWEEN.split(name)]


def _value(part: str) -> tuple[str, Any]:
    if _NUMBER.fullmatch(part):
        return "number", float(part)
    word = part.lower()
    return ("word", {"~": "null"}.get(word, word)) if word in ("true", "false", "null", "~") else ("text", part)


def in_words(levels: Mapping[str, Any]) -> str:
    """A cell as messages show it: 'timesteps=dual, separation=full'."""
    return ", ".join(f"{factor}={level_name(level)}" for factor, level in levels.items())
