"""The mark of what the mirror delivered last, beside its lease; it was a row of the outbox, with the id 0."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEASE = sa.table("mirror_lease", sa.column("mark"))
OUTBOX = sa.table("outbox", sa.column("id"), sa.column("payload", sa.JSON))


def upgrade() -> None:
    op.add_column("mirror_lease", sa.Column("mark", sa.Text(), nullable=True))
    # Whoever left a mark held the lease before, so its row is there.
    marks = op.get_bind().scalars(sa.select(OUTBOX.c.payload).where(OUTBOX.c.id == 0)).all()
    for payload in marks:
        op.execute(sa.update(LEASE).values(mark=payload["mark"]))
    op.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == 0))


def downgrade() -> None:
    op.drop_column("mirror_lease", "mark")
