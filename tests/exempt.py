"""Exemptions for tests, asked for and decided through the portal's own doors."""

from datetime import date, datetime

from accounts.models import Practitioner, User
from applications import exempting
from documents import wallet
from mumaris.kit.clock import today
from payments.exemptions import edition
from payments.models import Exemption
from tests.people import NOON, make_staff, upload


class Finance:
    """A reviewer who recommends and the two who decide."""

    def __init__(self) -> None:
        self.reviewer = make_staff("reviewer")
        self.officer = make_staff("finance officer")
        self.head = make_staff("finance head")


def ask(person: Practitioner, *, now: datetime = NOON, ground: str = "martyr_relative") -> Exemption:
    paper = wallet.take_in(upload("proof.pdf"), practitioner=person, kind="exemption", now=now)
    return exempting.ask(person, ground=ground, evidence=paper, statement="", now=now)


def recommended(
    finance: Finance,
    person: Practitioner,
    *,
    now: datetime = NOON,
    starts_on: date | None = None,
    ends_on: date | None = None,
    ground: str = "martyr_relative",
) -> Exemption:
    exemption = person.exemptions.undecided().first() or ask(person, now=now, ground=ground)
    return exempting.recommend(
        exemption.pk, starts_on=starts_on or today(now), ends_on=ends_on, by=finance.reviewer, now=now
    )


def approve(exemption: Exemption, by: User, *, now: datetime = NOON) -> Exemption:
    return exempting.approve(exemption.pk, seen=edition(exemption), by=by, now=now)


def exempt(finance: Finance, person: Practitioner, *, now: datetime = NOON, **days) -> Exemption:
    """A person who pays no fees from this day on."""
    return approve(recommended(finance, person, now=now, **days), finance.officer, now=now)
