"""Until when an approved refund can be collected (DLN-4, REF-6)."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from mumaris.kit.dates import BindingDate
from refunds.lifecycle import TicketState
from refunds.models import Ticket


def dates_of(person: Practitioner) -> Iterator[BindingDate]:
    for ticket in Ticket.objects.filter(application__practitioner=person, state=TicketState.APPROVED):
        if ticket.collect_by is None:  # its days begin once the account is named
            continue
        yield BindingDate(
            key=f"refund-{ticket.number}",
            day=ticket.collect_by,
            title=_("Refund %(number)s: last day to be paid out") % {"number": ticket.number},
            text=_("An approval that is not paid out by then ends; you can ask again."),
            path=reverse("refund", args=[ticket.number]),
        )
