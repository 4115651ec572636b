"""How numbers and times are written in a report, whatever its format."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sweeper.stats.summaries import Interval

MISSING = "–"
_FIXED_BELOW = 1e9
"""Larger values are written with an exponent; a column of 300 digits helps nobody."""
_MORE_DECIMALS = 6


def fixed(value: float | None, decimals: int) -> str:
    """A value with so many decimals; never '-0.00', never thousands separators; '–' for None."""
    if value is None:
        return MISSING
    if abs(value) >= _FIXED_BELOW:
        return f"{value:.3e}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def plus_minus(mean: float | None, half_width: float | None, decimals: int) -> str:
    """'11.40 ± 0.30'; the mean alone when there is no half-width."""
    if mean is None or half_width is None:
        return fixed(mean, decimals)
    return f"{fixed(mean, decimals)} ± {fixed(half_width, decimals)}"


def interval(ends: tuple[float, float] | None, decimals: int) -> str:
    """'[3.10, 5.32]'; '–' for None."""
    return MISSING if ends is None else f"[{fixed(ends[0], decimals)}, {fixed(ends[1], decimals)}]"


def p_value(p: float) -> str:
    """Two digits: '0.032'; '< 0.0001' below."""
    if p < 1e-4:
        return "< 0.0001"
    return f"{p:.2g}" if p < 0.995 else "1"


def significant(value: float) -> str:
    """Two digits: '0.0042', '12', '1.3e+05'."""
    return f"{value:.2g}"


def count(number: float) -> str:
    """A whole number with thousands separators: '50,000'."""
    return f"{number:,.0f}"


def tenths(number: float) -> str:
    """One decimal below 10, none from there on: '2.7', '960'."""
    return f"{number:.1f}" if number < 9.95 else count(number)


def plural(number: int, noun: str) -> str:
    """'1 seed', '3 seeds'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(noun: str, values: Sequence[int]) -> str:
    """'seed 2', 'seeds 0, 2'."""
    return f"{noun if len(values) == 1 else f'{noun}s'} {', '.join(map(str, values))}"


def enough_decimals(ends: Sequence[float], decimals: int) -> int:
    """Decimals (at least those given, at most 6 more) with which no end that differs from 0 is printed as 0.

    Otherwise an interval that excludes 0 could read '[0.00, 0.31]'.
    """
    for more in range(decimals, decimals + _MORE_DECIMALS):
        if all(float(f"{end:.{more}f}") != 0 for end in ends if end):
            return more
    return decimals + _MORE_DECIMALS


def decimals_of(interval: Interval | None, decimals: int) -> int:
    """So many that an interval without 0 is not printed with one."""
    if interval is None or interval.holds(0):
        return decimals
    return enough_decimals((interval.low, interval.high), decimals)


def in_utc(moment: datetime) -> datetime:
    """Without a zone it is taken as UTC, not as local time, which differs between readers."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
