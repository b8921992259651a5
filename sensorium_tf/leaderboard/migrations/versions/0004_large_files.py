"""A file may have more than 2 GiB, as those of movies do."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SIZES = (
    ("blobs", "size"),
    ("uploads", "length"),
    ("uploads", "received"),
    ("upload_parts", "start"),
)


def upgrade() -> None:
    """Widens the columns of numbers of bytes; those of SQLite take any whole number."""
    if op.get_bind().dialect.name != "sqlite":
        for table, column in _SIZES:
            op.alter_column(table, column, type_=sa.BigInteger(), existing_nullable=False)
