"""When a trial was cancelled; and indexes by which the rows of an attempt are found, without which deleting one reads whole tables."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXED = ("evaluation", "evaluation_detail")


def upgrade() -> None:
    op.add_column("trial", sa.Column("cancelled", sa.DateTime(timezone=True), nullable=True))
    for table in INDEXED:
        op.create_index(op.f(f"ix_{table}_attempt_id"), table, ["attempt_id"])


def downgrade() -> None:
    for table in INDEXED:
        op.drop_index(op.f(f"ix_{table}_attempt_id"), table)
    op.drop_column("trial", "cancelled")
