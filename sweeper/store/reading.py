"""Reading many rows."""

from collections.abc import Iterator
from typing import TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

Columns = TypeVarTuple("Columns")
_AT_ONCE = 10_000


def rows_of(session: Session, query: "sa.Select[*Columns]") -> "Iterator[sa.Row[*Columns]]":
    """The rows of a query for columns, past the session's own loading of objects: a large sweep has millions of values."""
    for some in session.connection().execute(query).partitions(_AT_ONCE):
        yield from some
