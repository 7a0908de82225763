"""When the registrations of a person end, and until when their classifications can be used (DLN-4)."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from mumaris.kit.dates import BindingDate
from register.models import Period


def dates_of(person: Practitioner) -> Iterator[BindingDate]:
    latest = Period.objects.filter(registration__practitioner=person).select_related("registration__specialty")
    for period in latest.order_by("registration", "-days").distinct("registration"):
        yield BindingDate(
            key=f"registration-{period.registration.number}",
            day=period.last_day,
            title=_("Professional registration ends: %(specialty)s") % {"specialty": period.registration.specialty},
            text=_("Registration number %(number)s") % {"number": period.registration.number},
            path=reverse("home"),
        )
    for one in person.classifications.select_related("specialty"):
        yield BindingDate(
            key=f"classification-{one.number}",
            day=one.usable_until,
            title=_("Classification: last day to register by it, %(specialty)s") % {"specialty": one.specialty},
            text=_("Classification certificate %(number)s") % {"number": one.number},
            path=reverse("home"),
        )
