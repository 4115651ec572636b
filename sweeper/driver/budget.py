"""How much time and how many GPU hours a run may take: it starts nothing that cannot finish within them, and no seed block in part.

A block is all variants of one seed: what ends with whole blocks is still an experiment, with fewer seeds.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.driver.progress import TrialProgress
from sweeper.plan.reconcile import Decision
from sweeper.plan.timing import Pace


@dataclass(frozen=True)
class Limits:
    """What the command line allows; None is no limit."""

    seconds: float | None = None
    """From the start of the run."""
    gpu_seconds: float | None = None
    """Of all trials of the run together."""


NO_LIMITS = Limits()


class Budget:
    """Knows what is spent and how long trials take; `paces` by variant, from earlier runs.

    A trial of a variant that was never measured counts as the slowest that was. While nothing was measured, trials are started: only
    they can tell.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        gpus: float,
        concurrent: int,
        paces: Mapping[str, Pace],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._gpus, self._concurrent, self._clock = limits, gpus, concurrent, clock
        self._paces = dict(paces)
        self._began = clock()
        self._since: dict[str, tuple[float, int]] = {}
        self._spent = 0.0
        self._blocks: set[int] = set()
        self._most_at_once = 1
        self.reason: str | None = None
        """Why something was not started, once something was not."""

    def started(self, key: str) -> None:
        """A worker has this attempt now."""
        self._since[key] = (self._clock(), -1)
        self._most_at_once = max(self._most_at_once, len(self._since))

    def began(self, key: str, step: int) -> None:
        """An attempt trains from this step on."""
        self._since[key] = (self._since[key][0], step)

    def ended(self, key: str, progress: TrialProgress, *, finished: bool) -> None:
        """Counts what the attempt took; a finished one says how long those of its variant take: what its steps do not explain is start
        and evaluation, however many steps it did.
        """
        since, first = self._since.pop(key)
        took = self._clock() - since
        self._spent += took
        steps = progress.step - max(first, 0)
        if finished and steps > 0:
            pace = took / steps
            if progress.steps_per_second:
                pace = min(pace, 1 / progress.steps_per_second)
            self._paces[progress.trial.variant] = Pace(pace, took - steps * pace, "measured", "this run")

    def over(self) -> bool:
        """Whether what runs must stop now."""
        seconds, gpu_seconds = self._left()
        if min(seconds, gpu_seconds) > 0:
            return False
        self.reason = self.reason or ("the deadline is reached" if seconds <= 0 else "the GPU hours are spent")
        return True

    def admits(self, decision: Decision, pending: Sequence[Decision], running: Sequence[TrialProgress]) -> bool:
        """Whether this trial may start; the first of its seed needs time for all pending trials of that seed."""
        if self._limits == NO_LIMITS:
            return True
        seed = decision.trial.seed
        block = [decision] if seed in self._blocks else [d for d in pending if d.trial.seed == seed]
        costs = [self._cost(d.trial.variant, d.trial.steps - d.from_step) for d in block]
        still = [self._cost(now.trial.variant, now.trial.steps - now.step) for now in running]
        total = sum(costs) + sum(still)
        at_once = max(1, min(self._concurrent, max(self._most_at_once, 1)))
        wall = max(max(costs), total / at_once) if len(block) > 1 else costs[0]
        seconds, gpu_seconds = self._left()
        if wall <= seconds and total * self._gpus <= gpu_seconds:
            self._blocks.add(seed)
            return True
        what = f"the {len(block)} trials of seed {seed}" if len(block) > 1 else f"{decision.trial.variant}, seed {seed},"
        short = f"about {wall:.0f} s, and {max(seconds, 0):.0f} s are left before the deadline"
        if total * self._gpus > gpu_seconds:
            short = f"about {total * self._gpus / 3600:.2f} GPU hours, and {max(gpu_seconds, 0) / 3600:.2f} are left"
        self.reason = self.reason or f"{what} would take {short}"
        return False

    def begun(self, seed: int) -> bool:
        """Whether a trial of this seed was admitted."""
        return seed in self._blocks

    def _left(self) -> tuple[float, float]:
        """Wall seconds and GPU seconds."""
        now = self._clock()
        infinite = float("inf")
        seconds = infinite if self._limits.seconds is None else self._began + self._limits.seconds - now
        spent = (self._spent + sum(now - since for since, _ in self._since.values())) * self._gpus
        return seconds, infinite if self._limits.gpu_seconds is None else self._limits.gpu_seconds - spent

    def _cost(self, variant: str, steps: int) -> float:
        """Seconds."""
        steps = max(steps, 0)
        if variant in self._paces:
            return self._paces[variant].seconds(steps)
        return max((pace.seconds(steps) for pace in self._paces.values()), default=0.0)
