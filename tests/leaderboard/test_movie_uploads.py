"""Files of movies are found, checked and sent as they are, by the command and on the page."""

import hashlib
import json
import re

import pytest
from asgi import Client
from conftest import Server
from movie_boards import FINAL, LABEL, LIVE, work
from movie_files import CHALLENGE
from processes import command

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import client as leaderboard
from sensorium_tf.leaderboard import sending
from sensorium_tf.leaderboard.web.app import create_app
from sensorium_tf.scoring import zip_submission


@pytest.fixture(scope="module")
def folder(movies, tmp_path_factory):
    """A folder as submit.py leaves it."""
    folder = movies.write_folder(tmp_path_factory.mktemp("submission"))
    files = [folder / name for name in CHALLENGE.test_tiers.values()]
    zip_submission(folder / "submission.zip", files)
    return folder


@pytest.fixture
def server(movie_team):
    server = Server(movie_team.board)
    yield server
    server.close()


@pytest.fixture
def client(movie_team, server):
    return leaderboard.Client(server.url, movie_team.secrets["ann"], sleep=lambda seconds: None)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_files_of_a_track_go_in_as_they_are(movie_team, client, folder):
    there = sending.track_there(client, "main")
    files = sending.submission_files(folder, there.challenge, there.rules)
    assert {tier: path.name for tier, path in files.items()} == {
        LIVE: "predictions_live_main.parquet.brotli",
        FINAL: "predictions_final_main.parquet.brotli",
    }
    sent = {}

    def note(tier, done, total):
        sent[tier] = total

    receipt = sending.submit(
        client, files, track="main", name="gru", challenge=there.challenge, progress=note
    )
    assert sent == {tier: path.stat().st_size for tier, path in files.items()}
    assert receipt["files"] == {tier: digest(path) for tier, path in files.items()}
    work(movie_team)
    found = sending.finish(client, receipt)
    assert found["label"] == LABEL and found["standing"] == ""
    assert found["phases"]["live"]["says"] == "scored"


def test_a_file_is_for_the_track_that_it_is_of(client, folder, tmp_path):
    there = sending.track_there(client, "bonus")
    files = sending.submission_files(folder, there.challenge, there.rules)
    assert [*files] == ["live_test_bonus", "final_test_bonus"]
    main = folder / CHALLENGE.test_tiers[FINAL]
    with pytest.raises(SensoriumError, match="is of final_test_main, and track bonus of live_test"):
        sending.submission_files(main, there.challenge, there.rules)
    with pytest.raises(
        SensoriumError, match=r"has neither predictions_live_\S+ nor predictions_final"
    ):
        sending.submission_files(tmp_path, there.challenge, there.rules)
    other = tmp_path / "mine"
    assert sending.submission_files(other, there.challenge, there.rules) == {
        "live_test_bonus": other
    }


@pytest.mark.parametrize(
    ("track", "says"),
    [("mian", "track 'mian': did you mean main?"), ("", "track '': expected one of sensorium, ")],
)
def test_a_track_that_is_not_there_is_said_before_anything_is_sent(client, track, says):
    with pytest.raises(SensoriumError, match=re.escape(says)):
        sending.track_there(client, track)


def test_the_commands_make_a_competition_upload_and_score(movie_team, server, folder):
    team = movie_team
    url = team.board.database.url.render_as_string(hide_password=False)
    place = f"--database={url}", f"--blobs={team.board.blobs.place}"
    made = "--do=competition", "--name=again", "--challenge=sensorium2023", "--prefix=again_"
    done = command("leaderboard_admin", *place, *made)
    assert done.returncode == 0, done.stderr
    there = sending.track_there(leaderboard.Client(server.url), "again_bonus")
    assert there.challenge is CHALLENGE and there.rules is CHALLENGE.tracks["bonus"]
    flags = f"--server={server.url}", "--track=main", "--name=GRU"
    token = {"token": team.secrets["ann"]}
    done = command("upload", *flags, f"--submission={folder / 'submission.zip'}", **token)
    assert done.returncode == 1
    assert "submission.zip: not a complete parquet file: it is a zip file" in done.stderr
    done = command("upload", *flags, f"--submission={folder}", "--nowait", **token)
    assert done.returncode == 0, done.stderr
    assert "predictions_live_main.parquet.brotli: 4 trials of live_test_main, 12" in done.stdout
    done = command("leaderboard_worker", *place, "--once")
    assert done.stdout.splitlines()[-1] == "E2: done", done.stderr


def test_the_page_names_the_files_of_each_track_and_takes_them(movie_team, folder):
    ann = Client(create_app(movie_team.board))
    ann.post("/login", form={"token": movie_team.secrets["ann"]})
    page = ann.get("/submit").text
    forms = page.split('<form class="block"')[1:]
    assert [re.findall(r"<option>(\w+)</option>", form)[:-1] for form in forms] == [
        ["sensorium", "sensorium_plus"],
        ["main"],
        ["bonus"],
    ]
    inputs = r'<label>([\w.]+)<input type="file" name="file_(\w+)" accept="(\.\w+)">'
    assert [re.findall(inputs, form) for form in forms] == [
        [
            ("submission_file_live_test.csv", "test", ".csv"),
            ("submission_file_final_test.csv", "final_test", ".csv"),
        ],
        [(CHALLENGE.test_tiers[tier], tier, ".brotli") for tier in (LIVE, FINAL)],
        [
            (CHALLENGE.test_tiers[tier], tier, ".brotli")
            for tier in ("live_test_bonus", "final_test_bonus")
        ],
    ]
    form = {
        "form_token": re.search(r'name="form_token" value="(\w{64})"', page)[1],
        "track": "main",
        "team": "reds",
        "name": "On the page",
    }
    refused = ann.post("/submit", form=form, files={})
    assert "such as predictions_live_main.parquet.brotli of submit.py" in refused.text
    path = folder / CHALLENGE.test_tiers[LIVE]
    files = {
        f"file_{LIVE}": (path.name, path.read_bytes()),
        "label": ("submission.json", json.dumps(LABEL).encode()),
    }
    done = ann.post("/submit", form=form, files=files)
    assert done.status == 303, done.text
    work(movie_team)
    page = ann.get(done.headers["location"]).text
    assert "Rank 1, were it published" in page and "CC_norm" in page
    assert "tier live_test_main" in page
