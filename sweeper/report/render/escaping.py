"""Text from the store, made harmless for each format: names, levels, questions and errors are other people's words."""

import re

from sweeper.visible import one_line

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&!@])")
_MARKDOWN_ITEM = re.compile(r"^(\d*)([-+.)])(?= |$)")
_MINUS = re.compile(r"(?<!\w)-(?=\d)")
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",  # a straight quote is a command to some languages of babel
        "[": "{[}",  # after the end of a row, a bare '[' or '*' would be read as an argument of it
        "]": "{]}",
        "*": "{*}",
        "–": "--",
        "±": r"$\pm$",
        "†": r"\textdagger{}",
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
    }
)


def markdown(text: str) -> str:
    """For a table cell or an item of a list in GitHub-flavoured Markdown."""
    return _MARKDOWN_ITEM.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", one_line(text)))


def latex(text: str) -> str:
    """For the body of a LaTeX document; '-' before a digit becomes a minus sign."""
    return _MINUS.sub("$-$", one_line(text).translate(_LATEX))


def csv_cell(text: str) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay as they are."""
    plain = one_line(text)
    return f"'{plain}" if plain.startswith(_FORMULA) and not _NUMBER.fullmatch(plain) else plain
