"""The events of a trial, written into its MLflow runs: one child run in every sweep it serves."""

import contextlib
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.errors import RequestError
from sweeper.records import PointRecord, TrialHistory
from sweeper.states import ATTEMPT_STATES
from sweeper.tracking import mlflow_names
from sweeper.tracking.failures import Doubtful, Refused, TrackingAway, headline
from sweeper.tracking.mlflow_client import QuietClient
from sweeper.tracking.outbox_events import AttemptEvent, LinkEvent, MetricEvent
from sweeper.tracking.sweep_runs import WHOLE, SweepKey, SweepRuns
from sweeper.tracking.sync_source import TrialSource
from sweeper.trial_folder import attempt_folder, facts_file, sample_pictures, samples_path

_log = logging.getLogger(__name__)


class TrialRuns:
    """Writes the events of trials. Everything may be written twice: MLflow looks the same afterwards.

    A child run that is missing, or was left half built, is built from the trial's whole history: so events may come before its link, and
    a server that lost a run gets it back. A sweep's run shows no evaluation that only other sweeps asked for. Artifacts may
    fail alone: numbers and states are written all the same.
    """

    def __init__(self, client: QuietClient, runs: SweepRuns, source: TrialSource, trials_root: Path) -> None:
        self._client = client
        self._runs = runs
        self._source = source
        self._trials_root = trials_root

    def link(self, event: LinkEvent) -> int:
        """Make or complete the child run with all that is known of its trial; returns when its newest attempt ended (Unix ms)."""
        try:
            history = self._source.shown(event.fingerprint, event.name, event.profile)
        except RequestError:  # deleted with its sweep since this row was read
            return 0
        return self._fill(event, history)[1]

    def add_metrics(self, fingerprint: str, batch: Sequence[MetricEvent]) -> None:
        """Add the numbers of many events of a trial to each of its child runs, in as few requests as MLflow allows."""
        for sweep, run_id in self._children(fingerprint):
            unasked = self._source.unasked(fingerprint, *sweep)
            shown = [event for event in batch if event.evaluated is None or (event.evaluation, *event.evaluated) not in unasked]
            points = [point for event in shown for point in event.points]
            details = {name: value for event in shown for name, value in (event.details or {}).items()}
            self._client.record(run_id, points=points, tags=_detail_tags(details))
            for event in shown:
                if event.evaluated is not None:
                    attempt, step = event.evaluated
                    self._show_samples(run_id, fingerprint, step, [attempt])
            pictures = self._pictures(fingerprint, unasked)
            for step in {event.points[0].step for event in shown if event.evaluated is None and event.points} & pictures.keys():
                self._show_samples(run_id, fingerprint, step, pictures[step])

    def set_attempt(self, event: AttemptEvent) -> list[SweepKey]:
        """Show the state of an attempt on every child run of its trial; returns the sweeps concerned."""
        children = self._children(event.fingerprint)
        for _, run_id in children:
            self._show_state(run_id, event)
        for _, run_id in children:
            self._keep_facts(run_id, event)
        return [sweep for sweep, _ in children]

    def _children(self, fingerprint: str) -> list[tuple[SweepKey, str]]:
        sweeps = [SweepKey(*link) for link in self._source.links(fingerprint)]
        return [(sweep, self._runs.trial(sweep, fingerprint, whole=True) or self._rebuilt(sweep, fingerprint)) for sweep in sweeps]

    def _rebuilt(self, sweep: SweepKey, fingerprint: str) -> str:
        history = self._source.shown(fingerprint, *sweep)
        # A history knows no levels; where a link is still to come in the outbox, it adds them.
        variant, seed = next((served[2:] for served in history.sweeps if served[:2] == sweep), (fingerprint, 0))
        run_id, end_ms = self._fill(LinkEvent(sweep.name, sweep.profile, fingerprint, variant, {}, seed, history.config), history)
        self._runs.settle(sweep, end_ms)
        return run_id

    def _fill(self, event: LinkEvent, history: TrialHistory) -> tuple[str, int]:
        sweep = SweepKey(event.name, event.profile)
        title = f"{event.variant} · seed {event.seed}"
        attempts, params = _as_events(history), mlflow_names.flattened(event.config)
        tags = {"sweeper.variant": event.variant, "sweeper.seed": event.seed} | _detail_tags(history.details)
        tags |= {f"sweeper.level.{factor}": level for factor, level in event.levels.items()}
        for attempt in attempts:
            tags |= _state_tags(attempt)
        run_id = self._runs.trial(sweep, event.fingerprint, whole=False)
        if run_id is None:
            run_id = self._runs.create_trial(sweep, event.fingerprint, title, tags)
            tags = {}
        else:
            self._client.rename(run_id, title)
            params = self._client.missing_params(run_id, params)
        if attempts:
            self._client.set_status(run_id, ATTEMPT_STATES[attempts[-1].state].mlflow, attempts[-1].time_ms)
        else:
            # MLflow starts every run as running; this one waits for its turn.
            self._client.set_status(run_id, "SCHEDULED", None)
        points, whole, without_files = [*history.points, *history.evaluations], WHOLE, None
        try:
            self._copy_files(run_id, event.config, history, self._source.unasked(event.fingerprint, *sweep))
        except (TrackingAway, Refused, Doubtful) as error:
            whole, without_files = {}, error
        try:
            self._client.record(run_id, points=points, tags=tags | whole, params=params)
        except (Refused, Doubtful):
            self._client.record(run_id, tags=tags, params=self._client.missing_params(run_id, params))
            self._copy_points(run_id, points)
            self._client.record(run_id, tags=whole)
        if without_files is not None:
            raise without_files
        self._runs.is_whole(sweep, event.fingerprint, run_id)
        return run_id, attempts[-1].time_ms if attempts else 0

    def _copy_files(self, run_id: str, config: Mapping[str, Any], history: TrialHistory, unasked: Collection[tuple[str, int, int]]) -> None:
        texts = {"config.json": _json(config)}
        for event in _as_events(history):
            texts |= self._facts(event)
        self._client.write_texts(run_id, texts)
        for step, attempts in sorted(self._pictures(history.fingerprint, unasked).items()):
            self._show_samples(run_id, history.fingerprint, step, attempts)

    def _copy_points(self, run_id: str, points: list[PointRecord]) -> None:
        """All of them but those that MLflow refuses: one of these was refused as an event too, and must not cost the run its history."""
        try:
            self._client.record(run_id, points=points)
        except (Refused, Doubtful) as error:
            if len(points) == 1:
                _log.warning("MLflow does not take %s, which is skipped there: %s", points[0], error)
                return
            middle = len(points) // 2
            self._copy_points(run_id, points[:middle])
            self._copy_points(run_id, points[middle:])

    def _show_state(self, run_id: str, event: AttemptEvent) -> None:
        self._client.record(run_id, tags=_state_tags(event))
        self._client.set_status(run_id, ATTEMPT_STATES[event.state].mlflow, event.time_ms)

    def _keep_facts(self, run_id: str, event: AttemptEvent) -> None:
        if facts := self._facts(event):
            self._client.write_texts(run_id, facts)

    def _facts(self, event: AttemptEvent) -> dict[str, str]:
        """The artifacts with all that is known of an attempt, by name: where it ran, and the names of its data's classes."""
        texts = {}
        if event.provenance or event.comparability:
            about = {"comparability": event.comparability, "provenance": event.provenance}
            texts[f"attempts/attempt-{event.attempt}.json"] = _json(about)
        if "classes" in event.provenance and Path(event.fingerprint).name == event.fingerprint:  # as in `_pictures`
            with contextlib.suppress(OSError):  # on another machine
                data = facts_file(attempt_folder(self._trials_root / event.fingerprint, event.attempt))
                texts["data.json"] = data.read_text(encoding="utf-8")
        return texts

    def _pictures(self, fingerprint: str, unasked: Collection[tuple[str, int, int]]) -> dict[int, list[int]]:
        """Step -> attempts that left a picture of samples of it, newest first; but for pictures of these evaluations."""
        others = {(attempt, step) for _, attempt, step in unasked}
        found: dict[int, list[int]] = {}
        if Path(fingerprint).name == fingerprint:  # It comes from the outbox: never let it lead out of the folder of trials.
            for step, attempts in sample_pictures(self._trials_root / fingerprint).items():
                if kept := [attempt for attempt in attempts if (attempt, step) not in others]:
                    found[step] = kept
        return found

    def _show_samples(self, run_id: str, fingerprint: str, step: int, attempts: Iterable[int]) -> None:
        """Upload the sample grid of the first of these attempts that has one."""
        if Path(fingerprint).name != fingerprint:
            return  # It comes from the outbox: never let it lead out of the folder of trials.
        for attempt in attempts:
            image = samples_path(attempt_folder(self._trials_root / fingerprint, attempt), step)
            if image.is_file():
                self._client.write_file(run_id, f"samples/step-{step:08d}.png", image)
                return


def _as_events(history: TrialHistory) -> list[AttemptEvent]:
    """The last thing that happened to each attempt, the newest attempt last."""
    return [AttemptEvent.of_record(history.fingerprint, attempt) for attempt in sorted(history.attempts, key=lambda each: each.number)]


def _state_tags(event: AttemptEvent) -> dict[str, object]:
    facts = _scalars(event.comparability) | _scalars(event.provenance)
    own = {"sweeper.state": event.state, "sweeper.attempt": event.attempt, "sweeper.error": headline(event.error or "")}
    return {f"sweeper.{name}": value for name, value in facts.items()} | own


def _detail_tags(details: Mapping[str, Any]) -> dict[str, object]:
    return {f"sweeper.detail.{name}": value for name, value in details.items()}


def _scalars(facts: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """What can be a tag: device model, torch version, git sha, ...; long lists such as all packages stay in the artifact."""
    found: dict[str, object] = {}
    for name, value in facts.items():
        if isinstance(value, str | int | float | bool):
            found[f"{prefix}{name}"] = value
        elif isinstance(value, Mapping) and name == "packages" and "torch" in value:
            found["torch"] = value["torch"]
    return found


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n"
