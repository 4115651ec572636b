"""A study of Optuna, derived from what the store knows of a search: the store stays the truth, and the same store gives the same proposal.

A finished trial is told with its values, one that was stopped early or diverged as pruned with its curve, an open one as running (so that
several workers do not try the same), a failed one not at all.
"""

import contextlib
import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal
from sweeper.spec.factors import Level
from sweeper.spec.search_design import Dimension, SearchDesign

optuna.logging.set_verbosity(optuna.logging.ERROR)

REPLAYED = ("cmaes", "qmc", "nsgaii")
"""Samplers that keep notes of their own in the study: it is asked and told again in order, instead of being given its trials."""


def propose(design: SearchDesign, objectives: Sequence[MetricInfo], proposals: Sequence[Proposal], again: int = 0) -> dict[str, Level]:
    """What the sampler tries next; `again` counts how often it proposed what the search has already."""
    number = len(proposals)
    with quiet():
        study = _replayed(design, objectives, proposals) if design.sampler in REPLAYED else given(design, objectives, proposals)
        study.sampler = _sampler(design, number, again)
        for _ in range(again if design.sampler in REPLAYED else 0):
            _suggest(study.ask(), design)
        return _suggest(study.ask(), design)


def given(design: SearchDesign, objectives: Sequence[MetricInfo], proposals: Sequence[Proposal]) -> optuna.Study:
    """A study in memory that holds these proposals."""
    study = optuna.create_study(directions=directions(objectives), sampler=RandomSampler(seed=0))
    space = distributions(design)
    study.add_trials([as_optuna_trial(space, objectives, proposal) for proposal in proposals])
    return study


def as_optuna_trial(space: Mapping[str, BaseDistribution], objectives: Sequence[MetricInfo], proposal: Proposal) -> FrozenTrial:
    """A proposal as a trial of Optuna; `space` is that of `distributions`."""
    several = len(objectives) > 1  # with several objectives, Optuna knows no pruning
    state = {
        "finished": TrialState.COMPLETE if proposal.values else TrialState.FAIL,
        "stopped": TrialState.FAIL if several else TrialState.PRUNED,
        "failed": TrialState.FAIL,
        "open": TrialState.RUNNING,
    }[proposal.state]
    return create_trial(
        state=state,
        values=list(proposal.values) if state == TrialState.COMPLETE else None,
        params=dict(proposal.chosen),
        distributions={name: space[name] for name in proposal.chosen},
        intermediate_values={} if several else dict(proposal.curve),
        user_attrs={"variant": proposal.variant, "trials": [outcome.fingerprint for outcome in proposal.outcomes]},
    )


def directions(objectives: Sequence[MetricInfo]) -> list[Literal["minimize", "maximize"]]:
    """As Optuna calls them."""
    return ["minimize" if metric.direction == "lower" else "maximize" for metric in objectives]


def distributions(design: SearchDesign) -> dict[str, BaseDistribution]:
    """The space as Optuna calls it."""
    return {name: distribution(dimension) for name, dimension in design.space.items()}


def distribution(dimension: Dimension) -> BaseDistribution:
    """As Optuna calls a factor."""
    if dimension.is_categorical:
        return CategoricalDistribution([name for name, _ in dimension.named_levels()])
    assert dimension.low is not None
    assert dimension.high is not None
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), dimension.log, int(dimension.step or 1))
    return FloatDistribution(float(dimension.low), float(dimension.high), dimension.log, dimension.step)


def _suggest(trial: optuna.Trial, design: SearchDesign) -> dict[str, Level]:
    chosen: dict[str, Level] = {}
    for name, dimension in design.space.items():
        if not design.has(name, chosen):
            continue
        value: Any
        match distribution(dimension):
            case CategoricalDistribution(choices=choices):
                value = trial.suggest_categorical(name, choices)
            case IntDistribution(low=low, high=high, step=step, log=log):
                value = trial.suggest_int(name, low, high, step=step, log=log)
            case FloatDistribution(low=low, high=high, step=step, log=log):
                value = trial.suggest_float(name, low, high, step=step, log=log)
        chosen[name] = value if dimension.is_categorical else dimension.rounded(value)
    return chosen


def _replayed(design: SearchDesign, objectives: Sequence[MetricInfo], proposals: Sequence[Proposal]) -> optuna.Study:
    """A study that was asked and told of each proposal in order, with the values that it got."""
    study = optuna.create_study(directions=directions(objectives))
    for proposal in proposals:
        study.sampler = _sampler(design, proposal.number, 0)
        study.enqueue_trial(dict(proposal.chosen))
        trial = study.ask()
        # Optuna asks a sampler only for what is not given; its notes are what the replay is for.
        frozen = study.get_trials(deepcopy=False)[-1]
        study.sampler.sample_relative(study, frozen, study.sampler.infer_relative_search_space(study, frozen))
        _suggest(trial, design)
        if len(objectives) == 1:
            for step, value in proposal.curve.items():
                trial.report(value, step)
        if proposal.values:
            study.tell(trial, list(proposal.values))
        elif proposal.state != "open":
            pruned = proposal.state == "stopped" and len(objectives) == 1
            study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)
    return study


def _sampler(design: SearchDesign, number: int, again: int) -> BaseSampler:
    """The sampler as it is for one proposal: its random numbers are a function of the search's seed and the proposal's number."""
    seed = int.from_bytes(hashlib.sha256(f"{design.seed}/{number}/{again}".encode()).digest()[:4], "big")
    match design.sampler:
        case "tpe":
            return TPESampler(seed=seed)
        case "gp":
            return GPSampler(seed=seed)
        case "cmaes":
            return CmaEsSampler(seed=seed)
        case "qmc":
            return QMCSampler(scramble=True, seed=design.seed, warn_independent_sampling=False)
        case "nsgaii":
            return NSGAIISampler(seed=seed, population_size=max(4, math.isqrt(design.trials) * 2))
        case _:
            return RandomSampler(seed=seed)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's warnings that a part of it is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
