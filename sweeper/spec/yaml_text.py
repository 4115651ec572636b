"""YAML without its surprises, and within limits: a kilobyte may mean a billion values, and a megabyte takes a minute to read."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml

from sweeper.errors import SpecError
from sweeper.spec.yaml_slips import Misread, Unfit, cut_text, decimal_commas, remedy

MOST_VALUES = 20_000
"""Keys and values in a text, what its aliases stand for counted each time. A second of reading; a sweep has a hundred."""
DEEPEST = 50
"""Mappings and lists within one another. A sweep has seven."""
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: no database or terminal takes them as text. White space may stay."""

_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9_]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
"""What words without quotes mean, by how they begin; as in YAML 1.2, where 1e-4 is a number, `on` and `no` are words, and 1:2 no time."""


@dataclass(frozen=True)
class Slip:
    """A fault of the text, whatever is meant by it."""

    message: str
    line: int | None
    """From 1; None where the reader does not say."""
    column: int | None


@dataclass(frozen=True)
class Examined:
    """What could be read of a text."""

    value: Any
    """None where `root` is."""
    root: yaml.Node | None
    """The same with the place of everything; None of a text that is empty, no YAML, or read as other values than anybody meant."""
    slips: tuple[Slip, ...]
    """In the order of the text."""


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, which YAML would silently drop, and what is larger than a sweep can be."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values, self._depth = 0, 0
        self._sizes: dict[int, int] = {}
        self.refused: dict[int, yaml.MarkedYAMLError] = {}
        """What is wrong with a text that can be read on, by its place."""

    def refuse(self, error: yaml.MarkedYAMLError) -> None:
        """Takes note of what is wrong, once for each place."""
        mark = error.problem_mark
        assert mark is not None, "made with its place"
        self.refused.setdefault(mark.index, error)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Counts while it reads, so that what is too large is refused before it is read whole."""
        before = self._values
        self._values += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refusal(f"nested more than {DEEPEST} deep, and no sweep is; fix the line")
        event = self.peek_event()  # type: ignore[no-untyped-call]
        alias, tag = isinstance(event, yaml.AliasEvent), getattr(event, "tag", None)
        if tag:
            raise self._refusal(f"the tag {tag}: write the value alone, text in quotes")
        node = super().compose_node(parent, index)
        if node is None:
            return None
        if alias:
            if id(node) not in self._sizes:
                raise self._refusal("an alias stands for what it is part of; write out what is meant")
            self._values = before + self._sizes[id(node)]
        self._sizes[id(node)] = self._values - before
        if self._values > MOST_VALUES:
            raise self._refusal(f"more than {MOST_VALUES:,} values, aliases written out; shorten the file")
        if isinstance(node, yaml.ScalarNode) and (odd := UNPRINTABLE.search(node.value)):
            raise Unfit(problem=f"the character {odd[0]!r} is no text; leave it out", problem_mark=node.start_mark)
        self._depth -= 1
        return node

    def _refusal(self, problem: str) -> Unfit:
        return Unfit(problem=problem, problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for slip in (*cut_text(node), *decimal_commas(node)):
        loader.refuse(slip)
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue  # `<<: *name` takes in another mapping, and what is written beside it goes before
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not a name", key_node.start_mark)
        if key in seen:
            loader.refuse(yaml.constructor.ConstructorError(None, None, f"key {key!r} appears twice", key_node.start_mark))
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.yaml_implicit_resolvers = {}
for _name, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _first)


def parse_yaml(text: str, place: str) -> Any:
    """The value of a YAML text; raises SpecError with the line."""
    examined = examine(text)
    if examined.slips:
        first = examined.slips[0]
        raise SpecError(f"{place}{'' if first.line is None else f', line {first.line}'}: {first.message}")
    return examined.value


def examine(text: str) -> Examined:
    """A YAML text with all that is wrong with it as a text; what is no YAML ends at its first fault."""
    try:
        loader = _Loader(text)
    except (yaml.YAMLError, ValueError) as error:
        return Examined(None, None, (_unread(error),))
    stopped: list[Slip] = []
    value, root = None, None
    try:
        root = loader.get_single_node()
        value = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        stopped = [_slip(error, text)]
    except (yaml.YAMLError, ValueError) as error:
        stopped = [_unread(error)]
    finally:
        loader.dispose()
    slips = sorted([_slip(error, text) for error in loader.refused.values()] + stopped, key=lambda slip: (slip.line or 0, slip.column or 0))
    if stopped or any(isinstance(error, Misread) for error in loader.refused.values()):
        return Examined(None, None, tuple(slips))
    return Examined(value, root, tuple(slips))


def _unread(error: Exception) -> Slip:
    return Slip(f"not YAML ({str(error).splitlines()[0]}); fix the file", None, None)


def _slip(error: yaml.MarkedYAMLError, text: str) -> Slip:
    mark = error.problem_mark
    if mark is None:
        return Slip(_in_words(error, None), None, None)
    return Slip(_in_words(error, remedy(str(error.problem), mark.line, mark.column, text)), mark.line + 1, mark.column + 1)


def _in_words(error: yaml.MarkedYAMLError, hint: str | None) -> str:
    if isinstance(error, Unfit):
        return str(error.problem)
    what = f"{error.context}, {error.problem}" if str(error.problem).startswith("but ") else error.problem
    return hint or f"not YAML ({what}); fix the line"
