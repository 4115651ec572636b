"""How plots in files look: fonts, colours, dashes and marks, which tell lines apart without colour too."""

from typing import Any

WIDTH = 5.5
"""Inches: a text column of most papers."""
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same outlines everywhere
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "sweeper",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "savefig.bbox": "tight",
    "path.simplify": False,
}
COLOURS = ("#0b57a4", "#b3530b", "#1f7a4d", "#8a3ea8", "#9a6b00", "#0c7489", "#a3231d", "#565d66")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKS = ("o", "s", "D", "^", "P", "v", ">", "<")
