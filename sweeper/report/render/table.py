"""A table as people read it, before it is written in some format. Text in it is raw: renderers escape it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Quantity:
    """A number and the half-width of its interval."""

    mean: float
    half_width: float | None
    decimals: int


@dataclass(frozen=True)
class Cell:
    """Lines of text, the most important first."""

    lines: tuple[str, ...]
    quantity: Quantity | None = None
    """What the first line says, and says alone, for formats that align numbers by their point."""
    strong: bool = False
    """Bold: a supported claim, and nothing else."""
    alarm: bool = False
    """Something failed."""
    joiner: str = " "
    """Between the lines, where a format has one line only."""
    badge: bool = False
    """A protocol, in short."""

    @property
    def text(self) -> str:
        return self.joiner.join(self.lines)


@dataclass(frozen=True)
class Column:
    """A heading, possibly under one that it shares with its neighbours."""

    label: str
    group: str = ""
    kind: Literal["text", "number"] = "text"
    leading: bool = False
    """Of the primary metric."""

    @property
    def heading(self) -> str:
        return f"{self.group} {self.label}".strip()


@dataclass(frozen=True)
class Row:
    cells: tuple[Cell, ...]
    begins: bool = False
    """Whether a group of rows begins here."""


@dataclass(frozen=True)
class Table:
    """Rows of as many cells as there are columns."""

    title: str
    """Empty for the first table of a report, which the report's own heading names."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    stub: int
    """Leading columns that are repeated where a table is too wide and goes on in a second one."""
    details: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(name, lines) of what is to be said below the table."""
    apart: bool = False
    """Of others: nothing in it belongs to the sweep."""
    left_out: int = 0
    """Rows that it would have and that were not asked for."""


def text_cell(*lines: str) -> Cell:
    return Cell(lines)
