"""The last days of what a person's applications wait for; a clock that stands has none (DLN-4, DLN-5)."""

from collections.abc import Iterator

from django.urls import reverse

from accounts.models import Practitioner
from applications.catalogue import CATALOGUE
from applications.models import Deadline
from mumaris.kit.dates import BindingDate


def dates_of(person: Practitioner) -> Iterator[BindingDate]:
    running = Deadline.objects.filter(application__practitioner=person, paused_at=None).select_related("application")
    for one in running.order_by("due_on", "pk"):
        case = one.application
        yield BindingDate(
            key=f"deadline-{case.reference}",
            day=one.due_on,
            title=f"{one.get_kind_display()}: {CATALOGUE[case.service].name}",
            text=case.reference,
            path=reverse("application", args=[case.reference]),
        )
