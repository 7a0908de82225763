"""An exemption that is in force, as two officers leave it."""

from accounts.models import Practitioner
from documents import wallet
from payments.models import Exemption
from tests.people import NOON, make_staff, upload


def make_exemption(person: Practitioner) -> Exemption:
    evidence = wallet.take_in(upload("decision.pdf"), practitioner=person, kind="other", now=NOON)
    asked = Exemption.objects.create(
        practitioner=person, ground="martyr_relative", evidence=evidence, requested_at=NOON
    )
    mine = Exemption.objects.filter(pk=asked.pk)
    first, second = make_staff("finance officer"), make_staff("finance officer")
    mine.update(state="recommended", recommended_by=first, recommended_at=NOON, starts_on=NOON.date())
    mine.update(state="approved", decided_by=second, decided_at=NOON)
    return mine.get()
