"""Where a leaderboard is, what it serves, and the limits that it sets."""

import dataclasses
from urllib.parse import urlsplit

from sensorium_tf.challenges import CHALLENGES, DEFAULT
from sensorium_tf.config import Config, setting
from sensorium_tf.errors import SensoriumError

#: Bytes.
MIB, GIB = 1 << 20, 1 << 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits(Config):
    """What an upload, a team and an address may take."""

    title = "limits"

    raw_bytes: int = setting(192 * MIB, "Largest submission file.", at_least=1)
    gzip_bytes: int = setting(64 * MIB, "Largest submission file in gzip.", at_least=1)
    inflation: int = setting(50, "How many times its size a gzip file may have.", at_least=1)
    slice_bytes: int = setting(8 * MIB, "Largest slice of an upload.", at_least=1)
    form_bytes: int = setting(64 << 10, "Largest request that is no slice.", at_least=1)
    idle_seconds: float = setting(30.0, "How long a sender may say nothing.", above=0)
    slice_seconds: float = setting(
        600.0, "How long a slice may take, or a file of a form.", above=0
    )
    open_uploads: int = setting(2, "Uploads that a user may have open.", at_least=1)
    upload_hours: int = setting(24, "How long an upload stays open.", at_least=1, at_most=8760)
    free_bytes: int = setting(GIB, "Disk space that stays free.", at_least=0)
    team_bytes: int = setting(8 * GIB, "What all files of a team may have.", at_least=1)
    attempts_a_day: int = setting(20, "Submissions of a team and track, failed ones too.")
    requests_a_minute: int = setting(600, "Requests of one address.", at_least=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoringLimits(Config):
    """What the process that scores one file may take."""

    title = "scoring"

    address_space: int = setting(6 * GIB, "Bytes of memory.", at_least=1)
    cpu_seconds: int = setting(300, "Seconds of computing.", at_least=1)
    wall_seconds: float = setting(600.0, "Seconds from start to end.", above=0)
    file_bytes: int = setting(64 * MIB, "Bytes that it may write.", at_least=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaderboardSettings(Config):
    """Where a leaderboard is, and where it keeps what it knows."""

    title = "leaderboard"

    database: str = setting(
        "runs/leaderboard/leaderboard.db",
        "SQLite file, or URL such as postgresql://user@host/name.",
        essential=True,
    )
    blobs: str | None = setting(
        None, "Folder or fsspec URL (s3://...) of the uploaded files.", essential=True
    )
    base_url: str | None = setting(
        None, "Address that people open, such as https://board.example.org.", essential=True
    )

    def __post_init__(self):
        super().__post_init__()
        if self.base_url is not None:
            parts = urlsplit(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
                raise SensoriumError(
                    f"base_url {self.base_url!r}: expected http(s)://host, without a folder"
                )
            object.__setattr__(self, "base_url", f"{parts.scheme}://{parts.netloc}".lower())


@dataclasses.dataclass(frozen=True, kw_only=True)
class OidcSettings(Config):
    """How people log in with an OpenID provider; its secret is in SENSORIUM_OIDC_SECRET."""

    title = "single sign-on"

    oidc_issuer: str | None = setting(None, "OpenID provider, such as https://orcid.org.")
    oidc_client: str | None = setting(None, "Client id that the provider has for this service.")
    oidc_name: str = setting("single sign-on", "What people call the provider.")
    oidc_open: bool = setting(False, "Whether whoever it knows may come without an invitation.")


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
    name: str | None = setting(None, "Name of the submission.", essential=True)
    track: str = setting("sensorium", "Name of the track there.", essential=True)
    team: str | None = setting(None, "Team, for those who are in several.")
    method: str = setting("", "How the model was made, in a few sentences.")
    links: tuple[str, ...] = setting((), "Addresses (https) of paper and code.")
    baseline: bool = setting(False, "Show it in the table without a rank; organisers only.")
    publish: bool = setting(False, "Show the submission to everybody once it is scored.")
    wait: bool = setting(True, "Wait for the scores.")
    json: bool = setting(False, "Print JSON instead of text.")


#: What `leaderboard_admin.py` does.
VERBS = (
    *("init", "competition", "truth", "open", "close", "deadline", "reveal", "rescore"),
    *("pause", "resume", "team", "invite", "member", "leave", "quota", "token", "revoke"),
    *("disable", "enable", "backup", "export", "doctor"),
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
    gib: float | None = setting(
        None, "What the files of a team may have, in GiB.", at_least=0, at_most=1e6
    )
    organiser: bool = setting(False, "Whether the invitation makes an organiser.")
    scopes: tuple[str, ...] = setting(("read", "submit"), "What a token may do.")
    days: int = setting(365, "How long a token is valid.", at_least=1, at_most=36500)
    challenge: str = setting(DEFAULT.name, "Benchmark of a competition.", choices=[*CHALLENGES])
    opens_at: str | None = setting(None, "When a competition opens, in UTC; else at once.")
    closes_at: str | None = setting(None, "Deadline in UTC, such as 2026-10-15T12:00.")
    grace_minutes: int | None = setting(
        None, "How much later an upload may be opened; 30 at first.", at_least=0, at_most=100_000
    )
    cut_uploads: bool = setting(
        False, "Reveal though uploads are open: those come too late, if they were opened in time."
    )
    submissions_a_day: int = setting(1, "Scored submissions a team, day and track.", at_least=1)
    prefix: str = setting("", "Before the names of the competition's tracks.")
