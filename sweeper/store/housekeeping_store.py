"""What housekeeping writes to the store: the right to remove files of a trial, and taking sweeps and trials out."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sweeper.errors import RequestError
from sweeper.plan.retention import TrialUse
from sweeper.store import deleting, leases
from sweeper.store.deleting import SweepParts
from sweeper.store.results_reader import IsDead
from sweeper.store.sync_store import SyncStore
from sweeper.store.uses import uses


class HousekeepingStore(SyncStore):
    """Each method is one transaction; inside the block files are put aside, before it commits, so that no attempt begins meanwhile."""

    def cancel(self, fingerprint: str, *, undo: bool = False) -> int | None:
        """From now on no attempt at the trial begins, or, to `undo` it, one may again; the number of the attempt that runs, if one does."""
        with self._database.writing() as session:
            return leases.cancel(session, fingerprint, undo)

    def cancelled(self, fingerprints: Collection[str]) -> set[str]:
        """Those of the trials that a user wants left alone."""
        with self._database.reading() as session:
            return leases.cancelled(session, fingerprints)

    @contextmanager
    def idle(self, fingerprint: str, is_dead: IsDead) -> Iterator[TrialUse | None]:
        """The trial, at which no attempt begins inside the block; None while one runs, and when there is no such trial any more."""
        with self._database.writing() as session:
            deleting.lock(session, [fingerprint])
            found = uses(session, [fingerprint], is_dead)
            yield found[0] if found and not found[0].live else None

    @contextmanager
    def deleting_sweep(self, name: str, profile: str, is_dead: IsDead) -> Iterator[SweepParts]:
        """Takes out the sweep and the trials that are its alone when the block ends without an exception.

        Outbox: "deleted" {name, profile}. Raises RequestError while one of its trials runs.
        """
        with self._database.writing() as session:
            deleting.lock(session, _names(deleting.parts(session, name, profile, is_dead)))
            found = deleting.parts(session, name, profile, is_dead)  # what others did before the lock counts
            if found.live:
                raise RequestError(f"{_running(found)}; stop its run first (Ctrl-C there)")
            deleting.delete_sweep(session, found)
            yield found

    @contextmanager
    def deleting_trials(self, fingerprints: Collection[str], is_dead: IsDead) -> Iterator[list[str]]:
        """Takes out those of the trials that no sweep names and of which no attempt runs, when the block ends without an exception."""
        with self._database.writing() as session:
            deleting.lock(session, fingerprints)
            gone = [use.fingerprint for use in uses(session, fingerprints, is_dead) if not use.live and not use.wishes]
            deleting.delete_trials(session, gone)
            yield gone


def _names(found: SweepParts) -> list[str]:
    return [use.fingerprint for use in found.alone]


def _running(found: SweepParts) -> str:
    number, first = len(found.live), found.live[0].fingerprint[:8]
    run = "trial runs" if number == 1 else "trials run"
    return f"{number} {run} of sweep {found.name} (profile {found.profile}), such as {first}"
