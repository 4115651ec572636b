"""A search under way: what is tried next, when a trial stops early, and which of them are confirmed.

All that is known of it is in the store, and is read again whenever something is to be decided: so several drivers share a search, and one
that was killed leaves nothing half done.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from model.config import TrainConfig, modules_also_in
from model.errors import ModelError
from model.train_trial import check
from sweeper.driver.board import trial_now
from sweeper.driver.progress import Progress
from sweeper.errors import RequestError, SpecError
from sweeper.plan.expand import search_trial
from sweeper.plan.fold import weights_of
from sweeper.plan.machine import expected_key
from sweeper.plan.proposals import Proposal, best, confirmations_of, is_open, may_stop_early, proposals_of
from sweeper.plan.reconcile import Decision, GoesOnFrom, ensure_comparable, reconcile
from sweeper.records import PlannedTrial, SweepSnapshot, TrialCurves, TrialOutcome, Variant
from sweeper.service.kept_files import kept_in
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest
from sweeper.service.search_plan import variant_of
from sweeper.settings import Settings
from sweeper.spec.factors import Level
from sweeper.spec.load import variant_config
from sweeper.spec.search_design import SearchDesign
from sweeper.store.results_store import ResultsStore

MOST_REPEATS = 20
"""Times that a sampler is asked again where it proposes what the search has already."""
MOST_POINTS = 10_000
"""Of a trial's curve."""


@contextlib.contextmanager
def open_search(
    planned: PlannedSweep, request: SweepRequest, store: ResultsStore, settings: Settings, progress: Progress
) -> Iterator["SearchRun"]:
    """The search of a planned sweep, and its copy in Optuna's storage for as long as it runs."""
    from sweeper.search.optuna_copy import OptunaCopy
    from sweeper.service.optuna_storage import optuna_url, study_name

    sweep, spec = planned.sweep, planned.sweep.spec
    assert isinstance(spec.design, SearchDesign), "a search"
    name = study_name(spec.name, sweep.profile, sweep.version)
    with contextlib.ExitStack() as stack:
        copy = None
        try:
            url, lock = optuna_url(settings, store), str(settings.root / "optuna.lock")
            copy = stack.enter_context(OptunaCopy(url, name, spec.design, spec.objectives, lock))
        except Exception as error:  # whatever it is, the search goes on without its copy
            progress.say(f"no copy for Optuna: {settings.concealed(str(error).splitlines()[0] if str(error) else type(error).__name__)}")
        search = SearchRun(planned, request, store, kept_in(settings), progress, copy.write if copy is not None else lambda proposals: 0)
        yield search


class SearchRun:
    """Implements `TrialSource`."""

    def __init__(
        self,
        planned: PlannedSweep,
        request: SweepRequest,
        store: ResultsStore,
        kept: GoesOnFrom,
        progress: Progress,
        copy: Callable[[Sequence[Proposal]], int],
    ) -> None:
        from sweeper.execution.early_stopping import EarlyStopping

        self._planned, self._request, self._store, self._progress, self._copy = planned, request, store, progress, copy
        self._kept = kept
        self._sweep, self._spec = planned.sweep, planned.sweep.spec
        design = self._spec.design
        assert isinstance(design, SearchDesign), "a search"
        self._design = design
        _, config = self._sweep.configs[0]
        self._facts = {repr(c.data): planned.facts[variant.name] for variant, c in self._sweep.configs}
        self._stopping = None
        if design.stopping is not None:
            self._stopping = EarlyStopping(design.stopping, config.steps, self._spec.metric.direction)
        self._weights = {variant.name: weights_of(c, planned.facts[variant.name].content_hash) for variant, c in self._sweep.configs}
        self._curves: dict[str, Mapping[int, float]] = {}
        self._copied: Sequence[tuple[str, str]] = ()
        self._seen: Sequence[TrialOutcome] = ()
        self.exhausted = False
        self._look()  # what was planned may run at once, and is decided by what ended before

    # -- the source that the driver asks ------------------------------------------------------------------------------------------------

    def more(self, held: Collection[str]) -> Sequence[Decision]:
        while True:
            snapshot, proposals = self._look()
            waiting = [outcome for outcome in snapshot.outcomes if is_open(outcome, self._spec)]
            mine = [outcome for outcome in waiting if outcome.fingerprint not in held]
            if mine:
                return self._decisions(mine)
            trials = self._next(snapshot, proposals)
            if not trials:
                self.exhausted = not waiting
                return ()
            self._append(snapshot, trials)

    def show(self) -> None:
        progress, primary = self._progress, self._spec.metric.primary
        known = {(trial.variant, trial.seed) for trial in progress.board.trials}
        new = [outcome for outcome in self._seen if (outcome.variant, outcome.seed) not in known]
        progress.board.add(trial_now(outcome, primary) for outcome in new)
        done = [outcome for outcome in new if outcome.has_result]
        progress.reused += len(done)
        progress.remaining_steps -= sum(outcome.steps for outcome in done)

    def stops(self, trial: PlannedTrial, step: int, metrics: Mapping[str, float]) -> bool:
        value = metrics.get(self._spec.metric.primary)
        if self._stopping is None or value is None or not trial.search:
            return False
        return self._stopping.stops(trial.fingerprint, step, value)

    def stopped_before(self, trial: PlannedTrial) -> bool:
        if self._stopping is None or not trial.search:
            return False
        points = sorted(self._curves.get(trial.fingerprint, {}).items())
        return any(self._stopping.stops(trial.fingerprint, step, value) for step, value in points)

    # -- parts --------------------------------------------------------------------------------------------------------------------------

    def _look(self) -> tuple[SweepSnapshot, tuple[Proposal, ...]]:
        """The search as it stands in the store; scheduler, copy and board follow it."""
        snapshot, curves = self._read()
        proposals = proposals_of(snapshot, self._spec, curves)
        self._keep_up(proposals, curves)
        self._seen = snapshot.outcomes
        return snapshot, proposals

    def _read(self) -> tuple[SweepSnapshot, Mapping[str, TrialCurves]]:
        snapshot = self._store.snapshot(self._spec.name, self._sweep.profile)
        if snapshot.version != self._sweep.version:
            raise RequestError(
                f"another version of sweep {self._spec.name} was started meanwhile ({snapshot.version}); give this one another `name` to"
                " run both at once"
            )
        return snapshot, self._store.curves(snapshot, (self._spec.metric.primary,), MOST_POINTS)

    def _keep_up(self, proposals: Sequence[Proposal], curves: Mapping[str, TrialCurves]) -> None:
        """With what other drivers' trials did, and with the copy."""
        primary = self._spec.metric.primary
        self._curves = {name: found.training.get(primary, {}) for name, found in curves.items()}
        outcomes = [outcome for proposal in proposals for outcome in proposal.outcomes]
        ended = {o.fingerprint: self._curves.get(o.fingerprint, {}) for o in outcomes if not is_open(o, self._spec)}
        if self._stopping is not None and any(points and name not in self._stopping.known for name, points in ended.items()):
            self._stopping.replay(ended)
        now = [(proposal.variant, proposal.state) for proposal in proposals if proposal.state != "open"]
        if now != list(self._copied):
            try:
                self._copy(proposals)
                self._copied = now
            except Exception as error:  # the copy is for looking at; the next trial, or the next run, makes it whole
                self._progress.say(f"the copy for Optuna was not written ({type(error).__name__}); it is made up for after the next trial")

    def _next(self, snapshot: SweepSnapshot, proposals: Sequence[Proposal]) -> list[PlannedTrial]:
        """The trials of the next proposal, then those that confirm the best; none when there is nothing to add at this moment."""
        if len(proposals) < self._design.trials:
            variant = self._proposed(proposals)
            if variant is not None:
                return [self._trial(variant, seed) for seed in self._spec.seeds]
        confirm = self._design.confirm
        if confirm is None or confirmations_of(snapshot, self._spec) or any(proposal.state == "open" for proposal in proposals):
            return []
        baseline = self._design.expand()[0]
        variants = [self._design.variant(proposal.chosen) for proposal in best(proposals, self._spec)]
        chosen = [variant for variant in variants if self._weights_of(variant) != self._weights_of(baseline)][: confirm.top]
        return [self._trial(variant, seed) for seed in confirm.seeds for variant in (*chosen, baseline)] if chosen else []

    def _proposed(self, proposals: Sequence[Proposal]) -> Variant | None:
        """A variant that trains like none of those there are; None where the space has no other."""
        from sweeper.search.study import propose

        known = {self._weights_of(variant_of(self._design, p.variant, p.levels)) for p in proposals}
        if self._design.sampler != "grid":
            for again in range(MOST_REPEATS):
                variant = self._folded(propose(self._design, self._spec.objectives, proposals, again))
                if self._weights_of(variant) not in known:
                    return variant
        if self._design.grid_size() is None:
            return None
        for chosen in self._shuffled():
            variant = self._folded(chosen)
            if self._weights_of(variant) not in known:
                return variant
        return None

    def _folded(self, chosen: Mapping[str, Level]) -> Variant:
        """The variant without the factors that change nothing in it, so that it is one point of the space. Raises SpecError."""
        config = self._config(self._design.variant(chosen), self._spec.seeds[0])
        inert = config.inert_fields()

        def idle(name: str) -> bool:
            return all(any(path == one or path.startswith(f"{one}.") for one in inert) for path in self._design.space[name].paths())

        return self._design.variant({name: value for name, value in chosen.items() if not idle(name)})

    def _shuffled(self) -> list[Mapping[str, Level]]:
        points = list(self._design.points())
        Random(self._design.seed).shuffle(points)
        return points

    def _config(self, variant: Variant, seed: int) -> TrainConfig:
        """Raises SpecError where the combination means nothing, or the data do not fit."""
        try:
            with modules_also_in(self._planned.user_code):
                config = variant_config(self._spec, variant, seed)
                if repr(config.data) not in self._facts:
                    self._facts[repr(config.data)] = check(config)
                return config
        except (SpecError, ModelError) as error:
            raise SpecError(
                f"{self._sweep.place}: design.space: {error}; the search has come to a combination that cannot be trained: keep it out with"
                " `when`, or narrow a range"
            ) from error

    def _weights_of(self, variant: Variant) -> str:
        if variant.name not in self._weights:
            config = self._config(variant, self._spec.seeds[0])
            self._weights[variant.name] = weights_of(config, self._facts[repr(config.data)].content_hash)
        return self._weights[variant.name]

    def _trial(self, variant: Variant, seed: int) -> PlannedTrial:
        config = self._config(variant, seed)
        gpu, may_stop = self._planned.allotment.gpus > 0, may_stop_early(self._spec, seed)
        return search_trial(variant, config, self._facts[repr(config.data)], gpu=gpu, may_stop=may_stop)

    def _append(self, snapshot: SweepSnapshot, trials: Sequence[PlannedTrial]) -> None:
        """Behind those that are there; when another driver was first, nothing, and what comes next is decided again."""
        sweep = {"name": self._spec.name, "profile": self._sweep.profile, "version": self._sweep.version}
        self._store.append_trials(**sweep, after=len(snapshot.outcomes), trials=trials)

    def _decisions(self, outcomes: Sequence[TrialOutcome]) -> list[Decision]:
        trials = [self._trial(variant_of(self._design, o.variant, o.levels), o.seed) for o in outcomes]
        expected = {trial.fingerprint: expected_key(TrainConfig.model_validate(trial.config), self._planned.allotment) for trial in trials}
        known = self._store.known(list(expected))
        request = self._request
        plan = reconcile(
            trials, known, expected, allow_mixed=request.allow_mixed, retry_failed=request.retry_failed, goes_on_from=self._kept
        )
        ensure_comparable(plan.decisions)
        wanted = [decision for decision in plan.decisions if decision.action in ("run", "resume", "evaluate")]
        # What another driver runs at this moment may end as the word on its trial: that end is news to whoever waits for it.
        running = {name for name, trial in known.items() if trial.newest_state == "running"}
        return [replace(one, seen=one.seen - 1) if one.trial.fingerprint in running else one for one in wanted]
