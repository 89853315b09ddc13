"""Alembic's entry: the connection comes from `monitoring.migrating.migrate`, which holds the migration lock."""

from alembic import context

from monitoring.tables import SQLModel

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transaction_per_migration=True,  # what one locks is let go before the next one begins
)
with context.begin_transaction():
    context.run_migrations()
