"""Keeping what `sweeper evaluate` measured, and forgetting it."""

from collections.abc import Iterable

from sweeper.records import MeasuredWeights
from sweeper.store import evaluated
from sweeper.store.sync_store import SyncStore


class EvaluatedStore(SyncStore):
    """The part of `ResultsStore` that evaluated weights are written by. MLflow is sent nothing of them: they are of no sweep."""

    def keep_weights(self, rows: Iterable[MeasuredWeights]) -> int:
        """Those whose names are not taken; how many were new. Raises ValueError for a metric that is NaN or infinite."""
        with self._database.writing() as session:
            return evaluated.keep(session, rows)

    def forget_weights(self, name: str) -> bool:
        """Takes the result of that name out; whether there was one."""
        with self._database.writing() as session:
            return evaluated.forget(session, name)
