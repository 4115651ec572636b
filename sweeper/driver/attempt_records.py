"""What an attempt was and what its worker said, in the attempt's own folder: lines of JSON, from which a store is made whole again.

    {"trial": {"fingerprint": ..., "config": {...}}}      first of all
    {"attempt": {...}}                                    its row in the store; the last one counts
    {"started": {...}}, {"points": {...}}, {"checkpoint": 8}, {"evaluation": {...}}      as the driver received it

While a store does not answer its trials train on, so that a line may say what never reached the store: the next attempt sends it first.
When an attempt has ended, its file is written again from the store, whole. A line that cannot be written is lost to this file alone.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.whole_file import whole_file
from sweeper.driver.message_writer import provenance_of
from sweeper.errors import RequestError, StoreLost
from sweeper.execution.jobs import WorkerMessage
from sweeper.records import Lease, PlannedTrial
from sweeper.settings import Settings
from sweeper.store.exchange_format import AttemptHistory, AttemptPart, EvaluationPart, Json, Part, PointPart, TrialPart, Whole, read_part
from sweeper.store.results_store import IsDead, ResultsStore
from sweeper.trial_folder import RECORD_FILE, attempt_folder, attempt_folders


class _TrialLine(Part):
    trial: TrialPart


class StartedPart(Part):
    """Where an attempt began, and under which conditions."""

    start_step: Whole
    comparability: Json
    provenance: Json


class _Line(Part):
    """Any other; one of its fields is there."""

    attempt: AttemptPart | None = None
    started: StartedPart | None = None
    points: PointPart | None = None
    checkpoint: Whole | None = None
    evaluation: EvaluationPart | None = None


@dataclass(frozen=True)
class AttemptRecords:
    """Writes them, and reads them where not all reached the store."""

    store: ResultsStore
    settings: Settings

    def began(self, lease: Lease, config: Mapping[str, Any]) -> None:
        """The attempt is ours; its folder is there."""
        with contextlib.suppress(StoreLost, ValueError):
            row = self.store.attempt(lease.fingerprint, lease.number)
            lines: list[Mapping[str, Any]] = [{"trial": {"fingerprint": lease.fingerprint, "config": dict(config)}}]
            self._add(lease, *lines, *([] if row is None else [{"attempt": row.model_dump(mode="json")}]))

    def reported(self, lease: Lease, trial: PlannedTrial, what: WorkerMessage, now: int) -> None:
        """A message of its worker, received at `now` (ms since 1970), whether or not it reaches the store in the end."""
        report = what.report
        values = {"step": report.step, "metrics": dict(report.metrics), "time_ms": now}
        match report.kind:
            case "started":
                said = {"start_step": report.step, "comparability": report.details["comparability"], "provenance": provenance_of(what)}
                self._add(lease, {"started": said})
            case "points":
                self._add(lease, {"points": values})
            case "checkpoint":
                self._add(lease, {"checkpoint": report.step})
            case "evaluation":
                name = trial.evaluation_fingerprint
                self._add(lease, {"evaluation": {**values, "evaluation_fingerprint": name, "details": dict(report.details)}})

    def ended(self, lease: Lease) -> None:
        """It is over, and its result is stored with it."""
        with contextlib.suppress(OSError, StoreLost, ValueError):
            self.write_whole(lease.fingerprint, lease.number)

    def catch_up(self, fingerprint: str, is_dead: IsDead) -> None:
        """Sends the store what never reached it of the trial's attempts that nobody runs any more.

        Without it their newest checkpoints would lie behind a gap in the curve. Raises StoreLost.
        """
        for folder in attempt_folders(self.settings.trials / fingerprint).values():
            with contextlib.suppress(OSError, RequestError):
                part = read_record(folder / RECORD_FILE)
                if part.fingerprint == fingerprint and part.attempts[0].attempt.state == "running":  # not written again at its end
                    self.store.catch_up(part, is_dead)

    def write_whole(self, fingerprint: str, number: int) -> None:
        """The file as it would be if nothing had ever gone wrong. Raises OSError, StoreLost."""
        history = self.store.attempt_history(fingerprint, number)
        configs = self.store.configs([fingerprint])
        if history is None or fingerprint not in configs:
            return
        path = attempt_folder(self.settings.trials / fingerprint, number) / RECORD_FILE
        trial = TrialPart(fingerprint=fingerprint, config=dict(configs[fingerprint]))
        with whole_file(path) as beside, beside.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in _lines(trial, history))

    def complete(self) -> int:
        """Writes the files that attempts of older versions lack, where their folders are here; returns how many."""
        written = 0
        for fingerprint, number in self.store.ended_attempts():
            folder = attempt_folder(self.settings.trials / fingerprint, number)
            if folder.is_dir() and not (folder / RECORD_FILE).exists():
                with contextlib.suppress(OSError, ValueError):
                    self.write_whole(fingerprint, number)
                    written += 1
        return written

    def _add(self, lease: Lease, *lines: Mapping[str, Any]) -> None:
        path = attempt_folder(self.settings.trials / lease.fingerprint, lease.number) / RECORD_FILE
        with contextlib.suppress(OSError, ValueError), path.open("a", encoding="utf-8") as file:
            # An end of line before it, too: one that was torn before ends there.
            file.write("".join(f"\n{json.dumps(line, allow_nan=False)}\n" for line in lines))


def _lines(trial: TrialPart, history: AttemptHistory) -> Iterator[str]:
    yield _TrialLine(trial=trial).model_dump_json(exclude={"trial": {"attempts"}})
    yield _Line(attempt=history.attempt).model_dump_json(include={"attempt"})
    for points in history.points:
        yield _Line(points=points).model_dump_json(include={"points"})
    for evaluation in history.evaluations:
        yield _Line(evaluation=evaluation).model_dump_json(include={"evaluation"})


def read_record(path: Path) -> TrialPart:
    """A trial with the one attempt of this file; torn lines are passed over. Raises OSError, RequestError where it does not say enough."""
    trial: TrialPart | None = None
    attempt: AttemptPart | None = None
    started: StartedPart | None = None
    steps: list[int] = []
    checkpoints: list[int] = []
    points: dict[tuple[int, int], PointPart] = {}
    evaluations: dict[tuple[int, str], EvaluationPart] = {}
    for line in _parsed(path):
        if isinstance(line, _TrialLine):
            trial = line.trial
            continue
        attempt, started = line.attempt or attempt, line.started or started
        if line.points is not None:
            points.setdefault((line.points.step, line.points.time_ms), line.points)
            steps.append(line.points.step)
        if line.evaluation is not None:
            evaluations.setdefault((line.evaluation.step, line.evaluation.evaluation_fingerprint), line.evaluation)
        if line.checkpoint is not None:
            checkpoints.append(line.checkpoint)
    if trial is None or attempt is None:
        raise RequestError(f"{path} does not say what the attempt was")
    said = started.model_dump() if started is not None and attempt.start_step is None else {}
    said |= {"step": max([attempt.step, *steps, *checkpoints]), "checkpoint_step": max([attempt.checkpoint_step, *checkpoints])}
    history = AttemptHistory(
        attempt=attempt.model_copy(update=said), points=tuple(points.values()), evaluations=tuple(evaluations.values())
    )
    return trial.model_copy(update={"attempts": (history,)})


def _parsed(path: Path) -> Iterator["_TrialLine | _Line"]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                with contextlib.suppress(RequestError):
                    yield read_part(_TrialLine, line, "") if line.startswith(b'{"trial"') else read_part(_Line, line, "")


def read_trials(settings: Settings) -> Iterator[tuple[TrialPart | None, list[str]]]:
    """Every trial as its attempts' folders say what it was, None where none does, and what could not be read of it; by fingerprint."""
    folders = sorted(path for path in settings.trials.glob("*") if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        found: TrialPart | None = None
        missing: list[str] = []
        for number, attempt in sorted(attempt_folders(folder).items()):
            try:
                part = read_record(attempt / RECORD_FILE)
                if part.fingerprint != folder.name or part.attempts[0].attempt.number != number:
                    raise RequestError(f"{attempt / RECORD_FILE} is of another attempt")
            except FileNotFoundError:
                missing.append(f"{attempt} holds no {RECORD_FILE}: an older version of sweeper wrote it")
            except (OSError, RequestError) as error:
                missing.append(str(error))
            else:
                found = part if found is None else part.model_copy(update={"attempts": (*found.attempts, *part.attempts)})
        if found is not None or missing:
            yield found, missing
