"""Invoice and receipt as PDF, their numbers, their tax, and what the public sees of them (PAY-8, PAY-2, REG-2)."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from applications.models import Fee
from applications.progress import advance
from mumaris.kit import files
from mumaris.kit.lifecycle import NotAllowed
from payments import papers
from payments.models import Credit, Invoice
from register import issuing
from register.holds import hold_once_issued
from register.models import IssuedPaper
from tests.exempt import Finance, ask, exempt
from tests.fingerprint import unchanged
from tests.payments.test_tax_code import decoded
from tests.people import NOON, declare, invoice_of, make_draft, make_practitioner, pay, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-8")]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def billed():
    case = declare(make_draft(make_practitioner()))
    return case, invoice_of(case, "admin")


def words_of(paper):
    """The Latin words of its PDF."""
    issuing.render(paper.pk)
    paper.refresh_from_db()
    pages = PdfReader(BytesIO(files.read(paper.storage_key).read())).pages
    assert len(pages) == 1
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def public(client, paper):
    client.cookies["django_language"] = "en"
    response = client.get(reverse("verify_paper", args=[issuing.token(paper.number)]))
    assert response.status_code == 200
    return response.content.decode()


def test_an_invoice_is_printed_once_and_again_only_when_it_changed():
    case, invoice = billed()
    first = papers.print_invoice(invoice, now=NOON)
    assert papers.print_invoice(invoice, now=NOON + DAY) == first
    shown = words_of(first)
    assert invoice.number in shown
    assert case.reference in shown
    assert "200.00" in shown
    assert "Pay by" in shown
    ask(case.practitioner, now=NOON + DAY)  # its clock stands
    second = papers.print_invoice(invoice, now=NOON + DAY)
    assert "Pay by" not in words_of(second)
    first.refresh_from_db()
    assert issuing.outcome(first, NOON.date()) == "superseded"
    assert IssuedPaper.objects.filter(case=invoice.number, revoked_at=None).get() == second


@pytest.mark.req("PAY-7")
def test_a_waived_invoice_prints_what_brings_it_to_zero():
    case, invoice = billed()
    exempt(Finance(), case.practitioner)
    shown = words_of(papers.print_invoice(invoice, now=NOON))
    for words in ("200.00", "-200.00", "Exempt: First-degree relative of a martyr of duty", "Nothing is to be paid"):
        assert words in shown
    assert "Pay by" not in shown


def test_a_receipt_stands_for_the_payment_that_is_applied():
    case, invoice = billed()
    with unchanged(), pytest.raises(NotAllowed):
        papers.print_receipt(invoice, now=NOON)
    pay(case, "admin", amount=19_999, ref="too-little")
    with unchanged(), pytest.raises(NotAllowed):
        papers.print_receipt(invoice, now=NOON)
    pay(case, "admin", amount=25_000, ref="the-one")
    receipt = papers.print_receipt(invoice, now=NOON)
    assert (receipt.number, receipt.facts["total"]) == ("RCT-2026-000001", 20_000)
    shown = words_of(receipt)
    assert "the-one" in shown
    assert "too-little" not in shown
    assert invoice.number in shown
    assert papers.print_receipt(invoice, now=NOON + DAY) == receipt
    assert Credit.objects.count() == 2


@pytest.mark.parametrize("move", ["waived", "void"])
def test_what_was_not_paid_has_no_receipt(move):
    case, invoice = billed()
    if move == "void":
        advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)
        pay(case, "admin")  # a credit
    else:
        exempt(Finance(), case.practitioner)
        pay(case, "admin")
    assert Credit.objects.count() == 1
    with unchanged(), pytest.raises(NotAllowed):
        papers.print_receipt(Invoice.objects.get(pk=invoice.pk), now=NOON)


@pytest.mark.req("REG-2")
def test_the_public_sees_number_kind_day_and_state_and_nobody(client):
    case, invoice = billed()
    paper = papers.print_invoice(invoice, now=NOON)
    page = public(client, paper)
    assert paper.number in page
    assert invoice.number in page
    assert "To be paid" in page
    for secret in ("Samar", "Idris", "سمر", case.reference, "200.00"):
        assert secret not in page
    pay(case, "admin")
    assert "How it stands today" in public(client, paper)
    assert "Paid" in public(client, paper)
    receipt = papers.print_receipt(invoice, now=NOON)
    assert "the invoice is paid by it" in public(client, receipt)


@pytest.mark.req("REG-2")
def test_the_paper_of_a_void_invoice_says_so_at_once(client):
    case, invoice = billed()
    paper = papers.print_invoice(invoice, now=NOON)
    advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)
    page = public(client, paper)
    assert "This document no longer holds" in page
    assert "Void" in page


def test_an_invoice_that_was_printed_holds_no_personal_data_fast():
    case, invoice = billed()
    papers.print_invoice(invoice, now=NOON)
    assert hold_once_issued(case.practitioner, "who") == ""


# Tax


@pytest.fixture
def taxed(settings):
    settings.VAT_NUMBER, settings.SELLER_NAME_AR = "300000000000003", "هيئة الممارسين"
    Fee.objects.filter(service="classification", purpose="admin").update(tax="standard_15", amount=23_000)


@pytest.mark.req("PAY-2")
def test_a_taxed_fee_makes_a_simplified_tax_invoice(taxed):
    _case, invoice = billed()
    assert (invoice.amount, invoice.vat, invoice.lines.get().tax) == (23_000, 3_000, "standard_15")
    paper = papers.print_invoice(invoice, now=NOON)
    code = decoded(paper.facts["tax_qr"])
    assert code == {1: "هيئة الممارسين", 2: "300000000000003", 3: "2026-11-22T09:00:00Z", 4: "230.00", 5: "30.00"}
    shown = words_of(paper)
    for words in ("Simplified Tax Invoice", "300000000000003", "VAT of 15 percent included", "30.00"):
        assert words in shown


def test_the_tax_of_what_is_waived_is_not_due(taxed):
    case, invoice = billed()
    exempt(Finance(), case.practitioner)
    paper = papers.print_invoice(invoice, now=NOON)
    assert (paper.facts["vat"], paper.facts["total"]) == (0, 0)
    assert decoded(paper.facts["tax_qr"])[5] == "0.00"


def test_without_a_tax_number_it_is_an_invoice_like_any_other(settings):
    settings.VAT_NUMBER = ""
    Fee.objects.filter(service="classification", purpose="admin").update(tax="standard_15")
    _case, invoice = billed()
    paper = papers.print_invoice(invoice, now=NOON)
    assert paper.facts["tax_qr"] == ""
    assert "Tax Invoice" not in words_of(paper)


# Doors


@pytest.mark.parametrize("kind", ["invoice", "receipt"])
def test_the_payer_alone_downloads_it(client, kind):
    person = make_practitioner()
    case = submitted(person)
    number = invoice_of(case, "admin").number
    door = reverse("invoice_paper", args=[number, kind])
    client.force_login(make_practitioner().user)
    with unchanged():
        assert client.post(door).status_code == 404
    client.force_login(person.user)
    assert client.get(door).status_code == 405
    page = client.post(door)
    assert page.status_code == 302
    assert client.get(page.url).status_code == 202
    paper = IssuedPaper.objects.get(kind=kind, case=number)
    issuing.render(paper.pk)
    pdf = client.get(page.url)
    assert pdf.status_code == 200
    assert pdf["Content-Type"] == "application/pdf"
    client.force_login(make_practitioner().user)
    assert client.get(page.url).status_code == 404


def test_no_receipt_before_the_payment_is_said_on_the_page(client):
    case, invoice = billed()
    client.force_login(case.practitioner.user)
    with unchanged():
        assert client.post(reverse("invoice_paper", args=[invoice.number, "receipt"])).status_code == 302
    assert client.post(reverse("invoice_paper", args=[invoice.number, "nothing"])).status_code == 404


def test_staff_who_see_invoices_open_their_papers(client):
    finance, case = Finance(), submitted(make_practitioner())
    invoice = invoice_of(case, "admin")
    door = reverse("admin:payments_invoice_paper", args=[invoice.pk, "receipt"])
    client.force_login(finance.reviewer)  # sees no invoices
    with unchanged():
        assert client.post(door).status_code == 403
    client.force_login(finance.officer)
    assert client.post(door).status_code == 302
    issuing.render(IssuedPaper.objects.get().pk)
    assert client.post(door)["Content-Type"] == "application/pdf"
    assert b"Receipt as PDF" in client.get(reverse("admin:payments_invoice_change", args=[invoice.pk])).content


def test_the_page_of_the_invoice_says_its_tax_and_what_brings_it_to_zero(client, taxed):
    case, invoice = billed()
    client.force_login(case.practitioner.user)
    client.cookies["django_language"] = "en"
    page = client.get(reverse("invoice", args=[invoice.number])).content.decode()
    assert "VAT of 15 percent included" in page
    assert "VAT in it" in page
    assert "does not apply" not in page
    exempt(Finance(), case.practitioner)
    page = client.get(reverse("invoice", args=[invoice.number])).content.decode()
    assert "-230.00" in page
    assert "Nothing is to be paid" in page
    assert "VAT in it" not in page
