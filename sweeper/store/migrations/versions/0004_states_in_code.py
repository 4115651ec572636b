"""The states of attempts are listed in `sweeper.states` alone: the column holds any of them, so that a new one needs no new schema.

On SQLite a constraint goes only with its table, and a table that others point to cannot be replaced inside a transaction. A constraint
changes nothing of what lies on disk, so it is taken out of the stored text, as https://www.sqlite.org/lang_altertable.html describes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CHECK = "CONSTRAINT ck_attempt_state CHECK (state IN ('running', 'finished', 'failed', 'diverged', 'stopped', 'lost'))"


def upgrade() -> None:
    if op.get_context().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_attempt_state"), "attempt", type_="check")
        return
    _rewrite(f"{CHECK}, \n\t", "")


def downgrade() -> None:
    if op.get_context().dialect.name != "sqlite":
        op.create_check_constraint(op.f("ck_attempt_state"), "attempt", CHECK.partition("CHECK ")[2])
        return
    _rewrite("CONSTRAINT fk_attempt_trial_id_trial", f"{CHECK}, \n\tCONSTRAINT fk_attempt_trial_id_trial")


def _rewrite(old: str, new: str) -> None:
    connection = op.get_bind()
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    table = "name = 'attempt' AND type = 'table'"
    before = connection.scalar(sa.text(f"SELECT sql FROM sqlite_master WHERE {table}"))
    assert isinstance(before, str), "a table has a text"
    assert isinstance(version, int), "SQLite counts its schemas"
    assert before.count(old) == 1, "the text that the first migration wrote"
    op.execute("PRAGMA writable_schema = ON")
    op.execute(sa.text(f"UPDATE sqlite_master SET sql = :text WHERE {table}").bindparams(text=before.replace(old, new)))
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")
