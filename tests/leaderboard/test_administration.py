"""Organisers make, copy and examine a leaderboard at the command line."""

import datetime
import json
import shutil
import sqlite3
import threading
from pathlib import Path

import boards
import pytest
from sqlalchemy import func, insert, select, update

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import (
    competitions,
    maintenance,
    queue,
    sessions,
    submissions,
    uploads,
)
from sensorium_tf.leaderboard.admin import administrate
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.invitations import accept_invitation
from sensorium_tf.leaderboard.settings import VERBS, AdminSettings
from sensorium_tf.leaderboard.tables import audit, evaluations, invitations, phases, tokens


def do(board, verb, **settings):
    return administrate(board, AdminSettings(do=verb, **settings))


def test_a_competition_is_made_from_nothing(tmp_path):
    board, clock = boards.open_board(tmp_path / "board.db", tmp_path / "files")
    with pytest.raises(SensoriumError, match="--do=init"):
        do(board, "doctor")
    *_, secret = do(board, "init", name="olga")
    assert boards.viewer(board, secret).is_organiser
    assert len(do(board, "init")) == 1
    do(board, "competition", name="course", closes_at="2026-10-15T12:00", prefix="course-")
    assert boards.phase(board, "course-sensorium").closes_at == datetime.datetime(
        2026, 10, 15, 12, tzinfo=datetime.UTC
    )
    file = str(boards.write_truth(tmp_path / "truth.csv"))
    where = {"track": "course-sensorium", "tier": "test", "file": file}
    assert do(board, "truth", **where)[0].endswith("ground truth, version 1")
    assert "version 2: --do=rescore" in do(board, "truth", **where)[0]
    do(board, "team", name="reds")
    assert do(board, "invite", team="reds")[1].startswith("/join?invitation=")
    do(board, "invite", organiser=True)
    with board.database.read() as connection:
        assert len(connection.execute(select(invitations)).all()) == 2
    token = do(board, "token", name="olga", scopes=("admin",), days=1)[1]
    assert boards.viewer(board, token).scopes == {"admin"}
    clock.move(days=2)
    with board.database.read() as connection:
        expired = select(tokens.c.id).where(tokens.c.expires_at < clock())
        assert len(connection.execute(expired).all()) == 1
    assert do(board, "doctor") == ["nothing is wrong"]


def test_phases_are_rescored_revealed_and_paused(team, score):
    team.enter(tiers=("test", "final_test"))
    score(team.board)
    final = {"track": "sensorium", "tier": "final_test"}
    assert do(team.board, "reveal", **final)[0].startswith("1 submissions wait")
    assert do(team.board, "rescore", track="sensorium", tier="test") == [
        "0 submissions wait to be scored"
    ]
    assert do(team.board, "pause", name="small") == ["competition small takes no submissions"]
    assert do(team.board, "resume", name="small") == ["competition small takes submissions"]


@pytest.mark.parametrize(
    ("verb", "settings", "says"),
    [
        ("competition", {}, "--do=competition needs --name"),
        ("competition", {"name": "a b"}, "'a b': expected a name of letters"),
        ("competition", {"name": "small"}, "'small' is there already"),
        ("competition", {"name": "x"}, "'sensorium' is there already"),
        ("competition", {"name": "x", "closes_at": "soon"}, "expected a time in UTC, such as"),
        ("competition", {"name": "x", "opens_at": "9999-12-31"}, "--opens_at='9999-12-31': expec"),
        ("open", {"track": "sensorium", "tier": "test", "closes_at": "0001-01-01"}, "expected a"),
        ("team", {"name": "reds"}, "'reds' is there already"),
        ("invite", {}, "needs --team, or --organiser"),
        ("invite", {"team": "greens"}, "team 'greens': there is none"),
        ("token", {"name": "carl"}, "user 'carl': there is none"),
        ("token", {"name": "ann", "scopes": ("root",)}, "expected some of read, submit"),
        ("member", {"name": "ann"}, "needs --team"),
        ("leave", {"name": "ann"}, "needs --team"),
        ("leave", {"name": "ann", "team": "blues"}, "not in this team"),
        ("quota", {"gib": 1.0}, "needs --team"),
        ("revoke", {}, "needs --name"),
        ("enable", {"name": "carl"}, "user 'carl': there is none"),
        ("deadline", {"track": "sensorium", "tier": "test"}, "needs --closes_at"),
        ("close", {"track": "sensorium"}, "needs --tier"),
        ("disable", {"name": "carl"}, "user 'carl': there is none"),
        ("truth", {"track": "sensorium", "tier": "test"}, "needs --file"),
        ("truth", {"track": "sensorium", "tier": "x", "file": "f"}, "no 'x'"),
        ("reveal", {"track": "sensorium", "tier": "test"}, "is shown from the start"),
        ("backup", {}, "needs --output"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(team, verb, settings, says):
    with pytest.raises(SensoriumError, match=says):
        do(team.board, verb, **settings)


def test_a_truth_that_is_larger_than_files_may_be_names_the_flag(team, tmp_path):
    where = {"track": "sensorium", "tier": "test", "file": str(tmp_path / "truth.csv")}
    size = boards.write_truth(tmp_path / "truth.csv").stat().st_size
    assert len(do(team.limited(raw_bytes=size), "truth", **where)) == 1
    _, told = do(team.limited(raw_bytes=size - 1), "truth", **where)
    assert told.endswith("unless --raw_bytes says more")


def test_a_challenge_that_there_is_not_has_no_competition(team):
    with (
        team.board.database.write() as connection,
        pytest.raises(SensoriumError, match="did you mean sensorium202"),
    ):
        competitions.create_competition(
            team.board, connection, "movies", "Movies", challenge="sensorium2024"
        )


@pytest.mark.parametrize("verb", ["revoke", "disable"])
def test_somebody_is_cut_off(team, verb):
    secret = team.secrets["ann"]
    with team.board.database.write() as connection:
        session = sessions.log_in(team.board, connection, secret)
    do(team.board, verb, name="ann")
    with pytest.raises(SensoriumError, match="unknown, expired or revoked"):
        boards.viewer(team.board, secret)
    with team.board.database.read() as connection:
        viewer = sessions.viewer_of_session(team.board, connection, session)
    assert viewer.user_id is None
    fresh = do(team.board, "token", name="ann")[1]
    if verb == "revoke":
        assert boards.viewer(team.board, fresh).name == "ann"
    else:
        with pytest.raises(SensoriumError, match="unknown, expired or revoked"):
            boards.viewer(team.board, fresh)
        do(team.board, "enable", name="ann")
        assert boards.viewer(team.board, fresh).name == "ann"
    assert boards.viewer(team.board, team.secrets["bob"]).name == "bob"


def test_a_user_joins_another_team(team):
    for _ in range(2):
        assert do(team.board, "member", name="ann", team="blues") == ["ann is in team blues"]
    assert len(boards.viewer(team.board, team.secrets["ann"]).teams) == 2


def test_the_audit_names_whom_something_was_done_to(team):
    with team.board.database.read() as connection:
        before = connection.execute(select(func.max(audit.c.id))).scalar_one()
    do(team.board, "invite", team="blues")
    secret = do(team.board, "invite", organiser=True)[1].rpartition("=")[2]
    with team.board.database.write() as connection:
        accept_invitation(team.board, connection, secret, "zoe")
    do(team.board, "team", name="greens")
    do(team.board, "quota", team="greens", gib=1.0)
    for verb in ("member", "leave"):
        do(team.board, verb, name="ann", team="greens")
    for verb in ("revoke", "disable", "enable"):
        do(team.board, verb, name="ann")
    with team.board.database.read() as connection:
        newer = select(audit.c.action, audit.c.subject).where(audit.c.id > before)
        found = connection.execute(newer.order_by(audit.c.id)).tuples().all()
    assert found == [
        ("invitation", "team blues"),
        ("invitation", "organisers"),
        ("user", "zoe"),
        ("join", "organisers"),
        ("team", "greens"),
        ("quota", "greens"),
        ("member", "ann, team greens"),
        ("leave", "ann, team greens"),
        ("revoke", "all of ann"),
        ("disable", "ann"),
        ("enable", "ann"),
    ]


def test_every_verb_is_done_by_something():
    with pytest.raises(SensoriumError, match="do 'restore'"):
        AdminSettings(do="restore")
    from sensorium_tf.leaderboard.admin import _ACTIONS

    assert set(VERBS) == set(_ACTIONS)


@pytest.mark.parametrize("place", [".", "leaderboard_files", "leaderboard_files/blobs"])
def test_a_backup_never_goes_into_what_it_copies(tmp_path, place):
    board = Board.open(str(tmp_path / "leaderboard.db"))
    do(board, "init", name="olga")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(SensoriumError, match="the leaderboard's own folder"):
        do(board, "backup", output=str(tmp_path / "link" / place))
    assert len(do(board, "init")) == 1


def test_what_is_made_is_for_its_owner_alone(tmp_path):
    board = Board.open(str(tmp_path / "place" / "leaderboard.db"))
    do(board, "init", name="olga")
    board.blobs.put([b"truth"])
    do(board, "backup", output=str(tmp_path / "copy"))
    for folder in (tmp_path / "place", tmp_path / "copy"):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "leaderboard_files").stat().st_mode & 0o777 == 0o700
        assert {p.stat().st_mode & 0o777 for p in folder.glob("*.db*")} == {0o600}
    assert not board.blobs.is_open
    (tmp_path / "place" / "leaderboard_files").chmod(0o755)
    with pytest.raises(SensoriumError, match="all accounts of this machine can read"):
        do(board, "doctor")


def test_a_backup_of_a_running_service_is_whole(sqlite_team, score, tmp_path):
    team = sqlite_team
    submitted = team.enter()
    score(team.board)
    unfinished = uploads.open_upload(
        team.board, team.people["ann"], track="sensorium", tier="test", length=10
    )
    uploads.append(team.board, team.people["ann"], unfinished.id, 0, b"abc")
    with team.board.database.write() as connection:
        # What another transaction has not finished is not in the copy.
        connection.execute(update(phases).where(phases.c.id == 1).values(name="half"))
        (place,) = do_in_thread(lambda: do(team.board, "backup", output=str(tmp_path / "copy")))
        connection.rollback()
    assert do(team.board, "backup", output=str(tmp_path / "copy")) == [place]
    shutil.rmtree(team.folder / "board")
    copy = Board.open(place, now=team.clock)
    assert copy.blobs.place == str(tmp_path / "copy" / "leaderboard_files")
    assert maintenance.doctor(copy) == []
    with copy.database.read() as connection:
        from sensorium_tf.leaderboard.visible import submission

        found = submission(copy, connection, team.people["ann"], submitted)
        assert found["phases"]["live"]["says"] == "scored"
    assert uploads.own_uploads(copy, team.people["ann"]) == []
    assert boards.phase(copy).name == "live"
    assert sorted(path.name for path in (tmp_path / "copy").glob("*.new*")) == []
    copy.database.upgrade()


def do_in_thread(call):
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def test_all_that_is_public_is_written(team, score, tmp_path):
    submissions.publish(team.board, team.people["ann"], team.enter(name="public"))
    team.enter(name="private", seed=3)
    score(team.board)
    written = do(team.board, "export", output=str(tmp_path / "out"))
    json_text, csv_text = (Path(path).read_text("utf-8") for path in written)
    assert json.loads(json_text)["competitions"][0]["name"] == "small"
    for text in (json_text, csv_text):
        assert "public" in text and "private" not in text


def test_the_doctor_finds_what_is_wrong(sqlite_team):
    team = sqlite_team
    work = team.enter()
    files = team.folder / "board" / "files"
    with team.board.database.read() as connection:
        sha256 = queue.claim(team.board).submission_sha256
        assert connection.execute(select(evaluations.c.submission_id)).scalar() == work
    team.enter(seed=2)
    (files / "blobs" / sha256).rename(files / "blobs" / ("0" * 64))
    team.board.blobs.put_part("left", b"over")
    with team.board.database.write() as connection:
        values = {"action": "x", "subject": "x", "details": {}}
        connection.execute(
            insert(audit).values(at=boards.START + datetime.timedelta(hours=2), **values)
        )
    team.clock.move(minutes=30)
    found = maintenance.doctor(team.board)
    assert found == sorted(found) and len(found) == 5
    for says in (
        "2 files of ",
        f"file {sha256} is missing",
        "submissions wait since 2026-03-01 12:00 UTC",
        "1 submissions were being scored when a worker ended",
        "the audit ends at 2026-03-01 14:00:00 UTC, later than now",
    ):
        assert any(says in line for line in found), says
    with pytest.raises(SensoriumError, match="5 found: "):
        do(team.board, "doctor")


def test_postgresql_is_copied_by_its_own_program(tmp_path):
    board = Board.open("postgresql://host/x", str(tmp_path))
    with pytest.raises(SensoriumError, match="pg_dump"):
        maintenance.backup(board, tmp_path / "copy")


def test_the_clock_of_postgresql_is_compared_with_ours(either):
    found = maintenance.doctor(either.board)
    is_sqlite = either.board.database.is_sqlite
    assert any("clocks of the database and of this machine" in line for line in found) != is_sqlite


def test_the_copied_database_is_one_file(sqlite_team, tmp_path):
    team = sqlite_team
    (place,) = do(team.board, "backup", output=str(tmp_path / "copy"))
    assert sorted(path.name for path in (tmp_path / "copy").glob("leaderboard.db*")) == [
        "leaderboard.db"
    ]
    with sqlite3.connect(place) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (3,)
