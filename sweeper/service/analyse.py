"""Analyses of a sweep's trained weights: what the store lacks is computed from the moving averages that the results were measured on.

Nothing is trained. The results of a trial are stored together, as soon as they are there, so that whoever stops in between loses the trial
that was at work, at most.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from model.analyse_trial import ANALYSES, AnalysisMachine, analyse_trial
from model.config import TrainConfig, modules_also_in
from model.errors import ModelError
from model.train_trial import is_whole, state_files
from sweeper.errors import RequestError, nearest
from sweeper.plan.asked_of_weights import asked_of_weights
from sweeper.records import SweepSnapshot, TrialAnalysis, TrialOutcome
from sweeper.report.stored_spec import stored_spec
from sweeper.service.open_store import existing_store_to_write, store_with_results
from sweeper.service.plan_sweep import user_code_beside
from sweeper.service.variant_configs import VariantConfigs
from sweeper.settings import Settings
from sweeper.spec.load import load_sweep
from sweeper.store.results_reader import ResultsReader
from sweeper.trial_folder import attempt_folder, attempt_folders

ALL = "all"
"""What stands for every analysis there is."""


@dataclass(frozen=True)
class AnalysisRequest:
    """What the command line asked for."""

    sweep: Path | str | None
    """The sweep's file, or its name; None is the one that ran last."""
    analyses: tuple[str, ...]
    """Names, each of which is known."""
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    """Of the file's fields."""


@dataclass(frozen=True)
class Analysed:
    """What came of it."""

    name: str
    """Of the sweep; with its profile."""
    profile: str
    trials: int
    """That are finished, each counted once for all variants that ask the same of it."""
    computed: int
    """Analyses that the store did not have."""
    there: int
    """That it had already."""
    left_out: tuple[str, ...]
    """Fingerprints of trials that lack an analysis, and whose moving average is not here."""


@dataclass(frozen=True)
class _Subject:
    """A finished trial as its variants ask for it: others may have fewer steps of it, or evaluate it differently."""

    outcome: TrialOutcome
    """Of the first of these variants."""
    asked: str
    known: tuple[TrialAnalysis, ...]
    """What the store has of it, by today's definitions, maybe of other weights."""

    def lacking(self, names: Sequence[str], weights: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Names of which nothing is known, of these `weights` by analysis; without them, of any that the trial had at its step."""
        there = {one.analysis for one in self.known if weights is None or one.weights == weights[one.analysis]}
        return tuple(name for name in names if name not in there)


@dataclass(frozen=True)
class _Work:
    """A trial with what is missing of it."""

    subject: _Subject
    averages: Mapping[int, Path]
    """Step -> the moving average, up to the step of the result."""
    weights: Mapping[str, str]
    """Analysis -> hash of the average, or averages, that it is of."""
    missing: tuple[str, ...]


def analyses_named(text: str) -> tuple[str, ...]:
    """The names in 'all' or in 'attention_mass,loss_grid', each once; RequestError for one that is no analysis."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in (*ANALYSES, ALL):
            raise RequestError(f"--analyses {name or text}: there is no such analysis{nearest(name, [*ANALYSES, ALL])}")
    return tuple(ANALYSES) if ALL in names else tuple(dict.fromkeys(names))


def analyse_sweep(request: AnalysisRequest, machine: AnalysisMachine, settings: Settings, say: Callable[[str], None]) -> Analysed:
    """Computes and stores what is missing; `say` gets a line for each trial, and those of its analyses.

    Raises RequestError for a sweep that has not run so, or of which no trial finished; where every trial lacks an analysis and its moving
    average is not here; and where an analysis of a trial cannot be done. What was stored before stays.
    """
    beside = request.sweep.parent if isinstance(request.sweep, Path) else Path.cwd()
    with modules_also_in(user_code_beside(beside)):  # an assignment or a sampler of the user's may be part of a config
        with store_with_results(settings) as store:
            snapshot = _snapshot(request, store)
            subjects = _subjects(store, snapshot, request.analyses)
        if not subjects:
            raise RequestError(
                f"sweep {snapshot.name} (profile {snapshot.profile}) has no finished trial, whose weights are analysed; run it first"
            )
        work: list[_Work] = []
        left_out: list[_Subject] = []
        digest = functools.cache(_digest)  # several subjects may be of one file
        for subject in subjects:
            found = _missing(subject, request.analyses, settings, digest)
            if found is None:
                left_out.append(subject)
            elif found.missing:
                work.append(found)
        if len(left_out) == len(subjects):
            raise RequestError(_without_averages([subject.outcome.fingerprint for subject in left_out], settings))
        configs = VariantConfigs(snapshot)
        for place, one in enumerate(work, start=1):
            _analyse(one, configs.of(one.subject.outcome), f"{place} of {len(work)}", machine, settings, say)
    computed = sum(len(one.missing) for one in work)
    lacking = sum(len(subject.lacking(request.analyses)) for subject in left_out)
    there = len(subjects) * len(request.analyses) - computed - lacking
    names = tuple(subject.outcome.fingerprint for subject in left_out)
    return Analysed(snapshot.name, snapshot.profile, len(subjects), computed, there, names)


def _snapshot(request: AnalysisRequest, store: ResultsReader) -> SweepSnapshot:
    """The version that the file means, or of a name the one that ran last."""
    if not isinstance(request.sweep, Path):
        if request.overrides:
            raise RequestError(
                "--set changes fields of a sweep file, and a stored sweep stays as it ran; give the file instead of its name"
            )
        return store.snapshot(request.sweep, request.profile)
    sweep = load_sweep(request.sweep, profile=request.profile, overrides=request.overrides)
    name, profile = sweep.spec.name, sweep.profile
    if store.version(name, profile, sweep.version) is None:
        store.snapshot(name, profile)  # raises where nothing of the name has run
        raise RequestError(
            f"{sweep.place} as it is now (version {sweep.version}) has not run; `sweeper run` it, which reuses what is finished, or analyse"
            f" the version that ran last by its name: sweeper analyse {name}"
        )
    return store.snapshot(name, profile, sweep.version)


def _subjects(store: ResultsReader, snapshot: SweepSnapshot, names: Sequence[str]) -> list[_Subject]:
    """Of a trial one for all variants that ask the same of the same weights."""
    finished = [outcome for outcome in snapshot.outcomes if outcome.has_result]
    asked = asked_of_weights(stored_spec(snapshot), finished)
    known: dict[tuple[str, int, str], list[TrialAnalysis]] = {}
    for one in store.analyses({outcome.fingerprint for outcome in finished}, names):
        if one.version == ANALYSES[one.analysis].version:
            known.setdefault((one.fingerprint, one.step, one.asked), []).append(one)
    subjects: dict[tuple[str, int, str], _Subject] = {}
    for outcome in finished:
        question = asked.get((outcome.variant, outcome.seed))
        if question is not None:  # else this release does not read the variant
            key = (outcome.fingerprint, outcome.steps, question)
            subjects.setdefault(key, _Subject(outcome, question, tuple(known.get(key, ()))))
    return list(subjects.values())


def _missing(subject: _Subject, names: Sequence[str], settings: Settings, digest: Callable[[Path], str]) -> _Work | None:
    """What the store lacks of a trial, if anything; None where that cannot be computed here."""
    outcome = subject.outcome
    averages = dict(_averages(settings.trials / outcome.fingerprint, outcome))
    if outcome.steps not in averages:
        return None if subject.lacking(names) else _Work(subject, {}, {}, ())
    weights = {name: _weights(name, averages, outcome.steps, digest) for name in names}
    return _Work(subject, averages, weights, subject.lacking(names, weights))


def _weights(name: str, averages: Mapping[int, Path], step: int, digest: Callable[[Path], str]) -> str:
    """Hash of the average of a step; of an analysis that goes over training, of all: with more or fewer of them it is another."""
    if "several averages" not in ANALYSES[name].needs:
        return digest(averages[step])
    listed = "\n".join(f"{each}:{digest(averages[each])}" for each in sorted(averages))
    return hashlib.sha256(listed.encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _averages(folder: Path, outcome: TrialOutcome) -> Iterator[tuple[int, Path]]:
    """Whole ones up to the result's step; of several of the same step, that of the attempt which made the result comes last."""
    numbers = [number for number in sorted(attempt_folders(folder)) if number != outcome.result_attempt]
    for number in (*numbers, outcome.result_attempt):
        for file in state_files(attempt_folder(folder, number)):
            if file.kind == "average" and file.step <= outcome.steps and is_whole(file.path):
                yield file.step, file.path


def _analyse(
    work: _Work, config: TrainConfig, place: str, machine: AnalysisMachine, settings: Settings, say: Callable[[str], None]
) -> None:
    outcome = work.subject.outcome
    trial = f"{outcome.variant}, seed {outcome.seed} (trial {outcome.fingerprint[:8]})"
    say(f"{place}: {trial}: {', '.join(work.missing)}")
    try:
        results = analyse_trial(
            config,
            work.averages[outcome.steps],
            work.missing,
            machine,
            lambda line: say(f"  {line}"),
            averages=work.averages,
            cache=settings.shared,
        )
    except (ModelError, OSError) as error:
        raise RequestError(f"{trial}: {error}") from error
    now = datetime.now(UTC)
    rows = [
        TrialAnalysis(
            outcome.fingerprint,
            result.analysis,
            result.version,
            outcome.steps,
            work.weights[result.analysis],
            work.subject.asked,
            tuple(array.to_json() for array in result.arrays),
            result.details,
            now,
        )
        for result in results
    ]
    with existing_store_to_write(settings) as store:
        store.keep_analyses(rows)


def _without_averages(fingerprints: Sequence[str], settings: Settings) -> str:
    number, first = len(fingerprints), settings.trials / fingerprints[0]
    trials = "1 finished trial has" if number == 1 else f"{number} finished trials have"
    return (
        f"{trials} no moving average of the step that was measured, such as in {first}: it was deleted, or the trial ran elsewhere;"
        " ask there, or export the sweep there with --weights and import it here"
    )
