"""The one piece of news in the house: an invoice was settled, by money or by a waiver."""

from django.dispatch import Signal

# Sent inside the transaction that settled it: sender Invoice; `invoice` (locked, fresh) and `now` (UTC).
invoice_settled = Signal()
