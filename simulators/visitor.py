"""A person at the portal's pages, as a browser without scripts: opens pages, fills in the forms they offer, follows links."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bs4 import Tag
from mechanicalsoup import LinkNotFoundError, StatefulBrowser
from requests import Response

Seen = TypeVar("Seen")
PATIENCE = 90  # seconds; two beats of 20 and a slow machine lie well within
LOOK_AGAIN = 0.3
COMPLAINTS = (
    ".error-box li, .err, .errornote, .errorlist li, .alert-bad[role], .alert-warn[role], "
    ".messagelist .error, .messagelist .warning"
)


class Stopped(Exception):
    """The way ends here: what the page complains of, or what it should show and does not."""


class Refused(Stopped):
    """The page complains of what was sent."""


def wait_for(what: str, look: Callable[[], Seen | None], seconds: float = PATIENCE) -> Seen:
    """Look until there is something to see, and return it. Raises Stopped."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise Stopped(f"Waited {seconds} s for {what}, in vain.")
        time.sleep(LOOK_AGAIN)
    return seen


def words(element: Tag) -> str:
    return " ".join(element.get_text(" ", strip=True).split())


class Visitor:
    """One person with cookies of their own, who reads the portal at `home` in `language`."""

    def __init__(self, home: str, language: str) -> None:
        self.home, self.language = home, language
        self.browser = StatefulBrowser(soup_config={"features": "lxml"})
        self.open("/")
        if self.find("html")["lang"] != language:
            self.send('form[action$="/language/"]', button=f'button[value="{language}"]')
        if self.find("html")["lang"] != language:
            raise Stopped(f"The page does not speak {language}.")

    @property
    def page(self) -> Tag:
        return self.browser.page

    @property
    def address(self) -> str:
        return str(self.browser.url)

    def open(self, address: str) -> None:
        """A whole address, or a path of the portal. Raises Stopped, as everything here does."""
        self._arrive(self.browser.open(address if "://" in address else self.home + address))

    def follow(self, link: str) -> None:
        """The link that this CSS selector finds."""
        self._arrive(self.browser.open_relative(str(self.find(link)["href"])))

    def send(
        self,
        form: str,
        typed: Mapping[str, Any] | None = None,
        button: str = "",
        scripted: Mapping[str, str] | None = None,
    ) -> None:
        """Fill in the form that the selector finds, its hidden fields as they stand, and press its button (the first).

        `scripted` are inputs that the page's scripts would add.
        """
        chosen = self.browser.select_form(self.find(form))
        for name, value in (typed or {}).items():
            try:
                chosen.set(name, value)
            except LinkNotFoundError as missing:
                raise Stopped(f"The form at {self.address} does not take {name}={value!r}: {missing}") from missing
        for name, value in (scripted or {}).items():
            chosen.new_control("hidden", name, value)
        self._arrive(self.browser.submit_selected(chosen.form.select_one(button) if button else None))

    def refusal_of(self, act: Callable[[], object], at: str) -> str:
        """What stands at that place once the page complained of the act. Raises Stopped where it does not."""
        try:
            act()
        except Refused:
            return self.read(at)
        raise Stopped(f"{self.address} does not complain.")

    def download(self, link: str) -> bytes:
        """What stands behind the link, without leaving the page."""
        answer = self.browser.get(self.browser.absolute_url(str(self.find(link)["href"])))
        answer.raise_for_status()
        return answer.content

    def sees(self, selector: str) -> Tag | None:
        return self.page.select_one(selector) if self.page else None

    def find(self, selector: str) -> Tag:
        found = self.sees(selector)
        if found is None:
            raise Stopped(f"{self.address} shows no {selector}. Its heading: {self._heading()}")
        return found

    def read(self, selector: str) -> str:
        return words(self.find(selector))

    def _arrive(self, answer: Response) -> None:
        """Refuse a page that failed or complains, with its own words."""
        if answer.status_code >= 400:
            raise Stopped(
                f"{answer.request.method} {answer.url} answers {answer.status_code}: {self._complaints() or self._heading()}"
            )
        if complaints := self._complaints():
            raise Refused(f"{self.address} complains: {complaints}")

    def _complaints(self) -> str:
        return "; ".join(dict.fromkeys(words(one) for one in self.page.select(COMPLAINTS))) if self.page else ""

    def _heading(self) -> str:
        heading = self.sees("h1")
        return words(heading) if heading else "none"
