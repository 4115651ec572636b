"""How trials chose their guidance, where they did, and which scales that gave."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeGuard

from sweeper.metrics import Metrics
from sweeper.records import TrialOutcome

NAMED = 8
"""Variants that the sentence names."""


def guidance_notes(finished: Sequence[TrialOutcome], known: Metrics) -> list[str]:
    """A sentence, of finished trials; none where all had one scale."""
    chosen = [(outcome.variant, of) for outcome in finished if _is_choice(of := outcome.details.get("guidance"))]
    asked = {(tuple(of["values"]), of["by"], of["seed"]) for _, of in chosen}
    if len(asked) > 1:
        return ["Guidance: trials chose among different scales, by different metrics or on different seeds."]
    if not asked:
        return []
    ((scales, by, seed),) = asked
    counts: dict[str, Counter[float]] = {}
    for variant, of in chosen:
        counts.setdefault(variant, Counter())[of["chosen"]] += 1
    listed = [
        f"{variant}: {', '.join(f'{scale:g} ({trials} of {of.total()})' for scale, trials in sorted(of.items()))}"
        for variant, of in counts.items()
    ]
    more = f"; and {len(listed) - NAMED} more variants" if len(listed) > NAMED else ""
    fixed = list(dict.fromkeys(outcome.variant for outcome in finished if outcome.variant not in counts))
    who = "each trial of the variants below" if fixed else "each trial"
    more_fixed = f" and {len(fixed) - NAMED} more" if len(fixed) > NAMED else ""
    apart = (
        f" At one scale that was not chosen: {', '.join(fixed[:NAMED])}{more_fixed}; a difference from them is one of guidance too."
        if fixed
        else ""
    )
    return [
        f"Guidance: {who} chose its own among {', '.join(scales)} by {known.info(by).label if by in known else by} on samples of"
        f" generation seed {seed}, on which nothing is measured. Chosen (trials): {'; '.join(listed[:NAMED])}{more}.{apart}"
    ]


def _is_choice(of: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is what a trial says of its choice: an imported trial may say anything."""
    if not isinstance(of, dict):
        return False
    kinds = {"values": dict, "by": str, "seed": int, "chosen": int | float}
    return all(isinstance(of.get(name), kind) for name, kind in kinds.items())
