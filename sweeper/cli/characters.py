"""Standard output on terminals, and in pipes, whose encoding lacks some characters: Latin-1, or ASCII under `LC_ALL=C`."""

import codecs
from typing import Any

_HANDLER = "sweeper.plain"
_PLAIN = str.maketrans(
    {"↓": "v", "↑": "^", "±": "+/-", "·": "-", "–": "-", "†": "+", "…": "...", "─": "-", "━": "#", "╌": ".", "│": "|"}
    | {"├": "+", "└": "+", "┴": "+"}
)
"""What stands for our own signs; other characters are written as Python escapes, so that nothing is lost."""


def replace_unknown(stream: Any) -> None:
    """Have a text stream write what its encoding lacks in other characters, rather than fail."""
    codecs.register_error(_HANDLER, _plain)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=_HANDLER)


def write_utf8(stream: Any) -> None:
    """Have a text stream write UTF-8: for what programs read, whatever the terminal shows."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
