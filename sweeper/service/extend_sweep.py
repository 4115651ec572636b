"""Add whole seed blocks to a sweep until its claims are decided, so that all looks together keep alpha.

Every look is a version of the sweep: its `sequential` section names the looks so far, and is stored before the look's trials run. So a run
that was interrupted goes on with the look it was in, and nobody looks twice without its being written down.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import ValidationError

from sweeper.driver.retry_policy import RetryPolicy
from sweeper.errors import RequestError
from sweeper.metrics import is_of_analysis
from sweeper.records import SweepSnapshot
from sweeper.service.open_store import existing_store
from sweeper.service.plan_sweep import SweepRequest
from sweeper.service.run_sweep import INTERRUPTED, RunOutcome
from sweeper.settings import Settings
from sweeper.spec.load import LoadedSweep, load_sweep
from sweeper.spec.sweep_spec import MAX_SEEDS, Sequential, SweepSpec
from sweeper.states import TRIAL_STATES
from sweeper.stats.power import FEWEST_SEEDS

Run = Callable[[SweepRequest], RunOutcome]
Standing = Callable[[SweepSnapshot], "Standings"]
"""Of the claims, by the report."""


@dataclass(frozen=True)
class Standings:
    """Where the claims stand at a look.

    Attributes:
        open: Names of those that more seeds may decide.
        decided: How many are supported or refuted.
        spent: Names of those without a verdict, and without alpha for one, since they were tested at all of it before.
    """

    open: list[str]
    decided: int
    spent: list[str]


NOTHING_LEFT = (
    "these seeds were tested at all of alpha before, and that gave no verdict, so no alpha is left for looks at more. To look several"
    " times, declare `sequential` before the first result; to test again use seeds that no look has seen, in a new sweep with other `seeds`"
)


@dataclass(frozen=True)
class Extension:
    """How far to go."""

    max_seeds: int
    until_decided: bool
    """False: one look, whatever it says."""
    added: int = 1
    """Seeds per cell between two looks."""
    spending: str = "obrien_fleming"


def extend_sweep(
    request: SweepRequest, extension: Extension, settings: Settings, *, run: Run, standing: Standing, say: Callable[[str], None]
) -> RunOutcome:
    """The outcome of the last look. Raises RequestError before anything was started."""
    sweep = load_sweep(request.spec, profile=request.profile, overrides=request.overrides)
    known = RetryPolicy(settings.store_patience, say)(lambda: _stored(sweep, settings))
    sequential = _begun(sweep, extension, known)
    while True:
        outcome = run(_at_look(request, sweep.spec, sequential))
        number = sequential.looks[-1]
        if outcome.exit_code == INTERRUPTED or any(not TRIAL_STATES[o.state].is_final for o in outcome.snapshot.outcomes):
            say(
                f"look {len(sequential.looks)}, at {number} seeds, is not whole: the same command goes on with it and spends no alpha again"
            )
            return outcome
        found = standing(outcome.snapshot)
        say(f"look {len(sequential.looks)}, at {number} of at most {sequential.max_seeds} seeds: " + _said(found, len(sweep.spec.claims)))
        if found.spent:
            say(f"{', '.join(found.spent)}: {NOTHING_LEFT}")
        if not found.open or not extension.until_decided or number >= sequential.max_seeds:
            return outcome
        sequential = _next(sequential, extension.added)


def _said(found: Standings, claims: int) -> str:
    if found.open:
        return f"{len(found.open)} of {claims} claims undecided ({', '.join(found.open)})"
    return (
        "every claim is decided" if found.decided == claims else f"{found.decided} of {claims} claims decided, more seeds decide no other"
    )


def _stored(sweep: LoadedSweep, settings: Settings) -> list[SweepSpec]:
    """What the versions of this sweep said, in the order they were made; those of other releases left out."""
    store = existing_store(settings)
    if store is None:
        return []
    with store:
        if not any((one.name, one.profile) == (sweep.spec.name, sweep.profile) for one in store.sweeps()):
            return []
        snapshot = store.snapshot(sweep.spec.name, sweep.profile)
    versions = sorted(
        [(one.created, one.spec) for one in snapshot.versions] + [(snapshot.created, snapshot.spec)], key=lambda pair: pair[0]
    )
    specs = []
    for _, spec in versions:
        try:
            specs.append(SweepSpec.read(spec))
        except ValidationError:
            continue
    return specs


def _begun(sweep: LoadedSweep, extension: Extension, known: list[SweepSpec]) -> Sequential:
    """The looks up to the one that comes now: that of an interrupted or finished extension, or the first."""
    spec = sweep.spec
    if not spec.claims:
        raise RequestError(f"{sweep.place}: nothing is claimed, so nothing can be decided; give a contrast `kind` and `alpha`")
    if later := [claim.name for claim in spec.claims if is_of_analysis(spec.metric_of(claim))]:
        raise RequestError(
            f"{sweep.place}: claim {later[0]!r} is on an analysis, which `sweeper analyse` computes after the trials, so that no look of"
            " `sweeper extend` has it; give it seeds enough at once, or make it a contrast without `kind`"
        )
    before = [one for one in known if one.sequential is not None]
    if before:
        return _continued(sweep, extension, max(before, key=lambda one: len(one.looks)))
    if not FEWEST_SEEDS <= extension.max_seeds <= MAX_SEEDS or extension.max_seeds < len(spec.seeds):
        least = max(FEWEST_SEEDS, len(spec.seeds))
        raise RequestError(f"--max-seeds {extension.max_seeds}: give {least} to {MAX_SEEDS:,}; the sweep has {len(spec.seeds)} now")
    first = min(max(len(spec.seeds), FEWEST_SEEDS), extension.max_seeds)
    return Sequential.model_validate({"max_seeds": extension.max_seeds, "spending": extension.spending, "looks": (first,)})


def _continued(sweep: LoadedSweep, extension: Extension, last: SweepSpec) -> Sequential:
    assert last.sequential is not None, "chosen for it"
    done = last.sequential.model_copy(update={"looks": last.looks})  # a file that names none was looked at once, at its seeds
    if (done.max_seeds, done.spending) != (extension.max_seeds, extension.spending):
        raise RequestError(
            f"{sweep.place}: this sweep was looked at {len(done.looks)} times, up to {done.max_seeds} seeds by {done.spending} spending;"
            f" another rule would spend alpha twice: use --max-seeds {done.max_seeds} --spending {done.spending}, or seeds that"
            " no look has seen, in a new sweep with other `seeds`"
        )
    if (last.claims, last.metric) != (sweep.spec.claims, sweep.spec.metric):
        raise RequestError(
            f"{sweep.place}: its claims are not those that were looked at {len(done.looks)} times; test other claims on seeds that no look"
            " has seen, in a new sweep with other `seeds`"
        )
    return done


def _next(done: Sequential, added: int) -> Sequential:
    return done.model_copy(update={"looks": (*done.looks, min(done.looks[-1] + added, done.max_seeds))})


def _at_look(request: SweepRequest, spec: SweepSpec, sequential: Sequential) -> SweepRequest:
    """The request with so many seeds: those of the file, then the next numbers that it does not have."""
    seeds = list(spec.seeds)[: sequential.looks[-1]]
    following = max(spec.seeds) + 1
    seeds += range(following, following + sequential.looks[-1] - len(seeds))
    section = json.dumps(sequential.model_dump(mode="json"))
    return replace(request, overrides=(*request.overrides, f"seeds={json.dumps(seeds)}", f"sequential={section}"))
