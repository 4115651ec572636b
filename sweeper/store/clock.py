"""The clock that leases are measured by: the server's where several machines share one, else this machine's."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session


def now(asked: Session | Connection) -> datetime:
    """In UTC."""
    dialect = asked.dialect if isinstance(asked, Connection) else asked.get_bind().dialect
    if dialect.name == "postgresql":
        return asked.execute(sa.select(sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)))).scalar_one().astimezone(UTC)
    return datetime.now(UTC)
