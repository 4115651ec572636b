"""Where in a sweep file a fault is: every message begins with the field it is about, and quotes what is written there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

_OF_VARIANTS = re.compile(r"variants? (?P<names>.+?): (?P<rest>.+)", re.DOTALL)
_QUOTED = re.compile(r"(?<!\w)'([^']+)'")
_WANTED = re.compile(r"\bgive '.*, (?=not ')")
"""What a message quotes that should have been written."""
_BEHIND = (".", ":", " ", ",", "")
"""What may follow a field's name in a message."""


@dataclass(frozen=True)
class _Found:
    """A node that a message is about."""

    mark: yaml.Mark
    """Of its key where it has one."""
    node: yaml.Node
    depth: int
    """How many steps of the message's path are in the file."""


class Places:
    """The places of a file's fields, for messages of its faults."""

    def __init__(self, root: yaml.Node, profile: str | None, overrides: Sequence[str]) -> None:
        """`profile` and `overrides`: that were laid over the file, and stand before it."""
        self._roots = [node for node in (_inside(root, "profiles", profile) if profile else None, root) if node is not None]
        self._overrides = [(*override.partition("=")[::2], override) for override in overrides]

    def override_of(self, fault: str) -> str | None:
        """The last `--set` that gave what the fault is about; None where the file did."""
        of_variant = _OF_VARIANTS.match(fault)
        about = f"base.{of_variant['rest']}" if of_variant is not None else fault
        for path, value, override in reversed(self._overrides):
            if _begins(about, path) or (path.startswith(f"{_head(about)}.") and f"'{value}'" in about):
                return override
        return None

    def of(self, fault: str) -> tuple[int, int] | None:
        """Line and column, both from 1, or None of what is nowhere in the file, such as a field that is missing."""
        of_variant = _OF_VARIANTS.match(fault)
        found = self._field(fault) if of_variant is None else self._level(of_variant["rest"], of_variant["names"])
        if found is None:
            return None
        mark = _narrowed(found, fault if of_variant is None else of_variant["rest"])
        return mark.line + 1, mark.column + 1

    def _field(self, text: str) -> _Found | None:
        """The deepest field of the file that the text begins with; that of the profile where both have it."""
        return max((found for root in self._roots if (found := _resolved(root, text)) is not None), key=lambda one: one.depth, default=None)

    def _level(self, text: str, variants: str) -> _Found | None:
        """The level that sets the field which the text begins with, else the field in the base, else the design.

        Of several levels it is the first that the variants' names have.
        """
        names = set(re.split(r"[/,]\s*", variants))
        designs = [design for root in self._roots if (design := _inside(root, "design")) is not None]
        setters = [setter for design in designs for setter in _setters(design, text, ())]
        if setters:  # the whole path says more than its beginning, which may be the name of a factor
            return max(setters, key=lambda setter: (len(setter[0][-1]), bool(names & set(setter[0]))))[1]
        in_base = self._field(f"base.{text}")
        return in_base if in_base is not None and in_base.depth > 1 else self._field("design:")


def _setters(node: yaml.Node, text: str, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], _Found]]:
    """Every place of a design that sets the field the text begins with, or a part of it, with the keys that it lies under."""
    for key, value in _pairs(node):
        by_path = key.value == "path" and isinstance(value, yaml.ScalarNode)  # its levels are beside it
        path = str(value.value if by_path else key.value)
        if _begins(text, path) or path.startswith(f"{_head(text)}."):
            yield (*keys, path), _Found(key.start_mark, node if by_path else value, 1)
        yield from _setters(value, text, (*keys, str(key.value)))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _setters(item, text, keys)


def _resolved(node: yaml.Node, text: str) -> _Found | None:
    """The deepest node whose path the text begins with. A key may hold points itself; the longest that fits is meant."""
    inner = [(str(index), item.start_mark, item) for index, item in enumerate(node.value)] if isinstance(node, yaml.SequenceNode) else []
    inner += [(str(key.value), key.start_mark, value) for key, value in _pairs(node)]
    fitting = [one for one in inner if _begins(text, one[0])]
    if not fitting:
        return None
    name, mark, value = max(reversed(fitting), key=lambda one: len(one[0]))  # of equal keys, the last counts
    rest = text[len(name) :]
    deeper = _resolved(value, rest[1:]) if rest.startswith(".") else None
    return _Found(mark, value, 1) if deeper is None else _Found(deeper.mark, deeper.node, deeper.depth + 1)


def _narrowed(found: _Found, text: str) -> yaml.Mark:
    """The place of what the text quotes, so far as it is written there: the name of a contrast, then what is wrong in it."""
    mark, node = found.mark, found.node
    for quoted in _QUOTED.findall(_WANTED.sub("", text)):
        within = next(_written(node, quoted, node), None)
        if within is not None:
            mark, node = within
    return mark


def _written(node: yaml.Node, text: str, owner: yaml.Node) -> Iterator[tuple[yaml.Mark, yaml.Node]]:
    """Where the text is a key or a value, with the node to look on in: for a `name`, all that bears it."""
    if isinstance(node, yaml.ScalarNode):
        if node.value == text:
            yield node.start_mark, owner
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _written(item, text, item)
    for key, value in _pairs(node):
        if key.value == text:
            yield key.start_mark, value
        yield from _written(value, text, node if key.value == "name" else value)


def _inside(node: yaml.Node, *keys: str) -> yaml.Node | None:
    """The value under these keys. Of a key that is there twice, the last counts, as in the mapping that is read."""
    for wanted in keys:
        under = [value for key, value in _pairs(node) if key.value == wanted]
        if not under:
            return None
        node = under[-1]
    return node


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _begins(text: str, name: str) -> bool:
    """Whether the text begins with the name, and not with a longer one."""
    return bool(name) and text.startswith(name) and text[len(name) : len(name) + 1] in _BEHIND


def _head(text: str) -> str:
    return re.match(r"[^\s:]*", text)[0]  # type: ignore[index]
