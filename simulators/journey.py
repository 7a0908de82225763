"""Journeys from an empty database, over HTTP and as people go them: `./portal journey [--service SLUG] [--language en|ar]`.

Without a service it is the main job: classification and registration, and what happens when time runs out.

It knows the portal by its pages alone: no database, none of its code. It runs inside a fresh demo whose web server,
worker, beat and simulators are all up, and reads PORTAL_URL, MAILBOX_URL, GATEWAY_SIMULATOR_URL and
VERIFIER_SIMULATOR_URL. It prints a line for each step, and ends well only when what is issued are PDFs that anybody can
verify.
"""

import argparse
import sys
import time
from datetime import datetime, timedelta

import requests

from simulators.scene import RIYADH, Portal, Timeline
from simulators.visitor import Stopped, wait_for
from simulators.ways import MADA, VISA, WAYS, approve, expect_papers, newcomer
from simulators.web import demand_demo, setting

ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
HEARD_LATE = timedelta(hours=36)
CLOSE_TO_MIDNIGHT = timedelta(minutes=1)
SWEEPS_AGAIN = 21  # seconds; the beat sweeps every 20


def main_job(portal: Portal, told: Timeline) -> None:
    """From nobody to a registered practitioner."""
    with told.step("Reviewer, approver and register officer are made and sign in") as seen:
        reviewer, approver, registrar = (portal.officer(role) for role in ("reviewer", "approver", "register officer"))
        seen("3 officers at the desk")
    with told.step("Amal signs up, the human check solved") as seen:
        amal = portal.practitioner(("أمل", "Amal"))
        amal.sign_up()
        seen(amal.email)
    with told.step("The activation message comes, and its link is used") as seen:
        seen(f"“{amal.activate()}”")
    with told.step("She signs in by e-mail") as seen:
        amal.sign_in()
        seen(amal.read("h1"))
    with told.step("She enters her personal data, the birth date in Hijri") as seen:
        amal.enter_personal_data(identity_expires_on=portal.today + timedelta(days=900))
        seen(f"national ID {amal.number}")
    with told.step("She signs out, and in by national ID in Arabic digits") as seen:
        amal.sign_out()
        amal.sign_in(amal.number.translate(ARABIC_DIGITS))
        seen(amal.number.translate(ARABIC_DIGITS))
    with told.step("She adds a qualification and reads the conditions") as seen:
        amal.add_qualification(portal.today - timedelta(days=200))
        seen(amal.conditions("classification"))
    with told.step("Classification: questions, 3 PDFs, a photo, declaration") as seen:
        invoice = amal.apply_for_classification()
        seen(f"{amal.reference}, invoice {invoice}")
    with told.step("The administrative fee by mada, with 3-D Secure") as seen:
        amal.pay_by_card(MADA)
        seen(amal.state())
    with told.step("The reviewer claims the case and returns the transcript") as seen:
        seen(f"“{reviewer.return_for(amal.reference, 'transcript')}”")
    with told.step("She attaches a better one and sends the answer") as seen:
        amal.answer_remark("transcript")
        seen(amal.state())
    with told.step("The reviewer recommends, the approver endorses") as seen:
        reviewer.decide(amal.reference, "recommend", {"verdict": "approve"})
        approver.decide(amal.reference, "endorse_approval")
        amal.look_at_case()
        seen(f"invoice {amal.invoice_number()}")
    with told.step("The service fee by SADAD, at the bank") as seen:
        seen(f"bill {amal.pay_by_sadad()}")
    with told.step("The register officer issues") as seen:
        registrar.decide(amal.reference, "issue")
        seen(amal.state())
    with told.step("The certificate is rendered, and a stranger verifies it") as seen:
        expect_papers(portal, amal, 1, seen)

    with told.step("Registration: questions, employer letter, declaration") as seen:
        invoice = amal.apply_for_registration(issued_on=portal.today)
        seen(f"{amal.reference}, invoice {invoice}")
    with told.step("The administrative fee by Visa, with 3-D Secure") as seen:
        amal.pay_by_card(VISA)
        seen(amal.state())
    with told.step("Claimed, recommended, endorsed") as seen:
        approve(portal, amal)
        seen(amal.state())
    with told.step("The service fee by SADAD, at the bank") as seen:
        seen(f"bill {amal.pay_by_sadad()}")
    with told.step("The register officer issues") as seen:
        registrar.decide(amal.reference, "issue")
        seen(amal.state())
    with told.step("Card and certificate are rendered, a stranger verifies them") as seen:
        expect_papers(portal, amal, 2, seen)


def time_itself(portal: Portal, told: Timeline) -> None:
    """Day 30 and what comes after it, by the demo clock, the real beat and the real worker."""
    _let_midnight_pass()
    people = []
    for first in (("نسرين", "Nasreen"), ("وداد", "Widad")):
        with told.step(f"{first[1]}, too, comes as far as her administrative invoice") as seen:
            people.append(person := newcomer(portal, first))
            person.add_qualification(portal.today - timedelta(days=200))
            invoice = person.apply_for_classification()
            seen(f"{person.reference}, invoice {invoice}")
    nasreen, widad = people
    with told.step("The clock moves 30 days: their last day") as seen:
        portal.move_clock(30)
        for person in (nasreen, widad):
            person.look_at_case()
        seen(widad.read(".invoice .due"))
    with told.step(
        f"Widad pays at the bank; the gateway hears of it {HEARD_LATE.total_seconds() / 3600:.0f} h later"
    ) as seen:
        number = widad.bill()
        paid = {"heard_after_seconds": int(HEARD_LATE.total_seconds())}
        requests.post(
            f"{setting('GATEWAY_SIMULATOR_URL')}/sim/bills/{number}/pay", json=paid, timeout=10
        ).raise_for_status()
        seen(f"bill {number}")
    with told.step("The clock moves a day: the beat cancels both") as seen:
        portal.move_clock(1)
        for person in (nasreen, widad):
            wait_for(f"the cancellation of {person.reference}", person.is_cancelled)
            letter = person.await_letter(person.reference)
        seen(f"“{letter['subject']}”")
    with told.step("A day later the gateway hears of it: Widad's case is revived") as seen:
        portal.move_clock(1)
        wait_for("the revival", widad.is_with_staff)
        letter = widad.await_letter(widad.reference, number=2)
        seen(f"“{letter['subject']}”")
    with told.step("The beat sweeps again: Nasreen was told once all the same") as seen:
        time.sleep(SWEEPS_AGAIN)
        if not nasreen.is_cancelled():
            raise Stopped(f"{nasreen.reference} is not cancelled any more.")
        letters, notices = nasreen.letters(nasreen.reference), nasreen.notices(nasreen.reference)
        if len(letters) != 1 or len(notices) != 1:
            raise Stopped(f"{len(letters)} messages and {len(notices)} notices instead of one each.")
        seen("1 message, 1 notice")


def _let_midnight_pass() -> None:
    """A declaration before midnight and a look at the clock after it would be reckoned from two days."""
    now = datetime.now(RIYADH)
    left = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), RIYADH) - now
    if left < CLOSE_TO_MIDNIGHT:
        time.sleep(left.total_seconds() + 1)


def main() -> int:
    demand_demo("journey")
    asked = argparse.ArgumentParser(prog="portal journey", description="Journeys over HTTP, as a timeline.")
    asked.add_argument("--language", choices=["ar", "en"], default="ar")
    asked.add_argument("--service", choices=[*WAYS, "all"], help="one service's way instead of the main job")
    options, told = asked.parse_args(), Timeline()
    try:
        portal = Portal(setting("PORTAL_URL"), options.language)
        if options.service:
            for service in WAYS if options.service == "all" else [options.service]:
                told.chapter(service, WAYS[service])
                WAYS[service](portal, told)
        else:
            main_job(portal, told)
            time_itself(portal, told)
    except (Stopped, requests.RequestException) as reason:
        print(f"\nStopped at: {told.step_name}\n  {reason}", file=sys.stderr, flush=True)
        return 1
    print(f"{told.total:6.1f} s  in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
