"""What analyses gave of the trained weights of trials: a row for each analysis of each moving average, and each way of asking."""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import TrialAnalysis
from sweeper.store.database import Database
from sweeper.store.tables import Analysis, Trial
from sweeper.store.writing import chunks, insert_or_ignore


def analyses_of(session: Session, fingerprints: Iterable[str], names: Collection[str] | None = None) -> Iterator[TrialAnalysis]:
    """Those of the trials with these names, and of these analyses, of all without a list; some trials at a time.

    In the order of fingerprint, analysis, version, step, weights and what was asked, which depends on no database's collation.
    """
    query = sa.select(Trial.fingerprint, *Analysis.__table__.columns).join(Trial, Trial.id == Analysis.trial_id)
    if names is not None:
        query = query.where(Analysis.analysis.in_(names))
    for some in chunks(sorted(fingerprints), 100):
        rows = session.execute(query.where(Trial.fingerprint.in_(some)))
        found = (
            TrialAnalysis(
                row.fingerprint,
                row.analysis,
                row.version,
                row.step,
                row.weights,
                row.asked,
                tuple(row.arrays),
                dict(row.details),
                row.created,
            )
            for row in rows
        )
        yield from sorted(found, key=key_of)


def are_there(session: Session, fingerprints: Iterable[str]) -> bool:
    """Whether any trial with one of these names has an analysis."""
    query = sa.select(Analysis.trial_id).join(Trial, Trial.id == Analysis.trial_id).limit(1)
    return any(session.scalars(query.where(Trial.fingerprint.in_(some))).first() is not None for some in chunks(fingerprints))


def key_of(one: TrialAnalysis) -> tuple[str, str, int, int, str, str]:
    """What there is one row of."""
    return one.fingerprint, one.analysis, one.version, one.step, one.weights, one.asked


def keep(session: Session, rows: Iterable[TrialAnalysis]) -> int:
    """Those that are not here; the others stay as they are. Returns how many were new; none of a trial that is not here (any more).

    Raises ValueError for an infinite number; there is no NaN in such rows, it is written as null.
    """
    rows = list(rows)
    ids: dict[str, int] = {}
    for some in chunks(sorted({one.fingerprint for one in rows})):
        query = sa.select(Trial.fingerprint, Trial.id).where(Trial.fingerprint.in_(some)).order_by(Trial.fingerprint)
        ids |= {row.fingerprint: row.id for row in session.execute(query.with_for_update(key_share=True))}  # nobody deletes them meanwhile
    return insert_or_ignore(session, Analysis, [_row(one, ids[one.fingerprint]) for one in rows if one.fingerprint in ids])


def _row(one: TrialAnalysis, trial_id: int) -> dict[str, Any]:
    arrays = list(one.arrays)
    try:
        json.dumps([arrays, dict(one.details)], allow_nan=False)
    except ValueError as error:
        raise ValueError(f"analysis {one.analysis} of trial {one.fingerprint} holds a number that no store holds ({error})") from error
    return {
        "trial_id": trial_id,
        "analysis": one.analysis,
        "version": one.version,
        "step": one.step,
        "weights": one.weights,
        "asked": one.asked,
        "arrays": arrays,
        "details": dict(one.details),
        "created": one.created,
    }


class AnalysesReader:
    """The part of `ResultsReader` that analyses are read by."""

    _database: Database

    def analyses(self, fingerprints: Iterable[str], names: Collection[str] | None = None) -> list[TrialAnalysis]:
        """What is known of the weights of trials with these names, by analyses with these `names`, by all without a list.

        In the order of fingerprint, analysis, version, step, weights and what was asked.
        """
        with self._database.reading() as session:
            return list(analyses_of(session, fingerprints, names))
