"""Where a leaderboard is, what it serves, and the limits that it sets."""

import dataclasses

from sensorium_tf.config import Config, setting

_MIB = 1 << 20
_GIB = 1 << 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits(Config):
    """What an upload, a team and an address may take."""

    title = "limits"

    raw_bytes: int = setting(192 * _MIB, "Largest submission file.", at_least=1)
    gzip_bytes: int = setting(64 * _MIB, "Largest submission file in gzip.", at_least=1)
    inflation: int = setting(50, "How many times its size a gzip file may have.", at_least=1)
    slice_bytes: int = setting(8 * _MIB, "Largest slice of an upload.", at_least=1)
    form_bytes: int = setting(64 << 10, "Largest request that is no slice.", at_least=1)
    idle_seconds: float = setting(30.0, "How long a sender may say nothing.", above=0)
    slice_seconds: float = setting(600.0, "How long a slice may take.", above=0)
    open_uploads: int = setting(2, "Uploads that a user may have open.", at_least=1)
    upload_hours: int = setting(24, "How long an upload stays open.", at_least=1)
    free_bytes: int = setting(_GIB, "Disk space that stays free.", at_least=0)
    team_bytes: int = setting(8 * _GIB, "What all files of a team may have.", at_least=1)
    attempts_a_day: int = setting(20, "Submissions of a team and track, failed ones too.")
    requests_a_minute: int = setting(600, "Requests of one address.", at_least=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoringLimits(Config):
    """What the process that scores one file may take."""

    title = "scoring"

    address_space: int = setting(6 * _GIB, "Bytes of memory.", at_least=1)
    cpu_seconds: int = setting(300, "Seconds of computing.", at_least=1)
    wall_seconds: float = setting(600.0, "Seconds from start to end.", above=0)
    file_bytes: int = setting(64 * _MIB, "Bytes that it may write.", at_least=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaderboardSettings(Config):
    """Where a leaderboard keeps what it knows."""

    title = "leaderboard"

    database: str = setting(
        "runs/leaderboard/leaderboard.db",
        "SQLite file, or URL such as postgresql://user@host/name.",
        essential=True,
    )
    blobs: str | None = setting(
        None, "Folder or fsspec URL (s3://...) of the uploaded files.", essential=True
    )
