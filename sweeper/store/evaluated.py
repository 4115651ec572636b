"""Weights that `sweeper evaluate` measured: a row each, of no sweep and of no trial."""

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import MeasuredWeights
from sweeper.store.database import Database
from sweeper.store.tables import EvaluatedWeights
from sweeper.store.writing import chunks, finite, insert_or_ignore


def measured(session: Session, names: Collection[str] | None = None) -> tuple[MeasuredWeights, ...]:
    """Those of these names, of all without a list; by name, in an order that depends on no database's collation."""
    query = sa.select(EvaluatedWeights)
    if names is not None:
        query = query.where(EvaluatedWeights.name.in_(names))
    rows = session.scalars(query)
    found = (MeasuredWeights(row.name, dict(row.metrics), dict(row.protocol), dict(row.details), row.measured) for row in rows)
    return tuple(sorted(found, key=lambda one: one.name))


def keep(session: Session, rows: Iterable[MeasuredWeights]) -> int:
    """Those whose names are not taken; the others stay as they are. Returns how many were new. ValueError for NaN and infinity."""
    values = [
        {"name": one.name, "metrics": finite(one.metrics), "protocol": one.protocol, "details": one.details, "measured": one.measured}
        for one in rows
    ]
    return sum(insert_or_ignore(session, EvaluatedWeights, some) for some in chunks(values))


def forget(session: Session, name: str) -> bool:
    """Takes the result of that name out; whether there was one."""
    there = bool(measured(session, [name]))
    session.execute(sa.delete(EvaluatedWeights).where(EvaluatedWeights.name == name))
    return there


class EvaluatedReader:
    """The part of `ResultsReader` that evaluated weights are read by."""

    _database: Database

    def measured_weights(self, names: Collection[str] | None = None) -> tuple[MeasuredWeights, ...]:
        """What `sweeper evaluate` measured of the weights with these names, of all without a list; by name."""
        with self._database.reading() as session:
            return measured(session, names)
