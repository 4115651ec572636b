"""Writing a sweep into one file: its versions, the trials that any of them names, their results, and files of their attempts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from model.plain_files import ensure_plain
from model.train_trial import FACTS_FILE, is_whole, read_facts
from model.whole_file import whole_file
from sweeper.errors import RequestError
from sweeper.plan.trial_names import TrialNames
from sweeper.service.open_store import store_with_results
from sweeper.service.sweep_archive import (
    ANALYSES,
    LARGEST_SMALL_FILE,
    TRIALS,
    VERSIONS,
    WEIGHTS,
    ArchivedFile,
    ArchivedTrial,
    ArchiveWriter,
    BasisPart,
    travels,
)
from sweeper.settings import Settings
from sweeper.store.exchange_format import TrialPart
from sweeper.store.exchange_reader import Exporting
from sweeper.trial_folder import attempt_folder


@dataclass(frozen=True)
class ExportRequest:
    """What the command line asked for."""

    sweep: str
    profile: str | None
    output: Path
    files: bool = True
    """Pictures of samples, logs, and what is known of the data."""
    weights: bool = False
    """Moving averages of finished trials."""
    force: bool = False
    """An older file is replaced."""


@dataclass
class Exported:
    """What went into the file."""

    name: str = ""
    profile: str = ""
    versions: int = 0
    trials: int = 0
    attempts: int = 0
    files: int = 0
    weights: int = 0
    """Weights that `sweeper evaluate` measured."""
    analyses: int = 0
    """Analyses of trials' weights."""
    size: int = 0
    """Bytes of the archive."""
    running: int = 0
    """Attempts that were left out, since they have not ended."""
    too_large: list[str] = field(default_factory=list)
    """Logs and pictures that were left out."""
    unnamed: int = 0
    """Trials of which nothing says how their name was made."""


def export_sweep(settings: Settings, request: ExportRequest) -> Exported:
    """Writes the file, or leaves an older one as it is; after an error there is nothing of it.

    Raises RequestError for an unknown sweep, and for a file that is there already or cannot be written.
    """
    _ensure_free(request)
    with store_with_results(settings) as store, store.exporting(request.sweep, request.profile) as found:
        done = Exported(found.name, found.profile)
        with _written(request) as beside, beside.open("wb") as file, ArchiveWriter(file) as archive:
            _write(archive, found, settings, request, done)
    done.size = request.output.stat().st_size
    return done


def _write(archive: ArchiveWriter, found: Exporting, settings: Settings, request: ExportRequest, done: Exported) -> None:
    files: list[tuple[str, tuple[int, ...], bool]] = []
    archive.head(found.name, found.profile, weights=bool(found.weights), analyses=found.has_analyses)
    try:
        archive.lines(VERSIONS, _versions(found, done))
        archive.lines(TRIALS, _trials(found, settings, done, files))
        if found.weights or found.has_analyses:
            archive.lines(WEIGHTS, (one.model_dump_json() for one in found.weights))
            done.weights = len(found.weights)
        if found.has_analyses:
            archive.lines(ANALYSES, _analyses(found, done))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RequestError(f"the store holds what no archive does ({place}: {first['msg']}); `sweeper db check` looks at it") from error
    for fingerprint, numbers, finished in files:
        for number in numbers:
            _add_files(archive, settings, fingerprint, number, request, done, weights=request.weights and finished)
    done.files = archive.files


def _versions(found: Exporting, done: Exported) -> Iterator[str]:
    for version in found.versions:
        done.versions += 1
        yield version.model_dump_json()


def _analyses(found: Exporting, done: Exported) -> Iterator[str]:
    for one in found.analyses:
        done.analyses += 1
        yield one.model_dump_json()


def _trials(found: Exporting, settings: Settings, done: Exported, files: list[tuple[str, tuple[int, ...], bool]]) -> Iterator[str]:
    """Lines; notes in `files` which attempts of each trial ended, and whether one of them finished."""
    names = TrialNames()
    contents = _first_content(found, settings)
    for trial in found.trials:
        ended = tuple(history for history in trial.attempts if history.attempt.state != "running")
        done.trials += 1
        done.attempts += len(ended)
        done.running += len(trial.attempts) - len(ended)
        numbers = tuple(history.attempt.number for history in ended)
        content = _content(settings, trial.fingerprint, numbers)
        contents |= {} if content is None else {content: None}
        basis = names.basis(trial.fingerprint, trial.config, contents)
        done.unnamed += basis is None
        named = None if basis is None else BasisPart(data=basis.data, precision=basis.precision, numerics=basis.numerics)
        files.append((trial.fingerprint, numbers, any(history.attempt.state == "finished" for history in ended)))
        yield ArchivedTrial(trial=_with(trial, ended), named=named).model_dump_json()


def _with(trial: TrialPart, attempts: tuple[object, ...]) -> TrialPart:
    return trial if len(attempts) == len(trial.attempts) else trial.model_copy(update={"attempts": attempts})


def _first_content(found: Exporting, settings: Settings) -> dict[str, None]:
    """Of the images of the first trial that says so: it does for trials that never began, too."""
    for fingerprint in found.fingerprints:
        if (content := _content(settings, fingerprint, (1,))) is not None:
            return {content: None}
    return {}


def _content(settings: Settings, fingerprint: str, numbers: tuple[int, ...]) -> str | None:
    """Hash of the images that an attempt found."""
    folders = (attempt_folder(settings.trials / fingerprint, number) for number in numbers)
    return next((facts.content_hash for folder in folders if (facts := read_facts(folder)) is not None), None)


def _add_files(
    archive: ArchiveWriter, settings: Settings, fingerprint: str, number: int, request: ExportRequest, done: Exported, *, weights: bool
) -> None:
    folder = attempt_folder(settings.trials / fingerprint, number)
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):  # of another machine, or deleted
        return
    for name in names:
        if travels(name, small=request.files, weights=weights):
            _add_file(archive, ArchivedFile(fingerprint, number, name), folder / name, done)


def _add_file(archive: ArchiveWriter, place: ArchivedFile, path: Path, done: Exported) -> None:
    try:
        ensure_plain(path)
        file = path.open("rb")
    except FileNotFoundError:  # pruned since
        return
    with file:
        size = os.fstat(file.fileno()).st_size
        if place.is_weights:
            if not is_whole(path):
                return
        elif size > LARGEST_SMALL_FILE or (place.name == FACTS_FILE and read_facts(path.parent) is None):
            done.too_large.append(str(path))
            return
        archive.file(place, file, size)


def _ensure_free(request: ExportRequest) -> None:
    """An older file may be replaced only where it was asked for, and never a folder, a pipe or a device."""
    output = request.output
    try:
        ensure_plain(output)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal(output, error) from error
    if not request.force:
        raise RequestError(f"{output} is there already; give another file, or replace it with --force")


@contextmanager
def _written(request: ExportRequest) -> Iterator[Path]:
    try:
        with whole_file(request.output) as beside:
            yield beside
            _ensure_free(request)  # somebody else may have written it meanwhile
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _refusal(request.output, error) from error


def _refusal(path: Path, error: OSError) -> RequestError:
    return RequestError(f"{path} cannot be written ({error.strerror or error}); give another file")
