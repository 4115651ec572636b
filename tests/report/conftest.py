"""The sweep that most tests of the report begin with."""

from collections.abc import Mapping
from typing import Any

import pytest
from report_snapshots import FD, MakeSnapshot, factorial_spec, finished, snapshot_of

from sweeper.records import SweepSnapshot, TrialOutcome


@pytest.fixture
def default_sweep() -> MakeSnapshot:
    """2x2 variants x `seeds` seeds, all finished, unless `replaced` says otherwise: outcomes by (variant, seed), None is no outcome."""

    def make(
        seeds: int = 3, replaced: Mapping[tuple[str, int], TrialOutcome | None] | None = None, spec: Mapping[str, Any] | None = None
    ) -> SweepSnapshot:
        outcomes = {(name, seed): finished(name, seed, values[seed]) for name, values in FD.items() for seed in range(seeds)}
        chosen = [outcome for outcome in (outcomes | dict(replaced or {})).values() if outcome is not None]
        return snapshot_of(spec or factorial_spec(seeds), chosen)

    return make
