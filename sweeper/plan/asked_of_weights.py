"""What analyses ask of a trial's weights: variants that share a trial may ask different things, and get different numbers."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from model.config import identity
from sweeper.errors import SpecError
from sweeper.records import TrialOutcome, Variant
from sweeper.spec.designs import variants_of
from sweeper.spec.load import variant_partition
from sweeper.spec.search_design import BASELINE, SearchDesign
from sweeper.spec.sweep_spec import SweepSpec

LENGTH = 16
Asked = Mapping[tuple[str, int], str]
"""(variant, seed) -> hash of what an analysis goes by and a trial's name and step do not tell: how the variant is evaluated, and its
partition, which says nothing of the weights of a trial without groups."""


def asked_of_weights(spec: SweepSpec, outcomes: Iterable[TrialOutcome]) -> Asked:
    """Of each outcome of a version of a sweep. Looks at no file; a variant that this release does not read is left out."""
    outcomes = list(outcomes)
    variants = planned_variants(spec, outcomes)
    partitions: dict[str, str | None] = {}
    asked: dict[tuple[str, int], str] = {}
    for outcome in outcomes:
        if outcome.variant not in partitions:
            partitions[outcome.variant] = _partition(spec, variants.get(outcome.variant))
        partition = partitions[outcome.variant]
        if partition is not None:
            text = f"{outcome.evaluation_fingerprint} {partition}"
            asked[outcome.variant, outcome.seed] = hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
    return asked


def planned_variants(spec: SweepSpec, outcomes: Iterable[TrialOutcome]) -> dict[str, Variant]:
    """By name: those of the design; of a search, those that it tried."""
    design = spec.design
    if not isinstance(design, SearchDesign):
        return {variant.name: variant for variant in variants_of(spec)}
    tried = {outcome.variant: outcome.levels for outcome in outcomes}
    return {name: design.expand()[0] if name == BASELINE else design.variant(design.chosen(levels)) for name, levels in tried.items()}


def _partition(spec: SweepSpec, variant: Variant | None) -> str | None:
    if variant is None:
        return None
    try:
        return json.dumps(identity(variant_partition(spec, variant)), sort_keys=True)
    except SpecError:
        return None
