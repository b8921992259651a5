"""The API answers programs: what it takes, what it refuses, what it never does."""

import functools
import hashlib
import json
import subprocess
import sys

import boards
import pytest
from asgi import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.tables import submission_files
from sensorium_tf.leaderboard.web import app
from sensorium_tf.leaderboard.web.app import create_app
from sensorium_tf.leaderboard.web.openapi import description
from sensorium_tf.leaderboard.web.operations import OPERATIONS
from sensorium_tf.leaderboard.web.requests import Throttle

SLICE = "application/offset+octet-stream"


@pytest.fixture
def client(team):
    return Client(create_app(team.board), team.secrets["ann"])


def open_upload(client, content, **change):
    values = {"track": "sensorium", "tier": "test", "length": len(content), **change}
    return client.post("/api/v1/uploads", json=values)


def patch(client, upload, at, content, **options):
    headers = {"content-type": SLICE, "upload-offset": str(at), **options.pop("headers", {})}
    return client.request(
        "PATCH", f"/api/v1/uploads/{upload}", content=content, headers=headers, **options
    )


def submit(client, folder, **change):
    content = boards.write_rates(folder / "submission.csv").read_bytes()
    upload = open_upload(client, content).json()["id"]
    assert patch(client, upload, 0, content).status == 200
    values = {"track": "sensorium", "name": "cnn", "files": {"test": upload}, **change}
    return client.post("/api/v1/submissions", json=values)


def test_a_file_goes_the_whole_way(team, client, score):
    content = boards.write_rates(team.folder / "submission.csv").read_bytes()
    opened = open_upload(client, content, sha256=hashlib.sha256(content).hexdigest())
    assert opened.status == 201 and opened.headers["upload-offset"] == "0"
    where, half = opened.headers["location"], len(content) // 2
    upload = opened.json()["id"]
    assert patch(client, upload, 0, content[:half]).headers["upload-offset"] == str(half)
    progress = client.request("HEAD", where)
    assert progress.status == 200 and progress.content == b""
    assert progress.headers["upload-offset"] == str(half)
    assert progress.headers["upload-length"] == str(len(content))
    wrong = patch(client, upload, 5, content[5:])
    assert wrong.status == 409 and "expected" in wrong.json()["error"]
    assert [each["id"] for each in client.get("/api/v1/uploads").json()["uploads"]] == [upload]
    assert patch(client, upload, half, content[half:]).json()["received"] == len(content)
    values = {"track": "sensorium", "name": "cnn", "files": {"test": upload}, "label": boards.LABEL}
    accepted = client.post("/api/v1/submissions", json=values)
    assert accepted.status == 201
    assert client.get("/api/v1/uploads").json() == {"uploads": []}
    score(team.board)
    submission = client.get(accepted.headers["location"]).json()
    assert submission["phases"]["live"]["says"] == "scored" and not submission["published"]
    assert (
        client.get("/api/v1/leaderboard.json?track=sensorium").json()["tables"][0]["groups"] == []
    )
    assert client.post(f"{accepted.headers['location']}/publish").json()["published"]
    nobody = Client(client.app)
    table = nobody.get("/api/v1/leaderboard.json?track=sensorium&phase=live").json()["tables"][0]
    assert table["groups"][0]["submissions"][0]["name"] == "cnn"
    text = nobody.get("/api/v1/leaderboard.csv")
    assert text.headers["content-type"].startswith("text/csv") and "cnn" in text.text
    assert [each["id"] for each in client.get("/api/v1/submissions").json()["submissions"]] == [
        submission["id"]
    ]
    assert client.post(f"{accepted.headers['location']}/withdraw").json()["withdrawn"]


def test_bytes_that_are_not_those_announced_end_the_upload(client):
    upload = open_upload(client, b"abc", sha256=hashlib.sha256(b"abd").hexdigest()).json()["id"]
    refused = patch(client, upload, 0, b"abc")
    assert refused.status == 422 and "not those that were announced" in refused.json()["error"]
    assert client.request("HEAD", f"/api/v1/uploads/{upload}").status == 404


def test_an_upload_is_deleted(client):
    upload = open_upload(client, b"abc").json()["id"]
    assert client.request("DELETE", f"/api/v1/uploads/{upload}").status == 200
    assert client.request("HEAD", f"/api/v1/uploads/{upload}").status == 404


def test_an_upload_that_a_submission_has_is_not_deleted(team, client):
    team.enter()
    with team.board.database.read() as connection:
        upload = connection.execute(select(submission_files.c.upload_id)).scalar_one()
    refused = client.request("DELETE", f"/api/v1/uploads/{upload}")
    assert refused.status == 409 and "a submission has it" in refused.json()["error"]
    assert client.request("HEAD", f"/api/v1/uploads/{upload}").status == 200


def test_submissions_are_compared(team, client, score):
    team.limited(open_uploads=9)
    first, second = team.enter(), team.enter(seed=4)
    score(team.board)
    found = client.get(f"/api/v1/compare?a={first}&b={second}")
    assert found.status == 200 and found.json()["phases"]["live"]["feve"]["low"] is not None
    assert Client(client.app).get(f"/api/v1/compare?a={first}&b={second}").status == 404
    assert client.get(f"/api/v1/compare?a={first}").json() == {"error": "b is missing"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer sensorium_wrong"}, 401),
        ({"authorization": "Basic x"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": ""}, 401),
    ],
)
def test_tokens_that_are_none_are_refused_everywhere(client, headers, status):
    for path in ("/api/v1/competitions", "/api/v1/submissions"):
        refused = client.get(path, headers=headers)
        assert refused.status == status and refused.headers["www-authenticate"] == "Bearer"
        assert set(refused.json()) == {"error"}


def test_cookies_are_no_key_to_the_api(team):
    from sensorium_tf.leaderboard import sessions

    with team.board.database.write() as connection:
        secret = sessions.open_session(team.board, connection, 1, scopes=["read", "submit"])
    client = Client(create_app(team.board))
    client.cookies = {"session": secret}
    assert client.get("/api/v1/submissions").status == 401


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "expected a JSON object"),
        (b"[1]", 400, "expected a JSON object"),
        (b'{"track": NaN}', 400, "expected a JSON object"),
        (b"\xff\xfe{}", 400, "expected a JSON object"),
        (b"[" * 60_000, 400, "expected a JSON object"),
        (b'{"length": 1' + b"0" * 5000 + b"}", 400, "expected a JSON object"),
        (b"{}", 422, "track is missing"),
        (b'{"track": 1}', 422, "track: expected string"),
        (b'{"track": "sensorium", "tier": "test", "length": 1.0}', 422, "length: expected integer"),
        (b'{"track": "sensorium", "tier": "test", "length": true}', 422, "expected integer"),
        (b'{"track": "a\\u0000", "tier": "test", "length": 1}', 422, "characters that no text has"),
        (b'{"track": "\\ud800", "tier": "test", "length": 1}', 422, "characters that no text has"),
        (b'{"more": 1}', 422, "'more': expected track, tier"),
        (b'{"track": "x", "tier": "test", "length": 1}', 404, "track 'x'"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', 413, "more than 65536 bytes"),
    ],
)
def test_bodies_that_are_not_what_they_should_be_are_one_line(client, body, status, says):
    refused = client.post(
        "/api/v1/uploads", content=body, headers={"content-type": "application/json"}
    )
    assert refused.status == status and says in refused.json()["error"]
    assert len(refused.content) < 400


def test_bodies_of_other_kinds_are_refused(client):
    for kind in ("", "text/plain", "application/x-www-form-urlencoded"):
        refused = client.post("/api/v1/uploads", content=b"{}", headers={"content-type": kind})
        assert refused.status == 415
    upload = open_upload(client, b"abc").json()["id"]
    assert patch(client, upload, 0, b"abc", headers={"content-type": "text/csv"}).status == 415


@pytest.mark.parametrize("offset", ["", "-1", "x", "1.0", "٣", "9" * 30, "0x0"])
def test_offsets_that_are_none_are_refused(client, offset):
    upload = open_upload(client, b"abc").json()["id"]
    refused = patch(
        client, upload, 0, b"abc", headers={"upload-offset": offset.encode().decode("latin-1")}
    )
    assert refused.status == 400 and "Upload-Offset" in refused.json()["error"]


def test_a_slice_has_a_size_whether_it_says_so_or_not(team):
    team.limited(slice_bytes=1000)
    client = Client(create_app(team.board), team.secrets["ann"])
    upload = open_upload(client, bytes(5000)).json()["id"]
    assert patch(client, upload, 0, bytes(1001)).status == 413
    assert patch(client, upload, 0, b"", chunks=[bytes(400)] * 3).status == 413
    assert patch(client, upload, 0, b"", chunks=[bytes(400)] * 2).status == 200
    headers = {"content-length": "9" * 40}
    assert patch(client, upload, 800, bytes(10), headers=headers).status == 413


def test_a_sender_that_says_nothing_or_too_little_is_left(team):
    team.limited(idle_seconds=0.05, slice_seconds=5)
    client = Client(create_app(team.board), team.secrets["ann"])
    upload = open_upload(client, bytes(10)).json()["id"]
    slow = patch(client, upload, 0, b"", chunks=[b"x"] * 10, pause=0.2)
    assert slow.status == 408 and "too slowly" in slow.json()["error"]
    team.limited(idle_seconds=5, slice_seconds=0.1)
    client = Client(create_app(team.board), team.secrets["ann"])
    assert patch(client, upload, 0, b"", chunks=[b"x"] * 10, pause=0.03).status == 408
    assert client.request("HEAD", f"/api/v1/uploads/{upload}").headers["upload-offset"] == "0"


def test_a_connection_that_is_lost_adds_nothing(client):
    upload = open_upload(client, bytes(10)).json()["id"]
    assert patch(client, upload, 0, b"", chunks=[]).status == 400
    assert client.request("HEAD", f"/api/v1/uploads/{upload}").headers["upload-offset"] == "0"


def test_an_address_that_asks_too_often_waits_and_others_do_not(team, monkeypatch):
    monkeypatch.setattr(app, "Throttle", functools.partial(Throttle, now=lambda: 0.0))
    team.limited(requests_a_minute=3)
    client = Client(create_app(team.board))
    assert [client.get("/healthz").status for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/api/v1/competitions")
    assert refused.headers["retry-after"] == "20" and "content-security-policy" in refused.headers
    assert Client(client.app, address="192.0.2.2").get("/healthz").status == 200


def test_what_an_address_may_ask_comes_back_with_time():
    at = 0.0
    throttle = Throttle(60, lambda: at)
    assert [throttle.wait("a") for _ in range(61)] == [0] * 60 + [1]
    at = 1.5
    assert throttle.wait("a") == 0 and throttle.wait("a") == 1
    for i in range(20_001):
        throttle.wait(str(i))
    assert len(throttle._left) <= 10_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/competitions", 405),
        ("PUT", "/api/v1/uploads/x", 405),
        ("GET", "/api/v1/submissions/none", 404),
        ("GET", "/api/v1/submissions/%00", 422),
        ("GET", "/api/v1/leaderboard.json?track=none", 404),
        ("GET", "/api/v1/leaderboard.json?tracks=sensorium", 422),
        ("GET", "/api/v1/competitions?x=1", 422),
        ("POST", "/api/v1/submissions/none/publish", 404),
    ],
)
def test_addresses_that_are_none_are_one_line(client, method, path, status):
    refused = client.request(method, path.replace("%00", "\0"))
    assert refused.status == status and set(refused.json()) == {"error"}


def test_every_answer_is_protected(client):
    for path in ("/api/v1/competitions", "/api/v1/nothing", "/healthz"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/api/v1/competitions").headers["cache-control"] == "no-store"


def test_a_fault_of_the_server_is_a_number_and_no_secret(team, client, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("the secret of the server")

    monkeypatch.setattr("sensorium_tf.leaderboard.exports.competition_list", fail)
    refused = client.get("/api/v1/competitions")
    assert refused.status == 500 and "secret" not in refused.text
    number = refused.json()["error"].rpartition(" ")[2]
    assert number in caplog.text and "the secret of the server" in caplog.text


def test_a_database_that_is_away_is_said_to_be(team, tmp_path):
    board = Board.open(f"postgresql://ann:secret@/board?host={tmp_path}", str(tmp_path))
    client = Client(create_app(board))
    assert client.get("/healthz").status == 503
    away = client.get("/api/v1/competitions")
    assert away.status == 503 and away.headers["retry-after"] == "5" and "ann" not in away.text


def test_files_that_are_away_are_said_to_be(team, client, monkeypatch):
    def away(*_, **__):
        raise PermissionError("a secret")

    opened = {"track": "sensorium", "tier": "test", "length": 3}
    where = client.post("/api/v1/uploads", json=opened).headers["location"]
    monkeypatch.setattr(team.board.blobs._files._target, "open", away)
    headers = {"upload-offset": "0", "content-type": "application/offset+octet-stream"}
    reply = client.request("PATCH", where, content=b"abc", headers=headers)
    assert reply.status == 503 and "files are away" in reply.text and "secret" not in reply.text


def test_the_service_tells_how_it_is(team, client, score):
    team.enter()
    assert client.get("/healthz").json() == {"status": "ok"}
    team.clock.move(seconds=30)
    text = client.get("/metrics").text
    assert 'sensorium_evaluations{state="queued"} 1' in text
    assert "sensorium_oldest_queued_seconds 30\n" in text
    score(team.board)
    assert 'sensorium_evaluations{state="done"} 1' in client.get("/metrics").text


def test_the_description_is_that_of_the_routes(client):
    found = client.get("/api/v1/openapi.json").json()
    assert found == json.loads(json.dumps(description()))
    listed = {(m.upper(), p) for p, methods in found["paths"].items() for m in methods}
    assert listed == {(each.method, f"/api/v1{each.path}") for each in OPERATIONS}
    for method, path in listed:
        declared = found["paths"][path][method.lower()]["responses"]
        nobody = Client(client.app).request(method, path.replace("{id}", "x"))
        assert str(nobody.status) in declared, (method, path, nobody.status)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent_gets_an_answer_of_the_description(client, data):
    operation = data.draw(st.sampled_from(OPERATIONS))
    name = data.draw(st.text(st.characters(codec="ascii"), min_size=1, max_size=12))
    path = f"/api/v1{operation.path}".replace("{id}", name.replace("/", "").replace("?", "x"))
    options = {}
    if operation.body:
        keys = st.sampled_from([*operation.body, "other"])
        values = data.draw(st.dictionaries(keys, json_values))
        if data.draw(st.booleans()):
            values |= {"track": "sensorium", "tier": "test", "name": "x"}
        options["json"] = {k: v for k, v in values.items() if k in operation.body or len(k) == 5}
    elif operation.takes_slice:
        options["content"] = data.draw(st.binary(max_size=20))
        options["headers"] = {"content-type": SLICE, "upload-offset": "0"}
    reply = client.request(operation.method, path, **options)
    declared = description()["paths"][f"/api/v1{operation.path}"][operation.method.lower()]
    assert str(reply.status) in {*declared["responses"], "405"} - {"500"}
    if reply.status >= 400 and operation.method != "HEAD":
        assert set(reply.json()) == {"error"} and "\n" not in reply.json()["error"]


START = """
import sys
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.web.app import create_app
board = Board.open(sys.argv[1])
board.database.upgrade()
create_app(board)
import uvicorn
heavy = ("tensorflow", "keras", "matplotlib", "h5py", "pyarrow")
print([name for name in heavy if name in sys.modules])
"""


def test_the_web_process_is_light(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", START, tmp_path / "board.db"], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr
