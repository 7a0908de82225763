"""The way through each service over HTTP and as people go it: from its public page to the paper that a stranger verifies.

A way begins on a portal whose accounts are all its own; what must come before is done first, shortly.
"""

from collections.abc import Callable
from datetime import date, timedelta

from simulators.persons import AL_HARTHI, Name, Paper, Practitioner, on_day
from simulators.scans import photo, portrait, scan
from simulators.scene import Portal, Timeline
from simulators.visitor import Stopped

MADA, VISA = "4201320111111010", "4111111111111111"
Way = Callable[[Portal, Timeline], None]


def newcomer(portal: Portal, first: Name, family: Name = AL_HARTHI, nationality: str = "SA") -> Practitioner:
    """Somebody with an account, signed in, whose personal data is entered and whose identity holds for years."""
    person = portal.practitioner(first, family, nationality)
    person.sign_up()
    person.activate()
    person.sign_in()
    person.enter_personal_data(identity_expires_on=portal.today + timedelta(days=1800))
    return person


def classified(portal: Portal, first: Name) -> Practitioner:
    """A newcomer with a diploma of the Kingdom who came all the way to the classification as technician."""
    person = newcomer(portal, first)
    person.add_qualification(portal.today - timedelta(days=200))
    person.apply_for_classification()
    complete(portal, person)
    return person


def registered(portal: Portal, first: Name) -> Practitioner:
    """The same, registered from this day on."""
    person = classified(portal, first)
    person.apply_for_registration(issued_on=portal.today)
    complete(portal, person)
    return person


def complete(portal: Portal, person: Practitioner) -> None:
    """From the administrative invoice to the end, without a look at the papers."""
    person.pay_by_card(MADA)
    approve(portal, person)
    person.pay_by_card(VISA)
    portal.officer("register officer").decide(person.reference, "issue")


def approve(portal: Portal, person: Practitioner) -> None:
    """Claimed and recommended by one officer, endorsed by another."""
    portal.officer("reviewer").decide(person.reference, "claim")
    recommend_and_endorse(portal, person)


def recommend_and_endorse(portal: Portal, person: Practitioner) -> None:
    portal.officer("reviewer").decide(person.reference, "recommend", {"verdict": "approve"})
    portal.officer("approver").decide(person.reference, "endorse_approval")


def admit(portal: Portal, person: Practitioner) -> str:
    """Claimed and admitted to the exam; the eligibility number that the practitioner reads."""
    portal.officer("reviewer").decide(person.reference, "claim")
    portal.officer("reviewer").decide(person.reference, "admit_to_exam")
    return person.eligibility_number()


def finish(portal: Portal, told: Timeline, person: Practitioner, papers: int) -> None:
    """From the preliminary approval to the papers that a stranger verifies."""
    pay_and_issue(portal, told, person)
    with told.step("The papers are rendered, and a stranger verifies them") as seen:
        expect_papers(portal, person, papers, seen)


def pay_and_issue(portal: Portal, told: Timeline, person: Practitioner) -> None:
    with told.step("The service fee by SADAD, at the bank") as seen:
        seen(f"bill {person.pay_by_sadad()}")
    with told.step("The register officer issues") as seen:
        portal.officer("register officer").decide(person.reference, "issue")
        seen(person.state())


def expect_papers(
    portal: Portal, person: Practitioner, number: int, seen: Callable[[str], None], valid: bool = True
) -> list[Paper]:
    """So many PDFs, each of which the public page calls valid, or not."""
    papers = person.take_papers()
    if len(papers) != number:
        raise Stopped(f"{len(papers)} papers instead of {number}.")
    for paper in papers:
        if portal.is_valid(paper) is not valid:
            raise Stopped(f"{paper.page} says the contrary of what it should.")
        seen(f"{paper}, {'valid' if valid else 'not valid yet'}")
    return papers


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last of its month."""
    year, month = divmod(12 * day.year + day.month - 1 - months, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def classification(portal: Portal, told: Timeline) -> None:
    """Degree, practice and licence of another country, verified at their sources; the exam is passed at the third attempt."""
    day = portal.today
    with told.step("Priya, trained abroad, signs up and enters her data") as seen:
        priya = newcomer(portal, ("بريا", "Priya"), family=("ناير", "Nair"), nationality="IN")
        seen(f"iqama {priya.number}")
    with told.step("She enters degree, practice and licence, and reads the conditions") as seen:
        priya.add_qualification(
            months_before(day, 72),
            degree="bachelor",
            title="Bachelor of Science in Nursing",
            institution="Kerala University of Health Sciences",
            country="IN",
        )
        priya.add_experience("Kochi General Hospital", "IN", months_before(day, 66), months_before(day, 4))
        priya.add_licence("Kerala Nurses and Midwives Council", "IN", "KL-77130", months_before(day, 70))
        seen(priya.conditions("classification"))
    with told.step("The company verifies the degree at once") as seen:
        seen(f"case {priya.order_case('qualification', 'positive')}")
    with told.step("It works on the licence for a while, then asked again: positive") as seen:
        number = priya.order_case("licence", "")
        portal.company_decides(number, "positive")
        priya.ask_company(number)
        seen(f"case {number}")
    with told.step("It finds a discrepancy in her practice; she appeals, and is right") as seen:
        number = priya.order_case("experience", "")
        portal.company_decides(number, "discrepancy")
        seen(f"“{priya.refusal_of(lambda: priya.ask_company(number), at='.alert-warn[role]')}”")
        priya.appeal_to_company(
            number, "The hospital's archive has the right dates; its letter is attached to the case."
        )
        portal.company_decides(number, "positive")
        priya.ask_company(number)
        seen(f"case {number}, {priya.conditions('classification')}")
    with told.step("Classification as specialist: scans of many pages, a phone photo") as seen:
        priya.start("classification")
        priya.answer(**priya.choose("specialist", "Bachelor of Science in Nursing"))
        priya.attach("qualification", photo("degree"))
        priya.attach("transcript", scan("transcript", pages=8))
        priya.attach("internship", scan("transcript", pages=8))
        priya.attach("licence", scan("licence", pages=2))
        priya.attach("experience_certificate", scan("experience certificate", pages=2))
        priya.attach("photo", portrait())
        seen(priya.reference)
    with told.step("At the check she notices a scan in the wrong place, and declares") as seen:
        if "transcript.pdf" not in priya.read_back("internship"):
            raise Stopped("The check of all answers does not name the file in the wrong place.")
        priya.follow('[href$="#slot-internship"]')
        priya.attach("internship", scan("internship", pages=2))
        seen(f"{priya.read_back('internship')}, invoice {priya.declare()}")
    with told.step("The administrative fee by Visa, with 3-D Secure") as seen:
        priya.pay_by_card(VISA)
        seen(priya.state())
    with told.step("The reviewer claims the case and admits her to the exam") as seen:
        number = admit(portal, priya)
        seen(f"eligibility number {number}, {priya.state()}")
    examiner = portal.officer("exam officer")
    with told.step("She fails; the exam officer enters it by hand") as seen:
        examiner.record_result(number, "failed", portal.today)
        seen(priya.state())
    with told.step("She fails again; the exam company's file says so") as seen:
        portal.move_clock(1)
        offered = examiner.import_results(f"{number},{priya.family[1]},{portal.today},failed,54")
        seen(f"“{offered}”, {priya.state()}")
    with told.step("She pays the third attempt by SADAD") as seen:
        seen(f"bill {priya.pay_by_sadad()}, {priya.state()}")
    with told.step("She passes, by the company's next file") as seen:
        portal.move_clock(1)
        offered = examiner.import_results(f"{number},{priya.family[1]},{portal.today},passed,72.5")
        seen(f"“{offered}”, {priya.state()}")
    with told.step("Recommended, endorsed") as seen:
        recommend_and_endorse(portal, priya)
        seen(priya.state())
    finish(portal, told, priya, papers=1)


def reclassification(portal: Portal, told: Timeline) -> None:
    """A technician earned a bachelor's degree and sits the exam of a specialist."""
    with told.step("Before: Reem is classified as technician") as seen:
        reem = classified(portal, ("ريم", "Reem"))
        seen(reem.reference)
    with told.step("She adds her new degree and reads the conditions") as seen:
        reem.add_qualification(portal.today - timedelta(days=20), degree="bachelor", title="Bachelor of nursing")
        seen(reem.conditions("re-classification"))
    with told.step("Re-classification: questions, scans, the photo of last time") as seen:
        reem.start("re-classification")
        reem.answer(route="new_qualification", **reem.choose("specialist", "Bachelor of nursing"))
        for slot in ("qualification", "transcript", "internship"):
            reem.attach(slot, scan(f"bachelor {slot}", pages=4))
        reem.use_again("photo")
        seen(f"{reem.reference}, invoice {reem.declare()}")
    with told.step("The administrative fee by mada, with 3-D Secure") as seen:
        reem.pay_by_card(MADA)
        seen(reem.state())
    with told.step("The reviewer claims the case and admits her to the exam") as seen:
        number = admit(portal, reem)
        seen(f"eligibility number {number}")
    with told.step("She passes; the exam officer enters it by hand") as seen:
        portal.officer("exam officer").record_result(number, "passed", portal.today)
        seen(reem.state())
    with told.step("Recommended, endorsed") as seen:
        recommend_and_endorse(portal, reem)
        seen(reem.state())
    finish(portal, told, reem, papers=1)


def registration(portal: Portal, told: Timeline) -> None:
    """With an employer letter that is one day too old at first."""
    with told.step("Before: Huda is classified as technician") as seen:
        huda = classified(portal, ("هدى", "Huda"))
        seen(huda.reference)
    with told.step("She reads the conditions") as seen:
        seen(huda.conditions("registration"))
    with told.step("Registration: a letter one day too old is refused at its field") as seen:
        huda.start("registration")
        huda.answer(employer="Rabia Hospital", job="Nurse", city="Dammam")
        too_old = months_before(portal.today, 3) - timedelta(days=1)
        letter = scan("employer letter of spring", pages=1)
        refused = huda.refusal_of(
            lambda: huda.attach("employer_letter", letter, issued_on=too_old), at="#slot-employer_letter .err"
        )
        seen(f"“{refused}”")
    with told.step("A new one, photographed with a phone; declaration") as seen:
        huda.attach("employer_letter", photo("employer letter"), issued_on=portal.today)
        seen(f"{huda.reference}, invoice {huda.declare()}")
    with told.step("The administrative fee by Visa, with 3-D Secure") as seen:
        huda.pay_by_card(VISA)
        seen(huda.state())
    with told.step("Claimed, recommended, endorsed") as seen:
        approve(portal, huda)
        seen(huda.state())
    finish(portal, told, huda, papers=2)


def renewal(portal: Portal, told: Timeline) -> None:
    """Two years on: the hours of professional development are recorded at the desk, the rest is as at the registration."""
    with told.step("Before: Maha is classified and registered") as seen:
        maha = registered(portal, ("مها", "Maha"))
        began = portal.today
        seen(maha.reference)
    with told.step("The clock moves 22 months, into the time of renewal") as seen:
        portal.move_clock(22 * 30 + 14)
        maha.sign_out()
        maha.sign_in()
        register_number = maha.register_number()
        seen(f"{portal.today}, registration {register_number}")
    with told.step("“Start re-registration”: she reads the conditions") as seen:
        maha.follow('.regcard a[href="/services/renewal/"]')
        seen(maha.conditions("renewal"))
    with told.step("The CPD officer records a conference and a course") as seen:
        officer = portal.officer("CPD officer")
        officer.record_hours(register_number, "Riyadh nursing congress", "conference", began + timedelta(90), 13, 12)
        officer.record_hours(register_number, "Wound care", "course", began + timedelta(200), 8, 8)
        seen(f"12 and 8 hours, {maha.conditions('renewal')}")
    with told.step("Renewal: questions, a letter of today, declaration") as seen:
        maha.start("renewal")
        maha.answer(employer="Rabia Hospital", job="Nurse", city="Dammam")
        maha.attach("employer_letter", scan("new employer letter", pages=1), issued_on=portal.today)
        seen(f"{maha.reference}, invoice {maha.declare()}")
    with told.step("The administrative fee by mada, with 3-D Secure") as seen:
        maha.pay_by_card(MADA)
        seen(maha.state())
    with told.step("Claimed, recommended, endorsed") as seen:
        approve(portal, maha)
        seen(maha.state())
    pay_and_issue(portal, told, maha)
    with told.step("The papers are rendered; the old ones are still in force") as seen:
        papers = expect_papers(portal, maha, 2, seen, valid=False)
    with told.step("The clock moves past the old period: a stranger verifies them") as seen:
        portal.move_clock(100)
        if not all(map(portal.is_valid, papers)):
            raise Stopped("The renewed papers are not valid.")
        seen(f"{portal.today}, valid")


def qualification_study(portal: Portal, told: Timeline) -> None:
    """A Saudi's degree from abroad, verified at its source, on which the company works a while."""
    with told.step("Lama signs up and enters her data and a degree from abroad") as seen:
        lama = newcomer(portal, ("لمى", "Lama"))
        lama.add_qualification(
            portal.today - timedelta(days=300),
            degree="master",
            title="Master of forensic nursing",
            institution="Leeds School of Nursing",
            country="GB",
        )
        seen(lama.conditions("qualification-study"))
    with told.step("The company works on her case; then it is positive") as seen:
        number = lama.order_case("qualification", "")
        portal.company_decides(number, "positive")
        lama.ask_company(number)
        seen(f"case {number}, {lama.conditions('qualification-study')}")
    with told.step("Study: papers of many pages, one photographed, declaration") as seen:
        lama.start("qualification-study")
        lama.answer(qualification=lama.choice("qualification", "Master of forensic nursing"))
        lama.attach("qualification", photo("master certificate"))
        lama.attach("transcript", scan("master transcript", pages=8))
        lama.attach("programme", scan("programme specification", pages=24))
        lama.attach("internship", scan("clinical placement", pages=2))
        lama.attach("research_abstract", scan("thesis abstract", pages=2))
        seen(f"{lama.reference}, invoice {lama.declare()}")
    with told.step("The administrative fee by Visa, with 3-D Secure") as seen:
        lama.pay_by_card(VISA)
        seen(lama.state())
    with told.step("The reviewer returns the programme; she attaches a better one") as seen:
        seen(f"“{portal.officer('reviewer').return_for(lama.reference, 'programme')}”")
        lama.answer_remark("programme")
        seen(lama.state())
    with told.step("Recommended, endorsed") as seen:
        recommend_and_endorse(portal, lama)
        seen(lama.state())
    finish(portal, told, lama, papers=1)


def good_standing(portal: Portal, told: Timeline) -> None:
    """Somebody on the register for an authority abroad."""
    with told.step("Before: Noura is classified and registered") as seen:
        noura = registered(portal, ("نورة", "Noura"))
        seen(noura.reference)
    with told.step("She reads the conditions") as seen:
        seen(noura.conditions("good-standing"))
    with told.step("Good standing: the receiving authority, declaration") as seen:
        noura.start("good-standing")
        noura.answer(authority="Dubai Health Authority")
        seen(f"{noura.reference}, invoice {noura.declare()}")
    with told.step("The administrative fee by mada, with 3-D Secure") as seen:
        noura.pay_by_card(MADA)
        seen(noura.state())
    with told.step("Claimed, recommended, endorsed") as seen:
        approve(portal, noura)
        seen(noura.state())
    finish(portal, told, noura, papers=1)


def training_letter(portal: Portal, told: Timeline) -> None:
    """One officer decides, and nothing is checked after the payment."""
    with told.step("Before: Dana is classified as technician") as seen:
        dana = classified(portal, ("دانة", "Dana"))
        seen(dana.reference)
    with told.step("She reads the conditions") as seen:
        seen(dana.conditions("training-letter"))
    with told.step("Training letter: facility and period, its acceptance, declaration") as seen:
        dana.start("training-letter")
        dana.answer(
            facility="Rabia Hospital",
            city="Dammam",
            months="3",
            **on_day("training_from", portal.today + timedelta(days=30)),
        )
        dana.attach("acceptance", scan("acceptance of the facility", pages=1))
        seen(f"{dana.reference}, invoice {dana.declare()}")
    with told.step("The administrative fee by Visa, with 3-D Secure") as seen:
        dana.pay_by_card(VISA)
        seen(dana.state())
    with told.step("Claimed, recommended: no second officer is asked") as seen:
        reviewer = portal.officer("reviewer")
        reviewer.decide(dana.reference, "claim")
        reviewer.decide(dana.reference, "recommend", {"verdict": "approve"})
        seen(dana.state())
    with told.step("The service fee by SADAD, at the bank; the letter follows at once") as seen:
        seen(f"bill {dana.pay_by_sadad()}, {dana.state()}")
    with told.step("The letter is rendered, and a stranger verifies it") as seen:
        expect_papers(portal, dana, 1, seen)


WAYS: dict[str, Way] = {
    "classification": classification,
    "re-classification": reclassification,
    "registration": registration,
    "renewal": renewal,
    "qualification-study": qualification_study,
    "good-standing": good_standing,
    "training-letter": training_letter,
}
