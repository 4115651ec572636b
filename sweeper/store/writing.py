"""Writing rows so that doing it twice is doing it once."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from sweeper.records import Metrics
from sweeper.store.tables import Table

Item = TypeVar("Item")


def insert_or_ignore(session: Session, table: type[Table], rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose keys are not taken; the others stay as they are. Returns how many were inserted."""
    if not rows:
        return 0
    connection = session.connection()
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    # Without the option, SQLAlchemy drops the count of an INSERT on PostgreSQL.
    inserted = connection.execute(insert.on_conflict_do_nothing(), rows, execution_options={"preserve_rowcount": True}).rowcount
    assert inserted >= 0, "the driver did not count the rows"
    return inserted


def finite(metrics: Metrics) -> dict[str, float]:
    """The metrics as plain floats; raises ValueError for NaN or infinity, which no table or mean can hold."""
    values = {metric: float(value) for metric, value in metrics.items()}
    for metric, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"metric {metric!r} is {value}; only finite values are stored, end the attempt as 'diverged' instead")
    return values


def storable(text: str) -> str:
    """The text with what a database refuses (NUL, lone surrogates) written out as escapes."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def chunks(items: Iterable[Item], size: int = 500) -> Iterator[list[Item]]:
    """The items in lists short enough for an IN of any database."""
    items = list(items)
    for start in range(0, len(items), size):
        yield items[start : start + size]
