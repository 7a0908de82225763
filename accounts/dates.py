"""Until when the identity documents of a person are valid (DLN-4)."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from mumaris.kit.dates import BindingDate


def dates_of(person: Practitioner) -> Iterator[BindingDate]:
    for one in person.identities.all():
        if one.expires_on is None:
            continue
        yield BindingDate(
            key=f"identity-{one.pk}",
            day=one.expires_on,
            title=_("%(identity)s expires") % {"identity": one.get_kind_display()},
            text=_("Renew it, then enter the new day in your account."),
            path=reverse("account"),
        )
