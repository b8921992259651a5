"""Files of movies that are wrong: each is one clear line to whoever sent it, and costs nothing."""

import re

import numpy as np
import pytest
from movie_boards import LIVE, enter, enter_files, limit, seen, work

from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.settings import ScoringLimits

pa = pytest.importorskip("pyarrow", reason="files of movies need the extra movies")
parquet = pytest.importorskip("pyarrow.parquet", reason="files of movies need the extra movies")


def table(path):
    return parquet.read_table(path, arrow_extensions_enabled=False).to_pydict()


def column(name, change):
    """Returns what changes a column of a submission."""

    def changed(path):
        columns = table(path)
        columns[name] = change(columns[name])
        write(path, columns)

    return changed


def write(path, columns, **options):
    parquet.write_table(pa.table(columns), path, compression="brotli", **options)


def without(name):
    def changed(path):
        columns = table(path)
        del columns[name]
        write(path, columns)

    return changed


def cut(n):
    return lambda path: path.write_bytes(path.read_bytes()[:n])


def content(made):
    return lambda path: path.write_bytes(made)


def deep(n):
    """Returns what nests a column n times."""

    def changed(path):
        values = pa.array([1.0])
        for _ in range(n):
            values = pa.ListArray.from_arrays([0, 1], values)
        columns = {name: cells[:1] for name, cells in table(path).items()}
        write(path, {**columns, "deep": values}, store_schema=False)

    return changed


def constant(n):
    """Returns what makes n equal values, which take next to nothing in a file."""

    def changed(path):
        values = pa.ListArray.from_arrays(np.array([0, n], np.int32), np.zeros(n, np.float32))
        columns = {name: cells[:1] for name, cells in table(path).items()}
        write(path, {**columns, "prediction": pa.ListArray.from_arrays([0, 1], values)})

    return changed


def first(change):
    """Returns what changes the first row of a column."""
    return lambda cells: [change(cells[0]), *cells[1:]]


BAD = {
    "half": (cut(1000), "its end is missing"),
    "its last byte": (cut(-1), "its end is missing"),
    "a flipped byte": (
        lambda path: path.write_bytes(
            (b := path.read_bytes())[:600] + bytes([b[600] ^ 1]) + b[601:]
        ),
        "checksum verification failed|not a complete parquet file",
    ),
    "CSV": (content(b"trial_indices,image_ids,prediction,neuron_ids\n"), "its end is missing"),
    "a zip": (content(b"PK\3\4" + bytes(900)), "it is a zip file"),
    "a pickle": (content(b"\x80\x04\x95" + bytes(90)), "its end is missing"),
    "marks alone": (content(b"PAR1" + bytes(99) + b"\x10\0\0\0PAR1"), "its end is damaged"),
    "no neurons": (without("neuron_ids"), "column 'neuron_ids' is missing"),
    "no prediction": (without("prediction"), "column 'prediction' is missing"),
    "text": (column("prediction", lambda c: ["[1]"] * len(c)), "expected lists of lists"),
    "flat lists": (column("prediction", lambda c: [e[0] for e in c]), "expected lists of lists"),
    "another mouse": (column("mouse", lambda c: ["7-7-7"] * len(c)), "its mice are '7-7-7'"),
    "a mouse too many": (column("mouse", first(lambda _: "7-7-7")), "is missing"),
    "no mouse": (column("mouse", first(lambda _: None)), "a row without mouse"),
    "another trial": (column("trial_indices", first(lambda t: 10_000)), "is missing"),
    "a trial twice": (column("trial_indices", lambda c: [c[1], *c[1:]]), "duplicate trial"),
    "a trial of text": (column("trial_indices", lambda c: ["x"] * len(c)), "expected its number"),
    "NaN": (column("prediction", first(lambda v: [[np.nan] * len(n) for n in v])), "holds NaN"),
    "infinity": (column("prediction", first(lambda v: [[1e39] * len(n) for n in v])), "infinity"),
    "a gap": (column("prediction", first(lambda v: [[None, *n[1:]] for n in v])), "has gaps"),
    "ragged": (column("prediction", first(lambda v: [v[0][1:], *v[1:]])), "not one list a neuron"),
    "a frame less": (column("prediction", first(lambda v: [n[1:] for n in v])), "frames, expected"),
    "all frames": (column("prediction", first(lambda v: [n * 5 for n in v])), "expected at most"),
    "other neurons": (column("neuron_ids", lambda c: [[*range(900, 912)]] * len(c)), "is missing"),
    "a neuron twice": (column("neuron_ids", first(lambda n: [n[1], *n[1:]])), "no different whole"),
    "a neuron too few": (column("neuron_ids", first(lambda n: n[1:])), "12 neurons in prediction"),
    "a long name": (column("mouse", first(lambda _: "m" * (64 << 20))), "characters there"),
    "nested columns": (deep(40), "nested too deeply"),
    "a bomb": (constant(100_000_000), "100000000 values in it, expected at most"),
}


@pytest.fixture
def one_a_day(movie_team):
    limit(movie_team, 1)
    movie_team.limited(attempts_a_day=1000, open_uploads=99)
    return movie_team


def test_each_bad_file_is_one_line_and_costs_nothing(one_a_day, movies, score):
    team = one_a_day
    path, expected = team.folder / "rates", {}
    for kind, (change, says) in BAD.items():
        good = movies.write_rates(path).read_bytes()
        change(path)
        assert path.read_bytes() != good, kind
        expected[kind] = enter_files(team, {LIVE: path}, name=kind), says
        score(team.board)
    for kind, (submission, says) in expected.items():
        live = seen(team, submission)["phases"]["live"]
        assert live["says"] == "failed", kind
        error = live["error"]
        assert error.startswith(f"submission_{LIVE}.parquet.brotli: "), (kind, error)
        assert re.search(says, error), (kind, error)
        assert len(error) < 400 and error.isprintable(), (kind, error)
    submission = enter(team, movies)
    score(team.board)
    assert seen(team, submission)["phases"]["live"]["says"] == "scored"
    with pytest.raises(Refused, match="submit again tomorrow"):
        enter(team, movies)


def test_a_text_that_inflates_ends_in_a_process_that_may_take_little(one_a_day, movies):
    team = one_a_day
    path = movies.write_rates(team.folder / "bomb")
    column("mouse", first(lambda _: "m" * (256 << 20)))(path)
    assert path.stat().st_size < 100_000
    bomb = enter_files(team, {LIVE: path})
    work(team, ScoringLimits(address_space=700 << 20))
    assert seen(team, bomb)["phases"]["live"]["error"] == (
        f"submission_{LIVE}.parquet.brotli: cannot be read: it takes more memory than there is"
    )
    good = enter(team, movies)
    work(team)
    assert seen(team, good)["phases"]["live"]["says"] == "scored"
