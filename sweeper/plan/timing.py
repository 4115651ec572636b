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
from sweeper.records import TrialTiming

NOT_SHAPE = frozenset(
    {"seed", "steps", "log_every", "held_out_every", "checkpoint_every", "optimizer", "ema_decay", "label_dropout", "evaluation", "compile"}
)
"""Fields of a config that change neither what a step computes nor how large it is."""
NOT_SHAPE_OF_DATA = ("path", "held_out_fraction", "train_images")
"""Likewise of its data."""
SAME_DEVICE = ("device", "precision", "world_size", "threads")
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


def sweep_time(paces: Mapping[str, Pace], to_run: Sequence[Decision], allotment: Allotment) -> SweepTime:
    """`paces` by variant, for every variant that runs."""
    seconds = [paces[decision.trial.variant].seconds(decision.trial.steps - decision.from_step) for decision in to_run]
    total, longest = sum(seconds), max(seconds, default=0.0)
    wall = None if allotment.device is None else max(longest, total / allotment.concurrent)
    return SweepTime(total, wall, longest, dict(paces))


def measured_pace(
    shape: str, evaluation_fingerprint: str, key: Mapping[str, Any], timings: Mapping[str, Iterable[TrialTiming]]
) -> Pace | None:
    """From finished attempts of the same shape (`timings` by shape) under the same conditions, as far as they are known (the devices of a
    cluster are not); other evaluations where there is no such.
    """
    alike = [t for t in timings.get(shape, ()) if all(t.comparability.get(f) == key[f] for f in SAME_DEVICE if f in key)]
    if not alike:
        return None
    judged = [t for t in alike if t.evaluation_fingerprint == evaluation_fingerprint]
    return Pace(
        statistics.median(t.seconds_per_step for t in alike),
        statistics.median(t.other_seconds for t in judged or alike),
        "measured",
        f"trials of the same shape that ran {'on this device' if 'device' in key else 'there'}"
        + ("" if judged else ", evaluated otherwise"),
    )


def counted_pace(config: TrainConfig, facts: DataFacts, allotment: Allotment, seconds_per_step: float | None) -> Pace:
    """From operations counted and a rate assumed; the steps from `seconds_per_step` where a preflight measured them."""
    patch, precision = config.backbone.patch, config.resolved_precision(gpu=allotment.gpus > 0)
    tokens, values = (facts.resolution // patch) ** 2, facts.channels * patch**2
    threads = allotment.threads * allotment.processes
    rate, assumed = reached(allotment.device, precision, threads=threads, gpus=allotment.gpus)
    evaluations = 1 + ((config.steps - 1) // config.evaluation.every if config.evaluation.every else 0)
    other = START_SECONDS + evaluations * evaluation_flops(config, facts) / rate
    if seconds_per_step is not None:
        return Pace(seconds_per_step, other, "preflight", f"one step of the preflight; evaluations by {assumed}, assumed")
    return Pace(step_flops(config, tokens, values) / rate, other, "estimated", f"operations counted, at {assumed}, assumed")
