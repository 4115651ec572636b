"""MLflow as a tracker: an experiment for each sweep name, a parent run for each sweep, a child run for each of its trials."""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from sweeper.tracking.artifact_locations import follow_home
from sweeper.tracking.failures import Doubtful, Refused
from sweeper.tracking.mlflow_client import QuietClient
from sweeper.tracking.outbox_events import AttemptEvent, DeletedEvent, Event, LinkEvent, MetricEvent, PagesEvent, SweepEvent
from sweeper.tracking.sweep_runs import SweepKey, SweepRuns, sweep_title
from sweeper.tracking.sync_source import TrialSource
from sweeper.tracking.tracker import Tracker, TrackerContext, WritePages
from sweeper.tracking.trial_runs import TrialRuns

_MANY = 10
"""Links of a sweep that come together, from which on its runs are asked for at once rather than each by itself."""


class MlflowTracker(Tracker):
    """Shows events in the MLflow server or database at `tracking_uri`.

    Promises: an event may be applied twice, by this process or a later one: no run, param, tag or point appears twice.
    A parent run is RUNNING while any of its children is; else the first of SCHEDULED, KILLED, FAILED that a child has; FINISHED when
    all of them are. MLflow is imported and spoken to at the first event, not before. For one thread.
    """

    def __init__(
        self, tracking_uri: str, artifact_root: Path, trials_root: Path, source: TrialSource, write_pages: WritePages | None = None
    ) -> None:
        self.pages = write_pages is not None
        self._write_pages = write_pages
        self._places = (tracking_uri, artifact_root)
        self._client = QuietClient(tracking_uri, artifact_root)
        self._runs = SweepRuns(self._client)
        self._trials = TrialRuns(self._client, self._runs, source, trials_root)
        self._concerned: dict[SweepKey, int] = {}
        """Sweeps whose status an event may have changed, with the newest time (Unix ms) at which one happened."""

    def connect(self, permit: Callable[[], None]) -> None:
        """Begin with nothing remembered, and with artifacts where the home is now."""
        self._client.permit = permit
        self._client.forget()
        self._runs.forget()
        follow_home(*self._places)

    def forget(self) -> None:
        """Another process may have made runs, or a person deleted some: those that are remembered are not all there are."""
        self._runs.forget()

    def begin(self, events: Sequence[Event]) -> None:
        """Ask for the runs of a sweep at once where many of its trials follow."""
        self._concerned.clear()
        links = Counter(SweepKey(event.name, event.profile) for event in events if isinstance(event, LinkEvent))
        for sweep, number in links.items():
            if number >= _MANY:
                self._runs.list_trials(sweep)

    def apply(self, events: Sequence[Event]) -> None:
        """The numbers of a trial in as few requests as MLflow allows."""
        metrics = [event for event in events if isinstance(event, MetricEvent)]
        if metrics:
            self._trials.add_metrics(metrics[0].fingerprint, metrics)
        for event in events:
            if not isinstance(event, MetricEvent):
                self._apply(event)

    def flush(self) -> None:
        """Give the parent runs of the sweeps that are concerned the status that their children call for."""
        refusal: Refused | Doubtful | None = None
        for sweep, end_ms in list(self._concerned.items()):
            try:
                self._runs.settle(sweep, end_ms)
                del self._concerned[sweep]
            except (Refused, Doubtful) as error:  # of one sweep: the others must not go without
                refusal = refusal or error
        if refusal is not None:
            raise refusal

    def read_mark(self, name: str) -> int:
        """From the tags of all experiments: the newest count is on the one that was used last."""
        seen = self._client.experiment_tags(_mark_tag(name))
        return max((int(value) for value in seen if value.isdecimal()), default=0)

    def write_mark(self, name: str, count: int) -> bool:
        """As a tag of the experiment that was used last."""
        return self._client.tag_experiment(_mark_tag(name), str(count))

    def _apply(self, event: Event) -> None:
        match event:
            case SweepEvent():
                self._describe(event)
            case LinkEvent():
                self._concern(SweepKey(event.name, event.profile), self._trials.link(event))
            case AttemptEvent():
                for sweep in self._trials.set_attempt(event):
                    self._concern(sweep, event.time_ms)
            case PagesEvent():
                self._show_pages(SweepKey(event.name, event.profile))
            case DeletedEvent():
                self._runs.delete(SweepKey(event.name, event.profile))

    def _concern(self, sweep: SweepKey, end_ms: int) -> None:
        self._concerned[sweep] = max(end_ms, self._concerned.get(sweep, 0))

    def _describe(self, event: SweepEvent) -> None:
        sweep = SweepKey(event.name, event.profile)
        run_id = self._runs.sweep(sweep)
        self._client.rename(run_id, sweep_title(sweep))
        self._client.record(run_id, tags={"mlflow.note.content": event.question, "sweeper.version": event.version})
        self._client.write_text(run_id, "spec.yaml", yaml.safe_dump(dict(event.spec), sort_keys=False, allow_unicode=True))

    def _show_pages(self, sweep: SweepKey) -> None:
        """Under `report/` of the parent run. What cannot be drawn is refused: the results themselves are there."""
        if self._write_pages is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            try:
                self._write_pages(sweep.name, sweep.profile, Path(folder))
            except Exception as error:  # whatever is wrong with a drawing, the rows behind this one must not wait for it
                raise Refused(f"the pages of sweep {sweep.name} cannot be made: {error}") from error
            run_id = self._runs.sweep(sweep)
            for file in sorted(Path(folder).iterdir()):
                self._client.write_file(run_id, f"report/{file.name}", file)


def open_mlflow(context: TrackerContext) -> MlflowTracker:
    """At the place that the settings name."""
    settings = context.settings
    return MlflowTracker(settings.tracking_uri, settings.artifacts / "mlflow", settings.trials, context.source, context.write_pages)


def _mark_tag(name: str) -> str:
    return f"sweeper.told.{name}"
