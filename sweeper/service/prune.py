"""What may be removed from the trials' folders, and removing it: nothing that a live attempt or a sweep needs."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from sweeper.liveness import is_dead
from sweeper.plan.retention import Asked, TrialUse, superfluous
from sweeper.removal import leftovers, put_aside, put_back, remove, size_of, trials_aside
from sweeper.service.open_store import existing_store_to_write, store_with_results
from sweeper.settings import Settings
from sweeper.spec.sweep_spec import Keep
from sweeper.store.results_store import ResultsReader, ResultsStore
from sweeper.trial_folder import attempt_folders

Taken = TypeVar("Taken")

Kind = Literal["checkpoints", "averages", "leftovers", "trials"]
"""`checkpoints`, `averages`: which others replace · `leftovers` of interrupted writes and removals · `trials` that no sweep names."""


@dataclass(frozen=True)
class PruneRequest:
    """What the command line asked for."""

    sweep: str | None = None
    profile: str | None = None
    keep: Keep | None = None
    """Of finished trials, instead of what their sweeps say; of those of `sweep` where one is named."""
    unnamed: bool = False
    """Delete trials that no sweep names, with their results."""


@dataclass(frozen=True)
class Removal:
    """Files of one kind of one trial."""

    kind: Kind
    fingerprint: str
    files: int
    size: int


@dataclass
class Pruning:
    """What would go, or has gone."""

    removals: list[Removal] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    """Trials that were left alone, since an attempt runs."""
    unnamed: list[Removal] = field(default_factory=list)
    """Trials that no sweep names and that nobody asked to delete."""
    strangers: list[Path] = field(default_factory=list)
    """Folders of trials that this store does not know; another store may."""
    failed: list[str] = field(default_factory=list)
    """What could not be deleted, with the reason."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(removal.size for removal in self.removals)


def what_goes(settings: Settings, request: PruneRequest) -> Pruning:
    """A look, which changes nothing. Raises RequestError for an unknown sweep, and where nothing was ever run."""
    with store_with_results(settings) as store:
        asked, uses = _scope(store, request)
        known = {use.fingerprint for use in (uses if request.sweep is None else store.uses())}
    found = Pruning()
    for use in uses:
        folder = settings.trials / use.fingerprint
        whole = Removal("trials", use.fingerprint, _count(folder), size_of(folder))
        if use.live:
            found.live.append(use.fingerprint)
        elif request.unnamed and not use.wishes:
            found.removals.append(whole)
        else:
            found.removals += _removals(use, _files(use, folder, asked))
            found.unnamed += [] if use.wishes else [whole]
    if request.sweep is None:
        aside = [(name, path) for name, path in trials_aside(settings.trials) if name not in known]
        found.removals += [Removal("leftovers", name, _count(path), size_of(path)) for name, path in aside]
        found.strangers = [path for path in _folders(settings.trials) if path.name not in known]
    return found


def prune(settings: Settings, request: PruneRequest) -> Pruning:
    """Removes what goes at this moment; the files of each trial in a transaction in which no attempt at it begins."""
    done = Pruning()
    with existing_store_to_write(settings) as store:
        asked, uses = _scope(store, request)
        if request.sweep is None:
            done.removals += finish_interrupted(store, settings, done.failed)
        for use in uses:
            if not (request.unnamed and not use.wishes) and _files(use, settings.trials / use.fingerprint, asked):
                _thin_out(store, settings, use.fingerprint, asked, done)
        unnamed = [use.fingerprint for use in uses if request.unnamed and not use.wishes]
        if unnamed:
            done.removals += delete_trials(settings, store.deleting_trials(unnamed, is_dead), lambda gone: gone, done.failed)
    return done


def delete_trials(
    settings: Settings, deleting: AbstractContextManager[Taken], names: Callable[[Taken], Iterable[str]], failed: list[str]
) -> list[Removal]:
    """Takes trials out of the store, by the transaction `deleting`, and off the disk: both, or neither.

    `names`: of the trials that the transaction takes out. A kill between the two leaves the folders put aside: the next run or `prune`
    puts them back, if the store still knows the trials, or deletes them (see `finish_interrupted`).
    """
    aside: list[tuple[Path, Path]] = []
    try:
        with deleting as taken:
            aside = put_aside(settings.trials / name for name in names(taken))
    except BaseException:
        put_back(aside)
        raise
    removed = [Removal("trials", path.name, _count(beside), size_of(beside)) for path, beside in aside]
    failed += remove(beside for _, beside in aside)
    return removed


def finish_interrupted(store: ResultsStore, settings: Settings, failed: list[str]) -> list[Removal]:
    """Puts back what a killed `delete` had put aside of trials that the store still knows, and deletes the rest."""
    removed = []
    for name, path in trials_aside(settings.trials):
        with store.idle(name, is_dead) as use:
            if use is not None:
                put_back([(settings.trials / name, path)])
        if use is None and not store.known([name]):
            removed.append(Removal("leftovers", name, _count(path), size_of(path)))
            failed += remove([path])
    return removed


def _scope(store: ResultsReader, request: PruneRequest) -> tuple[Asked | None, list[TrialUse]]:
    """What is asked, and of which trials."""
    if request.sweep is None:
        return (Asked(request.keep) if request.keep else None), store.uses()
    parts = store.sweep_parts(request.sweep, request.profile)
    asked = Asked(request.keep, (parts.name, parts.profile)) if request.keep else None
    return asked, sorted([*parts.alone, *parts.shared], key=lambda use: use.fingerprint)


def _thin_out(store: ResultsStore, settings: Settings, fingerprint: str, asked: Asked | None, done: Pruning) -> None:
    aside: list[tuple[Path, Path]] = []
    removals: list[Removal] = []
    try:
        with store.idle(fingerprint, is_dead) as use:
            if use is None:
                done.live.append(fingerprint)
                return
            files = _files(use, settings.trials / fingerprint, asked)
            removals = _removals(use, files)
            aside = put_aside(path for _, path, _ in files)
    except OSError as error:
        done.failed.append(f"{error.filename} ({error.strerror})")
        return
    except BaseException:
        put_back(aside)
        raise
    done.removals += removals
    done.failed += remove(beside for _, beside in aside)


def _files(use: TrialUse, folder: Path, asked: Asked | None) -> list[tuple[Kind, Path, int]]:
    """(kind, path, bytes) of each file that goes."""
    state = superfluous(use, attempt_folders(folder), asked)
    kinds: dict[str, Kind] = {"checkpoint": "checkpoints", "average": "averages"}
    found: list[tuple[Kind, Path, int]] = [(kinds[file.kind], file.path, file.size) for file in state]
    return found + [("leftovers", path, size_of(path)) for path in leftovers(folder)]


def _removals(use: TrialUse, files: list[tuple[Kind, Path, int]]) -> list[Removal]:
    return [
        Removal(kind, use.fingerprint, len(sizes), sum(sizes))
        for kind in dict.fromkeys(kind for kind, _, _ in files)
        if (sizes := [size for other, _, size in files if other == kind])
    ]


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if not path.is_dir()) if folder.is_dir() else 0
