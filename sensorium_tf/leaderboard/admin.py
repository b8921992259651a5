"""What organisers do at the command line."""

import datetime
from collections.abc import Callable

from sqlalchemy import select

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.leaderboard import (
    accounts,
    competitions,
    invitations,
    maintenance,
    schedule,
    teams,
    truths,
)
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.settings import GIB, MIB, AdminSettings
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
            challenge=settings.challenge,
            opens_at=_time(settings, "opens_at"),
            closes_at=_time(settings, "closes_at"),
            grace_minutes=_or(settings.grace_minutes, competitions.GRACE_MINUTES),
            submissions_a_day=settings.submissions_a_day,
            prefix=settings.prefix,
        )
    return [f"competition {slug}: now give each phase its ground truth, --do=truth"]


def _team(board: Board, settings: AdminSettings) -> list[str]:
    name = _need(settings, "name")
    with board.database.write() as connection:
        teams.create_team(board, connection, name)
    return [f"team {name}: now invite its members, --do=invite --team={name}"]


def _invite(board: Board, settings: AdminSettings) -> list[str]:
    with board.database.write() as connection:
        team_id = None
        if settings.team is not None:
            team_id = teams.team_named(connection, settings.team)
        elif not settings.organiser:
            raise SensoriumError("--do=invite needs --team, or --organiser")
        secret = invitations.invite(
            board, connection, team_id=team_id, organiser=settings.organiser
        )
    return ["for one person, two weeks:", f"{board.base_url or ''}/join?invitation={secret}"]


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


def _membership(board: Board, settings: AdminSettings) -> list[str]:
    name, team = _need(settings, "name"), _need(settings, "team")
    joins = settings.do == "member"
    with board.database.write() as connection:
        user_id, team_id = accounts.user_named(connection, name), teams.team_named(connection, team)
        (teams.add_member if joins else teams.remove_member)(connection, team_id, user_id)
        board.note(connection, None, settings.do, f"{name}, team {team}")
    says = "is in team {}" if joins else "is no longer in team {}, whose submissions stay"
    return [f"{name} {says.format(team)}"]


def _quota(board: Board, settings: AdminSettings) -> list[str]:
    team = _need(settings, "team")
    size = None if settings.gib is None else int(settings.gib * GIB)
    with board.database.write() as connection:
        teams.set_quota(board, connection, teams.team_named(connection, team), size)
    most = "what leaderboard.py says" if size is None else f"{settings.gib:g} GiB"
    return [f"the files of team {team} may have {most}"]


_OF_USERS = {
    "revoke": (
        accounts.revoke_all,
        "has no tokens, logins and sessions any more: --do=token makes a new token",
    ),
    "disable": (
        accounts.disable_user,
        "is cut off; the submissions of the team stay: --do=enable undoes it",
    ),
    "enable": (accounts.enable_user, "may log in again: --do=token makes a new token"),
}


def _user(board: Board, settings: AdminSettings) -> list[str]:
    name, (change, says) = _need(settings, "name"), _OF_USERS[settings.do]
    with board.database.write() as connection:
        change(board, connection, accounts.user_named(connection, name))
    return [f"{name} {says}"]


def _truth(board: Board, settings: AdminSettings) -> list[str]:
    phase, file = _phase(board, settings), _need(settings, "file")
    version = truths.add_truth(board, phase, file)
    after = "" if version == 1 else ": --do=rescore scores the submissions with it"
    lines = [f"{phase.track}, {phase.tier}: ground truth, version {version}{after}"]
    size, most = expand(file).stat().st_size, board.limits.raw_bytes
    if size > most:
        lines.append(
            f"it has {size / MIB:.0f} MiB: leaderboard.py takes files of {most / MIB:g} MiB, "
            "unless --raw_bytes says more"
        )
    return lines


def _rescore(board: Board, settings: AdminSettings) -> list[str]:
    n_added = schedule.rescore(board, _phase(board, settings))
    return [f"{n_added} submissions wait to be scored"]


def _reveal(board: Board, settings: AdminSettings) -> list[str]:
    n_added = schedule.reveal(board, _phase(board, settings), cut_uploads=settings.cut_uploads)
    return [f"{n_added} submissions wait to be scored; the phase is closed and shown"]


def _open(board: Board, settings: AdminSettings) -> list[str]:
    phase, closes_at = _phase(board, settings), _time(settings, "closes_at")
    grace_minutes = settings.grace_minutes
    schedule.open_phase(board, phase, closes_at=closes_at, grace_minutes=grace_minutes)
    until = "with no deadline" if closes_at is None else f"until {closes_at:%F %H:%M} UTC"
    return [f"{phase.track}, {phase.name}: is open, {until}"]


def _close(board: Board, settings: AdminSettings) -> list[str]:
    phase = _phase(board, settings)
    schedule.close_phase(board, phase)
    return [f"{phase.track}, {phase.name}: is closed"]


def _deadline(board: Board, settings: AdminSettings) -> list[str]:
    phase = _phase(board, settings)
    _need(settings, "closes_at")
    closes_at = _time(settings, "closes_at")
    schedule.set_deadline(board, phase, closes_at, grace_minutes=settings.grace_minutes)
    return [f"{phase.track}, {phase.name}: closes at {closes_at:%F %H:%M} UTC"]


def _pause(board: Board, settings: AdminSettings) -> list[str]:
    paused = settings.do == "pause"
    name = _need(settings, "name")
    schedule.pause(board, name, paused=paused)
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
    "member": _membership,
    "leave": _membership,
    "quota": _quota,
    **dict.fromkeys(_OF_USERS, _user),
    "truth": _truth,
    "rescore": _rescore,
    "open": _open,
    "close": _close,
    "deadline": _deadline,
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


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _time(settings: AdminSettings, name: str) -> datetime.datetime | None:
    text = getattr(settings, name)
    try:
        return None if text is None else competitions.time_of(text)
    except SensoriumError as e:
        raise SensoriumError(f"--{name}={e}") from e
