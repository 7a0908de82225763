"""How money that settled nothing stands: used after all, paid back, or still held (PAY-5)."""

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from payments.models import Credit
from refunds.lifecycle import TicketState
from refunds.models import Share, Ticket

# Of credits `with_tickets`: neither used nor paid back whole.
HELD = Q(applied_at=None, amount__gt=F("paid_back"))
PAID_BACK = Q(applied_at=None, amount__lte=F("paid_back"))


def with_tickets(credits: QuerySet[Credit]) -> QuerySet[Credit]:
    """The credits with `paid_back`, in halalas, and `ticket_state`, that of the latest ticket about each, empty before the first."""
    shares = Share.objects.filter(credit=OuterRef("pk"), ticket__state=TicketState.PAID_OUT).order_by()
    paid_back = shares.values("credit").annotate(sum=Sum("amount")).values("sum")
    latest = Ticket.objects.filter(credit=OuterRef("pk")).order_by("-pk").values("state")[:1]
    return credits.annotate(
        paid_back=Coalesce(Subquery(paid_back), 0), ticket_state=Coalesce(Subquery(latest), Value(""))
    )
