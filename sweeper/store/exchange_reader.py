"""Sweeps and trials of a store as plain data."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.store import analyses, evaluated, importing
from sweeper.store.database import Database
from sweeper.store.exchange_format import (
    AnalysisPart,
    AttemptHistory,
    AttemptPart,
    TrialPart,
    VersionPart,
    WeightsPart,
    attempt_part,
    find_attempt,
    history_of,
    trials_of,
    versions_of,
)
from sweeper.store.sweeps import sweep_named
from sweeper.store.tables import Attempt, SweepTrial, SweepVersion, Trial


@dataclass(frozen=True)
class Exporting:
    """A sweep with every version and every trial that one of them names, each of which is read when its turn comes."""

    name: str
    profile: str
    fingerprints: tuple[str, ...]
    """Of the trials, sorted."""
    versions: Iterator[VersionPart]
    trials: Iterator[TrialPart]
    """In the order of their names."""
    weights: tuple[WeightsPart, ...]
    """Those measured here that the report of one of its versions shows, by name."""
    has_analyses: bool
    analyses: Iterator[AnalysisPart]
    """Of the trials' weights, in the order of their keys."""


def _analyses_of(session: Session, fingerprints: Sequence[str]) -> Iterator[AnalysisPart]:
    for one in analyses.analyses_of(session, fingerprints):
        yield AnalysisPart.model_validate(dataclasses.asdict(one))


def _weights_of(session: Session, sweep_id: int) -> tuple[WeightsPart, ...]:
    specs = session.scalars(sa.select(SweepVersion.spec).where(SweepVersion.sweep_id == sweep_id))
    names = {name for spec in specs for name in (spec.get("report") or {}).get("published", ())}
    return tuple(WeightsPart(**dataclasses.asdict(one)) for one in evaluated.measured(session, names))


class ExchangeReader:
    """The part of `ResultsReader` that what leaves a store is read by."""

    _database: Database

    @contextmanager
    def exporting(self, name: str, profile: str | None) -> Iterator["Exporting"]:
        """A sweep as of one moment.

        Raises RequestError for an unknown sweep, and for several of that name without a profile.
        """
        with self._database.reading() as session:
            sweep = sweep_named(session, name, profile)
            named = sa.select(Trial.fingerprint).join(SweepTrial, SweepTrial.trial_id == Trial.id)
            named = named.join(SweepVersion, SweepVersion.id == SweepTrial.sweep_version_id).where(SweepVersion.sweep_id == sweep.id)
            fingerprints = tuple(sorted(session.scalars(named.distinct())))
            yield Exporting(
                sweep.name,
                sweep.profile,
                fingerprints,
                versions_of(session, sweep.name, sweep.profile),
                trials_of(session, fingerprints),
                _weights_of(session, sweep.id),
                analyses.are_there(session, fingerprints),
                _analyses_of(session, fingerprints),
            )

    def trials(self, fingerprints: Iterable[str]) -> Iterator[TrialPart]:
        """Those of these names that are here, with every attempt."""
        with self._database.reading() as session:
            yield from trials_of(session, fingerprints)

    def versions(self) -> list[VersionPart]:
        """Of all sweeps, the oldest first."""
        with self._database.reading() as session:
            return list(versions_of(session, None, None))

    def version(self, name: str, profile: str, version: str) -> VersionPart | None:
        """One version of a sweep; None for one that is not here."""
        with self._database.reading() as session:
            return next(versions_of(session, name, profile, version), None)

    def configs(self, fingerprints: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Of the trials with these names."""
        with self._database.reading() as session:
            return importing.configs(session, fingerprints)

    def attempt(self, fingerprint: str, number: int) -> AttemptPart | None:
        """What an attempt is, without what it measured; None for one that is not here."""
        with self._database.reading() as session:
            found = find_attempt(session, fingerprint, number)
            return None if found is None else attempt_part(found)

    def attempt_history(self, fingerprint: str, number: int) -> AttemptHistory | None:
        """All that is stored of an attempt; None for one that is not here."""
        with self._database.reading() as session:
            found = find_attempt(session, fingerprint, number)
            return None if found is None else history_of(session, found)

    def ended_attempts(self) -> list[tuple[str, int]]:
        """(fingerprint, number) of every attempt that is over."""
        query = sa.select(Trial.fingerprint, Attempt.number).join(Trial, Trial.id == Attempt.trial_id).where(Attempt.state != "running")
        with self._database.reading() as session:
            return [(name, number) for name, number in session.execute(query.order_by(Trial.fingerprint, Attempt.number))]
