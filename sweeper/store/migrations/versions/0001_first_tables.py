"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
        sa.UniqueConstraint("name", "profile", name=op.f("uq_sweep_name_profile")),
    )
    op.create_table(
        "sweep_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sweep_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweep.id"], name=op.f("fk_sweep_version_sweep_id_sweep")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_version")),
        sa.UniqueConstraint("sweep_id", "hash", name=op.f("uq_sweep_version_sweep_id_hash")),
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_trial_fingerprint")),
    )
    op.create_table(
        "sweep_trial",
        sa.Column("sweep_version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("evaluation_fingerprint", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sweep_version_id"], ["sweep_version.id"], name=op.f("fk_sweep_trial_sweep_version_id_sweep_version")),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_sweep_trial_trial_id_trial")),
        sa.PrimaryKeyConstraint("sweep_version_id", "position", name=op.f("pk_sweep_trial")),
    )
    op.create_index(op.f("ix_sweep_trial_trial_id"), "sweep_trial", ["trial_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_seconds", sa.Double(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("start_step", sa.Integer(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("checkpoint_step", sa.Integer(), nullable=False),
        sa.Column("comparability", sa.JSON(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'finished', 'failed', 'diverged', 'stopped', 'lost')", name=op.f("ck_attempt_state")),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_attempt_trial_id_trial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("trial_id", "number", name=op.f("uq_attempt_trial_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_attempt_running",
        "attempt",
        ["trial_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "curve_point",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_curve_point_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("attempt_id", "step", "metric", name=op.f("pk_curve_point")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evaluation",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("evaluation_fingerprint", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_evaluation_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_evaluation_trial_id_trial")),
        sa.PrimaryKeyConstraint("trial_id", "step", "evaluation_fingerprint", "attempt_id", "metric", name=op.f("pk_evaluation")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evaluation_detail",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("evaluation_fingerprint", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_evaluation_detail_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_evaluation_detail_trial_id_trial")),
        sa.PrimaryKeyConstraint("trial_id", "step", "evaluation_fingerprint", "attempt_id", name=op.f("pk_evaluation_detail")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "mirror_lease",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_mirror_lease_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirror_lease")),
    )


def downgrade() -> None:
    for table in (
        "mirror_lease",
        "outbox",
        "evaluation_detail",
        "evaluation",
        "curve_point",
        "attempt",
        "sweep_trial",
        "trial",
        "sweep_version",
        "sweep",
    ):
        op.drop_table(table)
