"""Phases open and close, and people leave, when organisers say so."""

import boards
import pytest
from test_administration import do

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import submissions


def test_a_user_leaves_a_team_which_keeps_what_was_submitted(team):
    submitted = team.enter()
    where = {"name": "ann", "team": "reds"}
    assert do(team.board, "leave", **where)[0].startswith("ann is no longer in team reds")
    ann = boards.viewer(team.board, team.secrets["ann"])
    assert not ann.teams
    with pytest.raises(SensoriumError, match="there is none of this id"):
        submissions.publish(team.board, ann, submitted)
    with pytest.raises(SensoriumError, match="not in this team"):
        do(team.board, "leave", **where)
    do(team.board, "member", **where)
    submissions.publish(team.board, boards.viewer(team.board, team.secrets["ann"]), submitted)


def test_phases_are_opened_closed_and_given_another_deadline(team):
    path = boards.write_rates(team.folder / "rates.csv")
    live = {"track": "sensorium", "tier": "test"}

    def opens():
        try:
            boards.upload(team.board, team.people["ann"], path)
        except SensoriumError as error:
            return str(error).partition(": ")[2]
        return True

    team.limited(open_uploads=99)
    assert do(team.board, "close", **live) == ["sensorium, live: is closed"]
    team.clock.move(seconds=1)
    assert "is closed" in opens()
    assert do(team.board, "open", **live) == ["sensorium, live: is open, with no deadline"]
    assert opens() is True
    do(team.board, "deadline", **live, closes_at="2026-03-01T13:00", grace_minutes=10)
    team.clock.move(minutes=68)
    assert opens() is True
    team.clock.move(minutes=2)
    assert "is closed" in opens()
    do(team.board, "deadline", **live, closes_at="2026-03-02T13:00")
    team.clock.move(hours=23, minutes=55)
    assert opens() is True and boards.phase(team.board).grace.seconds == 600
    assert "until 2026-04-01" in do(team.board, "open", **live, closes_at="2026-04-01T12:00")[0]
    do(team.board, "reveal", track="sensorium_plus", tier="final_test")
    for verb in ("open", "close", "deadline"):
        with pytest.raises(SensoriumError, match="is revealed already"):
            do(
                team.board,
                verb,
                track="sensorium_plus",
                tier="final_test",
                closes_at="2027-01-01",
            )


def test_a_phase_is_not_revealed_while_uploads_that_are_in_time_go_on(team):
    final = {"track": "sensorium", "tier": "final_test"}
    path, ann = boards.write_rates(team.folder / "rates.csv", "final_test"), team.people["ann"]
    opened = boards.upload(team.board, ann, path, tier="final_test")
    request = submissions.Request(track="sensorium", name="x", files={"final_test": opened})
    do(team.board, "close", **final)
    team.clock.move(seconds=1)
    with pytest.raises(SensoriumError, match=r"1 upload is open until 2026-03-02 12:00 UTC: "):
        do(team.board, "reveal", **final)
    submissions.submit(team.board, ann, request)
    assert do(team.board, "reveal", **final)[0].startswith("1 submissions wait")
    with pytest.raises(SensoriumError, match="is revealed, and takes no files any more"):
        boards.upload(team.board, ann, path, tier="final_test")


def test_a_phase_that_is_revealed_while_an_upload_is_completed_takes_it_no_more(team, monkeypatch):
    final = {"track": "sensorium", "tier": "final_test"}
    path, ann = boards.write_rates(team.folder / "rates.csv", "final_test"), team.people["ann"]
    opened = boards.upload(team.board, ann, path, tier="final_test")
    monkeypatch.setattr(
        submissions.uploading,
        "complete",
        lambda board, *_: do(board, "reveal", **final, cut_uploads=True),
    )
    request = submissions.Request(track="sensorium", name="x", files={"final_test": opened})
    with pytest.raises(SensoriumError, match="is revealed, and takes no files any more"):
        submissions.submit(team.board, ann, request)


def test_a_closed_phase_that_opens_again_has_the_grace_that_it_had(team):
    live = {"track": "sensorium", "tier": "test"}
    do(team.board, "close", **live)
    team.clock.move(seconds=1)
    assert boards.phase(team.board).state(team.clock()) == "closed"
    do(team.board, "open", **live, closes_at="2026-03-05T13:00+02:00")
    assert boards.phase(team.board).grace.seconds == 1800
    answer = do(team.board, "open", **live, closes_at="2026-03-05T13:00+02:00", grace_minutes=5)
    assert answer == ["sensorium, live: is open, until 2026-03-05 11:00 UTC"]
    assert boards.phase(team.board).grace.seconds == 300
    with pytest.raises(SensoriumError, match="2026-03-01 12:00 UTC: is over: name a later"):
        do(team.board, "open", **live, closes_at="2026-03-01T12:00")


def test_a_competition_opens_when_it_is_told_to(tmp_path):
    board, clock = boards.open_board(tmp_path / "board.db", tmp_path / "files")
    do(board, "init")
    times = {"opens_at": "2026-03-02T12:00", "closes_at": "2026-03-03T12:00"}
    do(board, "competition", name="course", **times)
    states = []
    for _ in range(3):
        states.append(boards.phase(board).state(clock()))
        clock.move(hours=25)
    assert states == ["not open yet", "open", "closed"]


def test_a_team_may_have_more_or_less_than_others(team):
    path = boards.write_rates(team.folder / "rates.csv")
    assert do(team.board, "quota", team="reds", gib=0) == ["the files of team reds may have 0 GiB"]
    with pytest.raises(SensoriumError, match="would have more than 0 MiB"):
        boards.upload(team.board, team.people["ann"], path)
    do(team.board, "quota", team="reds")
    assert boards.upload(team.board, team.people["ann"], path)


def test_an_invitation_is_an_address_where_the_leaderboard_has_one(team):
    object.__setattr__(team.board, "base_url", "https://board.example.org")
    _, line = do(team.board, "invite", team="reds")
    assert line.startswith("https://board.example.org/join?invitation=")
