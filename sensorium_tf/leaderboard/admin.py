"""What organisers do at the command line."""

import datetime
from collections.abc import Callable

from sqlalchemy import select

from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.leaderboard import accounts, competitions, maintenance, truths
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.settings import AdminSettings
from sensorium_tf.leaderboard.tables import users


def administrate(board: Board, settings: AdminSettings) -> list[str]:
    """Does what the settings say; returns lines to print.

    Raises:
        SensoriumError: If something that it needs is not given, or it cannot be done.
    """
    if settings.do != "init":
        board.database.check_version()
    return _ACTIONS[settings.do](board, settings)


def _init(board: Board, settings: AdminSettings) -> list[str]:
    board.database.upgrade()
    lines = [f"{board.database.url.render_as_string()}: the tables are up to date"]
    with board.database.write() as connection:
        organised = connection.execute(select(users.c.id).where(users.c.is_organiser)).first()
        if organised is None:
            name = settings.name or "organiser"
            user_id = accounts.create_user(board, connection, name, organiser=True)
            secret = accounts.issue_token(
                board, connection, user_id, "first", scopes=("read", "submit", "admin")
            )
            lines += [f"organiser {name}, whose token is shown this once:", secret]
    return lines


def _competition(board: Board, settings: AdminSettings) -> list[str]:
    slug = _need(settings, "name")
    with board.database.write() as connection:
        competitions.create_competition(
            board,
            connection,
            slug,
            settings.title_text or slug,
            closes_at=_time(settings.closes_at),
            grace_minutes=settings.grace_minutes,
            entries_a_day=settings.entries_a_day,
            prefix=settings.prefix,
        )
    return [f"competition {slug}: now give each phase its ground truth, --do=truth"]


def _team(board: Board, settings: AdminSettings) -> list[str]:
    name = _need(settings, "name")
    with board.database.write() as connection:
        accounts.create_team(board, connection, name)
    return [f"team {name}: now invite its members, --do=invite --team={name}"]


def _invite(board: Board, settings: AdminSettings) -> list[str]:
    with board.database.write() as connection:
        team_id = None
        if settings.team is not None:
            team_id = accounts.team_named(connection, settings.team)
        elif not settings.organiser:
            raise SensoriumError("--do=invite needs --team, or --organiser")
        secret = accounts.invite(board, connection, team_id=team_id, organiser=settings.organiser)
    return ["for one person, two weeks:", f"/join?invitation={secret}"]


def _token(board: Board, settings: AdminSettings) -> list[str]:
    name = _need(settings, "name")
    with board.database.write() as connection:
        secret = accounts.issue_token(
            board,
            connection,
            accounts.user_named(connection, name),
            "by an organiser",
            scopes=settings.scopes,
            days=settings.days,
        )
    return [f"token of {name}, shown this once:", secret]


def _member(board: Board, settings: AdminSettings) -> list[str]:
    name, team = _need(settings, "name"), _need(settings, "team")
    with board.database.write() as connection:
        user_id = accounts.user_named(connection, name)
        accounts.add_member(connection, accounts.team_named(connection, team), user_id)
        board.note(connection, None, "member", user_id, team=team)
    return [f"{name} is in team {team}"]


def _revoke(board: Board, settings: AdminSettings) -> list[str]:
    name = _need(settings, "name")
    with board.database.write() as connection:
        accounts.revoke_all(board, connection, accounts.user_named(connection, name))
    return [f"{name} has no tokens and sessions any more: --do=token makes a new one"]


def _disable(board: Board, settings: AdminSettings) -> list[str]:
    name = _need(settings, "name")
    with board.database.write() as connection:
        accounts.disable_user(board, connection, accounts.user_named(connection, name))
    return [f"{name} is cut off; the entries of the team stay"]


def _truth(board: Board, settings: AdminSettings) -> list[str]:
    phase, file = _phase(board, settings), _need(settings, "file")
    version = truths.add_truth(board, phase, file)
    after = "" if version == 1 else ": --do=rescore scores the entries with it"
    return [f"{phase.track}, {phase.tier}: ground truth, version {version}{after}"]


def _rescore(board: Board, settings: AdminSettings) -> list[str]:
    n_added = competitions.rescore(board, _phase(board, settings))
    return [f"{n_added} entries wait to be scored"]


def _reveal(board: Board, settings: AdminSettings) -> list[str]:
    n_added = competitions.reveal(board, _phase(board, settings))
    return [f"{n_added} entries wait to be scored; the phase is closed and shown"]


def _pause(board: Board, settings: AdminSettings) -> list[str]:
    paused = settings.do == "pause"
    name = _need(settings, "name")
    competitions.pause(board, name, paused=paused)
    return [f"competition {name} takes {'no ' if paused else ''}submissions"]


def _backup(board: Board, settings: AdminSettings) -> list[str]:
    return [str(maintenance.backup(board, _need(settings, "output")))]


def _export(board: Board, settings: AdminSettings) -> list[str]:
    return [str(path) for path in maintenance.export(board, _need(settings, "output"))]


def _doctor(board: Board, settings: AdminSettings) -> list[str]:
    found = maintenance.doctor(board)
    if found:
        raise SensoriumError(f"{len(found)} found: {'; '.join(found)}")
    return ["nothing is wrong"]


_ACTIONS: dict[str, Callable[[Board, AdminSettings], list[str]]] = {
    "init": _init,
    "competition": _competition,
    "team": _team,
    "invite": _invite,
    "token": _token,
    "member": _member,
    "revoke": _revoke,
    "disable": _disable,
    "truth": _truth,
    "rescore": _rescore,
    "reveal": _reveal,
    "pause": _pause,
    "resume": _pause,
    "backup": _backup,
    "export": _export,
    "doctor": _doctor,
}


def _need(settings: AdminSettings, name: str) -> str:
    value = getattr(settings, name)
    if value is None:
        raise SensoriumError(f"--do={settings.do} needs --{name}")
    return value


def _phase(board: Board, settings: AdminSettings) -> competitions.Phase:
    track, tier = _need(settings, "track"), _need(settings, "tier")
    with board.database.read() as connection:
        return competitions.phase_of(connection, track, tier=tier)


def _time(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as e:
        raise SensoriumError(
            f"--closes_at={shown(text)}: expected a time such as 2026-10-15T12:00"
        ) from e
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
