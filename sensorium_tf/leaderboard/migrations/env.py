"""Runs the migrations on the connection that `Database.upgrade` hands in."""

from alembic import context

from sensorium_tf.leaderboard.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
