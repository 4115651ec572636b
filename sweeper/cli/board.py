"""The table of a running sweep: a line per variant, never more lines than the terminal has."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.driver.board import Board, TrialNow, VariantNow
from sweeper.report import numbers
from sweeper.states import TRIAL_STATES, unfinished
from sweeper.visible import abridged, one_line

_BAR = 16
_AROUND = 6
"""Lines that the table leaves to the rest of the screen."""
_MOST_FAILURES = 4
_LONGEST_ERROR = 110


def shown_board(board: Board, summary: str, height: int) -> RenderableType:
    """A line that sums up, the best so far, a line per variant, the newest failures; at most `height` lines."""
    failures, best, variants = board.failures(), board.best(), board.variants()
    below = [_line(_failure(trial), "red") for trial in failures[-_MOST_FAILURES:]]
    if len(failures) > _MOST_FAILURES:
        below.insert(0, _line(f"{len(failures) - _MOST_FAILURES} more failures before these", "red"))
    above = [_line(summary, "bold")]
    if best is not None:
        above.append(_line(f"best so far: {one_line(best.name)}, {board.primary.label} {_values(best, board)}"))
    room = max(height - _AROUND - len(below), 3)
    chosen = variants if len(variants) <= room else _most_telling(variants, room - 1, best)
    if len(chosen) < len(variants):
        hidden = [variant for variant in variants if variant not in chosen]
        over = sum(variant.finished == variant.states.total() for variant in hidden)
        below.insert(0, _line(f"and {len(hidden)} more variants: {over} finished, {len(hidden) - over} not yet", "dim"))
    return Group(*above, _table(chosen, board, best), *below)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _failure(trial: TrialNow) -> str:
    return f"{one_line(trial.variant)} seed {trial.seed} {trial.state}: {abridged(one_line(trial.error or ''), _LONGEST_ERROR)}"


def _table(variants: list[VariantNow], board: Board, best: VariantNow | None) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()  # the one that gives way where the terminal is narrow
    for _ in range(4):
        table.add_column(no_wrap=True)
    for variant in variants:
        filled = round(_BAR * variant.share)
        bar = Text("━" * filled, style="cyan") + Text("╌" * (_BAR - filled), style="dim")
        mark = "* " if best is not None and variant.name == best.name else "  "
        share = Text(f"{100 * variant.share:.0f}%".rjust(4))
        table.add_row(_line(mark + one_line(variant.name)), bar, share, Text(_states(variant)), Text(_values(variant, board)))
    return table


def _most_telling(variants: list[VariantNow], room: int, best: VariantNow | None) -> list[VariantNow]:
    """Those that run, then the best, then those that failed, then the others; in the sweep's order."""

    def rank(variant: VariantNow) -> int:
        if variant.states["running"]:
            return 0
        if best is not None and variant.name == best.name:
            return 1
        return 2 if any(TRIAL_STATES[state].is_failure for state in variant.states) else 3

    kept = {variant.name for variant in sorted(variants, key=rank)[:room]}
    return [variant for variant in variants if variant.name in kept]


def _states(variant: VariantNow) -> str:
    return ", ".join([f"{variant.finished}/{variant.states.total()}", *unfinished(variant.states)])


def _values(variant: VariantNow, board: Board) -> str:
    """'0.4047 ± 0.0073 (sd, n=3)'; of a variant without a finished trial the newest value, '~0.41'."""
    decimals, values = board.primary.decimals, variant.values
    if values.mean is None:
        return "" if variant.newest is None else f"~{numbers.fixed(variant.newest, decimals)}"
    spread = f" ± {numbers.fixed(values.sd, decimals)} (sd, n={values.n})" if values.sd is not None else " (n=1)"
    return numbers.fixed(values.mean, decimals) + spread
