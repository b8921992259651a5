"""What people see and send on the pages."""

import html.parser
import json
import re
from pathlib import Path

import boards
import pytest
from asgi import Client
from sqlalchemy import event, update

from sensorium_tf.leaderboard import accounts, submissions, teams
from sensorium_tf.leaderboard.tables import phases
from sensorium_tf.leaderboard.web import charts
from sensorium_tf.leaderboard.web.app import create_app
from sensorium_tf.leaderboard.web.views import STATIC


@pytest.fixture
def app(team):
    team.limited(open_uploads=9)
    return create_app(team.board)


@pytest.fixture
def visit(team, app):
    """Returns a browser in which somebody has logged in."""

    def visit(who=None):
        client = Client(app)
        if who is not None:
            done = client.post("/login", form={"token": team.secrets[who]})
            assert done.status == 303 and done.headers["location"] == "/me"
        return client

    return visit


def token_of(client):
    page = client.get("/submit").text
    return re.search(r'name="form_token" value="(\w{64})"', page)[1]


def send(client, path, **form):
    return client.post(path, form={"form_token": token_of(client), **form})


def test_a_member_submits_sees_the_scores_and_publishes(team, visit, score):
    ann = visit("ann")
    path = boards.write_rates(team.folder / "submission.csv")
    files = {
        "file_test": ("submission_file_live_test.csv", path.read_bytes()),
        "file_final_test": ("", b""),
        "label": ("submission.json", json.dumps({**boards.LABEL, "sha256": {}}).encode()),
    }
    form = {
        "form_token": token_of(ann),
        "track": "sensorium",
        "team": "reds",
        "name": "My CNN",
        "method": "A <b>method</b>",
        "links": "https://example.org/code",
    }
    done = ann.post("/submit", form=form, files=files)
    assert done.status == 303, done.text
    submission = done.headers["location"]
    assert "Waiting." in ann.get(submission).text and "My CNN" in ann.get("/me").text
    assert visit("bob").get(submission).status == 404
    score(team.board)
    page = ann.get(submission).text
    assert "Rank 1, were it published" in page and "&lt;b&gt;method&lt;/b&gt;" in page
    assert 'href="https://example.org/code" rel="nofollow ugc noreferrer"' in page
    assert "My CNN" not in visit().get("/").text
    assert send(ann, f"{submission}/publish").status == 303
    nobody = visit()
    assert "My CNN" in nobody.get("/").text and "My CNN" in nobody.get("/tracks/sensorium").text
    assert "Rank 1." in nobody.get(submission).text and "Publish" not in nobody.get(submission).text
    assert send(ann, f"{submission}/withdraw").headers["location"] == "/me"
    assert nobody.get(submission).status == 404 and "Withdrawn" in ann.get(submission).text


@pytest.mark.parametrize(
    ("change", "files", "says"),
    [
        ({}, {}, "choose a file"),
        ({"name": ""}, {"file_test": ("a.csv", b"x")}, "name of the submission"),
        ({"track": "none"}, {"file_test": ("a.csv", b"x")}, "track &#39;none&#39;"),
        ({"links": "http://a"}, {"file_test": ("a.csv", b"x")}, "begins with https://"),
        ({"name": "a\0b"}, {"file_test": ("a.csv", b"x")}, "characters that no text has"),
        ({}, {"file_train": ("a.csv", b"x")}, "no &#39;train&#39;"),
        ({}, {"file_test": ("a.csv", b"x"), "label": ("l", b"[")}, "not the one that submit.py"),
        ({}, {f"file_{i}": ("a.csv", b"x") for i in range(5)}, "Too many files"),
    ],
)
def test_a_form_that_is_refused_says_why_and_leaves_nothing(team, visit, change, files, says):
    ann = visit("ann")
    form = {"form_token": token_of(ann), "track": "sensorium", "name": "x", **change}
    refused = ann.post("/submit", form=form, files=files)
    assert refused.status in (400, 404, 422) and says in refused.text
    assert not team.board.blobs.part_names()
    from sensorium_tf.leaderboard.uploads import own_uploads

    assert own_uploads(team.board, team.people["ann"]) == []


def test_an_invitation_leads_to_a_token_of_ones_own(team, visit):
    olga = visit("olga")
    page = send(olga, "/admin/invite", new_team="greens").text
    address = re.search(r"/join\?invitation=[\w-]+", page)[0]
    guest = visit()
    assert 'value="' + address.partition("=")[2] in guest.get(address).text
    joined = guest.post("/join", form={"invitation": address.partition("=")[2], "name": "carl"})
    assert joined.status == 303 and "greens" in guest.get("/me").text
    page = send(guest, "/me/tokens", name="laptop").text
    secret = re.search(r"sensorium_[\w-]{43}", page)[0]
    assert boards.viewer(team.board, secret).name == "carl"
    assert secret not in guest.get("/me").text
    guest.cookies = {}
    again = guest.post("/join", form={"invitation": address.partition("=")[2], "name": "dora"})
    assert again.status == 403 and "unknown, used or expired" in again.text
    guest.post("/login", form={"token": secret})
    (row,) = re.findall(r"/me/tokens/(\d+)/revoke", guest.get("/me").text)
    assert send(guest, f"/me/tokens/{row}/revoke").headers["location"] == "/login"
    assert guest.get("/me").status == 401


def test_a_token_of_no_number_that_there_is_cannot_be_revoked(visit):
    ann = visit("ann")
    assert send(ann, f"/me/tokens/{10**30}/revoke").status == 404


def test_nobody_makes_a_token_that_may_do_more(team, visit):
    ann = visit("ann")
    assert send(ann, "/me/tokens", name="x", scopes="admin").status == 403


def test_an_organiser_reveals_rescores_and_pauses(team, visit, score):
    team.enter(tiers=("test", "final_test"))
    score(team.board)
    olga = visit("olga")
    final, where = {"track": "sensorium", "phase": "final"}, olga.get("/admin").text
    assert ">Reveal<" in where and "http://board.test/join" not in where
    path = boards.write_rates(team.folder / "rates.csv", "final_test")
    boards.upload(team.board, team.people["ann"], path, tier="final_test")
    assert send(olga, "/admin/close", **final).status == 303
    team.clock.move(seconds=1)
    assert ">Open now<" in olga.get("/admin").text
    assert send(olga, "/admin/open", **final).status == 303
    assert send(olga, "/admin/deadline", **final, closes_at="soon").status == 422
    assert send(olga, "/admin/deadline", **final, closes_at="2026-02-01T12:00").status == 303
    assert ", and 30 minutes of grace" in olga.get("/admin").text
    assert send(olga, "/admin/reveal", **final).status == 409
    assert send(olga, "/admin/reveal", **final, cut_uploads="yes").status == 303
    score(team.board)
    assert send(olga, "/admin/rescore", track="sensorium", phase="live").status == 303
    assert send(olga, "/admin/pause", competition="small").status == 303
    assert "Takes no submissions just now" in visit().get("/").text
    assert send(olga, "/admin/resume", competition="small").status == 303
    for verb in ("reveal", "open", "close"):
        assert send(olga, f"/admin/{verb}", **final).status == 409
    page = olga.get("/admin").text
    assert "reveal sensorium final_test" in page and "olga" in page


def test_logging_out_ends_the_session(visit):
    ann = visit("ann")
    kept = dict(ann.cookies)
    assert send(ann, "/logout").status == 303 and not ann.cookies
    ann.cookies = kept
    assert ann.get("/me").status == 401


def test_cookies_are_for_this_site_alone(team, app):
    client = Client(app)
    done = client.post("/login", form={"token": team.secrets["ann"]})
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
    assert done.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://board.test.evil.test"},
        {"origin": ""},
    ],
)
def test_forms_of_other_sites_are_refused(visit, headers):
    ann = visit("ann")
    form = {"form_token": token_of(ann), "name": "x"}
    for path in ("/me/tokens", "/logout", "/login", "/join", "/submit"):
        refused = ann.post(path, form=form, headers=headers)
        assert refused.status == 403 and "sent from elsewhere" in refused.text


@pytest.mark.parametrize("sent", ["", "0" * 64, "é"])
def test_forms_of_other_sessions_are_refused(visit, sent):
    ann, bob = visit("ann"), visit("bob")
    for token in (sent, token_of(bob)):
        refused = ann.post("/me/tokens", form={"form_token": token, "name": "x"})
        assert refused.status == 403 and "of another session" in refused.text


def test_a_form_has_a_size(team, visit):
    team.limited(form_bytes=1000, raw_bytes=1000)
    client = Client(create_app(team.board))
    refused = client.post("/login", form={"token": "x" * 2000})
    assert refused.status == 413 and "more than 1000 bytes" in refused.text


def test_what_is_refused_is_a_page(visit):
    client = visit()
    for path, status in (
        ("/nothing", 404),
        ("/entries/none", 404),
        ("/tracks/none", 404),
        ("/tracks/\0", 404),
        ("/me", 401),
        ("/admin", 401),
        ("/static/none.css", 404),
        ("/static/../app.py", 404),
        ("/compare?a=x&b=y", 404),
    ):
        refused = client.get(path)
        assert refused.status == status, path
        assert refused.headers["content-type"].startswith("text/html") and "<h1>" in refused.text
    assert visit("ann").get("/admin").status == 403


HOSTILE = '"><script>alert(1)</script>{{ 7 * 7 }}'


class Page(html.parser.HTMLParser):
    """Finds what a page would run or load, and whether its elements are closed."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.loads = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        found = dict(attributes)
        self.wrong += [name for name in found if name.startswith("on") or name == "style"]
        if tag in ("style", "base", "iframe", "object", "img"):
            self.wrong.append(tag)
        self.loads += [found["src"]] if "src" in found else []
        self.loads += [found["href"]] if tag == "link" else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script" and data.strip():
            self.wrong.append(data)


def test_text_of_people_is_text_on_every_page(team, visit, score):
    with team.board.database.write() as connection:
        hostile = teams.create_team(team.board, connection, HOSTILE)
        teams.add_member(connection, hostile, accounts.user_named(connection, "ann"))
        connection.execute(update(phases).values(closes_at=team.clock.at, grace_seconds=60))
    team.people["ann"] = boards.viewer(team.board, team.secrets["ann"])
    from sensorium_tf.leaderboard.submissions import Request, submit

    label = {**boards.LABEL, "model": HOSTILE, "provenance": {"inputs": [HOSTILE]}}
    ids = []
    for seed in (1, 2):
        path = boards.write_rates(team.folder / "submission.csv", seed=seed)
        upload = boards.upload(team.board, team.people["ann"], path, team=HOSTILE)
        request = Request(
            track="sensorium",
            name=HOSTILE,
            files={"test": upload},
            team=HOSTILE,
            method=HOSTILE,
            label=label,
        )
        ids.append(submit(team.board, team.people["ann"], request)["submission"])
        submissions.publish(team.board, team.people["ann"], ids[-1])
    score(team.board)
    team.clock.move(hours=1)
    n_shown = 0
    for who in (None, "ann", "olga"):
        client = visit(who)
        for path in (
            "/",
            "/tracks/sensorium",
            f"/entries/{ids[0]}",
            f"/compare?a={ids[0]}&b={ids[1]}",
            "/submit",
            "/me",
            "/admin",
            "/login",
            f"/join?invitation={HOSTILE.replace(' ', '')}",
            f"/nothing/{HOSTILE.replace(' ', '')}",
        ):
            reply = client.get(path)
            page = Page(reply.text)
            assert not page.wrong, (path, page.wrong)
            assert page.loads and all(load.startswith("/static/") for load in page.loads)
            assert "<script>alert" not in reply.text
            assert "default-src 'self'" in reply.headers["content-security-policy"]
            n_shown += "{{ 7 * 7 }}" in reply.text
    assert n_shown >= 9


def test_distributions_are_drawn_when_the_phase_is_over(team, visit, score):
    submitted = team.enter()
    submissions.publish(team.board, team.people["ann"], submitted)
    score(team.board)
    assert 'class="plot"' not in visit().get(f"/entries/{submitted}").text
    with team.board.database.write() as connection:
        connection.execute(update(phases).values(closes_at=team.clock.at, grace_seconds=0))
    team.clock.move(seconds=1)
    page = visit().get(f"/entries/{submitted}").text
    assert page.count('class="plot"') == 3 and "neurons from" in page


@pytest.mark.parametrize(("idle", "whole"), [(0.05, 60), (60, 0.1)])
def test_a_form_that_comes_too_slowly_is_left(team, idle, whole):
    team.limited(idle_seconds=idle, slice_seconds=whole)
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": "http://board.test"}
    slow = Client(create_app(team.board)).post(
        "/login", headers=headers, chunks=[b"x"] * 20, pause=0.08
    )
    assert slow.status == 408 and "the form came too slowly" in slow.text


def test_drawings_take_what_there_is():
    score = {"value": 0.5, "low": None, "high": None}
    assert "circle" in charts.interval(score, charts.span([]), "x")
    assert charts.interval({**score, "value": None}, (0, 1), "x") == ""
    assert "no neuron counts" in charts.histogram({"edges": [], "counts": []}, "x")
    drawn = charts.histogram({"edges": [0.0, 0.5, 1.0], "counts": [3, 6]}, '"<x>')
    assert drawn.count("<rect") == 2 and "&lt;x&gt;" in drawn
    assert charts.span([None, -0.2]) == (-0.2, 0.0) and charts.span([0.0]) == (0.0, 1.0)


def test_the_style_sheet_and_the_script_are_served(visit):
    for path in sorted(STATIC.iterdir()):
        served = visit().get(f"/static/{path.name}")
        assert served.status == 200 and served.content == path.read_bytes()
    text = (STATIC / "board.css").read_text()
    assert "http" not in text and "url(" not in text
    templates = Path(STATIC).parent / "templates"
    assert not [p for p in templates.iterdir() if "| safe" in p.read_text()]


def test_a_page_asks_once_whether_anything_has_changed(team, visit):
    asked = []

    def note(connection, cursor, statement, *_):
        asked.extend(re.findall(r"max\(audit\.id\)", statement))

    client = visit()
    event.listen(team.board.database.engine, "before_cursor_execute", note)
    for _ in range(2):
        asked.clear()
        assert client.get("/").status == 200
        assert len(asked) == 1
