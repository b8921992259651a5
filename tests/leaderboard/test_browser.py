"""The pages in a real browser: submit, see the score, publish, compare, reveal."""

import shutil

import boards
import pytest
from conftest import Server
from processes import wait_for

from sensorium_tf.leaderboard.settings import Limits
from sensorium_tf.leaderboard.submissions import publish

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WIDTH = 390  # of a phone


@pytest.fixture(scope="module")
def browser():
    if not (CHROMIUM and DRIVER):
        pytest.skip(reason="there is no chromium: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium drives the browser")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # Containers give the memory that processes share 64 MB, which the last flag leaves alone.
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    phone = {"width": WIDTH, "height": 844, "pixelRatio": 1.0}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": phone})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    browser.implicitly_wait(60)
    yield browser
    browser.quit()


class Person:
    """Somebody at a browser."""

    def __init__(self, browser, server):
        self.browser, self.server = browser, server

    def open(self, path):
        self.browser.get(self.server.url + path)
        # There may be nothing yet if another page was still on its way.
        assert wait_for(lambda: self.browser.find_elements("tag name", "main"))
        return self.browser.page_source

    def write(self, **texts):
        for name, text in texts.items():
            self.browser.find_element("name", name).send_keys(str(text))

    def press(self, text, leads_to):
        before = self.browser.find_element("tag name", "html")
        self.browser.find_element("xpath", f"//main//button[text()='{text}']").click()

        def is_there():
            url = self.browser.current_url
            return leads_to in url and self.browser.find_element("tag name", "html") != before

        assert wait_for(is_there), self.browser.page_source
        return self.browser.current_url.removeprefix(self.server.url)

    def login(self, secret):
        self.browser.delete_all_cookies()
        self.open("/login")
        self.write(token=secret)
        self.press("Log in", "/me")


def test_an_submission_from_the_file_to_the_final_table(team, browser, score):
    team.board = type(team.board)(team.board.database, team.board.blobs, Limits(), team.clock)
    other = team.enter("bob", name="other", seed=7, noise=3.0)
    server = Server(team.board)
    person = Person(browser, server)
    try:
        person.login(team.secrets["ann"])
        person.open("/submit")
        files = {
            f"file_{tier}": boards.write_rates(team.folder / f"{tier}.csv", tier)
            for tier in ("test", "final_test")
        }
        person.write(name="In a browser", method="<b>bold</b>", **files)
        submission = person.press("Submit", "/entries/")
        score(team.board)
        assert "were it published" in person.open(submission)
        person.press("Publish", "/entries/")
        publish(team.board, team.people["bob"], other)
        assert "In a browser" in person.open("/tracks/sensorium")
        width = "return document.documentElement.scrollWidth"
        for path in ("/", "/tracks/sensorium", submission, "/me", "/submit"):
            person.open(path)
            assert browser.execute_script(width) <= WIDTH, path
        person.open("/compare")
        person.write(a=submission.rpartition("/")[2], b=other)
        person.press("Compare", "a=")
        assert "paired bootstrap over neurons" in browser.page_source
        person.login(team.secrets["olga"])
        person.open("/admin")
        person.press("Reveal", "/admin")
        score(team.board)
        assert "tier final_test" in person.open("/tracks/sensorium")
        assert 'class="plot"' in person.open(submission)
        wrong = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
        assert not wrong, wrong
    finally:
        server.close()
