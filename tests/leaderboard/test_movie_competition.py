"""A competition of movies goes its whole way, with the library's own scores."""

import boards
import numpy as np
import pytest
from movie_boards import FINAL, LIVE, enter, seen, work
from movie_files import CHALLENGE
from sqlalchemy import select

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import child, queue, schedule, submissions
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.ranking import standings
from sensorium_tf.leaderboard.settings import ScoringLimits
from sensorium_tf.leaderboard.tables import evaluations, neuron_scores, scores
from sensorium_tf.leaderboard.truths import add_truth
from sensorium_tf.scoring import score as library_score
from sensorium_tf.scoring import score_neurons


def stored(team, submission, phase):
    """Returns a submission's scores and those of its neurons, at full precision."""
    with team.board.database.read() as connection:
        of_it = select(evaluations.c.id).where(
            evaluations.c.submission_id == submission,
            evaluations.c.phase_id == phase.id,
            evaluations.c.kind == queue.SCORE,
        )
        means = connection.execute(select(scores).where(scores.c.evaluation_id.in_(of_it))).all()
        neurons = connection.execute(
            select(neuron_scores).where(neuron_scores.c.evaluation_id.in_(of_it))
        ).all()
    return means, {row.metric: row._mapping["values"] for row in neurons}


def check_scores(team, submission, tier, file, truth):
    """Asserts that what is stored is what the library says, to the last bit."""
    means, neurons = stored(team, submission, boards.phase(team.board, "main", tier))
    library = library_score(file, truth, track="main", challenge=CHALLENGE)
    assert {row.metric for row in means} == {*CHALLENGE.metrics}
    for row in means:
        assert row.value == library[row.metric]
        assert [row.low, row.high] == [*library["intervals"][row.metric]]
        assert row.n_neurons == library.get(f"{row.metric}_neurons")
    per_neuron = score_neurons(file, truth, track="main", challenge=CHALLENGE).per_neuron
    assert {*neurons} == {*per_neuron}
    for metric, values in per_neuron.items():
        assert np.frombuffer(neurons[metric], "<f8").tobytes() == values.tobytes()


def test_a_competition_goes_from_uploads_to_the_final_table(movie_team, movies):
    team = movie_team
    good = enter(team, movies, tiers=(LIVE, FINAL), name="good", noise=0.1)
    other = enter(team, movies, who="bob", tiers=(LIVE, FINAL), name="other", noise=30.0, seed=2)
    work(team)
    files = {
        tier: movies.write_rates(team.folder / tier, tier, noise=0.1) for tier in (LIVE, FINAL)
    }
    check_scores(team, good, LIVE, files[LIVE], movies.truths[LIVE])
    phases = seen(team, good)["phases"]
    assert phases["live"]["says"] == "scored" and phases["live"]["error"] is None
    assert phases["final"]["says"] == "checked, scored when it is revealed"
    final = boards.phase(team.board, "main", FINAL)
    assert stored(team, good, final) == ([], {})
    for each in (good, other):
        owner = "ann" if each == good else "bob"
        submissions.publish(team.board, team.people[owner], each)
    assert schedule.reveal(team.board, final) == 2
    work(team)
    check_scores(team, good, FINAL, files[FINAL], movies.truths[FINAL])
    for tier in (LIVE, FINAL):
        with team.board.database.read() as connection:
            table = standings(connection, boards.phase(team.board, "main", tier)).to_json()
        (group,) = table["groups"]
        assert table["primary_metric"] == "single_trial_correlation" and group["standing"] == ""
        assert [(each["rank"], each["name"]) for each in group["submissions"]] == [
            (1, "good"),
            (2, "other"),
        ]
        assert [*group["submissions"][0]["scores"]] == [*CHALLENGE.metrics]


def test_tracks_are_apart_each_with_its_tiers(movie_team, movies):
    team = movie_team
    bonus = enter(team, movies, track="bonus", tiers=("live_test_bonus", "final_test_bonus"))
    work(team)
    phases = seen(team, bonus)["phases"]
    assert [phase["tier"] for phase in phases.values()] == ["live_test_bonus", "final_test_bonus"]
    assert phases["live"]["says"] == "scored" and not phases["final"]["revealed"]
    path = movies.write_rates(team.folder / "rates", "live_test_bonus")
    with pytest.raises(Refused, match="main: no 'live_test_bonus': did you mean live_test_main"):
        boards.upload(team.board, team.people["ann"], path, track="main", tier="live_test_bonus")


def test_a_truth_of_another_form_is_refused_in_one_line(movie_team, movies, tmp_path):
    phase = boards.phase(movie_team.board, "main", LIVE)
    csv = boards.write_truth(tmp_path / "truth.csv")
    with pytest.raises(SensoriumError, match="truth.csv: not a complete parquet file"):
        add_truth(movie_team.board, phase, csv)
    rates = movies.write_rates(tmp_path / "rates")
    with pytest.raises(SensoriumError, match="column 'video_ids' is missing|'responses' is"):
        add_truth(movie_team.board, phase, rates)


@pytest.fixture
def run_child(movies, tmp_path):
    """Scores a submission in a process of its own."""
    movies.write_rates(tmp_path / "rates")
    (tmp_path / "truth").write_bytes(movies.truths[LIVE].read_bytes())

    def run_child(**limits):
        return child.run(
            tmp_path,
            submission="rates",
            truth="truth",
            challenge=CHALLENGE.name,
            track="main",
            kind="score",
            limits=ScoringLimits(**limits),
        )

    return run_child


def test_what_reads_parquet_reserves_little_memory(run_child):
    # Its own allocator would take a GiB, and each thread 64 MiB, of what is limited.
    assert run_child(address_space=512 << 20).error is None


def test_a_truth_that_takes_too_much_memory_is_no_fault_of_the_file(run_child, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="files of movies need it")
    columns = parquet.read_table(tmp_path / "truth")
    text = ["m" * (256 << 20), *columns["mouse"].to_pylist()[1:]]
    parquet.write_table(columns.set_column(0, "mouse", [text]), tmp_path / "truth")
    with pytest.raises(child.ChildFailed, match="truth: cannot be read: it takes more memory"):
        run_child(address_space=700 << 20)


def test_a_worker_without_pyarrow_is_no_fault_of_the_file(run_child, monkeypatch):
    before, main, after = child._START.rpartition("main(")
    without = f"{before}sys.modules['pyarrow'] = None\n{main}{after}"
    monkeypatch.setattr(child, "_START", without)
    with pytest.raises(child.ChildFailed, match="files of movie competitions need pyarrow"):
        run_child()
