"""Verdicts of a sweep that was judged at all of alpha first, and was given a spending rule afterwards.

That test has spent all of alpha, and no rule takes it back: counted as a look of O'Brien and Fleming's rule, it makes the looks together
wrong in 9% instead of 5%. So a verdict that it gave stands, whatever later looks say, and no later look gives one.
"""

from collections.abc import Sequence
from dataclasses import replace

from sweeper.report.cases import Case, Judged
from sweeper.report.verdicts import judge
from sweeper.spec.sweep_spec import Sequential


def judge_after_fixed_look(
    first: Sequence[Case],
    cases: Sequence[Case],
    seeds: Sequence[int],
    looks: Sequence[int],
    *,
    at: int,
    sequential: Sequential,
    assumed_cv: float | None = None,
) -> list[Judged]:
    """Verdicts on all claims of a sweep together.

    Args:
        first: The claims as that test had them, over its seeds alone.
        cases: The same claims over all seeds.
        seeds: Of the sweep, in its order.
        looks: Numbers of seeds, the present one last.
        at: Number of seeds of the fixed look: the first so many.
        sequential: The rule that was declared after it.
        assumed_cv: As in `judge`.
    """
    fixed = judge([replace(case, spent=False) for case in first], seeds[:at], (at,), sequential=None, assumed_cv=assumed_cv)
    later = judge([replace(case, spent=True) for case in cases], seeds, looks, sequential=sequential, assumed_cv=assumed_cv)
    decided = [then.verdict in ("supported", "refuted") for then in fixed]
    return [replace(then, at_fixed_look=True) if stands else now for then, now, stands in zip(fixed, later, decided, strict=True)]
