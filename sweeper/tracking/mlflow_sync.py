"""The mirror: tells MLflow, in order, what the outbox holds."""

import contextlib
import functools
import itertools
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import yaml

from sweeper.records import OutboxRow
from sweeper.tracking.artifact_locations import follow_home
from sweeper.tracking.delivery_mark import DeliveryMark
from sweeper.tracking.failures import Doubtful, Refused, TrackingAway
from sweeper.tracking.mlflow_client import QuietClient
from sweeper.tracking.outbox_events import AttemptEvent, DeletedEvent, LinkEvent, MetricEvent, PagesEvent, SweepEvent, read_row
from sweeper.tracking.sweep_runs import SweepKey, SweepRuns, sweep_title
from sweeper.tracking.sync_source import SyncSource
from sweeper.tracking.trial_runs import TrialRuns

DOUBTS = 3
"""A row that failed this often, while MLflow took other requests, is given up."""

ROWS_AT_ONCE = 100
"""Of rows that are not metrics: how many at most are told before the sweeps they concern are settled."""

_MANY = 10
"""Links of a sweep told together, from which on its runs are asked for at once rather than each by itself."""

_METRIC_KINDS = frozenset({"points", "evaluation"})

MakePages = Callable[[str, str, Path], None]
"""Writes the files that show a sweep (name, profile) into a folder."""

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


class MlflowSync:
    """Mirrors the outbox of `source` into the MLflow server or database at `tracking_uri`.

    Promises: a row is marked delivered only after MLflow accepted it, or turned it down for good (then `refused` counts it and one
    warning names it). Any row may be applied twice, by this process or a later one: no run, param, tag or point appears twice.
    An MLflow that was restarted empty, or from an older copy, is told everything again, behind what waits for it.
    A parent run is RUNNING while any of its children is; else the first of SCHEDULED, KILLED, FAILED that a child has; FINISHED when
    all of them are. MLflow is imported and spoken to at the first `drain`, not before. For one thread.
    """

    def __init__(
        self, tracking_uri: str, artifact_root: Path, trials_root: Path, source: SyncSource, pages: MakePages | None = None
    ) -> None:
        self._pages = pages
        self.refused = 0
        """Rows that MLflow turned down for good; they are lost to MLflow, not to the store."""
        self.away: str | None = None
        """Why MLflow took nothing when it last took nothing."""
        self._source = source
        self._client = QuietClient(tracking_uri, artifact_root)
        self._follow_home: Callable[[], int] | None = functools.partial(follow_home, tracking_uri, artifact_root)
        self._runs = SweepRuns(self._client)
        self._trials = TrialRuns(self._client, self._runs, source, trials_root)
        self._mark = DeliveryMark(self._client, source, pages is not None)
        self._doubts: dict[int, int] = {}

    def forget(self) -> None:
        """Another mirror may have made runs: those that are remembered are not all there are."""
        self._runs.forget()

    def drain(self, limit: int = 500, *, deadline: float = float("inf"), permit: Callable[[], None] = lambda: None) -> int:
        """Deliver up to `limit` rows and return how many; 0 only when the outbox is empty.

        Stops early when `time.monotonic()` is past `deadline`, but not within what is told of one trial. `permit` is called before every
        request to MLflow; what it raises ends the drain.
        Raises `TrackingAway` when MLflow cannot be reached or cannot write: what is not delivered stays in the outbox.
        """
        rows = self._source.pending(limit)
        if not rows:
            return 0
        self._client.permit = permit
        done: list[OutboxRow] = []
        try:
            if self._follow_home is not None:  # once: the home does not move under a running mirror
                self._follow_home()
                self._follow_home = None
            if self._mark.requeued():
                self._client.forget()
                self._runs.forget()
                rows = self._source.pending(limit)
            for group in _groups(rows):
                if group[0].kind in _METRIC_KINDS:
                    self._add_metrics(group, deadline, done)
                else:
                    done += self._tell(group, deadline)
                if time.monotonic() >= deadline:
                    break
            self._mark.deliver([row.id for row in done])
        except TrackingAway as error:
            self.away = str(error)
            # Whatever answers next may have been restored from an older copy.
            self._runs.forget()
            with contextlib.suppress(TrackingAway):  # it may be away for artifacts alone
                self._mark.deliver([row.id for row in done])
            raise
        return len(done)

    def _add_metrics(self, rows: list[OutboxRow], deadline: float, done: list[OutboxRow]) -> None:
        """Tell numbers, those of a trial together; adds to `done` the rows told before the deadline, at least one trial's."""
        by_trial: dict[str, list[tuple[OutboxRow, MetricEvent]]] = {}
        for row in rows:
            event = self._insist(row, read_row)
            if isinstance(event, MetricEvent):
                by_trial.setdefault(event.fingerprint, []).append((row, event))
            else:
                done.append(row)
        for fingerprint, told in by_trial.items():
            try:
                self._trials.add_metrics(fingerprint, [event for _, event in told])
                done += [row for row, _ in told]
            except (Refused, Doubtful):
                # One of them is at fault: told one by one, the others pass.
                for row, _ in told:
                    self._insist(row, self._apply)
                    done.append(row)
                    if time.monotonic() >= deadline:
                        break
            if time.monotonic() >= deadline:
                break

    def _tell(self, rows: list[OutboxRow], deadline: float) -> list[OutboxRow]:
        """Apply rows, then settle the sweeps they concern; returns those applied before the deadline, at least one."""
        done: list[OutboxRow] = []
        concerned: dict[SweepKey, int] = {}
        links = Counter((row.payload.get("name"), row.payload.get("profile")) for row in rows if row.kind == "link")
        for (name, profile), number in links.items():
            if number >= _MANY and isinstance(name, str) and isinstance(profile, str):
                self._insist(rows[0], functools.partial(self._list, SweepKey(name, profile)))
        for row in rows:
            for sweep, end_ms in self._insist(row, self._apply) or []:
                concerned[sweep] = max(end_ms, concerned.get(sweep, 0))
            done.append(row)
            if time.monotonic() >= deadline:
                break
        for sweep, end_ms in concerned.items():
            self._insist(done[-1], functools.partial(self._settle, sweep, end_ms))
        return done

    def _apply(self, row: OutboxRow) -> list[tuple[SweepKey, int]]:
        """Tell MLflow of one row; returns the sweeps whose status it may change, with the time (Unix ms) it happened."""
        match read_row(row):
            case SweepEvent() as event:
                self._describe(event)
                return []
            case LinkEvent() as event:
                return [(SweepKey(event.name, event.profile), self._trials.link(event))]
            case MetricEvent() as event:
                self._trials.add_metrics(event.fingerprint, [event])
                return []
            case AttemptEvent() as event:
                return [(sweep, event.time_ms) for sweep in self._trials.set_attempt(event)]
            case PagesEvent() as event:
                self._show_pages(SweepKey(event.name, event.profile))
                return []
            case DeletedEvent() as event:
                self._runs.delete(SweepKey(event.name, event.profile))
                return []

    def _describe(self, event: SweepEvent) -> None:
        sweep = SweepKey(event.name, event.profile)
        run_id = self._runs.sweep(sweep)
        self._client.rename(run_id, sweep_title(sweep))
        self._client.record(run_id, tags={"mlflow.note.content": event.question, "sweeper.version": event.version})
        self._client.write_text(run_id, "spec.yaml", yaml.safe_dump(dict(event.spec), sort_keys=False, allow_unicode=True))

    def _show_pages(self, sweep: SweepKey) -> None:
        """Under `report/` of the parent run. What cannot be drawn is refused: the results themselves are there."""
        if self._pages is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            try:
                self._pages(sweep.name, sweep.profile, Path(folder))
            except Exception as error:  # whatever is wrong with a drawing, the rows behind this one must not wait for it
                raise Refused(f"the pages of sweep {sweep.name} cannot be made: {error}") from error
            run_id = self._runs.sweep(sweep)
            for file in sorted(Path(folder).iterdir()):
                self._client.write_file(run_id, f"report/{file.name}", file)

    def _list(self, sweep: SweepKey, _row: OutboxRow) -> None:
        self._runs.list_trials(sweep)

    def _settle(self, sweep: SweepKey, end_ms: int, _row: OutboxRow) -> None:
        self._runs.settle(sweep, end_ms)

    def _insist(self, row: OutboxRow, action: Callable[[OutboxRow], _T]) -> _T | None:
        """Do it, if need be again with nothing remembered; None when it is refused for good."""
        try:
            return action(row)
        except (Refused, Doubtful):
            # The runs we remember may be gone: deleted by hand, or with the database they were in.
            self._runs.forget()
        try:
            return action(row)
        except Doubtful as error:
            self._doubts[row.id] = self._doubts.get(row.id, 0) + 1
            if self._doubts[row.id] < DOUBTS:
                raise TrackingAway(str(error)) from error
            reason = str(error)
        except Refused as error:
            reason = str(error)
        self._doubts.pop(row.id, None)
        self.refused += 1
        _log.warning("MLflow does not take outbox row %d (%s), which is skipped there: %s", row.id, row.kind, reason)
        return None


def _groups(rows: Iterable[OutboxRow]) -> Iterator[list[OutboxRow]]:
    """Neighbours that can be told together: stretches of metrics, and short stretches of anything else."""
    for are_metrics, neighbours in itertools.groupby(rows, key=lambda row: row.kind in _METRIC_KINDS):
        stretch = list(neighbours)
        size = len(stretch) if are_metrics else ROWS_AT_ONCE
        for start in range(0, len(stretch), size):
            yield stretch[start : start + size]
