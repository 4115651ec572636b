"""How long the trials of a plan take: by trials of the same shape that ran on such a device, else by a preflight, else by counting."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from model.config import TrainConfig
from model.train_trial import DataFacts
from sweeper.plan.flops import evaluation_flops, reached, step_flops
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import Decision
from sweeper.records import PlannedTrial, TrialTiming

NOT_SHAPE = frozenset(
    {"seed", "steps", "log_every", "held_out_every", "checkpoint_every", "optimizer", "ema_decay", "label_dropout", "evaluation", "compile"}
)
"""Fields of a config that change neither what a step computes nor how large it is."""
NOT_SHAPE_OF_DATA = ("path", "held_out_fraction", "train_images")
"""Likewise of its data."""
SAME_DEVICE = ("device", "precision", "world_size", "threads")
SAME_FOR_ONE_PROCESS = ("device", "precision", "threads")
NEWEST = 500
"""Finished attempts that are looked through for one of the same shape."""
START_SECONDS = 2.0
"""From a worker's start to its first step, where nothing was measured."""

Source = Literal["measured", "preflight", "estimated"]


@dataclass(frozen=True)
class Pace:
    """How long a trial of one shape takes."""

    seconds_per_step: float
    other_seconds: float
    """Start and evaluations."""
    source: Source
    how: str
    """What the figures rest on."""

    def seconds(self, steps: int) -> float:
        return steps * self.seconds_per_step + self.other_seconds


@dataclass(frozen=True)
class Looking:
    """Decoding the samples of an evaluation, and showing them to the networks that metrics are of."""

    samples: int
    """Of all evaluations of a trial."""
    seconds_per_sample: float | None
    """As measured with these networks on such a device; None where none of the newest trials has."""

    @property
    def seconds(self) -> float:
        """What is known of it."""
        return self.samples * (self.seconds_per_sample or 0.0)

    @property
    def words(self) -> str:
        if not self.samples:
            return ""
        if self.seconds_per_sample is None:
            return "; decoding and features of samples not counted, since no trial here has timed them"
        return "; decoding and features of samples as timed here"


NOTHING_TO_LOOK_AT = Looking(0, None)


@dataclass(frozen=True)
class SweepTime:
    """What the trials that run take, evaluations included."""

    trial_seconds: float
    """Of all of them, one after another."""
    wall_seconds: float | None
    """At the given resources; None where only the cluster knows how many run at once."""
    longest_seconds: float
    paces: Mapping[str, Pace]
    """By variant, of those that run."""

    def sources(self) -> tuple[tuple[Source, str, int], ...]:
        """(source, what it rests on, variants), the commonest first."""
        counts = Counter((pace.source, pace.how) for pace in self.paces.values())
        return tuple((source, how, number) for (source, how), number in counts.most_common())


def shape_of(config: Mapping[str, Any]) -> str:
    """Equal for configs (JSON-ready) whose steps compute alike, whatever their seed, length, learning rate and loss weight."""
    plain = {name: value for name, value in config.items() if name not in NOT_SHAPE}
    plain["data"] = {name: value for name, value in config.get("data", {}).items() if name not in NOT_SHAPE_OF_DATA}
    plain["alignment"] = {name: value for name, value in config.get("alignment", {}).items() if name != "weight"}
    return json.dumps(plain, sort_keys=True)


def untried_of(running: Mapping[str, PlannedTrial], timings: Mapping[str, Sequence[TrialTiming]]) -> dict[str, PlannedTrial]:
    """Of the trials that run, one for each variant, the first of each shape that no finished attempt (`timings`, by shape) had.

    An evaluation is no part of a shape, and a metric of the user's own may fail at the first images: so also the first with such metrics
    where no attempt of its shape was evaluated as it is.
    """
    first: dict[str, str] = {}
    for name, trial in running.items():
        shape = shape_of(trial.config)
        alike, own = timings.get(shape, ()), trial.config.get("evaluation", {}).get("own_metrics")
        if not alike or (own and all(timing.evaluation_fingerprint != trial.evaluation_fingerprint for timing in alike)):
            first.setdefault(shape, name)
    return {name: running[name] for name in first.values()}


def sweep_time(paces: Mapping[str, Pace], to_run: Sequence[Decision], allotment: Allotment) -> SweepTime:
    """`paces` by variant, for every variant that runs."""
    seconds = [paces[decision.trial.variant].seconds(decision.trial.steps - decision.from_step) for decision in to_run]
    total, longest = sum(seconds), max(seconds, default=0.0)
    wall = None if allotment.device is None else max(longest, total / allotment.concurrent)
    return SweepTime(total, wall, longest, dict(paces))


def looking_of(
    config: TrainConfig, facts: DataFacts, key: Mapping[str, Any], processes: int, timings: Mapping[str, Iterable[TrialTiming]]
) -> Looking:
    """What a trial has to decode and to look at, by what it took trials of any shape with the same networks on such a device."""
    asked, by = config.evaluation, config.looked_at_by(facts.channels, facts.resolution)
    if not by:
        return NOTHING_TO_LOOK_AT
    sets = len(asked.generation_seeds) + len(asked.guidance.best_of)
    samples = -(-evaluations_of(config) * sets * asked.samples // processes)
    alike = [
        t.seconds_per_sample
        for some in timings.values()
        for t in some
        if t.looked_at_by == by and t.seconds_per_sample is not None and _on_such(t, key, SAME_FOR_ONE_PROCESS)
    ]
    return Looking(samples, statistics.median(alike) if alike else None)


def evaluations_of(config: TrainConfig) -> int:
    """How many a trial has, the one at its end with them."""
    return 1 + ((config.steps - 1) // config.evaluation.every if config.evaluation.every else 0)


def _on_such(timing: TrialTiming, key: Mapping[str, Any], fields: Iterable[str]) -> bool:
    return all(timing.comparability.get(field) == key[field] for field in fields if field in key)


def measured_pace(
    shape: str,
    evaluation_fingerprint: str,
    key: Mapping[str, Any],
    timings: Mapping[str, Iterable[TrialTiming]],
    looking: Looking | None = None,
) -> Pace | None:
    """From finished attempts of the same shape (`timings` by shape) under the same conditions, as far as they are known (the devices of a
    cluster are not); other evaluations where there is no such: then `looking` comes on top, unless they looked at samples, too.
    """
    alike = [t for t in timings.get(shape, ()) if _on_such(t, key, SAME_DEVICE)]
    if not alike:
        return None
    evaluated_alike = [t for t in alike if t.evaluation_fingerprint == evaluation_fingerprint]
    more = NOTHING_TO_LOOK_AT if evaluated_alike or looking is None or any(t.looked_at_by for t in alike) else looking
    return Pace(
        statistics.median(t.seconds_per_step for t in alike),
        statistics.median(t.other_seconds for t in evaluated_alike or alike) + more.seconds,
        "measured",
        f"trials of the same shape that ran {'on this device' if 'device' in key else 'there'}"
        + ("" if evaluated_alike else ", evaluated otherwise")
        + more.words,
    )


def counted_pace(
    config: TrainConfig, facts: DataFacts, allotment: Allotment, seconds_per_step: float | None, looking: Looking | None = None
) -> Pace:
    """From operations counted and a rate assumed; the steps from `seconds_per_step` where a preflight measured them. `looking` at samples
    is never counted, but timed."""
    patch, precision = config.backbone.patch, config.resolved_precision(gpu=allotment.gpus > 0)
    tokens, values = (facts.resolution // patch) ** 2, facts.channels * patch**2
    threads = allotment.threads * allotment.processes
    rate, assumed = reached(allotment.device, precision, threads=threads, gpus=allotment.gpus)
    look = looking or NOTHING_TO_LOOK_AT
    other = START_SECONDS + evaluations_of(config) * evaluation_flops(config, facts) / rate + look.seconds
    if seconds_per_step is not None:
        return Pace(seconds_per_step, other, "preflight", f"one step of the preflight; evaluations by {assumed}, assumed{look.words}")
    return Pace(step_flops(config, tokens, values) / rate, other, "estimated", f"operations counted, at {assumed}, assumed{look.words}")
