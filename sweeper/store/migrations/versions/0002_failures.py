"""Why an attempt failed and what was done about it; the command that ran a sweep."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("failure", sa.String(16), nullable=True))
    op.add_column("attempt", sa.Column("policy", sa.Text(), nullable=True))
    op.add_column("sweep_version", sa.Column("command", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sweep_version", "command")
    op.drop_column("attempt", "policy")
    op.drop_column("attempt", "failure")
