"""What the leaderboard knows, as SQLAlchemy Core tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from sensorium_tf.leaderboard.columns import (
    DIGEST,
    ID,
    NAME,
    blob,
    created,
    key,
    size,
    text,
    time,
    to,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


users = Table(
    "users",
    METADATA,
    key(),
    text("name", NAME, unique=True),
    Column("is_organiser", Boolean, nullable=False),
    created(),
    time("disabled_at"),
)

tokens = Table(
    "tokens",
    METADATA,
    key(),
    to("users.id", index=True),
    text("digest", DIGEST, unique=True),
    text("name", NAME),
    text("scopes", NAME),
    created(),
    time("expires_at"),
    time("revoked_at"),
)

identities = Table(
    "identities",
    METADATA,
    key(),
    to("users.id", index=True),
    text("issuer"),
    text("subject"),
    created(),
    UniqueConstraint("issuer", "subject"),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("digest", String(DIGEST), primary_key=True),
    to("users.id", index=True),
    to("tokens.id", nullable=True),
    text("scopes", NAME),
    created(),
    time("expires_at", nullable=False),
)

teams = Table(
    "teams",
    METADATA,
    key(),
    text("name", NAME, unique=True),
    created(),
    Column("quota_bytes", BigInteger),
)

members = Table(
    "members",
    METADATA,
    to("teams.id", primary_key=True),
    to("users.id", primary_key=True, index=True),
)

invitations = Table(
    "invitations",
    METADATA,
    key(),
    text("digest", DIGEST, unique=True),
    to("teams.id", nullable=True),
    Column("is_organiser", Boolean, nullable=False),
    created(),
    time("expires_at", nullable=False),
    to("users.id", name="user_id", nullable=True),
    time("used_at"),
)

competitions = Table(
    "competitions",
    METADATA,
    key(),
    text("slug", NAME, unique=True),
    text("title", NAME),
    text("challenge", NAME),
    created(),
    time("paused_at"),
)

tracks = Table(
    "tracks",
    METADATA,
    key(),
    to("competitions.id"),
    text("slug", NAME, unique=True),
    text("title", NAME),
    text("rules", NAME),
    text("primary_metric", NAME),
    Column("submissions_a_day", Integer, nullable=False),
)

phases = Table(
    "phases",
    METADATA,
    key(),
    to("tracks.id"),
    text("name", NAME),
    text("tier", NAME),
    Column("is_final", Boolean, nullable=False),
    time("opens_at"),
    time("closes_at"),
    Column("grace_seconds", Integer, nullable=False),
    time("revealed_at"),
    UniqueConstraint("track_id", "name"),
    UniqueConstraint("track_id", "tier"),
)

blobs = Table(
    "blobs",
    METADATA,
    Column("sha256", String(DIGEST), primary_key=True),
    size("size", nullable=False),
    created(),
)

truths = Table(
    "truths",
    METADATA,
    key(),
    to("phases.id"),
    Column("version", Integer, nullable=False),
    blob("sha256"),
    blob("outline_sha256"),
    created(),
    UniqueConstraint("phase_id", "version"),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", String(ID), primary_key=True),
    to("users.id", index=True),
    to("teams.id"),
    to("phases.id"),
    size("length", nullable=False),
    size("received", nullable=False),
    text("encoding", 16),
    text("declared", DIGEST, nullable=True),
    created("opened_at"),
    time("expires_at", nullable=False),
    blob("sha256", nullable=True),
)

upload_parts = Table(
    "upload_parts",
    METADATA,
    to("uploads.id", primary_key=True),
    size("start", primary_key=True),
    Column("length", Integer, nullable=False),
    text("name", NAME),
)

submissions = Table(
    "submissions",
    METADATA,
    Column("id", String(ID), primary_key=True),
    to("teams.id"),
    to("users.id"),
    to("tracks.id"),
    text("name", NAME),
    text("method"),
    Column("links", JSON, nullable=False),
    Column("label", JSON),
    text("standing"),
    Column("is_baseline", Boolean, nullable=False),
    created("accepted_at"),
    time("published_at"),
    time("withdrawn_at"),
    Index(None, "track_id", "team_id", "accepted_at"),
)

submission_files = Table(
    "submission_files",
    METADATA,
    to("submissions.id", primary_key=True),
    to("phases.id", primary_key=True),
    blob("sha256"),
    to("uploads.id", unique=True, nullable=True),
)

evaluations = Table(
    "evaluations",
    METADATA,
    key(),
    to("submissions.id"),
    to("phases.id"),
    to("truths.id"),
    text("kind", 16),
    text("scorer", NAME),
    text("state", 16),
    Column("attempts", Integer, nullable=False),
    text("lease", ID, nullable=True),
    time("leased_until"),
    created(),
    time("finished_at"),
    text("error", nullable=True),
    UniqueConstraint("submission_id", "truth_id", "kind", "scorer"),
    Index(None, "state", "id"),
)

scores = Table(
    "scores",
    METADATA,
    to("evaluations.id", primary_key=True),
    Column("metric", String(NAME), primary_key=True),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
    Column("n_neurons", Integer),
    text("reason", nullable=True),
)

neuron_scores = Table(
    "neuron_scores",
    METADATA,
    to("evaluations.id", primary_key=True),
    Column("metric", String(NAME), primary_key=True),
    Column("values", LargeBinary, nullable=False),
)

differences = Table(
    "differences",
    METADATA,
    to("evaluations.id", primary_key=True),
    to("evaluations.id", name="reference_id", primary_key=True),
    Column("metric", String(NAME), primary_key=True),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
)

audit = Table(
    "audit",
    METADATA,
    key(),
    created("at"),
    to("users.id", nullable=True),
    text("action", NAME),
    text("subject", NAME),
    Column("details", JSON, nullable=False),
)
