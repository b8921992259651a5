"""The kinds of columns that the tables have."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String

from sensorium_tf.leaderboard.utc import Utc

#: Lengths of texts.
ID, NAME = 32, 120
DIGEST = 64  # of SHA-256, hexadecimal


def key(name: str = "id") -> Column:
    """Returns the column that names a row by a number."""
    return Column(name, Integer, primary_key=True)


def to(column: str, **options) -> Column:
    """Returns the column that names a row of another table."""
    name = f"{column.partition('.')[0].removesuffix('s')}_id"
    kind = String(ID) if column in ("uploads.id", "submissions.id") else Integer
    options.setdefault("nullable", False)
    return Column(options.pop("name", name), kind, ForeignKey(column), **options)


def blob(name: str, *, nullable: bool = False) -> Column:
    """Returns the column that names a stored file."""
    return Column(name, String(DIGEST), ForeignKey("blobs.sha256"), nullable=nullable)


def size(name: str, **options) -> Column:
    """Returns a column of numbers of bytes, which may be those of files of movies."""
    # The whole numbers of SQLite are of any size, and have one name.
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), **options)


def time(name: str, *, nullable: bool = True) -> Column:
    """Returns a column of times, in UTC."""
    return Column(name, Utc, nullable=nullable)


def created(name: str = "created_at") -> Column:
    """Returns the column of a time that every row has."""
    return time(name, nullable=False)


def text(name: str, length: int | None = None, **options) -> Column:
    """Returns a column of text."""
    options.setdefault("nullable", False)
    return Column(name, String(length), **options)
