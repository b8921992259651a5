"""Submissions are accepted once, within the rules, and show what they should when they should."""

import dataclasses
import hashlib
import json
import threading

import boards
import pytest
from boards import LABEL
from sqlalchemy import func, select, update

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import schedule, submissions, visible
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.submissions import Request, submit
from sensorium_tf.leaderboard.tables import evaluations, neuron_scores, phases, scores, tracks
from sensorium_tf.leaderboard.truths import add_truth
from sensorium_tf.scoring import score as library_score


def limit(team, submissions_a_day=1):
    with team.board.database.write() as connection:
        connection.execute(update(tracks).values(submissions_a_day=submissions_a_day))


def submission(team, submission_id, who="ann"):
    with team.board.database.read() as connection:
        return visible.submission(team.board, connection, team.people[who], submission_id)


def count(team, table):
    with team.board.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_submission_is_scored_and_its_scores_are_the_librarys(team, score):
    submitted = team.enter(method="A method", links=["https://example.org/code"])
    assert submission(team, submitted)["phases"]["live"]["says"] == "waiting"
    score(team.board)
    live = submission(team, submitted)["phases"]["live"]
    library = library_score(
        team.folder / "submission.csv", team.folder / "board" / "truth_test.csv", track="sensorium"
    )
    assert live["says"] == "scored" and live["error"] is None
    for metric, shown in live["scores"].items():
        assert shown["value"] == round(library[metric], 4)
        assert shown["low"] == round(library["intervals"][metric][0], 4)
    assert "distributions" not in live


def test_a_receipt_can_be_checked_by_whoever_has_the_file(team, score):
    submitted = team.enter()
    receipt = submission(team, submitted)["receipt"]
    file = (team.folder / "submission.csv").read_bytes()
    assert receipt["files"] == {"test": hashlib.sha256(file).hexdigest()}
    said = {name: value for name, value in receipt.items() if name != "receipt"}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    assert receipt["receipt"] == hashlib.sha256(text.encode()).hexdigest()
    score(team.board)
    assert submission(team, submitted)["receipt"] == receipt


def test_sent_again_it_is_the_same_submission(either):
    path = boards.write_rates(either.folder / "submission.csv")
    ann = either.people["ann"]
    files = {"test": boards.upload(either.board, ann, path)}
    request = Request(track="sensorium", name="x", files=files, label=LABEL)
    assert submit(either.board, ann, request) == submit(either.board, ann, request)
    assert count(either, evaluations) == 1
    with pytest.raises(Refused, match="belongs to another submission"):
        more = {**files, "final_test": boards.upload(either.board, ann, path, tier="final_test")}
        submit(either.board, ann, dataclasses.replace(request, files=more))


def test_of_many_at_once_the_quota_takes_one(either):
    limit(either)
    either.limited(open_uploads=100)
    path, ann = boards.write_rates(either.folder / "submission.csv"), either.people["ann"]
    ids = [boards.upload(either.board, ann, path) for _ in range(50)]
    accepted, refused = [], []

    def send(upload_id):
        request = Request(track="sensorium", name="x", files={"test": upload_id}, label=LABEL)
        try:
            accepted.append(submit(either.board, ann, request))
        except Refused as e:
            refused.append((e.status, str(e)))

    threads = [threading.Thread(target=send, args=[upload_id]) for upload_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 1
    assert len(refused) == 49
    assert {status for status, _ in refused} == {429}
    assert "1 scored submission of today (UTC)" in refused[0][1]


def test_the_quota_is_of_a_day_team_and_track(team):
    limit(team)
    team.enter()
    with pytest.raises(Refused, match="submit again tomorrow") as error:
        team.enter()
    assert error.value.retry_after == 12 * 3600 + 1
    team.limited(open_uploads=9)
    team.enter("bob")
    team.enter(track="sensorium_plus")
    team.clock.move(hours=12)
    team.enter()


def test_an_submission_that_fails_costs_nothing_but_attempts_have_an_end(team, score):
    limit(team)
    team.limited(attempts_a_day=3)
    for _ in range(3):
        path = team.folder / "bad.csv"
        path.write_text(boards.write_rates(path).read_text().replace("[", "[nan,", 1))
        files = {"test": boards.upload(team.board, team.people["ann"], path)}
        request = Request(track="sensorium", name="bad", files=files)
        submitted = submit(team.board, team.people["ann"], request)["submission"]
        score(team.board)
    live = submission(team, submitted)["phases"]["live"]
    assert live["says"] == "failed" and "holds nan" in live["error"]
    with pytest.raises(Refused, match="has submitted 3 times today"):
        team.enter()


def test_live_scores_are_not_free_beside_a_file_that_fails(team, score):
    limit(team)
    path, ann = boards.write_rates(team.folder / "submission.csv"), team.people["ann"]
    files = {
        tier: boards.upload(team.board, ann, path, tier=tier) for tier in ("test", "final_test")
    }
    submitted = submit(team.board, ann, Request(track="sensorium", name="x", files=files))
    score(team.board)
    found = submission(team, submitted["submission"])["phases"]
    assert [found[name]["state"] for name in ("live", "final")] == ["done", "failed"]
    with pytest.raises(Refused, match="scored submission of today"):
        team.enter()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "name of the submission ''"),
        ({"name": "a\nb"}, "name of the submission"),
        ({"method": "x" * 5001}, "at most 5000 characters"),
        ({"method": "a\x00b"}, "cannot be shown"),
        ({"method": 7}, "method: expected text"),
        ({"links": ["http://example.org"]}, "begins with https://"),
        ({"links": ["javascript:alert(1)"]}, "begins with https://"),
        ({"links": ["https://user@example.org"]}, "begins with https://"),
        ({"links": ['https://example.org/"onclick']}, "begins with https://"),
        ({"links": ["https://example.org"] * 6}, "at most 5 addresses"),
        ({"links": "https://example.org"}, "expected a list"),
        ({"label": {"model": "x"}}, "label: expected what submission.json says"),
        ({"label": [1]}, "label: expected"),
        ({"label": {**LABEL, "provenance": {"x": "y" * 40_000}}}, "label: expected"),
        ({"label": {**LABEL, "provenance": {"x": float("nan")}}}, "label: expected"),
        ({"label": {**LABEL, "model": "a\nb"}}, "label's model"),
        ({"label": {**LABEL, "model": "cnn, " * 201}}, "label's model"),
        ({"label": {**LABEL, "mouse": "mouse1, " * 200}}, "label's mouse"),
        ({"is_baseline": True}, "may not admin"),
        ({"team": "blues"}, "'blues' is none of yours"),
    ],
)
def test_text_and_labels_that_are_not_what_they_should_be_are_refused(team, change, says):
    with pytest.raises(Refused, match=says):
        team.enter(**change)
    assert count(team, evaluations) == 0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "expected JSON with track, name"),
        ({"track": "sensorium", "name": "x"}, "files is missing"),
        ({"track": "sensorium", "name": "x", "files": {}, "more": 1}, "expected JSON with"),
        ({"track": "sensorium", "name": "x", "files": {}}, "files: expected tier and upload"),
        ({"track": "sensorium", "name": "x", "files": {"test": 7}}, "files: expected"),
        ({"track": 7, "name": "x", "files": {"test": "a"}}, "track: expected its name"),
        ({"track": "s", "name": "x", "files": {"test": "a"}, "team": 7}, "team: expected"),
    ],
)
def test_requests_that_lack_something_are_refused(values, says):
    with pytest.raises(Refused, match=says):
        Request.from_json(values)


def test_files_of_another_track_tier_or_user_are_refused(team):
    ann, path = team.people["ann"], boards.write_rates(team.folder / "submission.csv")
    upload = boards.upload(team.board, ann, path)
    for track, tier, who, says in (
        ("sensorium_plus", "test", "ann", "opened for another track"),
        ("sensorium", "final_test", "ann", "opened for another track"),
        ("sensorium", "train", "ann", "has no tier 'train'"),
        ("sensorium", "test", "bob", "there is none of this id"),
    ):
        with pytest.raises(Refused, match=says):
            submit(
                team.board, team.people[who], Request(track=track, name="x", files={tier: upload})
            )


def test_a_file_is_judged_by_when_its_upload_was_opened(team):
    path, ann = boards.write_rates(team.folder / "submission.csv"), team.people["ann"]
    early = boards.upload(team.board, ann, path)
    with team.board.database.write() as connection:
        connection.execute(update(phases).values(closes_at=boards.START, grace_seconds=0))
    team.clock.move(hours=3)
    submit(team.board, ann, Request(track="sensorium", name="x", files={"test": early}))
    with pytest.raises(Refused, match="opened too late"):
        boards.upload(team.board, ann, path)


def test_a_paused_competition_takes_nothing(team):
    schedule.pause(team.board, "small")
    with pytest.raises(Refused, match="takes no submissions just now") as error:
        team.enter()
    # The client would try again for minutes what is only away for a while.
    assert error.value.status == 409
    schedule.pause(team.board, "small", paused=False)
    team.enter()
    with pytest.raises(Refused, match="there is none of this name"):
        schedule.pause(team.board, "other")


def test_nothing_of_a_final_phase_is_scored_before_it_is_revealed(team, score):
    submitted = team.enter(tiers=("test", "final_test"))
    score(team.board)
    final = boards.phase(team.board, tier="final_test")
    assert submission(team, submitted, "olga")["phases"]["final"] == {
        "tier": "final_test",
        "revealed": False,
        "state": "done",
        "says": "checked, scored when it is revealed",
        "error": None,
    }
    with team.board.database.read() as connection:
        for table in (scores, neuron_scores):
            of_final = select(table).join(evaluations, evaluations.c.id == table.c.evaluation_id)
            where = of_final.where(evaluations.c.phase_id == final.id)
            assert not connection.execute(where).all()
    assert schedule.reveal(team.board, final) == 1
    score(team.board)
    shown = submission(team, submitted)["phases"]["final"]
    assert shown["scores"]["single_trial_correlation"]["value"] > 0.1
    assert "distributions" in shown
    assert "distributions" not in submission(team, submitted)["phases"]["live"]
    with pytest.raises(Refused, match="revealed already"):
        schedule.reveal(team.board, final)
    with pytest.raises(Refused, match="takes no files any more"):
        team.enter(tiers=("final_test",))


def test_a_reveal_waits_for_the_deadline_and_is_for_final_phases(team):
    with team.board.database.write() as connection:
        connection.execute(update(phases).values(closes_at=boards.START.replace(hour=20)))
    with pytest.raises(Refused, match="is open until 2026-03-01 20:00 UTC"):
        schedule.reveal(team.board, boards.phase(team.board, tier="final_test"))
    with pytest.raises(Refused, match="is shown from the start"):
        schedule.reveal(team.board, boards.phase(team.board))


def test_a_final_file_of_other_trials_is_told_at_once_and_not_revealed(team, score):
    path = boards.write_rates(team.folder / "submission.csv", "test")
    files = {"final_test": boards.upload(team.board, team.people["ann"], path, tier="final_test")}
    request = Request(track="sensorium", name="x", files=files)
    submitted = submit(team.board, team.people["ann"], request)["submission"]
    score(team.board)
    error = submission(team, submitted)["phases"]["final"]["error"]
    assert "trial test-0 is not in the ground truth" in error
    assert schedule.reveal(team.board, boards.phase(team.board, tier="final_test")) == 0


@pytest.mark.parametrize("rescored", [True, False])
def test_a_reveal_scores_what_an_earlier_ground_truth_had_failed(team, score, rescored):
    final = boards.phase(team.board, tier="final_test")
    add_truth(team.board, final, boards.write_truth(team.folder / "truth.csv", "test"))
    submitted = team.enter(tiers=("final_test",))
    score(team.board)
    assert submission(team, submitted)["phases"]["final"]["state"] == "failed"
    add_truth(team.board, final, boards.write_truth(team.folder / "truth.csv", "final_test"))
    if rescored:
        assert schedule.rescore(team.board, final) == 1
        score(team.board)
    assert schedule.reveal(team.board, final) == 1
    score(team.board)
    assert submission(team, submitted)["phases"]["final"]["says"] == "scored"


def test_what_was_withdrawn_before_a_reveal_is_not_said_to_be_scored_at_one(team, score):
    submitted = team.enter(tiers=("final_test",))
    score(team.board)
    submissions.withdraw(team.board, team.people["ann"], submitted)
    assert schedule.reveal(team.board, boards.phase(team.board, tier="final_test")) == 0
    assert submission(team, submitted)["phases"]["final"]["says"] == "checked, not scored"


def test_rescoring_makes_new_evaluations_and_keeps_the_old(team, score):
    submitted = team.enter()
    score(team.board)
    before = submission(team, submitted)["phases"]["live"]
    live = boards.phase(team.board)
    assert schedule.rescore(team.board, live) == 0
    truth = boards.write_truth(team.folder / "truth.csv", seed=5)
    assert add_truth(team.board, live, truth) == 2
    assert submission(team, submitted)["phases"]["live"] == before
    assert schedule.rescore(team.board, live) == 1
    score(team.board)
    after = submission(team, submitted)["phases"]["live"]
    assert (before["truth_version"], after["truth_version"]) == (1, 2)
    assert after["scores"] != before["scores"]
    assert count(team, evaluations) == 2


def test_another_scorer_scores_anew(team, score, monkeypatch):
    team.enter()
    score(team.board)
    monkeypatch.setattr("sensorium_tf.leaderboard.queue.SCORER", "another")
    assert schedule.rescore(team.board, boards.phase(team.board)) == 1
    score(team.board)
    assert count(team, evaluations) == 2


def test_a_truth_that_is_none_is_refused_and_nothing_is_stored(team):
    live, before = boards.phase(team.board), team.board.blobs.names()
    with pytest.raises(SensoriumError, match="column 'responses' is missing"):
        add_truth(team.board, live, boards.write_rates(team.folder / "submission.csv"))
    path = boards.write_truth(team.folder / "truth.csv")
    path.write_text(path.read_text().replace("[5, 8,", "[5, 7,", 1))
    with pytest.raises(SensoriumError, match="trials or neurons differ from row to row"):
        add_truth(team.board, live, path)
    assert team.board.blobs.names() == before


def test_an_submission_is_its_teams_until_it_is_published(team, score):
    submitted = team.enter()
    score(team.board)
    for who in ("bob",):
        with pytest.raises(Refused, match="there is none of this id"):
            submission(team, submitted, who)
        with pytest.raises(Refused, match="there is none of this id"):
            submissions.publish(team.board, team.people[who], submitted)
    submissions.publish(team.board, team.people["ann"], submitted)
    seen = submission(team, submitted, "bob")
    assert seen["phases"]["live"]["rank"] == 1
    assert "state" not in seen["phases"]["live"]
    submissions.withdraw(team.board, team.people["ann"], submitted)
    with pytest.raises(Refused, match="there is none of this id"):
        submission(team, submitted, "bob")
    assert submission(team, submitted)["withdrawn"]
    with pytest.raises(Refused, match="was withdrawn"):
        submissions.publish(team.board, team.people["ann"], submitted)
