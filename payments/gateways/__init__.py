"""The one seam to the outside world of money. `gateway()` is the adapter that the settings name."""

from django.conf import settings

from payments.gateways.base import Gateway
from payments.gateways.moyasar import Moyasar


def gateway() -> Gateway:
    """The gateway of this installation, ready to ask."""
    return Moyasar(
        settings.MOYASAR_URL,
        settings.MOYASAR_SECRET_KEY,
        settings.MOYASAR_WEBHOOK_SECRET,
        statement_url=settings.MOYASAR_STATEMENT_URL,
    )
