"""People log in with a provider, and nobody does with what it did not say."""

import functools
import re
import threading
from html import unescape
from urllib.parse import parse_qs, urlsplit

import boards
import pytest
from conftest import Server
from processes import PATIENCE, wait_for

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard import accounts, invitations, sessions, teams
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.oidc import Attempt, Provider
from sensorium_tf.leaderboard.settings import LeaderboardSettings, OidcSettings

authlib = pytest.importorskip("authlib", reason="Authlib checks what a provider says")
from openid_provider import CLIENT, SECRET, OpenIdProvider  # noqa: E402
from requests import Session  # noqa: E402


@pytest.fixture(scope="module")
def running():
    provider = OpenIdProvider()
    yield provider
    provider.close()


@pytest.fixture
def openid(running):
    running.lies, running.person = {}, {"sub": "0001", "name": "Ann Example"}
    return running


def provider_of(openid, **options):
    settings = OidcSettings(
        oidc_issuer=openid.issuer, oidc_client=CLIENT, oidc_name="Example", **options
    )
    return Provider.of(settings, SECRET)


@pytest.fixture
def site(team, openid):
    server = Server(team.board, provider_of(openid))
    yield server.url
    server.close()


@pytest.fixture
def open_site(team, openid):
    server = Server(team.board, provider_of(openid, oidc_open=True))
    yield server.url
    server.close()


def log_in(site, browser=None, **query):
    """Goes to the provider and back; returns the browser and the page where that ends."""
    browser = browser or Session()
    return browser, browser.get(f"{site}/oidc/start", params=query, timeout=PATIENCE)


def with_token(site, secret):
    browser = Session()
    form = {"token": secret}
    assert browser.post(f"{site}/login", form, headers={"Origin": site}, timeout=PATIENCE).ok
    return browser


def form_token(browser, site):
    page = browser.get(f"{site}/me", timeout=PATIENCE).text
    return re.search(r'name="form_token" value="(\w{64})"', page)[1]


def invitation(team, name="reds"):
    with team.board.database.write() as connection:
        team_id = teams.team_named(connection, name)
        return invitations.invite(team.board, connection, team_id=team_id)


def test_an_invitation_is_accepted_with_a_login_which_then_opens_the_same_user(team, site):
    browser, page = log_in(site, invitation=invitation(team))
    assert page.ok and page.url.endswith("/me") and "Ann Example" in page.text
    assert "Teams: reds." in page.text and browser.cookies.keys() == ["session"]
    _, again = log_in(site)
    assert again.ok and "Ann Example" in again.text and "Ann Example 2" not in again.text
    _, joined = log_in(site, invitation=invitation(team, "blues"))
    assert "Teams: blues, reds." in joined.text


def test_a_user_connects_a_login_and_removes_it(team, site):
    browser = with_token(site, team.secrets["ann"])
    _, page = log_in(site, browser, session=form_token(browser, site))
    assert page.ok and page.url.endswith("/me")
    other, page = log_in(site)
    assert "<h1>ann</h1>" in page.text
    (number,) = re.findall(r"/me/identities/(\d+)/remove", page.text)
    form = {"form_token": form_token(other, site)}
    where = f"{site}/me/identities/{number}/remove"
    assert other.post(where, form, headers={"Origin": site}, timeout=PATIENCE).ok
    assert log_in(site)[1].status_code == 403
    for each in (browser, other):
        assert each.get(f"{site}/me", timeout=PATIENCE, allow_redirects=False).status_code != 200


def test_a_login_that_was_stolen_ends_with_all_else_of_its_user(team, site):
    log_in(site, invitation=invitation(team))
    with team.board.database.write() as connection:
        user_id = accounts.user_named(connection, "Ann Example")
        accounts.revoke_all(team.board, connection, user_id)
    _, page = log_in(site)
    assert page.status_code == 403 and "this login is nobody's here" in unescape(page.text)


def test_a_login_of_nobody_is_refused_unless_all_may_come(team, site, openid, open_site):
    _, page = log_in(site)
    assert page.status_code == 403 and "open your invitation" in page.text
    openid.person = {"sub": "7", "name": "ann"}
    assert "<h1>ann 2</h1>" in log_in(open_site)[1].text
    openid.person = {"sub": "8", "preferred_username": "a\nb"}
    _, page = log_in(open_site)
    assert "<h1>participant</h1>" in page.text and "In no team." in page.text


def test_a_user_who_was_cut_off_stays_out_until_let_in_again(team, site):
    log_in(site, invitation=invitation(team))
    change = {False: accounts.disable_user, True: accounts.enable_user}
    for may in (False, True):
        with team.board.database.write() as connection:
            user_id = accounts.user_named(connection, "Ann Example")
            change[may](team.board, connection, user_id)
        assert log_in(site)[1].status_code == (200 if may else 403)


@pytest.mark.parametrize(
    "lies",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"aud": "another"}},
        {"claims": {"aud": [CLIENT, "another"]}},
        {"claims": {"azp": "another"}},
        {"claims": {"iss": "https://example.org"}},
        {"claims": {"exp": 1_000_000_000}},
        {"claims": {"sub": ""}},
        {"claims": {"sub": 7}},
        {"signature": "none"},
        {"signature": "by the public key"},
        {"signature": "by another key"},
        {"state": "another"},
        {"issuer": "https://example.org"},
    ],
    ids=str,
)
def test_what_the_provider_did_not_say_for_this_login_opens_nothing(openid, open_site, lies):
    openid.lies = lies
    browser, page = log_in(open_site)
    assert page.status_code in (403, 502) and 'class="error"' in page.text
    assert "session" not in browser.cookies and "Traceback" not in page.text


def test_a_code_is_good_once_and_in_the_browser_that_asked_for_it(openid, open_site):
    victim = Session()
    start = victim.get(f"{open_site}/oidc/start", allow_redirects=False, timeout=PATIENCE)
    sent = victim.get(start.headers["Location"], allow_redirects=False, timeout=PATIENCE)
    back = sent.headers["Location"]
    assert Session().get(back, timeout=PATIENCE).status_code == 403
    other, _ = log_in(open_site)
    assert other.get(back, timeout=PATIENCE).status_code == 403
    assert victim.get(back, timeout=PATIENCE).ok
    assert victim.get(back, timeout=PATIENCE).status_code == 403


def test_a_session_that_may_only_read_connects_no_login(team, site):
    with team.board.database.write() as connection:
        ann = accounts.user_named(connection, "ann")
        secret = accounts.issue_token(team.board, connection, ann, "x", scopes=["read"])
    browser = with_token(site, secret)
    _, page = log_in(site, browser, session=form_token(browser, site))
    assert page.status_code == 403 and "may not submit" in page.text
    assert log_in(site)[1].status_code == 403
    assert log_in(site, session="0" * 64)[1].status_code == 403


def test_an_invitation_gives_a_session_no_more_than_it_is_for(team, site):
    with team.board.database.write() as connection:
        ann = accounts.user_named(connection, "ann")
        secret = accounts.issue_token(team.board, connection, ann, "x", scopes=["read"])
        organiser = invitations.invite(team.board, connection, organiser=True)
    browser = with_token(site, secret)
    for each, scopes in ((invitation(team, "blues"), {"read"}), (organiser, {"read", "admin"})):
        form = {"form_token": form_token(browser, site), "invitation": each}
        assert browser.post(f"{site}/join", form, headers={"Origin": site}, timeout=PATIENCE).ok
        with team.board.database.read() as connection:
            session = browser.cookies["session"]
            viewer = sessions.viewer_of_session(team.board, connection, session)
        assert viewer.scopes == scopes and viewer.name == "ann" and len(viewer.teams) == 2
    assert viewer.is_organiser


def test_the_provider_is_told_the_address_that_people_open(team, openid):
    board = team.limited()
    object.__setattr__(board, "base_url", "https://board.example.org")
    server = Server(board, provider_of(openid))
    reply = Session().get(f"{server.url}/oidc/start", allow_redirects=False, timeout=PATIENCE)
    server.close()
    asked = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert asked["redirect_uri"] == ["https://board.example.org/oidc/callback"]
    assert asked["code_challenge_method"] == ["S256"] and asked["scope"] == ["openid profile"]
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-login=") and "Secure" in cookie and "HttpOnly" in cookie


def test_settings_that_cannot_be_are_one_line():
    for settings, says in (
        ({"oidc_issuer": "https://example.org"}, "needs --oidc_client"),
        ({"oidc_issuer": "https://[x", "oidc_client": "x"}, "is no address: Invalid IPv6 URL"),
        ({"oidc_issuer": "http://example.org", "oidc_client": "x"}, "begins with https://"),
    ):
        with pytest.raises(SensoriumError, match=says):
            Provider.of(OidcSettings(**settings), None)
    assert Provider.of(OidcSettings(), None) is None
    for address in ("board.example.org", "ftp://example.org", "https://example.org/board"):
        with pytest.raises(SensoriumError, match="expected http"):
            LeaderboardSettings(base_url=address)
    assert LeaderboardSettings(base_url="https://Board.org/").base_url == "https://board.org"


def test_a_provider_is_asked_what_it_is_now_and_then_alone(openid):
    seconds = [0.0]
    provider = Provider(openid.issuer, CLIENT, "Example", SECRET, now=lambda: seconds[0])
    openid.n_described, asked = 0, []
    for seconds[0] in (0, 299, 301, 302):
        assert provider.address(Attempt(), "http://board/oidc/callback").startswith(openid.issuer)
        asked.append(openid.n_described)
    assert asked == [1, 1, 2, 2]


def test_a_provider_of_another_name_is_told_with_both_names(openid):
    openid.lies = {"issuer": "https://example.org"}
    says = f"calls itself 'https://example.org', not '{openid.issuer}': tell the organisers"
    with pytest.raises(SensoriumError, match=says):
        provider_of(openid).address(Attempt(), "http://board/oidc/callback")


@pytest.mark.parametrize("elsewhere", ["cross-site", "same-site", "none"])
def test_a_link_of_another_page_accepts_no_invitation(team, site, elsewhere):
    query = {"invitation": invitation(team)}
    for where, status in ((elsewhere, 403), ("same-origin", 303)):
        page = Session().get(
            f"{site}/oidc/start",
            params=query,
            headers={"Sec-Fetch-Site": where},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        assert page.status_code == status


def test_a_provider_that_is_slow_takes_few_threads(team, openid, monkeypatch):
    provider, waiting, go_on = provider_of(openid), [], threading.Event()

    def slow(*_):
        waiting.append(1)
        go_on.wait(PATIENCE)
        raise Refused("has answered at last")

    monkeypatch.setattr(Provider, "address", slow)
    server = Server(team.board, provider)
    ask = functools.partial(log_in, server.url)
    threads = [threading.Thread(target=ask) for _ in range(60)]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: len(waiting) >= 4)
    assert Session().get(f"{server.url}/", timeout=PATIENCE).ok and len(waiting) == 4
    go_on.set()
    for thread in threads:
        thread.join()
    server.close()


def test_a_provider_that_is_away_is_one_line(team, openid):
    provider = Provider(f"{openid.issuer}0", CLIENT, "Example", SECRET)
    server = Server(team.board, provider)
    page = log_in(server.url)[1]
    server.close()
    assert page.status_code == 502 and "Example cannot be reached" in page.text
    assert boards.viewer(team.board, team.secrets["ann"]).name == "ann"
