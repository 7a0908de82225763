"""People who walk through the portal in a real browser and look closely at each page they come to."""

from collections.abc import Mapping
from datetime import date as Day
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator

# Without its preloading: axe would copy style sheets into the page, which the page's own policy forbids.
STANDARDS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
    "preload": False,
}
NARROWEST = 320  # px
MOST_TABS = 120
DIRECTION = {"ar": "rtl", "en": "ltr"}
# An outline around the element, around what covers its card, or around the label that holds it.
SHOWS_FOCUS = """element => [[element], [element, "::after"], [element.closest("label") ?? element]].some(
    one => getComputedStyle(...one).outlineStyle !== "none")"""


class Walker:
    """Somebody with a mouse. Forms are filled in by the names of their fields, buttons and links found by a selector."""

    def __init__(self, context: BrowserContext, home: str, language: str) -> None:
        self.home, self.language = home, language
        self.context, self.page = context, context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._overhear)

    def _overhear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"{message.text} ({message.location})")

    def open(self, path: str) -> None:
        self.page.goto(path if "://" in path else self.home + path)
        self.look()

    def press(self, selector: str) -> None:
        """Press a button or link that leads to another page, and look at that one."""
        self.hurry(selector)
        self.look()

    def hurry(self, selector: str) -> None:
        """The same, without a look: the page that comes only waits, and loads itself again."""
        with self.page.expect_navigation():
            self._activate(self.page.locator(selector))

    def fill(self, values: Mapping[str, Any]) -> None:
        """By name: text, a choice's value or label, True for a tick, a path for a file."""
        for name, value in values.items():
            fields = self.page.locator(f'main [name="{name}"]')
            match fields.first.evaluate("element => element.type"):
                case "radio":
                    self._choose(fields, value)
                case "checkbox":
                    self._tick(fields)
                case "file":
                    self._attach(fields, value)
                case "select-one":
                    fields.select_option(value)
                case _:
                    self._type(fields, value)

    def look(self) -> None:
        """What every page owes its reader: its language, a width that fits a small phone, access, and no script's error."""
        where = self.page.url
        page = self.page.evaluate("({lang: document.documentElement.lang, dir: document.documentElement.dir})")
        assert page == {"lang": self.language, "dir": DIRECTION[self.language]}, where
        assert self._narrowest() <= NARROWEST, f"{where} scrolls sideways"
        self._check_access()
        assert not self.faults, f"{where}: {self.faults}"

    def _narrowest(self) -> int:
        """How wide the page is on the narrowest screen, in px."""
        usual = self.page.viewport_size
        self.page.set_viewport_size({"width": NARROWEST, "height": 640})
        width = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size(usual)
        return width

    def _check_access(self) -> None:
        seen = Axe().run(self.page, options=STANDARDS)
        assert not seen.violations_count, f"{self.page.url}\n{seen.generate_report()}"

    def sees(self, selector: str) -> str:
        """The words there."""
        return self.page.locator(selector).inner_text()

    def reads(self, path: str) -> bytes:
        """What a link leads to, fetched with this person's cookies."""
        answer = self.context.request.get(path if "://" in path else self.home + path)
        assert answer.ok, f"{path}: {answer.status}"
        return answer.body()

    def target(self, selector: str) -> str:
        """Where the link leads."""
        return self.page.locator(selector).get_attribute("href")

    def _activate(self, control: Locator) -> None:
        control.click()

    def _type(self, field: Locator, text: str) -> None:
        field.fill(text)

    def _choose(self, radios: Locator, value: str) -> None:
        radios.and_(self.page.locator(f'[value="{value}"]')).check()

    def _tick(self, box: Locator) -> None:
        box.check()

    def _attach(self, field: Locator, file: Path) -> None:
        field.set_input_files(file)

    # What every applicant does on the way, whatever the service.

    def choose_language(self) -> None:
        """On the first page, which speaks Arabic to whom it does not know."""
        self.page.goto(self.home)
        self.press(f"button[name=language][value={self.language}]")

    def sign_in(self, name: str, password: str) -> None:
        self.open("/sign/login/")
        self.fill({"login": name, "password": password})
        self.press('main form[action="/sign/login/"] button')

    def start(self, service: str) -> str:
        """Begin an application on the page of its service; the case's address."""
        self.press(f'form[action="/services/{service}/start/"] button')
        return "/" + "/".join(self.page.url.split("/")[3:5]) + "/"

    def answer(self, **values: Any) -> None:
        """The service's questions."""
        self.fill(values)
        self.press('main form:has([name="version"]) button.btn')

    def attach(self, slot: str, file: Path, issued_on: Day | None = None) -> None:
        if issued_on:
            self.fill(on(f"{slot}-issued_on", issued_on))
        self.fill({f"{slot}-file": file})
        self.press(f"#slot-{slot} form[enctype] button")

    def declare(self) -> None:
        """On the page that reads everything back; the case's page then asks for the administrative fee."""
        self.fill({"declared": True})
        self.press('main form:has([name="declared"]) button')

    def pay_by_card(self) -> None:
        """From the case's page over the gateway's and the bank's, and back to the case."""
        case = self.page.url
        self.fill({"method": "card"})
        self.press('form[action$="/pay/"] button')
        self.fill({"number": "4201320111111010"})
        self.press('form:has([name="cvc"]) button')
        self.press("button[value=approve]")
        self.press(f'main a[href="{urlsplit(case).path}"]')

    def pay_by_sadad(self) -> str:
        """From the case's page to the bank's; the address of the bill on the portal."""
        self.fill({"method": "sadad"})
        self.press('form[action$="/pay/"] button')
        number, bill = self.sees("output bdi").replace(" ", ""), self.page.url
        self.press('main a[href*="/bank?"]')
        self.press(f'form:has([type=hidden][name="number"][value="{number}"]) button')
        return bill


def on(field: str, day: Day) -> dict[str, str]:
    """A date as the portal's boxes take it."""
    return {f"{field}_day": str(day.day), f"{field}_month": str(day.month), f"{field}_year": str(day.year)}


class KeyboardWalker(Walker):
    """Somebody without a mouse: Tab to get there, and the focus must be seen; Enter, Space and arrows to act."""

    def __init__(self, context: BrowserContext, home: str, language: str) -> None:
        super().__init__(context, home, language)
        # Who listens from the start gets the dialog of a file field; asked for at the press, it may come to nobody.
        self.page.on("filechooser", lambda chooser: None)

    def _reach(self, wanted: Locator) -> None:
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if any(one.evaluate("element => element === document.activeElement") for one in wanted.all()):
                focused = self.page.locator(":focus")
                assert focused.evaluate(SHOWS_FOCUS), f"{self.page.url}: the focus on {wanted} is not to be seen"
                return
        raise AssertionError(f"{self.page.url}: Tab never comes to {wanted}")

    def _activate(self, control: Locator) -> None:
        self._reach(control)
        self.page.keyboard.press("Enter")

    def _type(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.page.keyboard.type(text)

    def _choose(self, radios: Locator, value: str) -> None:
        self._reach(radios)
        self.page.keyboard.press("Space")
        wanted = radios.and_(self.page.locator(f'[value="{value}"]'))
        for _ in range(radios.count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{self.page.url}: the arrows never choose {value}")

    def _tick(self, box: Locator) -> None:
        self._reach(box)
        self.page.keyboard.press("Space")

    def _attach(self, field: Locator, file: Path) -> None:
        self._reach(field)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Enter")
        chooser.value.set_files(file)


class ScriptlessWalker(Walker):
    """Somebody whose browser runs no scripts: make their context with java_script_enabled=False."""

    def _check_access(self) -> None:
        """Not here: axe waits for timers, which stand still without scripts."""
