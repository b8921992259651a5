"""The client checks, uploads, goes on, waits, and says what is wrong in one line."""

import hashlib
import http.server
import socket
import threading
import urllib.error

import boards
import numpy as np
import pytest
from boards import LABEL
from processes import command

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import client as leaderboard
from sensorium_tf.leaderboard import sending
from sensorium_tf.leaderboard.terminal import progress_bar, submission_text
from sensorium_tf.scoring import check_submission, write_label, write_submission


@pytest.fixture
def folder(tmp_path):
    """A folder as submit.py leaves it."""
    folder = tmp_path / "submission"
    files = [
        boards.write_rates(folder / "submission_file_live_test.csv", "test"),
        boards.write_rates(folder / "submission_file_final_test.csv", "final_test"),
    ]
    write_label(files, **LABEL)
    return folder


@pytest.fixture
def client(team, server):
    slept = []
    client = leaderboard.Client(server.url, team.secrets["ann"], sleep=slept.append)
    object.__setattr__(client, "slept", slept)
    return client


def submit(client, folder, **options):
    files = sending.submission_files(folder)
    return sending.submit(client, files, track="sensorium", name="cnn", **options)


def test_what_submit_wrote_goes_in_as_it_is(team, client, folder, score):
    receipt = submit(client, folder, method="text", links=("https://example.org",))
    assert set(receipt["files"]) == {"test", "final_test"}
    score(team.board)
    found = sending.finish(client, receipt, publish=True)
    assert found["label"] == LABEL and found["standing"] == "" and found["published"]
    assert found["method"] == "text" and found["links"] == ["https://example.org"]
    text = submission_text(found)
    assert "live (test): scored" in text and "rank                       1\n" in text
    assert "final (final_test): checked, scored when it is revealed" in text
    assert submit(client, folder)["submission"] != receipt["submission"]


def count_slices(monkeypatch, fails=()):
    """Counts the slices that are sent; after some, the answer is lost."""
    sent, real = [], leaderboard._NEAR_OPENER.open

    def open_and_lose(request, **options):
        reply = real(request, **options)
        if request.method == "PATCH":
            sent.append(len(request.data))
            if len(sent) in fails:
                reply.close()
                raise urllib.error.URLError(ConnectionResetError("lost"))
        return reply

    monkeypatch.setattr(leaderboard._NEAR_OPENER, "open", open_and_lose)
    return sent


@pytest.fixture
def small_slices(team):
    """Has to stand before the client: the server takes the limits when it starts."""
    return team.limited(slice_bytes=500)


def test_it_goes_on_where_an_answer_was_lost(small_slices, client, folder, monkeypatch):
    sent = count_slices(monkeypatch, fails=(1, 3))
    receipt = submit(client, folder)
    assert len(sent) > 4 and max(sent) == 500
    live = (folder / "submission_file_live_test.csv").read_bytes()
    assert receipt["files"]["test"] == hashlib.sha256(live).hexdigest()
    assert client.slept == [1, 1]


def test_another_process_goes_on_where_one_was_stopped(small_slices, client, folder, monkeypatch):
    (folder / "submission_file_final_test.csv").unlink()

    def stop(tier, done, total):
        if done:
            raise KeyboardInterrupt

    sent = count_slices(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        submit(client, folder, progress=stop)
    shown = []
    submit(client, folder, progress=lambda *each: shown.append(each))
    assert shown[0][1] == 500 and shown[-1][1] == shown[-1][2] == sum(sent)


def test_what_was_stopped_and_then_changed_is_replaced(small_slices, client, folder, monkeypatch):
    for seed in range(3):
        for name, tier in (("live", "test"), ("final", "final_test")):
            boards.write_rates(folder / f"submission_file_{name}_test.csv", tier, seed=seed)

        def stop(tier, done, total):
            if tier == "final_test" and done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            submit(client, folder, progress=stop)
    submit(client, folder)
    assert client.call("GET", "/uploads")[0]["uploads"] == []


def test_what_was_refused_is_no_longer_open(client, folder):
    with pytest.raises(leaderboard.Denied, match="begins with https://"):
        submit(client, folder, links=["ftp://example.org"])
    assert client.call("GET", "/uploads")[0]["uploads"] == []


@pytest.mark.parametrize("token", ["", " ", "secret\nHost: x", "secret\u00e9", "se cret"])
def test_a_token_that_is_none_is_not_printed(token):
    with pytest.raises(SensoriumError, match="the token is none") as error:
        leaderboard.Client("https://example.org", token)
    assert "secret" not in str(error.value)
    assert "secret" not in repr(leaderboard.Client("https://example.org", "secret"))


def test_what_the_server_says_is_one_line(team, client, folder):
    with pytest.raises(leaderboard.Denied, match="track 'nothing': expected sensorium or"):
        files = sending.submission_files(folder)
        sending.submit(client, files, track="nothing", name="cnn")
    with pytest.raises(leaderboard.Denied, match="unknown, expired or revoked") as error:
        submit(leaderboard.Client(client.server, "sensorium_wrong"), folder)
    assert error.value.status == 401 and not client.slept


def test_what_is_wrong_with_a_file_is_said_in_the_end(team, client, folder, score):
    values = boards.ids("test") | {"unit_ids": np.arange(boards.N_NEURONS)}
    write_submission(
        folder / "submission_file_live_test.csv", rates=boards.responses("test"), **values
    )
    receipt = submit(client, folder)
    score(team.board)
    with pytest.raises(SensoriumError, match="test: submission_test.csv: trial test-0: neuron"):
        sending.finish(client, receipt)


def test_a_server_that_is_away_is_asked_again_and_then_named(folder):
    slept = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        client = leaderboard.Client(url, "sensorium_x", sleep=slept.append)
        with pytest.raises(leaderboard.Unreachable, match=f"{url}: cannot be reached"):
            submit(client, folder)
    assert slept == [1, 2, 4, 8, 16, 32, 60]


class Odd(http.server.BaseHTTPRequestHandler):
    """A server that is no leaderboard."""

    def do_GET(self):
        self.send_response(302 if "redirect" in self.path else 200)
        self.send_header("Location", "http://192.0.2.1/elsewhere")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_):
        pass


def test_a_server_that_is_no_leaderboard_is_said_to_be_none():
    with http.server.HTTPServer(("127.0.0.1", 0), Odd) as odd:
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{odd.server_port}"
        client = leaderboard.Client(url, "sensorium_x", sleep=lambda seconds: None)
        with pytest.raises(leaderboard.Unreachable, match="is this a leaderboard's address"):
            client.call("GET", "/competitions")
        with pytest.raises(leaderboard.Denied, match="302"):
            client.call("GET", "/redirect")
        odd.shutdown()


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("example.org", r"expected http\(s\)://host"),
        ("ftp://example.org", r"expected http\(s\)://host"),
        ("http://example.org", "over https:// only"),
    ],
)
def test_addresses_that_are_none_or_not_secret_are_refused(server, says):
    with pytest.raises(SensoriumError, match=says):
        leaderboard.Client(server, "sensorium_x")


def test_a_folder_without_submission_and_a_damaged_file_are_told_before_anything_is_sent(tmp_path):
    with pytest.raises(SensoriumError, match="has neither submission_file_live_test.csv nor"):
        sending.submission_files(tmp_path)
    path = boards.write_rates(tmp_path / "mine.csv")
    assert sending.submission_files(path) == {"test": path}
    assert check_submission(path) == {"trials": 24, "neurons": boards.N_NEURONS}
    path.write_text(path.read_text()[:-9])
    with pytest.raises(SensoriumError, match="not a CSV file in UTF-8"):
        check_submission(path)


def test_a_bar_is_for_terminals(capsys, monkeypatch):
    for done in (0, 1 << 20, 2 << 20):
        progress_bar("test", done, 2 << 20)
    assert capsys.readouterr().err == "test: 2.0 of 2.0 MiB\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress_bar("test", 1 << 20, 2 << 20)
    assert f"[{'#' * 15}{' ' * 15}] 1.0 of 2.0 MiB" in capsys.readouterr().err


def test_the_commands_upload_and_score(team, server, folder, monkeypatch):
    # A proxy is not for what stays on this machine, and nothing listens there.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    url = team.board.database.url.render_as_string(hide_password=False)
    place = f"--database={url}", f"--blobs={team.board.blobs.place}"
    flags = f"--server={server.url}", f"--submission={folder}", "--name=CNN", "--nowait"
    done = command("upload", *flags, token=f"{team.secrets['ann']}\n")
    assert done.returncode == 0, done.stderr
    assert "24 trials of final_test, 12 neurons" in done.stdout and "waiting" in done.stdout
    done = command("leaderboard_worker", *place, "--once")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "E2: done"
    done = command("upload", *flags)
    assert done.returncode == 1
    assert done.stderr == "error: SENSORIUM_TOKEN is not set: make a token on the page /me\n"
