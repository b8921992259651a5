"""What the leaderboard knows, as SQLAlchemy Core tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from sensorium_tf.leaderboard.utc import Utc

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_ID = 32
_DIGEST = 64  # of SHA-256, hexadecimal
_NAME = 120


def _key(name: str = "id") -> Column:
    return Column(name, Integer, primary_key=True)


def _to(column: str, **options) -> Column:
    name = f"{column.partition('.')[0].removesuffix('s')}_id"
    kind = String(_ID) if column in ("uploads.id", "submissions.id") else Integer
    options.setdefault("nullable", False)
    return Column(options.pop("name", name), kind, ForeignKey(column), **options)


def _blob(name: str, *, nullable: bool = False) -> Column:
    return Column(name, String(_DIGEST), ForeignKey("blobs.sha256"), nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> Column:
    return Column(name, Utc, nullable=nullable)


def _created(name: str = "created_at") -> Column:
    return _time(name, nullable=False)


def _text(name: str, length: int | None = None, **options) -> Column:
    options.setdefault("nullable", False)
    return Column(name, String(length), **options)


users = Table(
    "users",
    METADATA,
    _key(),
    _text("name", _NAME, unique=True),
    Column("is_organiser", Boolean, nullable=False),
    _created(),
    _time("disabled_at"),
)

tokens = Table(
    "tokens",
    METADATA,
    _key(),
    _to("users.id", index=True),
    _text("digest", _DIGEST, unique=True),
    _text("name", _NAME),
    _text("scopes", _NAME),
    _created(),
    _time("expires_at"),
    _time("revoked_at"),
)

identities = Table(
    "identities",
    METADATA,
    _key(),
    _to("users.id", index=True),
    _text("issuer"),
    _text("subject"),
    _created(),
    UniqueConstraint("issuer", "subject"),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("digest", String(_DIGEST), primary_key=True),
    _to("users.id", index=True),
    _to("tokens.id", nullable=True),
    _text("scopes", _NAME),
    _created(),
    _time("expires_at", nullable=False),
)

teams = Table(
    "teams",
    METADATA,
    _key(),
    _text("name", _NAME, unique=True),
    _created(),
    Column("quota_bytes", BigInteger),
)

members = Table(
    "members",
    METADATA,
    _to("teams.id", primary_key=True),
    _to("users.id", primary_key=True, index=True),
)

invitations = Table(
    "invitations",
    METADATA,
    _key(),
    _text("digest", _DIGEST, unique=True),
    _to("teams.id", nullable=True),
    Column("is_organiser", Boolean, nullable=False),
    _created(),
    _time("expires_at", nullable=False),
    _to("users.id", name="user_id", nullable=True),
    _time("used_at"),
)

competitions = Table(
    "competitions",
    METADATA,
    _key(),
    _text("slug", _NAME, unique=True),
    _text("title", _NAME),
    _text("challenge", _NAME),
    _created(),
    _time("paused_at"),
)

tracks = Table(
    "tracks",
    METADATA,
    _key(),
    _to("competitions.id"),
    _text("slug", _NAME, unique=True),
    _text("title", _NAME),
    _text("rules", _NAME),
    _text("primary_metric", _NAME),
    Column("submissions_a_day", Integer, nullable=False),
)

phases = Table(
    "phases",
    METADATA,
    _key(),
    _to("tracks.id"),
    _text("name", _NAME),
    _text("tier", _NAME),
    Column("is_final", Boolean, nullable=False),
    _time("opens_at"),
    _time("closes_at"),
    Column("grace_seconds", Integer, nullable=False),
    _time("revealed_at"),
    UniqueConstraint("track_id", "name"),
    UniqueConstraint("track_id", "tier"),
)

blobs = Table(
    "blobs",
    METADATA,
    Column("sha256", String(_DIGEST), primary_key=True),
    Column("size", Integer, nullable=False),
    _created(),
)

truths = Table(
    "truths",
    METADATA,
    _key(),
    _to("phases.id"),
    Column("version", Integer, nullable=False),
    _blob("sha256"),
    _blob("outline_sha256"),
    _created(),
    UniqueConstraint("phase_id", "version"),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", String(_ID), primary_key=True),
    _to("users.id", index=True),
    _to("teams.id"),
    _to("phases.id"),
    Column("length", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    _text("encoding", 16),
    _text("declared", _DIGEST, nullable=True),
    _created("opened_at"),
    _time("expires_at", nullable=False),
    _blob("sha256", nullable=True),
)

upload_parts = Table(
    "upload_parts",
    METADATA,
    _to("uploads.id", primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("length", Integer, nullable=False),
    _text("name", _NAME),
)

submissions = Table(
    "submissions",
    METADATA,
    Column("id", String(_ID), primary_key=True),
    _to("teams.id"),
    _to("users.id"),
    _to("tracks.id"),
    _text("name", _NAME),
    _text("method"),
    Column("links", JSON, nullable=False),
    Column("label", JSON),
    _text("standing"),
    Column("is_baseline", Boolean, nullable=False),
    _created("accepted_at"),
    _time("published_at"),
    _time("withdrawn_at"),
    Index(None, "track_id", "team_id", "accepted_at"),
)

submission_files = Table(
    "submission_files",
    METADATA,
    _to("submissions.id", primary_key=True),
    _to("phases.id", primary_key=True),
    _blob("sha256"),
    _to("uploads.id", unique=True, nullable=True),
)

evaluations = Table(
    "evaluations",
    METADATA,
    _key(),
    _to("submissions.id"),
    _to("phases.id"),
    _to("truths.id"),
    _text("kind", 16),
    _text("scorer", _NAME),
    _text("state", 16),
    Column("attempts", Integer, nullable=False),
    _text("lease", _ID, nullable=True),
    _time("leased_until"),
    _created(),
    _time("finished_at"),
    _text("error", nullable=True),
    UniqueConstraint("submission_id", "truth_id", "kind", "scorer"),
    Index(None, "state", "id"),
)

scores = Table(
    "scores",
    METADATA,
    _to("evaluations.id", primary_key=True),
    Column("metric", String(_NAME), primary_key=True),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
    Column("n_neurons", Integer),
    _text("reason", nullable=True),
)

neuron_scores = Table(
    "neuron_scores",
    METADATA,
    _to("evaluations.id", primary_key=True),
    Column("metric", String(_NAME), primary_key=True),
    Column("values", LargeBinary, nullable=False),
)

differences = Table(
    "differences",
    METADATA,
    _to("evaluations.id", primary_key=True),
    _to("evaluations.id", name="reference_id", primary_key=True),
    Column("metric", String(_NAME), primary_key=True),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
)

audit = Table(
    "audit",
    METADATA,
    _key(),
    _created("at"),
    _to("users.id", nullable=True),
    _text("action", _NAME),
    _text("subject", _NAME),
    Column("details", JSON, nullable=False),
)
