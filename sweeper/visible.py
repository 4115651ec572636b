"""Other people's words, made harmless to show: names, questions and errors may hold anything, and a terminal obeys what it is sent."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a reader cannot see: controls, direction overrides, lone surrogates, unassigned, line ends of other kinds."""


def one_line(text: str) -> str:
    """Runs of white space become one space; what cannot be seen (escape codes, direction overrides) becomes '\\x1b', '\\u202e'."""
    return visible(" ".join(text.split()))


def lines(text: str) -> str:
    """The text with its line ends and indents, and what cannot be seen written out; a tab is four spaces."""
    return "\n".join(visible(line) for line in text.expandtabs(4).split("\n"))


def visible(text: str) -> str:
    """The text with every character that a reader cannot see written as Python would write it."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def abridged(text: str, limit: int) -> str:
    """The text, its middle left out where it is longer than `limit`: what a message says first and last is what it is about."""
    return text if len(text) <= limit else f"{text[: limit * 3 // 4]} [...] {text[-(limit // 4) :]}"


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
