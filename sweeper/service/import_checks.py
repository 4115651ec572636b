"""What an archive says, held against itself and against what is here, before anything is changed."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.errors import ModelError
from model.train_trial import FACTS_FILE, ensure_undamaged, is_whole, read_facts
from sweeper.errors import RequestError, SweeperError
from sweeper.plan.trial_names import TrialNames
from sweeper.report.protocol_words import badge_of, choice_words, protocol_words
from sweeper.service.archive_reader import ArchiveReader
from sweeper.service.sweep_archive import ANALYSES, TRIALS, VERSIONS, WEIGHTS, ArchivedFile, ArchivedTrial
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.store.exchange_format import AnalysisPart, AttemptHistory, TrialPart, VersionPart, WeightsPart
from sweeper.store.results_store import ResultsReader

AT_ONCE = 100
"""Trials that are looked up in the store together."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_APART = timedelta(days=1)
"""Between the clocks of two machines."""
_PNG = b"\x89PNG\r\n\x1a\n"

Keep = Callable[[ArchivedFile], Path]
"""Where a file is written while it is looked at; what is done with it afterwards is up to whoever asks."""


class Configs(Mapping[str, Mapping[str, Any]]):
    """By fingerprint; those that differ in their seed alone are held once."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}
        self._plain: list[dict[str, Any]] = []
        self._of: dict[str, tuple[int, Any]] = {}

    def add(self, fingerprint: str, config: Mapping[str, Any]) -> None:
        """The config of one more trial."""
        plain = {key: value for key, value in config.items() if key != "seed"}
        index = self._texts.setdefault(json.dumps(plain, sort_keys=True), len(self._plain))
        if index == len(self._plain):
            self._plain.append(plain)
        self._of[fingerprint] = (index, config["seed"])

    def __getitem__(self, fingerprint: str) -> Mapping[str, Any]:
        index, seed = self._of[fingerprint]
        return {"seed": seed, **self._plain[index]}

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)


@dataclass
class Checked:
    """An archive that may be taken in."""

    configs: Configs = field(default_factory=Configs)
    versions: list[str] = field(default_factory=list)
    """Their hashes."""
    here: dict[tuple[str, int], int] = field(default_factory=dict)
    """(fingerprint, number there) of attempts with files that are here already -> their number here."""
    unchecked: list[str] = field(default_factory=list)
    """Trials of which this sweeper cannot make the name again."""
    running: int = 0
    """Attempts that had not ended."""


def check(archive: ArchiveReader, store: ResultsReader | None, keep: Keep) -> Checked:
    """Reads all of it. Raises RequestError for the first thing that is not as it should be."""
    found = Checked()
    wanted = _check_versions(archive, found)
    files: dict[str, list[ArchivedFile]] = {}
    for file, _ in archive.files:
        files.setdefault(file.fingerprint, []).append(file)
    names = TrialNames()
    before = ""
    lines = archive.lines(TRIALS, ArchivedTrial)
    while some := list(islice(lines, AT_ONCE)):
        ours = {} if store is None else {trial.fingerprint: trial for trial in store.trials(one.trial.fingerprint for one in some)}
        for one in some:
            trial = one.trial
            if trial.fingerprint <= before:
                raise archive.damaged(f"trial {trial.fingerprint} is not in its place")
            before = trial.fingerprint
            if trial.fingerprint not in wanted:
                raise archive.damaged(f"no version of the sweep names trial {trial.fingerprint}")
            _check_trial(archive, one, wanted[trial.fingerprint], names, found)
            _compare(archive, trial, ours.get(trial.fingerprint), names)
            mine = files.pop(trial.fingerprint, [])
            _check_places(archive, trial, mine)
            if trial.fingerprint in ours and mine:
                numbers = {history.attempt.identity: history.attempt.number for history in ours[trial.fingerprint].attempts}
                for history in trial.attempts:
                    if history.attempt.identity in numbers:
                        found.here[trial.fingerprint, history.attempt.number] = numbers[history.attempt.identity]
            found.configs.add(trial.fingerprint, trial.config)
    if missing := next((name for name in wanted if name not in found.configs), None):
        raise archive.damaged(f"trial {missing} is named and is not there")
    if files:
        raise archive.damaged(f"it holds files of trial {min(files)}, which is not there")
    _check_weights(archive)
    _check_analyses(archive, found)
    for file, _ in archive.files:
        _check_file(archive, file, keep(file))
    return found


def _check_versions(archive: ArchiveReader, found: Checked) -> dict[str, int]:
    """The seed of each trial that a version names."""
    wanted: dict[str, int] = {}
    for version in archive.lines(VERSIONS, VersionPart):
        if (version.name, version.profile) != (archive.head.name, archive.head.profile) or version.hash in found.versions:
            raise archive.damaged(f"version {version.hash} is there twice, or of another sweep")
        _check_times(archive, version.created, version.last_run)
        try:
            SweepSpec.read(version.spec)
        except (ValidationError, SweeperError, ModelError, RecursionError) as error:
            why = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise archive.damaged(f"the spec of version {version.hash} means nothing to this sweeper ({why})") from error
        found.versions.append(version.hash)
        for place in version.trials:
            if wanted.setdefault(place.fingerprint, place.seed) != place.seed:
                raise archive.damaged(f"trial {place.fingerprint} has two seeds")
    if not found.versions:
        raise archive.damaged("it holds no version of the sweep")
    return wanted


def _check_weights(archive: ArchiveReader) -> None:
    before = ""
    for one in archive.lines(WEIGHTS, WeightsPart) if archive.has_weights else ():
        if one.name <= before:
            raise archive.damaged(f"weights {one.name} are not in their place")
        before = one.name
        _check_times(archive, one.measured)
        try:
            badge_of(one.protocol, "")
            protocol_words(one.protocol)
            choice_words(one.details)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise archive.damaged(f"the protocol or the details of weights {one.name} mean nothing to this sweeper ({error!r})") from error


def _check_analyses(archive: ArchiveReader, found: Checked) -> None:
    before: tuple[str, str, int, int, str, str] | None = None
    for one in archive.lines(ANALYSES, AnalysisPart) if archive.has_analyses else ():
        what = f"analysis {one.analysis} of trial {one.fingerprint}"
        if before is not None and one.key <= before:
            raise archive.damaged(f"{what} is there twice, or not in its place")
        before = one.key
        if one.fingerprint not in found.configs:
            raise archive.damaged(f"it holds {what}, which is not there")
        _check_times(archive, one.created)


def _check_times(archive: ArchiveReader, *times: datetime | None) -> None:
    """One of the future would stay the newest for ever."""
    for time in filter(None, times):
        if not EARLIEST <= time <= datetime.now(UTC) + CLOCKS_APART:
            raise archive.damaged(f"it speaks of {time.isoformat()}, yet to come or long gone; look at the clocks of both machines")


def _check_trial(archive: ArchiveReader, one: ArchivedTrial, seed: int, names: TrialNames, found: Checked) -> None:
    trial = one.trial
    if trial.config.get("seed") != seed or isinstance(trial.config.get("seed"), bool):
        raise archive.damaged(f"trial {trial.fingerprint} has another seed in its config than in the sweep")
    fits = None if one.named is None else names.fits(trial.fingerprint, trial.config, one.named.plain())
    if fits is False:
        raise archive.damaged(f"{trial.fingerprint} is not the name of the trial whose config stands beside it")
    if fits is None and (one.named is not None or names.basis(trial.fingerprint, trial.config, ()) is None):
        found.unchecked.append(trial.fingerprint)
    numbers = [history.attempt.number for history in trial.attempts]
    identities = {history.attempt.identity for history in trial.attempts}
    if numbers != sorted(set(numbers)) or len(identities) != len(numbers):
        raise archive.damaged(f"trial {trial.fingerprint} has attempts twice, or not in their order")
    for history in trial.attempts:
        _check_times(archive, history.attempt.started, history.attempt.ended)
        found.running += history.attempt.state == "running"
        for key, value in history.attempt.comparability.items():
            if isinstance(value, dict | list):
                raise archive.damaged(f"attempt {history.attempt.number} at trial {trial.fingerprint}: its {key} is no word and no number")


def _check_places(archive: ArchiveReader, trial: TrialPart, files: list[ArchivedFile]) -> None:
    ended = {history.attempt.number for history in trial.attempts if history.attempt.state != "running"}
    for file in files:
        if file.number not in ended:
            raise archive.damaged(f"{file.member} is of an attempt that is not there, or had not ended")


def _compare(archive: ArchiveReader, theirs: TrialPart, ours: TrialPart | None, names: TrialNames) -> None:
    """What has the same name here and there is the same."""
    if ours is None:
        return
    if not names.same(theirs.config, ours.config):
        raise RequestError(
            f"trial {theirs.fingerprint} has another config in {archive.path} than here, under one name: one of the two stores is wrong;"
            " nothing was changed"
        )
    mine = {history.attempt.identity: history for history in ours.attempts if history.attempt.state != "running"}
    for history in theirs.attempts:
        held = mine.get(history.attempt.identity)
        if held is not None and history.attempt.state != "running" and (what := _difference(history, held)):
            raise RequestError(
                f"attempt {history.attempt.number} at trial {theirs.fingerprint} is here already as attempt {held.attempt.number}, and"
                f" {archive.path} has another {what} for it: one of the two stores is wrong; nothing was changed"
            )


def _difference(one: AttemptHistory, other: AttemptHistory) -> str | None:
    """The first thing that two tellings of one attempt do not agree in; either may tell less."""
    if one.attempt.state != other.attempt.state:
        return "end"
    if one.attempt.comparability != other.attempt.comparability:
        return "condition"
    evaluations = {(e.step, e.evaluation_fingerprint): e.metrics for e in other.evaluations}
    points = {(p.step, p.time_ms): p.metrics for p in other.points}
    told = [(f"at step {e.step}", e.metrics, evaluations.get((e.step, e.evaluation_fingerprint), {})) for e in one.evaluations]
    told += [(f"at step {p.step} of its curve", p.metrics, points.get((p.step, p.time_ms), {})) for p in one.points]
    for place, theirs, ours in told:
        for metric in theirs.keys() & ours.keys():
            if theirs[metric] != ours[metric]:
                return f"{metric} {place}"
    return None


def _check_file(archive: ArchiveReader, file: ArchivedFile, path: Path) -> None:
    """Writes it to the path, and looks whether it is what its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        archive.copy(file, target)
    if file.is_weights:
        try:
            if not is_whole(path):
                raise archive.damaged(f"{file.member} holds no weights: it is no safetensors file, or is torn")
            ensure_undamaged(path)
        except ModelError as error:
            raise archive.damaged(f"{file.member} holds no weights that can be used ({error})".replace(str(path), "it")) from error
    elif file.name.endswith(".png"):
        with path.open("rb") as picture:
            if picture.read(len(_PNG)) != _PNG:
                raise archive.damaged(f"{file.member} is no picture")
    elif file.name == FACTS_FILE and read_facts(path.parent) is None:
        raise archive.damaged(f"{file.member} does not say what the data were")
