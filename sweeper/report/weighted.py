"""A weighted sum of cells in units of the metric, with its 95% interval by the rule that its data allow."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from sweeper.report.bootstrap import bootstrap_mean, bootstrap_sum
from sweeper.report.estimates import ByVariant, estimate
from sweeper.report.hypotheses import claim_interval
from sweeper.report.pairing import Pairing
from sweeper.report.statistics import CONFIDENCE, NORMAL_QUANTILE, Interval, Rule, Summary, mean, paired_contrast, usable
from sweeper.report.two_way import Pool


def weighted_sum(
    by_variant: ByVariant,
    weights: Mapping[str, float],
    seeds: Sequence[int],
    pairing: Pairing,
    assumed_cv: float | None,
    pool: Pool | None = None,
) -> tuple[Summary, Interval | None]:
    """The sum with its interval (Student's t over pairs, Welch's over cells, or one with an assumed spread), and that of a bootstrap.

    With a `pool` seeds are blocks of it; a bootstrap, which would have to draw whole blocks, is then none.
    """
    if pairing.paired and pool is None:
        paired = paired_contrast(by_variant, weights, seeds)
        if paired.half_width is None and assumed_cv is not None:
            found = estimate(by_variant, weights, seeds, assumed_cv=assumed_cv)
            paired = paired if found is None else dataclasses.replace(paired, half_width=NORMAL_QUANTILE * found.error, rule="assumed")
        return paired, bootstrap_mean(list(paired.by_seed.values()), CONFIDENCE)
    used = {name: weight for name, weight in weights.items() if weight}
    kept = {name: {seed: value for seed, value in by_variant.get(name, {}).items() if usable(value)} for name in used}
    fewest = min(map(len, kept.values()), default=0)
    found = estimate(kept, used, seeds, paired=False, assumed_cv=assumed_cv, pool=pool)
    if found is not None:
        rule: Rule = "assumed" if found.rule == "assumed" else "welch" if pool is None else "block"
        half_width = found.value - claim_interval(found, CONFIDENCE).low
        if pool is not None:
            return Summary({}, found.value, None, half_width, rule, fewest), None
        read = {name: list(values.values()) for name, values in kept.items()}
        return Summary({}, found.value, None, half_width, rule, fewest), bootstrap_sum(read, used, CONFIDENCE)
    means = {name: mean(list(values.values())) for name, values in kept.items()}
    total = math.fsum(used[name] * (value or 0.0) for name, value in means.items()) if fewest else None
    return Summary({}, total, None, None, "welch" if pool is None else "block", fewest), None
