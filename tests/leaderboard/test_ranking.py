"""Tables rank what can be ranked, and say what cannot be told apart."""

import csv
import io

import boards
import pytest
from sqlalchemy import update

from sensorium_tf.challenges import challenge_of
from sensorium_tf.leaderboard import exports, ranking, submissions, visible
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.ranking import standings
from sensorium_tf.leaderboard.standing import PLAIN, standing_of
from sensorium_tf.leaderboard.tables import phases, scores


def publish(team, who="ann", **options):
    team.limited(open_uploads=99)
    team.clock.move(seconds=1)
    submitted = team.enter(who, **options)
    submissions.publish(team.board, team.people[who], submitted)
    return submitted


def table(team, track="sensorium", tier="test"):
    with team.board.database.read() as connection:
        found = standings(connection, boards.phase(team.board, track, tier))
    return {
        standing: [
            (submission.rank, submission.name, submission.like_first) for submission in group
        ]
        for standing, group in found.groups.items()
    }


def test_submissions_are_in_the_order_of_the_primary_metric(team, score):
    for name, noise in (("good", 0.3), ("bad", 8.0), ("fair", 2.0)):
        publish(team, name=name, noise=noise)
    score(team.board)
    assert [row[:2] for row in table(team)[PLAIN]] == [(1, "good"), (2, "fair"), (3, "bad")]


def test_each_track_ranks_by_its_own_metric(team, score):
    first, second = publish(team, name="a"), publish(team, name="b", seed=2)
    plus = [
        publish(team, track="sensorium_plus", name=name, seed=i)
        for i, name in enumerate(("a", "b"), 1)
    ]
    score(team.board)
    with team.board.database.write() as connection:
        for metric, sign in (("correlation_to_average", 1), ("single_trial_correlation", -1)):
            for i in range(1, 5):
                connection.execute(
                    update(scores)
                    .where(scores.c.evaluation_id == i, scores.c.metric == metric)
                    .values(value=sign * i / 10)
                )
    assert [row[1] for row in table(team)[PLAIN]] == ["b", "a"]
    assert [row[1] for row in table(team, "sensorium_plus")[PLAIN]] == ["a", "b"]
    assert len({first, second, *plus}) == 4


def test_equal_values_share_a_rank_at_full_precision(team, score):
    for name, seed in (("x", 1), ("y", 1), ("z", 2)):
        publish(team, name=name, seed=seed, noise=0.5)
    score(team.board)
    with team.board.database.write() as connection:
        for i, value in ((1, 0.5), (2, 0.5), (3, 0.5 - 1e-12)):
            connection.execute(
                update(scores).where(scores.c.evaluation_id == i).values(value=value)
            )
    assert [row[:2] for row in table(team)[PLAIN]] == [(1, "x"), (1, "y"), (3, "z")]


def test_what_cannot_be_told_from_the_first_is_said(team, score):
    publish(team, name="first", noise=0.3, seed=1)
    publish(team, name="like it", noise=0.3, seed=2)
    publish(team, name="worse", noise=6.0)
    assert table(team) == {}
    score(team.board)
    rows = table(team)[PLAIN]
    like = {name: like_first for _, name, like_first in rows}
    assert rows[0][2] is None and like["worse"] is False
    assert {like["first"], like["like it"]} == {None, True}


def test_baselines_are_shown_and_not_ranked(team, score):
    publish(team, "olga", name="baseline", noise=0.2, is_baseline=True)
    publish(team, name="submission", noise=2.0)
    score(team.board)
    assert [row[:2] for row in table(team)[PLAIN]] == [(None, "baseline"), (1, "submission")]


def label(**provenance):
    return {**boards.LABEL, "provenance": {**boards.LABEL["provenance"], **provenance}}


@pytest.mark.parametrize(
    ("change", "rules", "standing"),
    [
        ({}, "sensorium", PLAIN),
        ({"inputs": ["image", "centred_image"]}, "sensorium", PLAIN),
        ({"inputs": ["image", "behavior", "pupil_center"]}, "sensorium_plus", PLAIN),
        ({"inputs": ["image", "behavior"]}, "sensorium", "sees behavior"),
        ({"inputs": ["image", "behavior", "Buy!"]}, "sensorium", "sees behavior, other signals"),
        ({"inputs": ["image", "Visit our site", "x"]}, "sensorium_plus", "sees other signals"),
        ({"inputs": ["image", "past_responses"]}, "sensorium_plus", "uses past responses"),
        ({"trained_on": ["train", "validation"]}, "sensorium", "trained on validation trials"),
        ({"trained_on": ["train", "test"]}, "sensorium", "trained on test trials"),
        ({"seen_before": {"m": ["final_test"]}}, "sensorium", "trained on test trials"),
        (
            {"started_from": "x.keras", "start_known": False},
            "sensorium",
            "not all that its start had seen is known",
        ),
        ({"started_from": "x.keras", "start_known": True}, "sensorium", PLAIN),
        ({"trained_on": None}, "sensorium", "what it saw and was trained on is not known"),
        ({"inputs": "image"}, "sensorium", "what it saw and was trained on is not known"),
    ],
)
def test_labels_decide_which_table_an_submission_is_in(change, rules, standing):
    assert standing_of(label(**change), rules) == standing
    assert standing_of(None, rules) == "what it saw and was trained on is not known"


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        ({"inputs": ["video", "behavior", "pupil_center"]}, PLAIN),
        ({"inputs": ["video", "Buy!"]}, "sees other signals"),
        ({"inputs": ["video"], "trained_on": ["train", "oracle"]}, "trained on oracle trials"),
        ({"inputs": ["video"], "trained_on": ["live_test_bonus"]}, "trained on test trials"),
    ],
)
def test_labels_of_movies_are_judged_by_their_challenge(change, standing):
    assert standing_of(label(**change), "main", challenge_of("sensorium2023")) == standing


def test_submissions_of_unequal_labels_are_not_ranked_together(team, score):
    publish(team, name="plain", noise=2.0)
    publish(team, name="more", noise=0.1, label=label(trained_on=["train", "validation"]))
    publish(team, name="unknown", label=None)
    score(team.board)
    assert {standing: rows[0][:2] for standing, rows in table(team).items()} == {
        PLAIN: (1, "plain"),
        "trained on validation trials": (1, "more"),
        "what it saw and was trained on is not known": (1, "unknown"),
    }


def test_private_and_withdrawn_submissions_are_in_no_table(team, score):
    team.enter(name="private")
    submissions.withdraw(team.board, team.people["ann"], publish(team, name="withdrawn"))
    publish(team, tiers=("test", "final_test"), name="public")
    score(team.board)
    assert [row[1] for row in table(team)[PLAIN]] == ["public"]
    assert table(team, tier="final_test") == {}


def comparison(team, a, b, who="bob"):
    with team.board.database.read() as connection:
        return visible.comparison(team.board, connection, team.people[who], a, b)


def test_two_submissions_are_compared_neuron_by_neuron(team, score):
    good, bad = publish(team, noise=0.3), publish(team, "bob", noise=6.0)
    with pytest.raises(Refused, match="no scores by the same ground truth yet"):
        comparison(team, good, bad)
    score(team.board)
    live = comparison(team, good, bad)["phases"]["live"]
    found = live["correlation_to_average"]
    assert 0 < found["low"] < found["value"] < found["high"] and "distribution" not in found
    assert comparison(team, bad, good)["phases"]["live"]["correlation_to_average"]["value"] == (
        -found["value"]
    )
    other = publish(team, track="sensorium_plus")
    with pytest.raises(Refused, match="different tracks"):
        comparison(team, good, other)
    private = team.enter()
    with pytest.raises(Refused, match="there is none of this id"):
        comparison(team, good, private)


def test_neurons_are_shown_once_the_phase_is_over(team, score):
    first, second = publish(team), publish(team, seed=3)
    score(team.board)
    assert "distribution" in comparison(team, first, second, "olga")["phases"]["live"]["feve"]
    with team.board.database.write() as connection:
        connection.execute(update(phases).values(closes_at=boards.START, grace_seconds=0))
    team.clock.move(seconds=1)
    distribution = comparison(team, first, second)["phases"]["live"]["feve"]["distribution"]
    assert sum(distribution["counts"]) <= boards.N_NEURONS
    assert len(distribution["edges"]) == len(distribution["counts"]) + 1


def test_all_that_is_public_is_exported(team, score):
    publish(team, name="=cmd|' /C calc'!A0")
    publish(team, name="-1+1", seed=4, track="sensorium_plus")
    team.enter(name="private")
    score(team.board)
    with team.board.database.read() as connection:
        found = exports.public_json(team.board, connection)
        text = exports.public_csv(team.board, connection)
        (one,) = exports.public_json(team.board, connection, track="sensorium", phase="live")[
            "tables"
        ]
    assert len(found["tables"]) == 4 and one in found["tables"]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in rows] == ["'=cmd|' /C calc'!A0", "'-1+1"]
    shown = one["groups"][0]["submissions"][0]
    assert (
        float(rows[0]["correlation_to_average"])
        == (shown["scores"]["correlation_to_average"]["value"])
    )
    assert rows[0]["feve_low"] and not rows[1]["feve"]
    assert "private" not in text and "evaluation_id" not in str(found)
    assert all(len(row["single_trial_correlation"]) <= 7 for row in rows)


def test_tables_are_made_anew_when_something_public_changes(team, score, monkeypatch):
    made = []
    monkeypatch.setattr(ranking, "standings", lambda *given: made.append(1) or standings(*given))

    def names():
        made.clear()
        with team.board.database.read() as connection:
            (table,) = exports.public_json(team.board, connection, track="sensorium", phase="live")[
                "tables"
            ]
        return [[e["name"] for e in group["submissions"]] for group in table["groups"]], len(made)

    assert names() == ([], 1) and names() == ([], 0)
    first = publish(team, name="a")
    assert names() == ([], 1)
    score(team.board)
    assert names() == ([["a"]], 1) and names() == ([["a"]], 0)
    submissions.withdraw(team.board, team.people["ann"], first)
    assert names() == ([], 1)
