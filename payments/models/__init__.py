"""Invoices are demands, payments are facts, and money that settles nothing is a credit. Amounts are halalas."""

from payments.models.exemptions import Exemption, Ground
from payments.models.invoices import (
    LIVE,
    Invoice,
    InvoiceState,
    Line,
    Purpose,
    TaxTreatment,
    WaiverGround,
)
from payments.models.ledger import Account, LedgerEntry, Posting, PostingKind
from payments.models.paying import (
    Attempt,
    AttemptState,
    Credit,
    CreditReason,
    Disposition,
    Method,
    Payment,
    WebhookEvent,
)
from payments.models.statements import Difference, DifferenceKind, Statement, StatementLine

__all__ = [
    "LIVE",
    "Account",
    "Attempt",
    "AttemptState",
    "Credit",
    "CreditReason",
    "Difference",
    "DifferenceKind",
    "Disposition",
    "Exemption",
    "Ground",
    "Invoice",
    "InvoiceState",
    "LedgerEntry",
    "Line",
    "Method",
    "Payment",
    "Posting",
    "PostingKind",
    "Purpose",
    "Statement",
    "StatementLine",
    "TaxTreatment",
    "WaiverGround",
    "WebhookEvent",
]
