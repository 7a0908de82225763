"""What stands on each paper, that it fits its page, and what the public page shows (REG-2, PAY-8)."""

import re
from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from django.contrib.auth.models import AnonymousUser
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from pypdf import PdfReader

from mumaris.kit import pdf
from register import papers
from register.models import IssuedPaper

A4 = (595, 842)
WALLET = (243, 153)
PERSON = {
    "name_ar": "ريم سالم عبدالله الغامدي",
    "name_en": "Reem Salem Abdullah Al-Ghamdi",
    "identity_masked": "1••••••482",
    "issued_on": date(2026, 11, 22),
    "verify_url": "https://portal.example/verify/K7Q4M2XD91TAB3C5D7E9FGHJKM/",
    "demo": True,
}
REGISTERED = {
    **PERSON,
    "paper_number": "RT-2026-0438821",
    "register_number": "RG-2026-0048217",
    "profession_ar": "طبيب",
    "profession_en": "Physician",
    "specialty_ar": "طب الأسرة",
    "specialty_en": "Family Medicine",
    "rank_ar": "نائب أول",
    "rank_en": "Senior Registrar",
    "valid_from": date(2026, 11, 22),
    "valid_until": date(2028, 11, 21),
}
GOOD_STANDING = {
    **REGISTERED,
    "paper_number": "GS-2026-0001207",
    "authority": "Dubai Health Authority, Licensing Dept.",
    "registered_from": date(2019, 3, 4),
    "registered_until": date(2028, 11, 21),
    "valid_until": date(2027, 5, 21),
}
STUDIED = {
    **PERSON,
    "paper_number": "SD-2026-0000311",
    "degree_ar": "ماجستير",
    "degree_en": "Master’s degree",
    "title": "Master of Science in Clinical Epidemiology (Hons.)",
    "institution": "الجامعة الأردنية",
    "country_ar": "الأردن",
    "country_en": "Jordan",
    "awarded_on": date(2021, 6, 30),
    "valid_from": date(2026, 11, 20),
    "valid_until": "",
}
TO_TRAIN = {
    **PERSON,
    "paper_number": "TL-2026-0000058",
    "facility": "St. Mary’s General Hospital Co.",
    "city": "جدة",
    "specialty_ar": "طب الأسرة",
    "specialty_en": "Family Medicine",
    "months": 6,
    "training_from": date(2026, 12, 6),
    "training_until": date(2027, 6, 5),
    "reason_ar": "لانقطاعه عن الممارسة",
    "reason_en": "after a gap in practice",
}
BILLED = {
    **PERSON,
    "paper_number": "IV-2026-0012345",
    "invoice_number": "INV-2026-012345",
    "invoiced_on": date(2026, 11, 22),
    "nothing_due": False,
    "seller_ar": "",
    "seller_en": "",
    "case": "CL-2026-0443391",
    "lines": [
        {
            "text_ar": "رسوم الخدمة",
            "text_en": "Service fee",
            "note_ar": "خارج نطاق ضريبة القيمة المضافة",
            "note_en": "Outside the scope of VAT",
            "amount": 150000,
        },
        {"text_ar": "خصم", "text_en": "Taken off", "note_ar": "", "note_en": "", "amount": -10050},
    ],
    "vat": None,
    "total": 139950,
    "tax_qr": "",
    "vat_number": "",
    "due_on": date(2026, 12, 22),
}
PAID = {
    **BILLED,
    "paper_number": "RCT-2026-077001",
    "method_ar": "بطاقة",
    "method_en": "Card",
    "provider_ref": "6c1f0d1e-7a0e-4a43-9b1f-0f5f9a3f1a11",
    "paid_on": date(2026, 11, 23),
}
PAPERS = {
    "classification_certificate": (REGISTERED, 1, A4),
    "registration_certificate": (REGISTERED, 1, A4),
    "registration_card": (REGISTERED, 2, WALLET),
    "good_standing": (GOOD_STANDING, 1, A4),
    "study_decision": (STUDIED, 1, A4),
    "training_letter": (TO_TRAIN, 1, A4),
    "invoice": (BILLED, 1, A4),
    "receipt": (PAID, 1, A4),
}
IN_ANY_LANGUAGE = {"authority": 160, "title": 160, "institution": 160, "facility": 160, "city": 80}
EVERY_PAPER = [pytest.param(kind, *rest, id=kind) for kind, rest in PAPERS.items()]


def printed(kind, facts):
    return PdfReader(BytesIO(pdf.render(f"papers/{kind}.html", facts)))


def latin(paper):
    """The words of a paper that are not Arabic, whose letters come out of a PDF in the order of drawing."""
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in paper.pages))


@pytest.mark.req("REG-2")
@pytest.mark.parametrize(("kind", "facts", "pages", "size"), EVERY_PAPER)
def test_a_paper_has_its_pages_and_its_size(kind, facts, pages, size):
    paper = printed(kind, facts)
    assert [(round(page.mediabox.width), round(page.mediabox.height)) for page in paper.pages] == [size] * pages


@pytest.mark.req("REG-2")
@pytest.mark.parametrize(("kind", "facts", "pages", "size"), EVERY_PAPER)
def test_a_paper_is_a_tagged_pdf_a_in_our_own_letters(kind, facts, pages, size):
    paper = printed(kind, facts)
    root = paper.trailer["/Root"]
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="2"' in xmp
    assert 'pdfaid:conformance="A"' in xmp
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    assert re.fullmatch(r"[؀-ۿ ]+( [\w-]+)? \| [\x20-\x7e]+", paper.metadata.title)
    fonts = [font.get_object() for page in paper.pages for font in page["/Resources"]["/Font"].values()]
    assert {font["/BaseFont"].partition("+")[2] for font in fonts} <= {"Plex", "Plex-Medium", "Plex-Semi-Bold"}
    for font in fonts:
        assert "/FontFile2" in font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()


@pytest.mark.req("REG-2")
@pytest.mark.parametrize("most", [70, 243])
@pytest.mark.parametrize(
    "letters", ["words of it ", "UPPER CASE ", "عبد الرحمن ", "unbroken", "عبدالرحمن", "<b>&\u202e"]
)
@pytest.mark.parametrize(("kind", "facts", "pages", "size"), EVERY_PAPER)
def test_long_texts_stay_on_the_page(kind, facts, pages, size, letters, most):
    def filled(length):
        return (letters * length)[: min(length, most)]

    texts = {key: filled(243) for key in facts if key.startswith("name_")}
    texts |= {key: filled(120) for key in facts if key.startswith(("profession_", "specialty_", "rank_", "degree_"))}
    texts |= {key: filled(length) for key, length in IN_ANY_LANGUAGE.items() if key in facts}
    if "lines" in facts:
        texts["lines"] = [{**line, "text_ar": filled(160), "text_en": filled(160)} for line in facts["lines"]]
    texts["verify_url"] = (
        "https://licensing.commission-for-health-professions.example/verify/K7Q4M2XD91TAB3C5D7E9FGHJKM/"
    )
    assert len(printed(kind, {**facts, **texts}).pages) == pages


@pytest.mark.req("REG-2")
@pytest.mark.parametrize(("kind", "facts", "pages", "size"), EVERY_PAPER)
def test_every_fact_stands_on_it_in_both_languages(kind, facts, pages, size):
    html = render_to_string(f"papers/{kind}.html", facts)
    for name, fact in facts.items():
        if name.endswith(("_ar", "_en")) or name in IN_ANY_LANGUAGE:
            assert fact in html, name
    for line in facts.get("lines", []):
        assert line["text_ar"] in html
        assert line["text_en"] in html
    shown = latin(printed(kind, facts))
    for name in ("paper_number", "register_number", "case", "invoice_number", "provider_ref"):
        assert facts.get(name, "") in shown


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("classification_certificate", "21 November 2028 · 4 Rajab 1450 AH"),
        ("registration_certificate", "21 November 2028 · 4 Rajab 1450 AH"),
        ("registration_card", "21 November 2028 · 4 Rajab 1450 AH"),
        ("good_standing", "4 March 2019 · 27 Jumada al-Akhirah 1440 AH"),
        ("good_standing", "21 November 2028 · 4 Rajab 1450 AH"),
        ("study_decision", "22 November 2026 · 12 Jumada al-Akhirah 1448 AH"),
        ("study_decision", "30 June 2021 · 20 Dhu al-Qadah 1442 AH"),
        ("training_letter", "6 December 2026 · 26 Jumada al-Akhirah 1448 AH"),
        ("training_letter", "5 June 2027 · 30 Dhu al-Hijjah 1448 AH"),
        ("invoice", "22 December 2026 · 13 Rajab 1448 AH"),
        ("receipt", "23 November 2026 · 13 Jumada al-Akhirah 1448 AH"),
    ],
)
def test_the_days_that_matter_stand_in_both_calendars(kind, shown):
    assert shown in latin(printed(kind, PAPERS[kind][0]))


@pytest.mark.req("REG-2")
@pytest.mark.parametrize("kind", PAPERS)
def test_the_public_address_is_on_it_for_eyes_and_cameras(kind):
    facts = PAPERS[kind][0]
    shown = latin(printed(kind, facts)).replace(" ", "")
    assert "https://portal.example/verify/" in shown
    assert "K7Q4M2XD91TAB3C5D7E9FGHJKM" in shown
    assert render_to_string(f"papers/{kind}.html", facts).count('class="qr"') == 1
    links = [note.get_object() for page in printed(kind, facts).pages for note in page.get("/Annots", [])]
    assert [link["/A"]["/URI"] for link in links] == [facts["verify_url"]]


@pytest.mark.parametrize("kind", PAPERS)
def test_only_a_demonstration_copy_says_so(kind):
    facts = PAPERS[kind][0]
    assert "Demonstration, no effect" in latin(printed(kind, facts))
    assert "Demonstration" not in latin(printed(kind, {**facts, "demo": False}))


@pytest.mark.parametrize("kind", ["classification_certificate", "registration_certificate", "good_standing"])
def test_a_certificate_that_is_shown_around_has_no_identity_number(kind):
    assert PERSON["identity_masked"] not in render_to_string(f"papers/{kind}.html", PAPERS[kind][0])


@pytest.mark.parametrize("kind", ["good_standing", "study_decision", "training_letter"])
def test_what_others_wrote_is_printed_as_words(kind):
    facts = PAPERS[kind][0]
    hostile = '<img src="file:///etc/passwd"><a href="https://elsewhere.example/">'
    written = {key: hostile for key in facts if key.endswith(("_ar", "_en")) or key in IN_ANY_LANGUAGE}
    assert "<img" not in render_to_string(f"papers/{kind}.html", {**facts, **written})
    paper = printed(kind, {**facts, **written})
    assert [note.get_object()["/A"]["/URI"] for note in paper.pages[0]["/Annots"]] == [facts["verify_url"]]


@pytest.mark.parametrize("kind", ["good_standing", "study_decision", "training_letter"])
@pytest.mark.parametrize(
    ("written", "way"), [("جامعة الملك سعود (الرياض).", "rtl"), ("Trinity College (Dublin).", "ltr")]
)
def test_words_of_any_language_run_their_own_way(kind, written, way):
    facts = PAPERS[kind][0]
    texts = {key: written for key in IN_ANY_LANGUAGE if key in facts}
    html = render_to_string(f"papers/{kind}.html", {**facts, **texts})
    assert html.count(f'dir="{way}"><bdi>{written}</bdi>') == len(texts)


@pytest.mark.req("SRV-6")
@pytest.mark.parametrize(
    ("authority", "to"),
    [("Dubai Health Authority", ["Addressed to", "Dubai Health Authority"]), ("", ["To whom it may concern"])],
)
def test_good_standing_is_addressed_to_an_authority_or_to_whom_it_may_concern(authority, to):
    shown = latin(printed("good_standing", {**GOOD_STANDING, "authority": authority}))
    assert [
        words for words in ("Addressed to", "Dubai Health Authority", "To whom it may concern") if words in shown
    ] == to
    assert (
        "إلى من يهمه الأمر" in render_to_string("papers/good_standing.html", {**GOOD_STANDING, "authority": authority})
    ) == (not authority)


@pytest.mark.req("SRV-6")
@pytest.mark.parametrize(
    ("last_day", "standing"),
    [(date(2026, 11, 23), "is"), (date(2026, 11, 22), "is"), (date(2026, 11, 21), "was")],
    ids=["after the day of issue", "on it", "before it"],
)
def test_good_standing_tells_who_is_registered_from_who_was(last_day, standing):
    shown = latin(printed("good_standing", {**GOOD_STANDING, "registered_until": last_day}))
    assert f"named below {standing} on the register" in shown
    assert "nothing stands against them" in shown
    assert "Valid until 21 May 2027" in shown


@pytest.mark.req("SRV-5")
def test_a_study_decision_has_an_end_only_where_one_is_given():
    assert "No end" in latin(printed("study_decision", STUDIED))
    ending = latin(printed("study_decision", {**STUDIED, "valid_until": date(2031, 11, 19)}))
    assert "19 November 2031" in ending
    assert "No end" not in ending


@pytest.mark.req("SRV-5")
def test_a_study_decision_says_what_it_is_not():
    assert "neither classification nor registration" in latin(printed("study_decision", STUDIED))


@pytest.mark.req("SRV-7")
@pytest.mark.parametrize(
    ("months", "ar", "en"),
    [
        (1, "شهر\xa0واحد", "1 month,"),
        (2, "شهرين", "2 months,"),
        (3, "3\xa0أشهر", "3 months,"),
        (10, "10\xa0أشهر", "10 months,"),
        (11, "11\xa0شهرًا", "11 months,"),
    ],
)
def test_a_training_letter_counts_its_months(months, ar, en):
    facts = {**TO_TRAIN, "months": months}
    html = render_to_string("papers/training_letter.html", facts).replace("&nbsp;", "\xa0")
    assert f"لمدة\xa0{ar}، <bdi>لانقطاعه عن الممارسة</bdi>." in html
    assert f"{en} after a gap in practice." in latin(printed("training_letter", facts))


@pytest.mark.req("SRV-7")
def test_a_training_letter_without_a_specialty_names_none():
    facts = {name: fact for name, fact in TO_TRAIN.items() if not name.startswith("specialty_")}
    assert "Specialty" in latin(printed("training_letter", TO_TRAIN))
    assert "Specialty" not in latin(printed("training_letter", facts))


@pytest.mark.req("PAY-8")
def test_an_invoice_adds_up_in_riyals_and_says_until_when():
    shown = latin(printed("invoice", BILLED))
    for words in ("1,500.00", "-100.50", "1,399.50", "Amount due", "Pay by", "Invoice no."):
        assert words in shown
    assert "Tax" not in shown


@pytest.mark.req("PAY-8")
def test_an_invoice_of_nothing_asks_for_no_payment():
    shown = latin(printed("invoice", {**BILLED, "total": 0, "due_on": "", "nothing_due": True}))
    assert "0.00" in shown
    assert "Nothing is to be paid" in shown
    assert "Pay" not in shown


SELLER = {"seller_ar": "هيئة الممارسين", "seller_en": "Practitioners Commission"}


@pytest.mark.req("PAY-8")
def test_a_taxed_invoice_is_titled_as_one_with_its_own_code():
    taxed = {**BILLED, "vat": 18255, "vat_number": "300000000000003", "tax_qr": "AQ9I" * 40, **SELLER}
    paper = printed("invoice", taxed)
    assert len(paper.pages) == 1
    for words in ("Simplified Tax Invoice", "300000000000003", "Practitioners Commission", "Of which VAT", "182.55"):
        assert words in latin(paper)
    assert render_to_string("papers/invoice.html", taxed).count('class="qr"') == 2


def test_a_paper_without_a_public_page_has_no_code():
    html = render_to_string("papers/receipt.html", {**PAID, "verify_url": ""})
    assert 'class="qr"' not in html
    assert "Scan" not in html


def on_the_register(**changes):
    facts = {key: str(value) for key, value in REGISTERED.items()}
    paper = IssuedPaper(
        number=REGISTERED["paper_number"],
        kind=papers.REGISTRATION_CERTIFICATE.slug,
        facts=facts,
        valid_from=date(2026, 11, 22),
        valid_until=date(2028, 11, 21),
    )
    for name, value in changes.items():
        setattr(paper, name, value)
    return paper


ANSWERS = {
    "form": None,
    "unknown": None,
    "valid": on_the_register(),
    "expired": on_the_register(),
    "not_yet": on_the_register(),
    "revoked": on_the_register(revoked_at=datetime(2026, 12, 1, 21, 30, tzinfo=UTC), revoke_reason="A typing error"),
}


@pytest.fixture
def public_page(rf):
    def page(outcome, language="en"):
        request = rf.get("/verify/")
        request.user = AnonymousUser()
        context = {
            "outcome": outcome,
            "paper": ANSWERS[outcome],
            "checked_at": datetime(2026, 11, 22, 8, 20, tzinfo=UTC),
        }
        with translation.override(language):
            return render(request, "register/verify.html", context).content.decode()

    return page


@pytest.mark.req("REG-2")
@pytest.mark.parametrize(
    ("outcome", "heading"),
    [
        ("form", "Verify a practitioner"),
        ("valid", "This document is valid"),
        ("expired", "This document has expired"),
        ("not_yet", "This document is not valid yet"),
        ("revoked", "This document was revoked"),
        ("unknown", "No document has this code"),
    ],
)
def test_the_public_page_gives_one_clear_answer(public_page, outcome, heading):
    page = public_page(outcome)
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", page) == [heading]
    assert f"<title>{heading} | " in page
    assert ("verdict-top" in page) == (outcome == "valid")
    assert ("22 November 2026, " in page) == (outcome != "form")
    assert page.count('name="code"') == 1


@pytest.mark.req("REG-2")
@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("outcome", [outcome for outcome, paper in ANSWERS.items() if paper])
def test_the_public_page_shows_what_the_public_may_know_and_no_more(public_page, outcome, language):
    page = public_page(outcome, language)
    for name in ("name_ar", "name_en", "register_number", "paper_number", f"rank_{language}", f"specialty_{language}"):
        assert REGISTERED[name] in page
    assert REGISTERED["identity_masked"] not in page
    assert "A typing error" not in page


@pytest.mark.req("REG-2")
def test_a_revoked_paper_says_since_which_day(public_page):
    assert "took it back on 2 December 2026" in public_page("revoked")
