"""A leaderboard removes no files of another one."""

import os
import shutil
import threading
from pathlib import Path

import boards
import pytest
from sqlalchemy import text
from test_administration import do

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import slices, worker
from sensorium_tf.leaderboard.ownership import check_owner


def test_a_copied_database_removes_no_files_of_the_original(sqlite_team):
    original = sqlite_team.board
    copied = sqlite_team.folder / "copied.db"
    original.database.engine.dispose()
    shutil.copy(original.database.url.database, copied)
    copy, clock = boards.open_board(copied, original.blobs.place)
    assert check_owner(original) and slices.sweep(original) == 0
    sqlite_team.enter()
    names = original.blobs.names()
    clock.move(days=9999)
    says = "holds the files of another database: .* delete board.id there"
    with pytest.raises(SensoriumError, match=says):
        slices.sweep(copy)
    with pytest.raises(SensoriumError, match=says):
        worker.work(copy, threading.Event())
    with pytest.raises(SensoriumError, match=says):
        do(copy, "doctor")
    assert original.blobs.names() == names and check_owner(original)


def test_a_new_database_takes_no_files_that_are_anothers(either, tmp_path):
    begun = Path(either.board.blobs.place, "board.id")
    begun.touch()
    assert check_owner(either.board) and begun.read_bytes() and check_owner(either.board)
    new, _ = boards.open_board(tmp_path / "new.db", either.board.blobs.place)
    new.database.upgrade()
    assert not check_owner(new) and slices.sweep(new) == 0
    do(new, "init", name="olga")
    with pytest.raises(SensoriumError, match="files of another database"):
        slices.sweep(new)


def test_every_account_of_postgresql_may_ask_which_server_it_is(postgresql_team):
    query = "SELECT has_function_privilege('pg_monitor', 'pg_control_system()', 'execute')"
    with postgresql_team.board.database.read() as connection:
        assert connection.execute(text(query)).scalar_one()


def test_files_of_other_programs_stay(sqlite_team):
    place = Path(sqlite_team.board.blobs.place)
    notes = [place / folder / "notes.txt" for folder in ("blobs", "parts")]
    for path in notes:
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (0, 0))
    assert slices.sweep(sqlite_team.board) == 0
    assert all(path.exists() for path in notes)
