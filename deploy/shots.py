"""Screenshots of every main page, in both languages, on a phone and on a desktop: `./portal shots`, into var/shots.

Runs beside a fresh portal with its demo people; the last picture is a contact sheet of all.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page, StorageState, sync_playwright

from deploy.demo import VAR

SHOTS = VAR / "shots"
WIDTHS = {"phone": 390, "desktop": 1280}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
THUMB = (300, 420)


def address(path: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto(path)

    return go


def first(listing: str, selector: str, then: str = "") -> Callable[[Page], None]:
    """Open the page that the first link of a listing leads to, or a step below it."""

    def go(page: Page) -> None:
        page.goto(listing)
        page.goto(f"{page.locator(selector).first.get_attribute('href')}{then}")

    return go


def sadad_bill(page: Page) -> None:
    first("/applications/", CASE)(page)
    page.check("input[name=method][value=sadad]")
    page.locator("form:has(input[name=method]) button").click()


def public_page_of_a_paper(page: Page) -> None:
    page.goto("/verify/AAAABBBBCCCCDDDDEEEEFFFFGG/")


def account_refused(page: Page) -> None:
    first("/refunds/", TICKET)(page)
    page.fill("[name=iban]", "SA00 8000 0000 6080 1016 7519")
    page.fill("[name=holder]", "Bandar Al-Malki")
    page.locator("form:has([name=iban]) button").click()


def clock_of_a_case(page: Page) -> None:
    first("/desk/applications/application/?state=awaiting_admin_fee", ROW)(page)
    page.goto(f"{page.locator(CLOCK).first.get_attribute('href')}")


def settled_invoice(page: Page) -> None:
    first("/applications/", CASE)(page)
    page.goto(f"{page.locator(INVOICE).first.get_attribute('href')}")


CASE = "main a[href^='/applications/']:not([href='/applications/'])"
TICKET = "main a[href^='/refunds/RF']"
FEE = "main a[href$='/refund/']"
ROW = "#result_list tbody th a"
CLOCK = "a[href$='/clock/']"
INVOICE = "main a[href^='/invoices/']"
# name of the picture: (who is signed in, how to get there)
PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "home": ("", address("/")),
    "services": ("", address("/services/")),
    "service": ("", address("/services/classification/")),
    "about": ("", address("/about/")),
    "guide": ("", address("/guide/")),
    "fees": ("", address("/fees/")),
    "service-renewal": ("", address("/services/renewal/")),
    "service-study": ("", address("/services/qualification-study/")),
    "sign-up": ("", address("/sign/signup/")),
    "sign-in": ("", address("/sign/login/")),
    "verify": ("", address("/verify/")),
    "verify-unknown": ("", public_page_of_a_paper),
    "demo": ("", address("/demo/")),
    "first-day": ("badr", address("/")),
    "personal-data": ("badr", address("/account/personal/")),
    "service-judged": ("badr", address("/services/registration/")),
    "dashboard": ("samar", address("/")),
    "applications": ("samar", address("/applications/")),
    "returned": ("samar", first("/applications/", CASE)),
    "remarks": ("samar", first("/applications/", CASE, "remarks/")),
    "account": ("samar", address("/account/")),
    "inbox": ("samar", address("/inbox/")),
    "message": ("samar", first("/inbox/", "main a[href^='/inbox/']")),
    "questions": ("huda", first("/applications/", CASE, "questions/")),
    "documents": ("huda", first("/applications/", CASE, "documents/")),
    "check": ("huda", first("/applications/", CASE, "check/")),
    "admin-fee": ("faisal", first("/applications/", CASE)),
    "sadad-bill": ("faisal", sadad_bill),
    "submitted": ("noura", first("/applications/", CASE)),
    "service-fee": ("khalid", first("/applications/", CASE)),
    "rejected": ("salma", first("/applications/", CASE)),
    "cancelled": ("hanan", first("/applications/", CASE)),
    "registered": ("reem", address("/")),
    "completed": ("reem", first("/applications/", CASE)),
    "medical-report": ("ibrahim", first("/applications/", CASE, "documents/")),
    "awaiting-exam": ("mariam", first("/applications/", CASE)),
    "exam-fee": ("tariq", first("/applications/", CASE)),
    "withdraw": ("mariam", first("/applications/", CASE, "withdraw/")),
    "withdrawn": ("waleed", first("/applications/", CASE)),
    "appeal": ("salma", first("/applications/", CASE, "appeal/")),
    "under-appeal": ("asma", first("/applications/", CASE)),
    "letters": ("nadia", first("/applications/", CASE)),
    "home-registered": ("nadia", address("/")),
    "renewal-judged": ("nadia", address("/services/renewal/")),
    "reclassification-judged": ("nadia", address("/services/re-classification/")),
    "wallet": ("priya", address("/account/documents/")),
    "classification-abroad": ("priya", address("/services/classification/")),
    "licence": ("priya", address("/account/licences/add/")),
    "refunds": ("abdullah", address("/refunds/")),
    "refunds-empty": ("huda", address("/refunds/")),
    "refund-ask": ("maha", first("/refunds/", FEE)),
    "refund-ticket": ("abdullah", first("/refunds/", TICKET)),
    "refund-credit": ("lina", first("/refunds/", TICKET)),
    "refund-account": ("bandar", first("/refunds/", TICKET)),
    "refund-account-refused": ("bandar", account_refused),
    "withdraw-preview": ("maha", first("/applications/", CASE, "withdraw/")),
    "exemption-ask": ("faisal", address("/account/exemption/")),
    "exemption": ("afnan", address("/account/exemption/")),
    "invoice-waived": ("afnan", settled_invoice),
    "paused": ("saleh", first("/applications/", CASE)),
    "calendar": ("saleh", address("/account/")),
    "desk": ("hind", address("/desk/")),
    "desk-finance": ("lama", address("/desk/")),
    "desk-refunds": ("lama", address("/desk/refunds/ticket/")),
    "desk-refund": ("lama", first("/desk/refunds/ticket/", ROW)),
    "desk-exemptions": ("hind", address("/desk/payments/exemption/")),
    "desk-exemption": ("hind", first("/desk/payments/exemption/", ROW)),
    "desk-differences": ("lama", address("/desk/payments/difference/")),
    "desk-ledger": ("lama", address("/desk/payments/posting/")),
    "desk-clock": ("lama", clock_of_a_case),
    "desk-alarms": ("lama", address("/desk/kit/alarm/")),
    "desk-list": ("hind", address("/desk/applications/application/")),
    "desk-appeal": ("munira", first("/desk/applications/application/?state=under_appeal", "#result_list tbody th a")),
    "desk-exam": ("jawaher", first("/desk/applications/eligibilitynumber/", "#result_list tbody th a")),
    "desk-results": ("jawaher", address("/desk/applications/resultsfile/")),
    "desk-hours": ("sami", address("/desk/cpd/hours/add/")),
    "desk-verifications": ("rayan", address("/desk/documents/verification/")),
    "desk-sanction": ("turki", address("/desk/register/sanction/add/")),
    "desk-review": ("hind", first("/desk/applications/application/?state=under_review", "#result_list tbody th a")),
}


def people() -> dict[str, tuple[str, str]]:
    """Sign-in and password by the first part of the address."""
    lines = Path(os.environ["DEMO_PEOPLE"]).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return {row[2].split("@")[0]: (row[2], row[3]) for row in rows}


def take(base: str) -> Iterator[Path]:
    """Every picture, one after the other."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        signed_in: dict[str, StorageState] = {}
        for name, (who, go) in PAGES.items():
            for language in ("ar", "en"):
                for device, width in WIDTHS.items():
                    context = browser.new_context(
                        base_url=base,
                        viewport={"width": width, "height": 900},
                        storage_state=signed_in.get(who),
                        reduced_motion="reduce",
                    )
                    page = context.new_page()
                    if who and who not in signed_in:
                        login, password = people()[who]
                        page.goto("/sign/login/")
                        page.fill("[name=login]", login)
                        page.fill("[name=password]", password)
                        page.locator("main form button").click()
                        page.wait_for_load_state()
                        signed_in[who] = context.storage_state()
                    context.add_cookies([{"name": "django_language", "value": language, "url": base}])
                    go(page)
                    picture = SHOTS / f"{name}.{language}.{device}.png"
                    page.screenshot(path=picture, full_page=True)
                    context.close()
                    yield picture
        browser.close()


def contact_sheet(pictures: list[Path]) -> Path:
    """All pictures small on one sheet, four to a page's row: phone and desktop, Arabic and English."""
    rows = -(-len(pictures) // 8)
    sheet = Image.new("RGB", (8 * THUMB[0], rows * (THUMB[1] + 24)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        left, top = (number % 8) * THUMB[0], (number // 8) * (THUMB[1] + 24)
        with Image.open(picture) as shot:
            tall = shot.convert("RGB").crop((0, 0, shot.width, min(shot.height, int(shot.width * 1.5))))
            tall.thumbnail((THUMB[0] - 8, THUMB[1] - 8))
            sheet.paste(tall, (left + 4, top + 20))
        pen.text((left + 6, top + 4), picture.stem, fill="black")
    path = SHOTS / "contact-sheet.png"
    sheet.save(path)
    return path


if __name__ == "__main__":
    chosen = sys.argv[1:]
    for name in [name for name in PAGES if chosen and name not in chosen]:
        del PAGES[name]
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    made = list(take(os.environ["PORTAL_URL"]))
    print(f"{len(made)} pictures and {contact_sheet(made)}")
