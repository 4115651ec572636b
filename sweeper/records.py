"""The words that the packages of `sweeper/` share: plain frozen values, no behaviour that needs a library.

*sweep* (the file and its question) · *factor*, *level* · *variant* (one combination of levels) · *trial* (variant x seed, named by its
training fingerprint) · *attempt* (one try at a trial) · *contrast* (a declared comparison of variants).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sweeper.states import TRIAL_STATES
from sweeper.states import AttemptState as AttemptState
from sweeper.states import TrialState as TrialState

Metrics = Mapping[str, float]

COMPARABILITY = ("device", "torch", "precision", "world_size", "micro_batch", "threads", "evaluator", "encoder", "features")
"""What must agree for two results to stand in one table: recorded with every attempt."""

FailureClass = Literal["config error", "out of memory", "diverged", "lost", "data error", "disk full", "fault"]
"""Why an attempt did not finish; `sweeper.plan.failures` says what is done about each. `fault`: any exception that has no class."""


@dataclass(frozen=True)
class Variant:
    """One combination of levels."""

    name: str
    """Level names joined by '/', in the order of the factors; or the given name of an explicit variant."""
    levels: Mapping[str, str]
    """Factor name -> level name; empty for an explicit variant."""
    overrides: Mapping[str, Any]
    """Dotted path -> value, laid over the sweep's base config."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial as a sweep wants it: who it is, how far it trains, how it is evaluated."""

    variant: str
    levels: Mapping[str, str]
    seed: int
    fingerprint: str
    """Training fingerprint: names the trial in every sweep."""
    evaluation_fingerprint: str
    steps: int
    config: Mapping[str, Any]
    """The whole resolved `TrainConfig`, JSON-ready."""
    content: Mapping[str, str] = field(default_factory=dict)
    """What its fingerprint names outside the config, by content: `data`, and `assignment` where that is a class of the user's."""
    because: str = ""
    """Why an earlier variant's trial serves this one, where their configs differ and it does."""
    search: bool = False
    """Of a search, which may stop it early: then nothing more is wanted of it."""


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What the store knows of one planned trial of a sweep version."""

    variant: str
    levels: Mapping[str, str]
    seed: int
    fingerprint: str
    steps: int
    state: TrialState
    metrics: Metrics = field(default_factory=dict)
    """Of the wanted evaluation at the wanted step; empty unless finished."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What a number needs beside it: `samples`, `fd_floor`, `classifier_accuracy`, ..."""
    comparability: Mapping[str, Any] = field(default_factory=dict)
    """Device model, torch version, precision, ...: results mix in a table only where these agree."""
    streams: Mapping[str, str] = field(default_factory=dict)
    """Random stream -> fingerprint, which with the seed names its draws: trials pair where these agree. Empty when it is not known."""
    attempts: int = 0
    result_attempt: int = 0
    """Number of the attempt that made the result; 0 unless finished."""
    step: int = 0
    """Newest step reported."""
    error: str | None = None
    """First line of the newest attempt's first real exception, when its state is a failure."""
    out_of_memory: bool = False
    """An earlier attempt ran out of memory, and this one may have been given smaller micro-batches of the same batch."""
    evaluation_fingerprint: str = ""
    seconds: float = 0.0
    """That its attempts took, from start to end."""

    @property
    def has_result(self) -> bool:
        return TRIAL_STATES[self.state].has_result


@dataclass(frozen=True, slots=True)
class TrialCurves:
    """What one trial of a sweep measured on its way: metric -> step -> value."""

    training: Mapping[str, Mapping[int, float]]
    """Points of its training curves, thinned out."""
    evaluations: Mapping[str, Mapping[int, float]]
    """The evaluations that the sweep asks for, at every step where a finished attempt, or one that it continued, made them."""


@dataclass(frozen=True)
class VersionRecord:
    """What another version of a sweep says."""

    version: str
    created: datetime
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class EarlierVersion:
    """A version of any sweep that wants some of the same trials, and had all of its results before this one was first run.

    Attributes:
        name: Of its sweep; with its profile.
        version: Hash of its resolved spec.
        whole: When its last trial ended.
        spec: Its resolved spec.
        fingerprints: (variant, seed) -> trial, as that version names them.
    """

    name: str
    profile: str
    version: str
    whole: datetime
    spec: Mapping[str, Any]
    fingerprints: Mapping[tuple[str, int], str]


@dataclass(frozen=True)
class MeasuredWeights:
    """Weights that were trained elsewhere, as `sweeper evaluate` measured them."""

    name: str
    """What a person calls the result."""
    metrics: Metrics
    protocol: Mapping[str, Any]
    """Everything that must agree before two results compare, as `model.evaluate_weights` says it."""
    details: Mapping[str, Any]
    measured: datetime


@dataclass(frozen=True)
class TrialAnalysis:
    """One analysis of one trial's trained weights."""

    fingerprint: str
    """Of the trial."""
    analysis: str
    """Its name, such as `loss_grid`."""
    version: int
    """Of its definition."""
    step: int
    """Optimizer steps that the weights had."""
    weights: str
    """Hash of the file that they were read from; of what goes over training, of all files."""
    asked: str
    """What tells questions to the same weights apart, as `sweeper.plan.asked_of_weights` names it: evaluation and partition."""
    arrays: tuple[Mapping[str, Any], ...]
    """As `model.analysis_result.AnalysisArray.to_json` writes them; none where the analysis does not apply, and `details` say why."""
    details: Mapping[str, Any]
    created: datetime

    @property
    def not_applicable(self) -> str | None:
        """Why the analysis does not apply to the trial."""
        why = self.details.get("not_applicable")
        return None if why is None else str(why)


@dataclass(frozen=True)
class SweepSnapshot:
    """One version of a sweep with the outcome of each of its trials, as read in one transaction."""

    name: str
    profile: str
    """'default' when no profile was asked for."""
    version: str
    """Hash of the resolved spec."""
    spec: Mapping[str, Any]
    """The resolved spec, JSON-ready (`SweepSpec.read` reads it)."""
    created: datetime
    outcomes: tuple[TrialOutcome, ...]
    newest_result: datetime | None = None
    first_result: datetime | None = None
    """When the first of these results was there."""
    versions: tuple[VersionRecord, ...] = ()
    """Every other version of this sweep, the oldest first."""
    earlier: tuple[EarlierVersion, ...] = ()
    """Versions of this and other sweeps whose claims were tested on some of these trials before; the oldest first."""
    weights: tuple[MeasuredWeights, ...] = ()
    """Of no sweep, and by name: what `sweeper evaluate` measured, for a report that shows some of it beside the sweep."""


@dataclass(frozen=True)
class Lease:
    """The right to run one attempt at a trial: held by one driver, fenced by `attempt_id`."""

    attempt_id: int
    fingerprint: str
    number: int
    """Attempts of a trial count from 1; attempt n owns the folder `attempt-n` and reads those of `earlier`."""
    earlier: tuple[int, ...]
    """Numbers of the attempts whose checkpoints may be resumed from, newest first."""
    recorded: tuple[int, ...] = ()
    """Of each of them, the newest checkpoint that the store knows of, or its end where it finished: the curve up to it is whole."""
    foreign: tuple[int, ...] = ()
    """Numbers of attempts with a checkpoint that is not to be resumed from: they ran under other conditions."""


@dataclass(frozen=True)
class Result:
    """The evaluation that a trial was run for, written with the end of its attempt in one transaction."""

    step: int
    evaluation_fingerprint: str
    metrics: Metrics
    details: Mapping[str, Any]
    time_ms: int
    """Unix time in milliseconds."""


@dataclass(frozen=True)
class EarlierAttempt:
    """An attempt that a next one may go on from, if its files are still there."""

    number: int
    recorded: int
    """Step up to which the store has the whole curve: of its newest checkpoint, or of its end where it finished."""
    comparability: Mapping[str, Any]


@dataclass(frozen=True)
class KnownTrial:
    """What the store knows of a trial, for planning."""

    fingerprint: str
    evaluated: frozenset[tuple[int, str]]
    """(step, evaluation fingerprint) of every evaluation by a finished attempt; an attempt that restarted supersedes all before it."""
    checkpoint_step: int
    """Step of the newest checkpoint that any resumable attempt reported; 0 is none. The file may be gone since."""
    comparability: Mapping[str, Any]
    """Of the newest attempt with a checkpoint or a result, else of the newest that reported one; empty when none did."""
    newest_state: AttemptState | None
    """Of the newest attempt."""
    error: str | None
    """First line of the newest attempt's first real exception."""
    failure: FailureClass | None = None
    """Of the newest attempt."""
    out_of_memory: bool = False
    """An attempt ran out of memory, so the next has smaller micro-batches."""
    attempts: int = 0
    """How many there were: the number of the newest."""
    earlier: tuple[EarlierAttempt, ...] = ()
    """Those that a next one may go on from, newest first."""
    cancelled: bool = False
    """A user wants it left alone."""


@dataclass(frozen=True)
class TrialTiming:
    """How long a finished attempt took, for planning others of its shape."""

    config: Mapping[str, Any]
    comparability: Mapping[str, Any]
    evaluation_fingerprint: str
    seconds_per_step: float
    other_seconds: float
    """Start, evaluations, checkpoints: all but the steps."""
    looked_at_by: str = ""
    """Of the networks that decoded its samples and looked at them (`TrainConfig.looked_at_by`); empty where there were none, or none
    was timed."""
    seconds_per_sample: float | None = None
    """What that took, for each sample, in one process."""


@dataclass(frozen=True)
class AttemptRecord:
    """One attempt, as `sweeper show` prints it."""

    number: int
    state: AttemptState
    started: datetime
    ended: datetime | None
    start_step: int
    step: int
    checkpoint_step: int
    comparability: Mapping[str, Any]
    provenance: Mapping[str, Any]
    error: str | None
    """The whole first real exception with its traceback, when there was one."""
    failure: FailureClass | None = None
    policy: str | None = None
    """What was done about it, as a sentence."""


@dataclass(frozen=True)
class PointRecord:
    """One value of one metric's curve."""

    step: int
    metric: str
    value: float
    time_ms: int
    """Unix time in milliseconds."""


@dataclass(frozen=True)
class TrialHistory:
    """All the store knows of one trial."""

    fingerprint: str
    config: Mapping[str, Any]
    sweeps: tuple[tuple[str, str, str, int], ...]
    """(sweep name, profile, variant, seed) of every sweep it serves."""
    attempts: tuple[AttemptRecord, ...]
    points: tuple[PointRecord, ...]
    """Each step read from the newest attempt that began at or before it; by metric, then step."""
    evaluations: tuple[PointRecord, ...]
    """Metrics of evaluations by finished attempts, newest attempt first where two evaluated one step."""
    details: Mapping[str, Any]
    """`details` of the newest evaluation."""
    commands: tuple[str, ...] = ()
    """The command lines of the sweeps it serves, the one that ran last first."""
    cancelled: datetime | None = None
    """Since when a user wants it left alone."""


@dataclass(frozen=True)
class OutboxRow:
    """Something that a tracker has yet to receive, written in the transaction of the event itself."""

    id: int
    kind: Literal["sweep", "link", "points", "evaluation", "attempt", "pages", "deleted"]
    payload: Mapping[str, Any]
