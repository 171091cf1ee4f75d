"""A person at a browser: signed in, and everything noted that a browser complains of."""

from playwright.sync_api import Browser, Page

from apps.users.demo import PEOPLE

PASSWORDS = {person.username: person.password for person in PEOPLE}
SECONDS = 1000  # Milliseconds.


class Seat:
    """
    One person's window. ``loads`` counts the documents fetched since the last ``goto`` and ``rows_asked`` the times that a
    list asked for rows by their numbers, which the stream should have brought; ``complaints`` keeps errors of
    scripts, of the network and of the Content-Security-Policy, and answers that are the server's fault.
    """

    def __init__(self, browser: Browser, address: str, username: str):
        self.address, self.username = address, username
        self.context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30 * SECONDS)
        self.loads = self.rows_asked = 0
        self.complaints: list[str] = []
        self.page.on("request", self._count)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._judge)
        self._sign_in()

    def _count(self, request) -> None:
        self.loads += request.is_navigation_request() and request.frame == self.page.main_frame
        self.rows_asked += "/rows/?" in request.url and "after=" not in request.url

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.type}: {message.text}")

    def _judge(self, response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.url}: {response.status}")

    def _sign_in(self) -> None:
        self.goto("/accounts/login/")
        for typed, then in ((self.username, "Tab"), (PASSWORDS[self.username], "Enter")):  # By the keyboard alone.
            self.page.keyboard.type(typed)
            self.page.keyboard.press(then)
        self.page.wait_for_url(f"{self.address}/")

    def goto(self, path: str) -> None:
        """A page by its path, with its live stream open where it has one."""
        self.loads = self.rows_asked = 0
        self.page.goto(f"{self.address}{path}")
        if self.page.locator("body").get_attribute("data-stream"):
            self.page.locator("[data-live-state] [data-word]", has_text="Live").wait_for()

    def until(self, script: str, argument=None, seconds: int = 60):
        """Waits until a script says something true of the page, and gives what it says."""
        return self.page.wait_for_function(script, arg=argument, timeout=seconds * SECONDS, polling=100).json_value()

    def toast(self, words: str) -> str:
        found = self.page.locator("#toasts .toast", has_text=words).last
        found.wait_for()
        return found.inner_text()

    def figure(self, label: str) -> str:
        """A figure of the strip as it stands, such as 17 or $2.00B."""
        strip = self.page.locator(".strip .figure", has=self.page.locator("small", has_text=label))
        return strip.locator("strong").inner_text().strip()

    def figure_becomes(self, label: str, value: str, seconds: int = 60) -> None:
        self.until(
            "([label, value]) => [...document.querySelectorAll('.strip .figure')].some((figure) =>"
            " figure.querySelector('small').textContent.trim() === label"
            " && figure.querySelector('strong').textContent.trim() === value)",
            [label, value],
            seconds,
        )
