"""What Alembic runs: the migrations, in the transaction of the connection that `sweeper.store.schema` hands over."""

from alembic import context

from sweeper.store.tables import Table

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=Table.metadata,
    version_table=attributes["version_table"],
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
