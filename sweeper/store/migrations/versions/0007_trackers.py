"""The outbox serves several trackers: a row of it is for one of them, and each has a lease and a mark of its own.

MLflow was the only one: what waits is for it, and its lease and mark become its row.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = ("owner", "until", "mark")
LEASE = sa.table("mirror_lease", sa.column("id"), *map(sa.column, COLUMNS))
TRACKER = sa.table("tracker", sa.column("name"), *map(sa.column, COLUMNS))


def upgrade() -> None:
    op.create_table(
        "tracker",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tracker")),
    )
    op.execute(TRACKER.insert().from_select(["name", *COLUMNS], sa.select(sa.literal("mlflow"), *(LEASE.c[name] for name in COLUMNS))))
    if op.get_bind().scalar(sa.select(sa.func.count()).select_from(TRACKER)) == 0:  # nothing was ever delivered
        epoch = sa.bindparam("until", datetime(1970, 1, 1), sa.DateTime(timezone=True))
        op.execute(TRACKER.insert().values(name="mlflow", owner="", until=epoch))
    op.drop_table("mirror_lease")
    op.add_column("outbox", sa.Column("tracker", sa.Text(), server_default="mlflow", nullable=False))
    op.create_index(op.f("ix_outbox_tracker_id"), "outbox", ["tracker", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_tracker_id"), "outbox")
    op.execute("DELETE FROM outbox WHERE tracker <> 'mlflow'")
    op.drop_column("outbox", "tracker")
    op.create_table(
        "mirror_lease",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_mirror_lease_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirror_lease")),
    )
    of_mlflow = sa.select(sa.literal(1), *(TRACKER.c[name] for name in COLUMNS)).where(TRACKER.c.name == "mlflow")
    op.execute(LEASE.insert().from_select(["id", *COLUMNS], of_mlflow))
    op.drop_table("tracker")
