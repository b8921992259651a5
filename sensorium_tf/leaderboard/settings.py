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
    slice_seconds: float = setting(
        600.0, "How long a slice may take, or a file of a form.", above=0
    )
    open_uploads: int = setting(2, "Uploads that a user may have open.", at_least=1)
    upload_hours: int = setting(24, "How long an upload stays open.", at_least=1, at_most=8760)
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeSettings(Config):
    """Where the pages and the API are, and who scores."""

    title = "service"

    host: str = setting("127.0.0.1", "Address to listen at.", essential=True)
    port: int = setting(8000, "Port to listen at.", at_least=0, at_most=65535, essential=True)
    workers: int = setting(1, "Workers to start beside it.", at_least=0, essential=True)
    proxies: tuple[str, ...] = setting(
        ("127.0.0.1", "::1"),
        "Addresses or networks of reverse proxies, which are believed who asks, and over TLS.",
    )
    demo: bool = setting(
        True, "Make the demo competition where there is no competition yet.", essential=True
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerSettings(Config):
    """How a worker ends."""

    title = "worker"

    until_eof: bool = setting(False, "End when the standard input does, as that of a parent.")
    once: bool = setting(False, "End when nothing waits.", essential=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class UploadSettings(Config):
    """What is uploaded, and where to."""

    title = "upload"

    server: str | None = setting(
        None, "Address of the leaderboard, such as https://host.", essential=True
    )
    submission: str | None = setting(
        None, "Folder that submit.py wrote, or one file of it.", essential=True
    )
    name: str | None = setting(None, "Name of the entry.", essential=True)
    track: str = setting("sensorium", "Name of the track there.", essential=True)
    team: str | None = setting(None, "Team, for those who are in several.")
    method: str = setting("", "How the model was made, in a few sentences.")
    links: tuple[str, ...] = setting((), "Addresses (https) of paper and code.")
    publish: bool = setting(False, "Show the entry to everybody once it is scored.")
    wait: bool = setting(True, "Wait for the scores.")
    json: bool = setting(False, "Print JSON instead of text.")


#: What `leaderboard_admin.py` does.
VERBS = (
    *("init", "competition", "team", "invite", "token", "truth", "rescore", "reveal"),
    *("member", "revoke", "disable", "pause", "resume", "backup", "export", "doctor"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdminSettings(Config):
    """What an organiser does, and to what."""

    title = "administration"

    do: str | None = setting(None, "What to do.", choices=VERBS, essential=True)
    name: str | None = setting(None, "Of the user, team or competition.", essential=True)
    track: str | None = setting(None, "Name of the track.", essential=True)
    tier: str | None = setting(None, "Tier of the phase.", essential=True)
    file: str | None = setting(None, "Ground-truth file.", essential=True)
    output: str | None = setting(None, "Folder to write.", essential=True)
    title_text: str | None = setting(None, "Title of the competition, on its pages.")
    team: str | None = setting(None, "Team that an invitation or a user is for.")
    organiser: bool = setting(False, "Whether the invitation makes an organiser.")
    scopes: tuple[str, ...] = setting(("read", "submit"), "What a token may do.")
    days: int = setting(365, "How long a token is valid.", at_least=1, at_most=36500)
    closes_at: str | None = setting(None, "Deadline in UTC, such as 2026-10-15T12:00.")
    grace_minutes: int = setting(
        30, "How much later an upload may be opened.", at_least=0, at_most=100_000
    )
    entries_a_day: int = setting(1, "Scored entries of a team, a day and track.", at_least=1)
    prefix: str = setting("", "Before the names of the competition's tracks.")
