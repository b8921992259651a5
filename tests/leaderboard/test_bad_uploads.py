"""What strangers may send: each gets one clear line, costs nothing, and stops nobody."""

import gzip
import random
import re

import boards
import pytest
from asgi import Client
from sqlalchemy import select, update

from sensorium_tf.leaderboard import queue
from sensorium_tf.leaderboard.tables import evaluations, tracks
from sensorium_tf.leaderboard.web.app import create_app

SLICE = "application/offset+octet-stream"
LIST = re.compile(r'"(\[[^"]*\])","(\[[^"]*\])"')


def lines(text, change):
    """Returns the text with its lines changed: the header, then the rows."""
    header, *rows = text.splitlines()
    return "\n".join(change(header, rows))


def cell(value):
    """Returns a change of the first prediction."""
    return lambda text: LIST.sub(lambda m: f'"{value}","{m[2]}"', text, count=1)


def neurons(value):
    return lambda text: LIST.sub(lambda m: f'"{m[1]}","{value}"', text, count=1)


def first(text):
    return LIST.search(text)[1]


# A change of a good file to a bad one, as text or bytes, and a part of the line that is said of it.
BAD = {
    "empty": (lambda t: b"", "expected the number of bytes"),
    "one byte": (lambda t: b"x", "column 'trial_indices' is missing"),
    "cut within a list": (lambda t: t[:-8], "not a CSV file"),
    "cut within a row": (lambda t: t[: t.rindex("test-23") + 9], "prediction is not a list"),
    "last row missing": (lambda t: lines(t, lambda h, r: [h, *r[:-1]]), "test-23 is missing"),
    "no rows": (lambda t: t.splitlines()[0], "no trial in it"),
    "no header": (lambda t: lines(t, lambda h, r: r), "is missing"),
    "a header of another file": (lambda t: t.replace("prediction", "responses"), "'prediction'"),
    "a column twice": (lambda t: t.replace("image_ids", "prediction", 1), "is missing"),
    "a trial twice": (lambda t: lines(t, lambda h, r: [h, *r, r[0]]), "duplicate trial test-0"),
    "a trial of another mouse": (lambda t: t.replace("test-3,", "other,"), "not in the ground"),
    "an empty trial": (lambda t: t.replace("test-3,", ","), "a row without trial id"),
    "another image": (lambda t: t.replace("test-3,1000", "test-3,7"), "shows image '7'|image 7"),
    "an image as text": (lambda t: t.replace("test-3,1000", "test-3,cat"), "image cat"),
    "nan": (lambda t: cell("[nan" + ", 1" * 11 + "]")(t), "holds nan"),
    "NaN": (lambda t: cell("[NaN" + ", 1" * 11 + "]")(t), "holds NaN"),
    "infinity": (lambda t: cell("[Infinity" + ", 1" * 11 + "]")(t), "holds Infinity"),
    "minus infinity": (lambda t: cell("[-inf" + ", 1" * 11 + "]")(t), "holds -inf"),
    "1e999": (lambda t: cell("[1e999" + ", 1" * 11 + "]")(t), "too large"),
    "1e39": (lambda t: cell("[1e39" + ", 1" * 11 + "]")(t), "too large"),
    "a thousand digits": (lambda t: cell("[" + "9" * 1000 + ", 1" * 11 + "]")(t), "too large"),
    "ten thousand digits": (lambda t: cell("[" + "9" * 10_000 + ", 1" * 11 + "]")(t), "prediction"),
    "null": (lambda t: cell("[null" + ", 1" * 11 + "]")(t), "not a list of numbers"),
    "true": (lambda t: cell("[true" + ", 1" * 11 + "]")(t), "not a list of numbers"),
    "text": (lambda t: cell("['a'" + ", 1" * 11 + "]")(t), "not a list of numbers"),
    "complex": (lambda t: cell("[1j" + ", 1" * 11 + "]")(t), "not a list of numbers"),
    "hexadecimal": (lambda t: cell("[0x1F" + ", 1" * 11 + "]")(t), "not a list of numbers"),
    "an empty list": (lambda t: cell("[]")(t), "0 values in prediction for 12 neurons"),
    "too few": (lambda t: cell("[1, 2]")(t), "2 values in prediction for 12 neurons"),
    "too many": (lambda t: cell("[" + "1, " * 20 + "1]")(t), "21 values"),
    "no list": (lambda t: cell("1")(t), "not a list of numbers"),
    "a dict": (lambda t: cell("{1: 2}")(t), "not a list of numbers"),
    "nested lists": (lambda t: cell("[[1, 2], [3]]")(t), "not a list of numbers"),
    "nested brackets": (lambda t: cell("[" * 100_000)(t), "not a list of numbers"),
    "nested closed brackets": (lambda t: cell("[" * 9000 + "]" * 9000)(t), "not a list"),
    "code": (lambda t: cell("__import__('os').system('id')")(t), "not a list of numbers"),
    "a comprehension": (lambda t: cell("[1 for _ in range(12)]")(t), "not a list of numbers"),
    "an ellipsis": (lambda t: cell("[1. 2. ... 3.]")(t), "left some out"),
    "a hole": (lambda t: cell("[1,,2]")(t), "not a list of numbers"),
    "a formula": (lambda t: cell("=SUM(A1)")(t), "not a list of numbers"),
    "a formula as trial": (lambda t: t.replace("test-3,", "=cmd|calc,"), "not in the ground"),
    "an escape code as trial": (lambda t: t.replace("test-3,", "\x1b[31m,"), "not in the ground"),
    "a long trial": (lambda t: t.replace("test-3,", "x" * 100_000 + ","), "not in the ground"),
    "a huge cell": (lambda t: cell("[" + "1, " * 3_000_000 + "1]")(t), "more than 8000000"),
    "NUL": (lambda t: t.replace("test-3", "te\0st"), "not in the ground"),
    "all NUL": (lambda t: bytes(200_000), "not a CSV file"),
    "random bytes": (lambda t: random.Random(1).randbytes(100_000), "not a CSV|is missing"),
    "UTF-16": (lambda t: t.encode("utf-16"), "UTF-16"),
    "UTF-32": (lambda t: t.encode("utf-32"), "UTF-16|not a CSV"),
    "Latin-1": (lambda t: t.replace("test-3", "tést").encode("latin-1"), "not a CSV file in UTF-8"),
    "a zip": (lambda t: b"PK\3\4" + bytes(range(256)) * 9, "is a zip file or a spreadsheet"),
    "gzip in gzip": (
        lambda t: gzip.compress(t.encode()),
        "is a gzip file, perhaps of a tar archive: unpack it",
    ),
    "a pickle": (lambda t: b"\x80\x04\x95" + bytes(90), "not a CSV file in UTF-8"),
    "a picture": (lambda t: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "not a CSV file"),
    "HTML": (lambda t: "<html><script>alert(1)</script>", "is missing"),
    "JSON": (lambda t: '{"trial_indices": []}', "is missing"),
    "an open quote": (lambda t: t + '\n"test-99,1,2,3', "not a CSV file"),
    "unquoted lists": (lambda t: t.replace('"', ""), "more cells than columns"),
    "a neuron twice": (lambda t: neurons("[5, 5" + ", 8" * 10 + "]")(t), "is in neuron_ids twice"),
    "other neurons": (lambda t: neurons(str([*range(12)]))(t), "neuron 11 is missing|neuron"),
    "a neuron too few": (lambda t: neurons("[5]")(t), "12 values in prediction for 1"),
    "half a neuron": (lambda t: neurons("[5.5" + ", 8" * 11 + "]")(t), "whole numbers"),
    "a neuron of 30 digits": (lambda t: neurons(f"[{10**30}" + ", 8" * 11 + "]")(t), "too large"),
    "a row far below": (lambda t: t + "\n" * 200_000 + "x,1,[1],[1]", "neuron 5 is missing"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return boards.write_rates(tmp_path_factory.mktemp("good") / "submission.csv").read_text()


def test_there_are_sixty_kinds():
    assert len(BAD) >= 60


def send(client, content, encoding="identity"):
    """Uploads and submits; returns the submission's id, or what is said of the upload."""
    values = {"track": "sensorium", "tier": "test", "length": len(content), "encoding": encoding}
    opened = client.post("/api/v1/uploads", json=values)
    if opened.status != 201:
        return None, opened.json()["error"]
    path = opened.headers["location"]
    headers = {"content-type": SLICE, "upload-offset": "0"}
    sent = client.request("PATCH", path, content=content, headers=headers)
    if sent.status != 200:
        return None, sent.json()["error"]
    values = {"track": "sensorium", "name": "x", "files": {"test": opened.json()["id"]}}
    done = client.post("/api/v1/submissions", json=values)
    assert done.status == 201, done.text
    return done.json()["submission"], None


def test_each_is_one_line_and_costs_nothing(team, score, good):
    team.limited(attempts_a_day=1000, requests_a_minute=10_000, slice_bytes=16 << 20)
    with team.board.database.write() as connection:
        connection.execute(update(tracks).values(submissions_a_day=1))
    client = Client(create_app(team.board), team.secrets["ann"])
    expected = {}
    for kind, (change, says) in BAD.items():
        content = change(good)
        content = content.encode() if isinstance(content, str) else content
        assert content != good.encode(), kind
        packed = len(content) % 2 and len(content) < 1 << 20
        encoding = "gzip" if packed else "identity"
        submission, refused = send(client, gzip.compress(content) if packed else content, encoding)
        if submission is None:
            assert says in refused, kind
        else:
            expected[submission] = kind, says
        score(team.board)
    with team.board.database.read() as connection:
        rows = connection.execute(select(evaluations)).all()
        assert queue.counts(connection)["failed"] == len(rows) >= 60
    for row in rows:
        kind, says = expected[row.submission_id]
        assert re.search(says, row.error), (kind, row.error)
        assert row.error.startswith("submission_test.csv: "), (kind, row.error)
        assert len(row.error) < 400 and row.error.isprintable(), (kind, row.error)
    submission, _ = send(client, good.encode())
    score(team.board)
    submission = client.get(f"/api/v1/submissions/{submission}").json()
    assert submission["phases"]["live"]["says"] == "scored"
    assert client.get("/healthz").status == 200
