"""The tables, one class each. `migrations/` builds them; a test compares the two.

sweep ─< sweep_version ─< sweep_trial >─ trial ─< attempt ─< curve_point
                                           └─────────┴─< evaluation, evaluation_detail
trial ─< analyses: what was computed of its trained weights
evaluated_weights: weights of no trial, which `sweeper evaluate` measured
outbox, tracker: what each tracker has yet to receive, and who may send it
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sweeper.records import FailureClass
from sweeper.states import AttemptState

RUNNING = "state = 'running'"


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time, always UTC: SQLite has no zones, so there it is kept without one. A naive time raises ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value.isoformat()} has no time zone; pass an aware one, such as datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Base of all tables; constraints have names, so that later migrations can drop them on every dialect."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime,
        float: sa.Double,
        Mapping[str, Any]: sa.JSON,
        Sequence[Mapping[str, Any]]: sa.JSON,
        str: sa.Text,
        AttemptState: sa.String(16),
        FailureClass: sa.String(16),
    }


class Sweep(Table):
    """(name, profile): what a person calls a sweep."""

    __tablename__ = "sweep"
    __table_args__ = (sa.UniqueConstraint("name", "profile"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    profile: Mapped[str]


class SweepVersion(Table):
    """One resolved spec of a sweep; the newest version is the one with the newest `last_run`."""

    __tablename__ = "sweep_version"
    __table_args__ = (sa.UniqueConstraint("sweep_id", "hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(sa.ForeignKey("sweep.id"))
    hash: Mapped[str]
    spec: Mapped[Mapping[str, Any]]
    created: Mapped[datetime]
    last_run: Mapped[datetime]
    command: Mapped[str | None]
    """The command line that ran it last."""


class Trial(Table):
    """One training, named by its fingerprint, in however many sweeps."""

    __tablename__ = "trial"
    __table_args__ = (sa.UniqueConstraint("fingerprint"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    config: Mapped[Mapping[str, Any]]
    cancelled: Mapped[datetime | None]
    """Since when a user wants it left alone; NULL where nobody does."""


class SweepTrial(Table):
    """What a sweep version wants of a trial, at its place in the sweep's order."""

    __tablename__ = "sweep_trial"

    sweep_version_id: Mapped[int] = mapped_column(sa.ForeignKey("sweep_version.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(sa.ForeignKey("trial.id"), index=True)
    variant: Mapped[str]
    levels: Mapped[Mapping[str, Any]]
    seed: Mapped[int] = mapped_column(sa.BigInteger)
    steps: Mapped[int]
    evaluation_fingerprint: Mapped[str]


class Attempt(Table):
    """One try at a trial. Only the driver that owns a running attempt writes to it."""

    __tablename__ = "attempt"
    __table_args__ = (
        sa.UniqueConstraint("trial_id", "number"),
        # The last guard of "at most one live attempt", whatever the code above it does.
        sa.Index("uq_attempt_running", "trial_id", unique=True, sqlite_where=sa.text(RUNNING), postgresql_where=sa.text(RUNNING)),
        {"sqlite_autoincrement": True},  # a lease names its attempt by id: ids are never used again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(sa.ForeignKey("trial.id"))
    number: Mapped[int]
    state: Mapped[AttemptState]
    owner: Mapped[str]
    lease_seconds: Mapped[float]
    lease_until: Mapped[datetime]
    fresh: Mapped[bool]
    """True: starts from nothing, and no later attempt reads what came before it."""
    started: Mapped[datetime]
    """When it was leased, then when its worker began."""
    ended: Mapped[datetime | None]
    start_step: Mapped[int | None]
    """NULL until the worker said where it begins: until then the attempt hides nothing of earlier ones."""
    step: Mapped[int]
    checkpoint_step: Mapped[int]
    comparability: Mapped[Mapping[str, Any]]
    provenance: Mapped[Mapping[str, Any]]
    error: Mapped[str | None]
    failure: Mapped[FailureClass | None]
    policy: Mapped[str | None]
    """What was done about the failure, as a sentence."""


class CurvePoint(Table):
    """One value of one metric's curve."""

    __tablename__ = "curve_point"
    __table_args__ = ({"sqlite_with_rowid": False},)

    attempt_id: Mapped[int] = mapped_column(sa.ForeignKey("attempt.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
    time_ms: Mapped[int] = mapped_column(sa.BigInteger)


class Evaluation(Table):
    """One metric of one evaluation of a trial at a step."""

    __tablename__ = "evaluation"
    __table_args__ = ({"sqlite_with_rowid": False},)

    trial_id: Mapped[int] = mapped_column(sa.ForeignKey("trial.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    evaluation_fingerprint: Mapped[str] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(sa.ForeignKey("attempt.id"), primary_key=True, index=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
    time_ms: Mapped[int] = mapped_column(sa.BigInteger)


class EvaluationDetail(Table):
    """What the numbers of one evaluation need beside them. Its row says that the evaluation happened."""

    __tablename__ = "evaluation_detail"

    trial_id: Mapped[int] = mapped_column(sa.ForeignKey("trial.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    evaluation_fingerprint: Mapped[str] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(sa.ForeignKey("attempt.id"), primary_key=True, index=True)
    details: Mapped[Mapping[str, Any]]
    time_ms: Mapped[int] = mapped_column(sa.BigInteger)


class Analysis(Table):
    """What one analysis gave of one moving average of a trial, asked in one way; the first one told stands."""

    __tablename__ = "analyses"

    trial_id: Mapped[int] = mapped_column(sa.ForeignKey("trial.id"), primary_key=True)
    analysis: Mapped[str] = mapped_column(primary_key=True)
    """Its name, such as `loss_grid`."""
    version: Mapped[int] = mapped_column(primary_key=True)
    """Of its definition."""
    step: Mapped[int] = mapped_column(primary_key=True)
    """Optimizer steps that the weights had."""
    weights: Mapped[str] = mapped_column(primary_key=True)
    """Hash of the file that they were read from; of what goes over training, of all files."""
    asked: Mapped[str] = mapped_column(primary_key=True)
    """What tells questions to the same weights apart: evaluation and partition."""
    arrays: Mapped[Sequence[Mapping[str, Any]]]
    """As `AnalysisArray.to_json` writes them; none where it does not apply to the trial, and `details` say why."""
    details: Mapped[Mapping[str, Any]]
    created: Mapped[datetime]


class EvaluatedWeights(Table):
    """Weights that were trained elsewhere, and what was measured of them."""

    __tablename__ = "evaluated_weights"

    name: Mapped[str] = mapped_column(primary_key=True)
    """What a person calls the result."""
    metrics: Mapped[Mapping[str, Any]]
    protocol: Mapped[Mapping[str, Any]]
    """Everything that must agree before two results compare."""
    details: Mapped[Mapping[str, Any]]
    measured: Mapped[datetime]


class Outbox(Table):
    """What one tracker has yet to receive, written in the transaction of the event itself."""

    __tablename__ = "outbox"
    # A process that lost its lease may still delete what it delivered: an id must never name a second row.
    __table_args__ = (sa.Index(None, "tracker", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    payload: Mapped[Mapping[str, Any]]
    created: Mapped[datetime]
    tracker: Mapped[str] = mapped_column(server_default="mlflow")
    """No foreign key: an event that is being written must not fail when its tracker is unregistered at that moment."""


class RegisteredTracker(Table):
    """One that every event is posted for: who delivers to it, until when, and the mark of what was delivered last."""

    __tablename__ = "tracker"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]
    mark: Mapped[str | None]
