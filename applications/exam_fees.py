"""Which fees of further exam attempts are used (EXM-2, EXM-3)."""

from collections import Counter
from collections.abc import Collection

from applications.models import EligibilityNumber
from payments.models import Invoice, InvoiceState, Purpose


def used_and_left(cases: Collection[str]) -> tuple[list[Invoice], list[Invoice]]:
    """The settled exam invoices of the cases (references): those whose attempt was used, and those left over.

    As many of a case are used, in their order, as its attempts beyond the free ones. In as many queries for many as for one.
    """
    settled = list(
        Invoice.objects.filter(
            case__in=cases, purpose=Purpose.EXAM, state__in=[InvoiceState.PAID, InvoiceState.WAIVED]
        ).order_by("case", "serial")
    )
    paid_attempts: Counter[str] = Counter()
    if settled:
        numbers = EligibilityNumber.objects.filter(application__reference__in=cases).select_related("application")
        for number in numbers.prefetch_related("results__correction"):
            paid_attempts[number.application.reference] += max(0, number.attempts_used - number.free_attempts)
    used: list[Invoice] = []
    left: list[Invoice] = []
    for invoice in settled:
        (used if paid_attempts[invoice.case] > 0 else left).append(invoice)
        paid_attempts[invoice.case] -= 1
    return used, left
