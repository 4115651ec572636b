"""Ray Tune's own schedulers as the referee of a search's trials: they say which are not worth going on with, and the queue stops them.

Tune itself is not given the scheduler: it would end a worker where it stands, and a trial that is stopped here writes its checkpoint first.
"""

from collections.abc import Mapping
from typing import Literal

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, MedianStoppingRule, TrialScheduler

from sweeper.spec.search_design import Stopping

STEP, METRIC = "step", "metric"


class _NobodyWaits:
    """What MedianStoppingRule asks of Tune's controller while it has too few trials to decide by: for whom a trial should pause."""

    def get_live_trials(self) -> list[Trial]:
        return []


_NOBODY_WAITS = _NobodyWaits()


class EarlyStopping:
    """One scheduler of Ray Tune, fed with the curves of all trials of a search.

    Several drivers have one each: what the others' trials did is replayed into it from the store.
    """

    def __init__(self, stopping: Stopping, steps: int, direction: Literal["lower", "higher"]) -> None:
        self._stopping, self._steps = stopping, steps
        self._mode = "min" if direction == "lower" else "max"
        self._scheduler, self._trials = self._fresh(), dict[str, Trial]()
        self._points: dict[str, dict[int, float]] = {}
        self._stopped: set[str] = set()

    @property
    def known(self) -> frozenset[str]:
        """Trials whose points it has."""
        return frozenset(self._points)

    def stops(self, trial: str, step: int, value: float) -> bool:
        """Whether a trial is to end after this point of its curve; a point that was reported before is passed over."""
        if trial in self._stopped:
            return True
        if step >= self._steps or step <= max(self._points.get(trial, ()), default=0):
            return False
        self._points.setdefault(trial, {})[step] = value
        if trial not in self._trials:
            self._trials[trial] = Trial("search", stub=True, trial_id=trial)
            self._scheduler.on_trial_add(_NOBODY_WAITS, self._trials[trial])
        said = self._scheduler.on_trial_result(_NOBODY_WAITS, self._trials[trial], {STEP: step, METRIC: value})
        if said == TrialScheduler.STOP:
            self._stopped.add(trial)
        return trial in self._stopped

    def replay(self, ended: Mapping[str, Mapping[int, float]]) -> None:
        """Begins again with the curves of ended trials, in the order given, then those that run here."""
        running = {trial: points for trial, points in self._points.items() if trial not in ended}
        self._scheduler, self._trials, self._points = self._fresh(), {}, {}
        for trial, points in {**ended, **running}.items():
            for step, value in sorted(points.items()):
                self._stopped.discard(trial)  # it went on all the same: another run wanted it in full, or decided by fewer trials
                self.stops(trial, step, value)

    def _fresh(self) -> TrialScheduler:
        common = {"time_attr": STEP, "metric": METRIC, "mode": self._mode, "grace_period": self._stopping.first_step}
        if self._stopping.kind == "asha":
            return ASHAScheduler(**common, max_t=self._steps, reduction_factor=self._stopping.reduction)
        return MedianStoppingRule(**common, hard_stop=True)
