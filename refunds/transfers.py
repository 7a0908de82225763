"""Refunds by bank transfer: files of credit transfers in ISO 20022 pain.001.001.03, and what the bank made of each (REF-6)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any
from xml.etree import ElementTree

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import identity
from mumaris.kit.alarms import clear_alarm, raise_daily
from mumaris.kit.clock import RIYADH, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.money import plain_riyals
from mumaris.kit.references import new_reference
from refunds.lifecycle import LIFECYCLE, TicketState, payer
from refunds.models import PayoutMethod, Ticket, Transfer, TransferFile
from refunds.progress import advance, confirm, locked

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"
MOST = 500


def waiting() -> Any:
    """Approved tickets whose account is known and whose window is open, those that end first in front."""
    return (
        Ticket.objects.filter(state=TicketState.APPROVED, payout=PayoutMethod.TRANSFER, account__isnull=False)
        .select_related("application__practitioner", "payment__invoice")
        .order_by("collect_by", "pk")
    )


def payable(by: Any, now: datetime) -> list[Ticket]:
    """Those of `waiting` that this officer may put into a file now, as many as a file holds."""
    by_others = waiting().exclude(decided_by=by).exclude(overruled_by=by)
    pay = LIFECYCLE["pay"]
    return list(islice((one for one in by_others if _is_readable(one) and not pay.obstacles(one, by, now=now)), MOST))


def watch(now: datetime) -> None:
    """Raise the alarm while an account cannot be read, and end it when all can: nobody else's money is kept by it."""
    unreadable = [ticket.number for ticket in waiting() if not _is_readable(ticket)]
    if unreadable:
        raise_daily("accounts_unreadable", now=now, number=len(unreadable), ticket=unreadable[0])
    else:
        clear_alarm("accounts_unreadable", now=now)


@transaction.atomic
def collect(*, by: Any, now: datetime) -> TransferFile:
    """Put every ticket that this officer may pay into one new file. Raises NotAllowed where there is none."""
    tickets = []
    for ticket in sorted(payable(by, now), key=lambda one: (one.payment_id, one.pk)):  # the order in which all lock
        try:
            with transaction.atomic():
                tickets.append(advance(ticket.pk, "pay", by=by, now=now))
        except NotAllowed:  # another file took it meanwhile
            continue
    if not tickets:
        raise NotAllowed(_("No refund waits for a transfer that you could make."))
    number = new_reference("TF", now)
    ends = [(ticket, f"{ticket.number}-{ticket.transfers.count() + 1}") for ticket in tickets]
    content = write(number, ends, now)
    file = TransferFile.objects.create(
        number=number,
        made_at=now,
        made_by=by,
        count=len(tickets),
        total=sum(ticket.due for ticket in tickets),
        content=identity.seal(content.decode()),
        sha256=hashlib.sha256(content).digest(),
    )
    Transfer.objects.bulk_create(
        Transfer(file=file, ticket=ticket, end_to_end=end_to_end, amount=ticket.due) for ticket, end_to_end in ends
    )
    return file


def content_of(file: TransferFile) -> bytes:
    """The file as it was made, byte by byte. Raises ValueError where it is not what its hash says, or no key opens it."""
    try:
        content = identity.unseal(bytes(file.content)).encode()
    except InvalidToken:
        raise ValueError(f"no key opens transfer file {file.number}") from None
    if hashlib.sha256(content).digest() != bytes(file.sha256):
        raise ValueError(f"transfer file {file.number} was changed")
    return content


@transaction.atomic
def executed(transfer: Transfer, *, reference: str, by: Any, now: datetime) -> None:
    """The bank made the transfer, under its own reference, which no other payout has."""
    ticket, transfer = _still_sent(transfer, by)
    confirm(ticket, reference=reference, by=by, now=now)
    Transfer.objects.filter(pk=transfer.pk).update(outcome=Transfer.Outcome.EXECUTED)


@transaction.atomic
def failed(transfer: Transfer, *, reason: str, by: Any, now: datetime) -> None:
    """The bank sent the money back: approved again, and the account is asked for anew."""
    ticket, transfer = _still_sent(transfer, by)
    advance(ticket.pk, "fail", by=by, now=now, internal_text=reason)
    Transfer.objects.filter(pk=transfer.pk).update(outcome=Transfer.Outcome.FAILED)


def _still_sent(transfer: Transfer, by: Any) -> tuple[Ticket, Transfer]:
    ticket = locked(transfer.ticket_id)
    transfer = Transfer.objects.select_for_update().get(pk=transfer.pk)
    if not payer(by, ticket):
        raise NotAllowed(_("You may not do this."))
    if transfer.outcome != Transfer.Outcome.SENT:
        raise NotAllowed(_("What became of this transfer is on record already."))
    return ticket, transfer


def write(number: str, tickets: Iterable[tuple[Ticket, str]], now: datetime) -> bytes:
    """The XML of one file: one debtor, one day, one credit transfer for each ticket under its end-to-end reference."""
    tickets = list(tickets)
    total = sum(ticket.due for ticket, _end in tickets)
    document = ElementTree.Element("Document", xmlns=NAMESPACE)
    root = ElementTree.SubElement(document, "CstmrCdtTrfInitn")
    _tree(
        root,
        {
            "GrpHdr": {
                "MsgId": number,
                "CreDtTm": now.astimezone(RIYADH).isoformat(timespec="seconds"),
                "NbOfTxs": str(len(tickets)),
                "CtrlSum": plain_riyals(total),
                "InitgPty": {"Nm": settings.REFUND_DEBTOR["name"]},
            }
        },
    )
    batch = ElementTree.SubElement(root, "PmtInf")
    _tree(
        batch,
        {
            "PmtInfId": number,
            "PmtMtd": "TRF",
            "NbOfTxs": str(len(tickets)),
            "CtrlSum": plain_riyals(total),
            "ReqdExctnDt": today(now).isoformat(),
            "Dbtr": {"Nm": settings.REFUND_DEBTOR["name"]},
            "DbtrAcct": {"Id": {"IBAN": settings.REFUND_DEBTOR["iban"]}, "Ccy": "SAR"},
            "DbtrAgt": {"FinInstnId": {"BIC": settings.REFUND_DEBTOR["bic"]}},
            "ChrgBr": "SLEV",
        },
    )
    for ticket, end_to_end in tickets:
        transfer = ElementTree.SubElement(batch, "CdtTrfTxInf")
        _tree(transfer, {"PmtId": {"EndToEndId": end_to_end}})
        amount = ElementTree.SubElement(ElementTree.SubElement(transfer, "Amt"), "InstdAmt", Ccy="SAR")
        amount.text = plain_riyals(ticket.due)
        _tree(
            transfer,
            {
                "Cdtr": {"Nm": ticket.account_holder},
                "CdtrAcct": {"Id": {"IBAN": _account_of(ticket)}},
                "RmtInf": {"Ustrd": f"{ticket.number} {ticket.application.reference}"},
            },
        )
    ElementTree.indent(document)
    return ElementTree.tostring(document, encoding="utf-8", xml_declaration=True)


def _account_of(ticket: Ticket) -> str:
    return identity.unseal(bytes(ticket.account or b""))


def _is_readable(ticket: Ticket) -> bool:
    """Whether one of the keys that are set opens the account."""
    try:
        _account_of(ticket)
    except InvalidToken:
        return False
    return True


def _tree(parent: ElementTree.Element, content: dict[str, Any]) -> None:
    for name, value in content.items():
        child = ElementTree.SubElement(parent, name)
        if isinstance(value, dict):
            _tree(child, value)
        else:
            child.text = value
