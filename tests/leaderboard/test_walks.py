"""Every route as every role: nobody sees, or changes, what is not theirs."""

import itertools

import boards
import pytest
from asgi import Client
from sqlalchemy import insert, select, update

from sensorium_tf.leaderboard import accounts, queue, submissions
from sensorium_tf.leaderboard.tables import (
    competitions,
    evaluations,
    members,
    neuron_scores,
    phases,
    scores,
    submission_files,
    tokens,
    users,
)
from sensorium_tf.leaderboard.web.app import create_app

ROLES = (None, "bob", "ann", "olga")
HIDDEN = 0.98765
# What no route may change for whom it is not; compared before and after the walk.
KEPT = (competitions, evaluations, members, phases, submission_files, tokens, users)


@pytest.fixture
def planted(team, score):
    """Two submissions of one team, private and public, with a final score that nobody may see."""
    board = team.limited(open_uploads=99, requests_a_minute=100_000)
    private = team.enter(
        tiers=("test", "final_test"), name="PLANTED-PRIVATE", method="PLANTED-METHOD"
    )
    public = team.enter(tiers=("test", "final_test"), name="PUBLIC", seed=2)
    submissions.publish(board, team.people["ann"], public)
    score(board)
    final = boards.phase(board, tier="final_test")
    with board.database.write() as connection:
        for submission in (private, public):
            check = connection.execute(
                select(evaluations).where(
                    evaluations.c.submission_id == submission, evaluations.c.phase_id == final.id
                )
            ).one()
            values = {**check._mapping, "kind": queue.SCORE}
            del values["id"]
            planted = connection.execute(
                insert(evaluations).values(values).returning(evaluations.c.id)
            ).scalar_one()
            connection.execute(
                insert(scores).values(
                    evaluation_id=planted,
                    metric="correlation_to_average",
                    value=HIDDEN,
                    low=HIDDEN,
                    high=HIDDEN,
                )
            )
            connection.execute(
                insert(neuron_scores).values(
                    evaluation_id=planted,
                    metric="correlation_to_average",
                    values=bytes(8 * boards.N_NEURONS),
                )
            )
    path = boards.write_rates(team.folder / "submission.csv")
    upload = boards.upload(board, team.people["ann"], path)
    with board.database.read() as connection:
        file = select(submission_files.c.sha256).where(submission_files.c.submission_id == private)
        team.files = connection.execute(file).scalars().all()
        team.digests = connection.execute(select(tokens.c.digest)).scalars().all()
    team.private, team.public, team.upload = private, public, upload
    return team


def clients(team):
    app = create_app(team.board)
    for role in ROLES:
        yield role, Client(app, token=None if role is None else team.secrets[role])
        browser = Client(app)
        if role is not None:
            browser.post("/login", form={"token": team.secrets[role]})
        yield role, browser


def paths(route, team):
    """Yields every address of a route that could show something."""
    fills = {
        "id": [team.private, team.public, team.upload, "1"],
        "track": ["sensorium", "sensorium_plus"],
    }
    found = [name for name in fills if f"{{{name}" in route.path]
    for values in itertools.product(*(fills[name] for name in found)):
        path = route.path.replace(":int", "")
        for name, value in zip(found, values, strict=True):
            path = path.replace(f"{{{name}}}", value)
        yield path
        if path.endswith("/compare"):
            yield f"{path}?a={team.private}&b={team.public}"
            yield f"{path}?a={team.public}&b={team.private}"


def everything(reply):
    return reply.text + str(reply.headers)


def test_no_route_shows_what_somebody_may_not_see(planted):
    never = [str(HIDDEN), "0.9877", *planted.digests, *planted.secrets.values()]
    of_team = ["PLANTED-PRIVATE", "PLANTED-METHOD", *planted.files]
    seen = dict.fromkeys(ROLES, "")
    n_asked = 0
    for role, client in clients(planted):
        for route in client.app.routes:
            if not hasattr(route, "methods"):
                continue
            for path in paths(route, planted):
                text = everything(client.request("GET", path))
                seen[role] += text
                n_asked += 1
                for secret in never if role in ("ann", "olga") else [*never, *of_team]:
                    assert secret not in text, (role, path, secret)
                if route.methods & {"HEAD"}:
                    client.request("HEAD", path)
    assert n_asked > 300
    for role in ("ann", "olga"):
        assert "PLANTED-PRIVATE" in seen[role] and planted.files[0] in seen[role]
    for role in (None, "bob"):
        assert "PUBLIC" in seen[role]


def test_the_hidden_scores_are_seen_once_they_are_revealed(planted):
    with planted.board.database.write() as connection:
        connection.execute(update(phases).values(revealed_at=planted.clock.at))
    seen = {}
    for role, client in clients(planted):
        reply = client.get(f"/api/v1/submissions/{planted.public}")
        seen.setdefault(role, "0.9877" in reply.text)
    assert seen == dict.fromkeys(ROLES, True)


def state(team):
    with team.board.database.read() as connection:
        return [connection.execute(select(table)).all() for table in KEPT]


FORM = {
    "track": "sensorium",
    "phase": "final",
    "competition": "small",
    "team": "reds",
    "name": "x",
    "scopes": "admin",
    "new_team": "",
}


@pytest.mark.parametrize("role", [None, "bob"])
def test_no_route_changes_what_is_not_ones_own(planted, role):
    app = create_app(planted.board)
    api = Client(app, token=None if role is None else planted.secrets[role])
    before = state(planted)
    browser = Client(app)
    form = dict(FORM)
    if role is not None:
        browser.post("/login", form={"token": planted.secrets[role]})
        page = browser.get("/submit").text
        form["form_token"] = page.partition('name="form_token" value="')[2][:64]
    n_refused = 0
    for route in app.routes:
        for method in getattr(route, "methods", set()) - {"GET", "HEAD"}:
            for path in paths(route, planted):
                if path in ("/login", "/logout"):
                    continue
                if path.startswith("/api/"):
                    reply = api.request(method, path, json={})
                elif path != "/me/tokens":
                    reply = browser.request(method, path, form=form)
                else:
                    continue
                n_refused += reply.status >= 400
                own = path == "/me/tokens/1/revoke" and role == "bob"
                assert reply.status >= 400 or own, (method, path, reply.status)
                if own:
                    # It ends bob's own sessions, and nobody's token but his.
                    browser.post("/login", form={"token": planted.secrets[role]})
                    page = browser.get("/submit").text
                    form["form_token"] = page.partition('name="form_token" value="')[2][:64]
    assert n_refused > 25
    assert state(planted) == before


def test_a_token_to_submit_reads_nothing_of_the_team(planted):
    board = planted.board
    with board.database.write() as connection:
        ann = accounts.user_named(connection, "ann")
        secret = accounts.issue_token(board, connection, ann, "ci", scopes=["submit"])
        olga = accounts.user_named(connection, "olga")
        plain = accounts.issue_token(board, connection, olga, "plain", scopes=["read", "submit"])
    app = create_app(board)
    client = Client(app, token=secret)
    assert client.get(f"/api/v1/submissions/{planted.private}").status == 404
    assert client.get("/api/v1/submissions").status == 403
    assert Client(app, token=plain).get(f"/api/v1/submissions/{planted.private}").status == 404
    browser = Client(app)
    browser.post("/login", form={"token": plain})
    assert browser.get("/admin").status == 403
