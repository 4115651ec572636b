"""Slips that people make in YAML, each with what to write instead: those that YAML refuses in its own words, and those that it takes
without a word for something else."""

import re
from collections.abc import Iterator

import yaml

WHOLE = ("seeds", "looks", "steps")
"""Keys of lists of whole numbers, which may have commas as they like."""
_DIGITS = re.compile(r"[-+]?\d+")
_KEY = re.compile(r"\s*(?:- )?\s*(?P<key>[A-Za-z_][A-Za-z0-9_.]*):\s+(?P<text>.+)")


class Unfit(yaml.MarkedYAMLError):
    """YAML, but nothing that a sweep file can hold."""


class Misread(Unfit):
    """YAML that came out as other values than anybody meant: faults of these are none."""


def remedy(problem: str, line: int, column: int, text: str) -> str | None:
    """What to write, for a problem of PyYAML's at this line and column (from 0); None where it is none of the usual slips."""
    written = (text.splitlines() or [""])[min(line, len(text.splitlines()) - 1)]
    found = _KEY.fullmatch(written)
    if problem.startswith("mapping values are not allowed"):
        if found is not None and column > found.start("text"):
            return f"a colon with a blank behind it begins a value; put the whole text in quotes: {_quoted(found)}"
        return "this key is indented deeper than the one above it, which has its value on its own line; indent both alike"
    if "got ':'" in problem:
        if re.search(r"[\[{]", written[:column]):
            return "a colon with a blank behind it begins a value; put text that holds one in quotes"
        return "a [ or { above is not closed; close it"
    if unusable := re.search(r"found character (.+) that cannot start any token", problem):
        if "\\t" in unusable[1]:
            return "a tab cannot indent or part values in YAML; write blanks instead"
        instead = f": {_quoted(found)}" if found is not None else ""
        return f"text cannot begin with {unusable[1]}; put it in quotes{instead}"
    if problem.startswith("found undefined alias") or "expected alphabetic or numeric character" in problem:
        return "a * or & at the beginning stands for a part of the file; put text that begins so in quotes"
    if "expected <block end>" in problem and "<scalar>" in problem and found is not None and found["text"][0] in "\"'":
        return "text goes on behind its closing quote; put the whole text in quotes, and write a quote inside it twice or as the other kind"
    return None


def cut_text(node: yaml.MappingNode) -> Iterator[Unfit]:
    """A question without quotes that ends before its end, at a # that YAML takes for a comment.

    Behind a sentence's end a comment is what it looks like.
    """
    for key, value in node.value:
        if key.value != "question" or not isinstance(value, yaml.ScalarNode) or value.style is not None:
            continue
        if re.match(r"[ \t]+#", _behind(value)) and not value.value.rstrip().endswith((".", "?", "!")):
            yield Unfit(
                problem=f"the question ends where a comment begins, behind {value.value!r}; put the whole text in quotes if the # belongs"
                " to it, or the comment on a line of its own",
                problem_mark=value.start_mark,
            )


def decimal_commas(node: yaml.MappingNode) -> Iterator[Unfit]:
    """0,001 in a list or in { }, which YAML takes for two entries; the first of each list."""
    for key, value in node.value:
        if isinstance(value, yaml.SequenceNode) and value.flow_style and key.value not in WHOLE:
            pairs = list(zip(value.value, value.value[1:], strict=False))
            tight = [pair for pair in pairs if _touch(*pair)]
            padded = [pair for pair in tight if _padded(pair[1])]
            # [1,2,3] is a list; [0,5, 0,25] is not, nor is [0,001].
            if padded or (tight and len(tight) < len(pairs)):
                yield _comma(*(padded or tight)[0])
    for (_, before), (key, value) in zip(node.value, node.value[1:], strict=False):
        if isinstance(value, yaml.ScalarNode) and value.value == "" and _touch(before, key):
            yield _comma(before, key)


def _comma(one: yaml.Node, other: yaml.Node) -> Misread:
    return Misread(
        problem=f"{one.value},{other.value} is two entries, {one.value} and {other.value}; write a decimal with a point,"
        f" {one.value}.{other.value}, and a list with a blank behind each comma",
        problem_mark=one.start_mark,
    )


def _touch(one: yaml.Node, other: yaml.Node) -> bool:
    """Whether they are digits with nothing but a comma between them."""
    return _digits(one) and _digits(other) and other.start_mark.index == one.end_mark.index + 1


def _digits(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and _DIGITS.fullmatch(node.value) is not None


def _padded(node: yaml.Node) -> bool:
    return len(node.value) > 1 and node.value[0] == "0"


def _behind(node: yaml.Node) -> str:
    """The rest of the line behind a node."""
    mark = node.end_mark
    return mark.buffer[mark.pointer :].split("\n", 1)[0] if mark.buffer else ""


def _quoted(found: re.Match[str]) -> str:
    """The key with its text in quotes."""
    return f"{found['key']}: '" + found["text"].strip().replace("'", "''") + "'"
