"""What the register's papers hold fast about a person."""

from django.utils.translation import gettext as _

from accounts.models import Practitioner
from accounts.profile import WHO
from register.papers import KINDS


def hold_once_issued(practitioner: Practitioner, what: str) -> str:
    """Papers were issued in this name: changing it needs staff and evidence (ACC-6)."""
    certifying = [kind.slug for kind in KINDS.values() if kind.stands is None]
    issued = what == WHO and practitioner.issued_papers.filter(kind__in=certifying, revoked_at=None).exists()
    return _("Papers were issued in this name. Ask us to change it.") if issued else ""
