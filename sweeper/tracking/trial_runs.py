"""What is told of a trial, written into its MLflow runs: one child run in every sweep it serves."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.records import AttemptState, PointRecord, TrialHistory
from sweeper.tracking import spelling
from sweeper.tracking.failures import Doubtful, Refused, headline
from sweeper.tracking.mlflow_client import QuietClient
from sweeper.tracking.outbox_news import AttemptNews, LinkNews, MetricNews
from sweeper.tracking.source import MirrorSource
from sweeper.tracking.sweep_runs import SweepKey, SweepRuns

RUN_STATUS: dict[AttemptState, str] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "diverged": "FAILED",
    "lost": "FAILED",
    "stopped": "KILLED",
}
"""MLflow has fewer words: the tag `sweeper.state` keeps ours."""

_log = logging.getLogger(__name__)


class TrialRuns:
    """Writes news of trials. Everything may be written twice: MLflow looks the same afterwards.

    A child run that is missing, or was left half built, is built from the trial's whole history: so news may come before its link, and
    a server that lost a run gets it back.
    """

    def __init__(self, client: QuietClient, runs: SweepRuns, source: MirrorSource, trials_root: Path) -> None:
        self._client = client
        self._runs = runs
        self._source = source
        self._trials_root = trials_root

    def link(self, news: LinkNews) -> int:
        """Make or complete the child run with all that is known of its trial; returns when its newest attempt ended (Unix ms)."""
        _, end_ms = self._fill(news, self._source.history(news.fingerprint))
        return end_ms

    def add_metrics(self, batch: Sequence[MetricNews]) -> None:
        """Add the numbers of many events, each to every child run of its trial, in as few requests as MLflow allows."""
        for fingerprint in dict.fromkeys(news.fingerprint for news in batch):
            of_trial = [news for news in batch if news.fingerprint == fingerprint]
            points = [point for news in of_trial for point in news.points]
            details = {name: value for news in of_trial for name, value in (news.details or {}).items()}
            for _, run_id in self._children(fingerprint):
                self._client.record(run_id, points=points, tags=_detail_tags(details))
                for news in of_trial:
                    if news.evaluated is not None:
                        attempt, step = news.evaluated
                        self._show_samples(run_id, fingerprint, step, [attempt])
                pictures = self._pictures(fingerprint)
                for step in {news.points[0].step for news in of_trial if news.evaluated is None and news.points} & pictures.keys():
                    self._show_samples(run_id, fingerprint, step, pictures[step])

    def set_attempt(self, news: AttemptNews) -> list[SweepKey]:
        """Show the state of an attempt on every child run of its trial; returns the sweeps concerned."""
        children = self._children(news.fingerprint)
        for _, run_id in children:
            self._show_attempt(run_id, news)
        return [sweep for sweep, _ in children]

    def _children(self, fingerprint: str) -> list[tuple[SweepKey, str]]:
        sweeps = [SweepKey(*link) for link in self._source.links(fingerprint)]
        return [(sweep, self._runs.trial(sweep, fingerprint, whole=True) or self._rebuilt(sweep, fingerprint)) for sweep in sweeps]

    def _rebuilt(self, sweep: SweepKey, fingerprint: str) -> str:
        history = self._source.history(fingerprint)
        # A history knows no levels; where a link is still to come in the outbox, it adds them.
        variant, seed = next((served[2:] for served in history.sweeps if served[:2] == sweep), (fingerprint, 0))
        run_id, end_ms = self._fill(LinkNews(sweep.name, sweep.profile, fingerprint, variant, {}, seed, history.config), history)
        self._runs.settle(sweep, end_ms)
        return run_id

    def _fill(self, news: LinkNews, history: TrialHistory) -> tuple[str, int]:
        sweep = SweepKey(news.name, news.profile)
        title = f"{news.variant} · seed {news.seed}"
        run_id = self._runs.trial(sweep, news.fingerprint, whole=False) or self._runs.create_trial(sweep, news.fingerprint, title)
        self._client.rename(run_id, title)
        levels = {f"sweeper.level.{factor}": level for factor, level in news.levels.items()}
        self._client.record(run_id, tags={"sweeper.variant": news.variant, "sweeper.seed": news.seed} | levels)
        self._client.add_params(run_id, spelling.flattened(news.config))
        self._client.write_text(run_id, "config.json", _json(news.config))
        end_ms = self._copy(run_id, history)
        self._runs.mark_whole(sweep, news.fingerprint, run_id)
        return run_id, end_ms

    def _copy(self, run_id: str, history: TrialHistory) -> int:
        evaluations = list(history.evaluations)
        self._copy_points(run_id, [*history.points, *evaluations])
        self._client.record(run_id, tags=_detail_tags(history.details))
        newest_first = sorted(history.attempts, key=lambda attempt: attempt.number, reverse=True)
        for step, attempts in sorted(self._pictures(history.fingerprint).items()):
            self._show_samples(run_id, history.fingerprint, step, attempts)
        if not newest_first:
            # MLflow starts every run as running; this one waits for its turn.
            self._client.set_status(run_id, "SCHEDULED", None)
            return 0
        for attempt in reversed(newest_first):
            self._show_attempt(run_id, AttemptNews.of_record(history.fingerprint, attempt))
        return AttemptNews.of_record(history.fingerprint, newest_first[0]).time_ms

    def _copy_points(self, run_id: str, points: list[PointRecord]) -> None:
        """All of them but those that MLflow refuses: one of these was refused as news too, and must not cost the run its history."""
        try:
            self._client.record(run_id, points=points)
        except (Refused, Doubtful) as error:
            if len(points) == 1:
                _log.warning("MLflow does not take %s, which is skipped there: %s", points[0], error)
                return
            middle = len(points) // 2
            self._copy_points(run_id, points[:middle])
            self._copy_points(run_id, points[middle:])

    def _show_attempt(self, run_id: str, news: AttemptNews) -> None:
        facts = _scalars(news.comparability) | _scalars(news.provenance)
        own = {"sweeper.state": news.state, "sweeper.attempt": news.attempt, "sweeper.error": headline(news.error or "")}
        self._client.record(run_id, tags={f"sweeper.{name}": value for name, value in facts.items()} | own)
        if news.provenance or news.comparability:
            about = {"comparability": news.comparability, "provenance": news.provenance}
            self._client.write_text(run_id, f"attempts/attempt-{news.attempt}.json", _json(about))
        self._client.set_status(run_id, RUN_STATUS[news.state], news.time_ms)

    def _pictures(self, fingerprint: str) -> dict[int, list[int]]:
        """Step -> attempts that left a picture of samples of it, newest first."""
        found: dict[int, list[int]] = {}
        if Path(fingerprint).name == fingerprint:  # It comes from the outbox: never let it lead out of the folder of trials.
            for path in (self._trials_root / fingerprint).glob("attempt-*/samples-*.png"):
                attempt, step = path.parent.name.removeprefix("attempt-"), path.stem.removeprefix("samples-")
                if attempt.isdecimal() and step.isdecimal():
                    found.setdefault(int(step), []).append(int(attempt))
        return {step: sorted(attempts, reverse=True) for step, attempts in found.items()}

    def _show_samples(self, run_id: str, fingerprint: str, step: int, attempts: Iterable[int]) -> None:
        """Upload the sample grid of the first of these attempts that has one."""
        if Path(fingerprint).name != fingerprint:
            return  # It comes from the outbox: never let it lead out of the folder of trials.
        for attempt in attempts:
            image = self._trials_root / fingerprint / f"attempt-{attempt}" / f"samples-{step:08d}.png"
            if image.is_file():
                self._client.write_file(run_id, f"samples/step-{step:08d}.png", image)
                return


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
