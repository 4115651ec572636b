"""Where every variant of a sweep stands at this moment: what `run` shows while it runs, and `status --watch` from the store."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sweeper.metrics import MetricInfo
from sweeper.records import SweepSnapshot, TrialOutcome
from sweeper.states import TRIAL_STATES, TrialState, finished
from sweeper.stats.summaries import Summary, summarise


@dataclass(frozen=True)
class TrialNow:
    """One trial."""

    variant: str
    seed: int
    fingerprint: str
    state: TrialState
    step: int
    steps: int
    value: float | None = None
    """The primary metric, of the final evaluation or the newest one reported."""
    error: str | None = None
    """First line of what ended it."""

    @property
    def has_result(self) -> bool:
        return TRIAL_STATES[self.state].has_result


@dataclass(frozen=True)
class VariantNow:
    """The trials of one variant together."""

    name: str
    states: Counter[TrialState]
    share: float
    """Of its training steps that are done, 0 to 1."""
    values: Summary
    """The primary metric over seeds of finished trials."""
    newest: float | None
    """Newest value of a running trial, while none has finished."""

    @property
    def finished(self) -> int:
        """Trials with a result."""
        return finished(self.states)


class Board:
    """All trials of a sweep, by variant in the sweep's order. One thread changes it while another one reads."""

    def __init__(self, trials: Iterable[TrialNow], primary: MetricInfo) -> None:
        self.primary = primary
        self._trials = {(trial.variant, trial.seed): trial for trial in trials}
        self._cells: dict[str, list[tuple[str, int]]] = {}
        for key, trial in self._trials.items():
            self._cells.setdefault(trial.fingerprint, []).append(key)

    @classmethod
    def of(cls, snapshot: SweepSnapshot, primary: MetricInfo) -> "Board":
        """As the store knows it."""
        return cls(
            (trial_now(outcome, primary.name) for outcome in snapshot.outcomes),
            primary,
        )

    @property
    def trials(self) -> list[TrialNow]:
        return list(self._trials.values())

    def update(
        self, fingerprint: str, state: TrialState, *, step: int | None = None, value: float | None = None, error: str | None = None
    ) -> None:
        """What a trial did; one that serves several variants does it in all of them. An unknown one is passed over."""
        for key in self._cells.get(fingerprint, ()):
            before = self._trials[key]
            reached = before.step if step is None else step
            self._trials[key] = replace(
                before,
                state=state,
                step=reached,
                value=before.value if value is None else value,
                error=(error or "").split("\n")[0] or None,
            )

    def add(self, trials: Iterable[TrialNow]) -> None:
        """Trials that the sweep wants from now on."""
        for trial in trials:
            key = (trial.variant, trial.seed)
            if key not in self._trials:
                self._cells.setdefault(trial.fingerprint, []).append(key)
            self._trials = {**self._trials, key: trial}

    def variants(self) -> list[VariantNow]:
        groups: dict[str, list[TrialNow]] = {}
        for trial in self.trials:
            groups.setdefault(trial.variant, []).append(trial)
        return [_variant(name, trials) for name, trials in groups.items()]

    def best(self) -> VariantNow | None:
        """The variant with the best mean over finished seeds so far."""
        ahead = [variant for variant in self.variants() if variant.values.mean is not None]
        sign = 1 if self.primary.direction == "lower" else -1
        return min(ahead, key=lambda variant: sign * (variant.values.mean or 0.0), default=None)

    def failures(self) -> list[TrialNow]:
        """Trials that failed or diverged."""
        return [trial for trial in self.trials if TRIAL_STATES[trial.state].is_failure]

    def states(self) -> Counter[TrialState]:
        return Counter(trial.state for trial in self.trials)

    def steps_done(self) -> int:
        return sum(min(trial.step, trial.steps) for trial in self.trials)

    def steps_left(self) -> int:
        """Of trials that are still to finish."""
        return sum(max(trial.steps - trial.step, 0) for trial in self.trials if not TRIAL_STATES[trial.state].has_ended)


def trial_now(outcome: TrialOutcome, primary: str) -> TrialNow:
    """A trial as the store knows it."""
    value = outcome.metrics.get(primary)
    return TrialNow(outcome.variant, outcome.seed, outcome.fingerprint, outcome.state, outcome.step, outcome.steps, value, outcome.error)


def _variant(name: str, trials: Sequence[TrialNow]) -> VariantNow:
    total = sum(trial.steps for trial in trials)
    done = sum(trial.steps if trial.has_result else min(trial.step, trial.steps) for trial in trials)
    values = {trial.seed: trial.value for trial in trials if trial.has_result and trial.value is not None}
    running = [trial.value for trial in trials if trial.state == "running" and trial.value is not None]
    return VariantNow(
        name, Counter(t.state for t in trials), done / total if total else 0.0, summarise(values), running[-1] if running else None
    )
