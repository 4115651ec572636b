"""How trials chose their guidance, where they did, and which scales that gave."""

from collections import Counter
from collections.abc import Sequence

from sweeper.metrics import is_metric, metric_info
from sweeper.records import TrialOutcome

NAMED = 8
"""Variants that the sentence names."""


def guidance_notes(finished: Sequence[TrialOutcome]) -> list[str]:
    """A sentence, of finished trials; none where all had one scale."""
    chosen = [(outcome.variant, of) for outcome in finished if isinstance(of := outcome.details.get("guidance"), dict)]
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
    return [
        f"Guidance: each trial chose its own among {', '.join(scales)} by {metric_info(by).label if is_metric(by) else by} on samples of"
        f" generation seed {seed}, on which nothing is measured. Chosen (trials): {'; '.join(listed[:NAMED])}{more}."
    ]
