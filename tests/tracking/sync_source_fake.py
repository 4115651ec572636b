"""A store in memory: events go into the histories and, at the same moment, into the outbox."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sweeper.records import AttemptRecord, AttemptState, OutboxRow, PointRecord, TrialHistory

CONFIG: dict[str, Any] = {"model": {"depth": 2, "preset": "nano"}, "seed": 0, "lr": 4e-3, "betas": [0.9, 0.95], "data": None}
PROVENANCE = {"git_sha": "abc123", "git_dirty": False, "packages": {"torch": "2.11.0", "numpy": "2.3"}}
COMPARABILITY = {"device": "NVIDIA H100", "precision": "bf16"}


def at(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


class FakeSource:
    """Keeps the promises of `SyncSource`."""

    def __init__(self) -> None:
        self.rows: dict[int, OutboxRow] = {}
        self.told: list[int] = []
        self.holder: str | None = None
        self.renewals = 0
        self.kept = "fake:0"
        """As after a retelling: what these tests did not have told is not missed."""
        self.for_others: dict[tuple[str, str], frozenset[tuple[str, int, int]]] = {}
        """By sweep: (evaluation fingerprint, attempt, step) that it does not ask for."""
        self._next_id = 1
        self._links: dict[str, list[tuple[str, str, str, int]]] = {}
        self._histories: dict[str, TrialHistory] = {}

    # what the mirror calls

    def pending(self, limit: int) -> list[OutboxRow]:
        return [self.rows[row_id] for row_id in sorted(self.rows)][:limit]

    def delivered(self, ids: Sequence[int], *, mark: tuple[str, str] | None = None) -> None:
        if mark is not None and mark[0] == self.kept:
            self.kept = mark[1]
        self.told += ids
        for row_id in ids:
            self.rows.pop(row_id, None)

    def backlog(self) -> int:
        return len(self.rows)

    def mark(self) -> str:
        return self.kept

    def requeue_all(self, *, pages: bool = False, mark: str | None = None) -> int:
        raise AssertionError("nothing here makes MLflow forget; tests of that have a real store")

    def links(self, fingerprint: str) -> list[tuple[str, str]]:
        return [link[:2] for link in self._links.get(fingerprint, [])]

    def unasked(self, fingerprint: str, name: str, profile: str) -> frozenset[tuple[str, int, int]]:
        return self.for_others.get((name, profile), frozenset())

    def shown(self, fingerprint: str, name: str, profile: str) -> TrialHistory:
        return dataclasses.replace(self._histories[fingerprint], sweeps=tuple(self._links[fingerprint]))

    def acquire_sync_lease(self, owner: str, seconds: float, is_dead: Callable[[str], bool]) -> bool:
        assert seconds > 0
        if self.holder is None or self.holder == owner or is_dead(self.holder):
            self.holder = owner
            self.renewals += 1
        return self.holder == owner

    def release_sync_lease(self, owner: str) -> None:
        if self.holder == owner:
            self.holder = None

    # what happens in a run

    def put(self, kind: Any, **payload: Any) -> OutboxRow:
        """A row of the outbox alone."""
        row = OutboxRow(self._next_id, kind, payload)
        self._next_id += 1
        self.rows[row.id] = row
        return row

    def put_again(self, rows: Sequence[OutboxRow]) -> None:
        """Forget that rows were delivered."""
        self.rows.update({row.id: row for row in rows})

    def sweep(self, name: str = "noise", profile: str = "default", question: str = "Does it help?") -> None:
        self.put("sweep", name=name, profile=profile, version="v1", question=question, spec={"question": question, "seeds": [0, 1]})

    def link(self, fingerprint: str = "f0", name: str = "noise", profile: str = "default", seed: int = 0, **config: Any) -> None:
        whole = CONFIG | config
        self._links.setdefault(fingerprint, []).append((name, profile, "dual/none", seed))
        self._histories.setdefault(fingerprint, TrialHistory(fingerprint, whole, (), (), (), (), {}))
        levels = {"timesteps": "dual", "separation": "none"}
        self.put("link", name=name, profile=profile, fingerprint=fingerprint, variant="dual/none", levels=levels, seed=seed, config=whole)

    def points(self, step: int, metrics: Mapping[str, float], fingerprint: str = "f0") -> None:
        time_ms = 1_000_000 + step
        history = self._histories[fingerprint]
        new = tuple(PointRecord(step, name, value, time_ms) for name, value in metrics.items())
        self._histories[fingerprint] = dataclasses.replace(history, points=history.points + new)
        self.put("points", fingerprint=fingerprint, step=step, metrics=dict(metrics), time_ms=time_ms)

    def evaluation(
        self, step: int, metrics: Mapping[str, float], details: Mapping[str, Any], fingerprint: str = "f0", attempt: int = 1
    ) -> None:
        time_ms = 2_000_000 + step
        history = self._histories[fingerprint]
        new = tuple(PointRecord(step, name, value, time_ms) for name, value in metrics.items())
        self._histories[fingerprint] = dataclasses.replace(history, evaluations=history.evaluations + new, details=details)
        payload = {"fingerprint": fingerprint, "step": step, "attempt": attempt, "time_ms": time_ms}
        self.put("evaluation", metrics=dict(metrics), details=dict(details), **payload)

    def attempt(
        self, state: AttemptState, fingerprint: str = "f0", number: int = 1, error: str | None = None, time_ms: int = 3_000_000
    ) -> None:
        ended = None if state == "running" else at(time_ms)
        history = self._histories[fingerprint]
        record = AttemptRecord(number, state, at(900_000), ended, 0, 10, 10, COMPARABILITY, PROVENANCE, error)
        others = tuple(attempt for attempt in history.attempts if attempt.number != number)
        self._histories[fingerprint] = dataclasses.replace(history, attempts=(*others, record))
        payload = {"fingerprint": fingerprint, "attempt": number, "state": state, "error": error, "time_ms": time_ms}
        self.put("attempt", provenance=PROVENANCE, comparability=COMPARABILITY, **payload)

    def whole_trial(self) -> None:
        """A sweep with one finished trial."""
        self.sweep()
        self.link()
        self.attempt("running", time_ms=950_000)
        for step in (1, 2, 3):
            self.points(step, {"train_loss": 1 / step, "align_loss": -0.5})
        self.evaluation(3, {"held_out_loss": 0.1234567890123}, {"samples": 1000, "fd_floor": 1.25})
        self.attempt("finished")
