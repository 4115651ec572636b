"""Keeping what analyses gave of the weights of trials."""

from collections.abc import Iterable

from sweeper.records import TrialAnalysis
from sweeper.store import analyses
from sweeper.store.sync_store import SyncStore


class AnalysesStore(SyncStore):
    """The part of `ResultsStore` that analyses are written by. Trackers hear nothing of them."""

    def keep_analyses(self, rows: Iterable[TrialAnalysis]) -> int:
        """Those that are not here, all or none; how many were new. The first telling stands. Raises ValueError for an infinite number."""
        with self._database.writing() as session:
            return analyses.keep(session, rows)
