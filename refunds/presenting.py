"""What the page of a withdrawal says before it is confirmed (APP-7)."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.catalogue import CATALOGUE
from applications.lifecycle import State
from applications.models import Application
from mumaris.kit.clock import today
from payments.models import Attempt, Invoice, InvoiceState, Method
from refunds.forms import WithdrawalForm

# What is given up in each state from which an application can be withdrawn.
GIVEN_UP = {
    State.DRAFT: _("Your answers end with the application. It was invoiced once, so it stays on record as withdrawn."),
    State.AWAITING_ADMIN_FEE: _(
        "The administrative fee is not paid yet. Its invoice becomes void, and you owe nothing."
    ),
    State.SUBMITTED: _(
        "The administrative fee is settled, and the application waits for a reviewer. Nobody reviews it any more."
    ),
    State.UNDER_REVIEW: _("An officer reviews the application now. The review ends without a decision."),
    State.RECOMMENDED: _(
        "The review is finished, and only a second officer's decision is missing. It is not made any more."
    ),
    State.RETURNED: _("The remarks of the reviewer need no answer any more, and the review ends without a decision."),
    State.AWAITING_EXAM: _("Your eligibility number admits to no exam any more. A new application gets a new number."),
    State.AWAITING_EXAM_FEE: _(
        "The invoice of the exam fee becomes void, and your eligibility number admits to no exam any more. "
        "A new application gets a new number."
    ),
    State.PRELIMINARILY_APPROVED: _(
        "The application is approved, and only the service fee is missing. The approval ends, and its invoice becomes void."
    ),
    State.BEING_ISSUED: _(
        "The service fee is settled, and only the last check is missing. Nothing is issued any more."
    ),
    State.UNDER_APPEAL: _("Your appeal is not decided any more, and there is no second one."),
}


def withdrawal_page(case: Application, form: WithdrawalForm, now: datetime) -> dict[str, Any]:
    """What ends, what was paid so far (halalas), and what may still be open at the bank."""
    invoices = list(Invoice.objects.filter(case=case.reference))
    service = CATALOGUE[case.service]
    return {
        "case": case,
        "service": service,
        "form": form,
        "given_up": GIVEN_UP[State(case.state)],
        "ends_renewal": service.renews and case.submitted_at is not None,
        "invoices": invoices,
        "paid": sum(one.amount for one in invoices if one.state == InvoiceState.PAID),
        "bills": Attempt.objects.live().filter(
            invoice__in=[one.pk for one in invoices if one.is_open], method=Method.SADAD
        ),
        "today": today(now),
    }
