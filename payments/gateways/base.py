"""What the portal asks of any payment gateway (PAY-3). No models, no database: callers keep what they are told.

Money is whole halalas, moments are UTC-aware datetimes, days are Riyadh days.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

Method = str  # "card" or "sadad"
Status = Literal["open", "paid", "failed", "expired", "refunded"]


@dataclass(frozen=True)
class Terms:
    """What a way of paying allows: smallest amount in halalas, longest life of one attempt in days, refunds."""

    min_amount: int
    max_days: int | None
    can_refund: bool


@dataclass(frozen=True)
class AttemptRequest:
    """One attempt to have an invoice paid. `attempt_id` is a UUID saved in our own row before anything is asked.

    `closes_at` is the moment after which nobody should be able to pay any more. `started_before` says that an earlier
    start of this very attempt may have reached the gateway, so it is looked for first.
    """

    attempt_id: str
    method: Method
    amount: int
    description: str
    closes_at: datetime
    return_url: str
    back_url: str
    language: str = "ar"
    currency: str = "SAR"
    reference: str = ""
    started_before: bool = False


@dataclass(frozen=True)
class Redirect:
    """The payer goes on at the gateway's own page."""

    url: str


@dataclass(frozen=True)
class ShowBill:
    """The payer pays this number in a bank's app; `expires_on` is the last day on which the bank takes it."""

    biller_name: str
    biller_code: str
    number: str
    expires_on: date


@dataclass(frozen=True)
class NormalState:
    """What the gateway says of one payment.

    `provider_id` is what `start` returned for the attempt, `provider_ref` the single payment's own id (empty while a
    card page has seen none), `reference` what the bank prints. `refunded` is what went back so far, in halalas: a
    status of "refunded" may mean a part, so read the number. `paid_at` is set whenever money came.
    """

    status: Status
    provider_id: str
    provider_ref: str
    attempt_id: str
    method: Method
    amount: int
    currency: str
    paid_at: datetime | None = None
    refunded: int = 0
    reference: str = ""
    message: str = ""


@dataclass(frozen=True)
class StatementEntry:
    """One movement of a day's statement: halalas that came in (positive) or went back (negative), at the bank's time."""

    kind: str  # "payment" or "refund"
    provider_ref: str
    method: str
    reference: str
    amount: int
    currency: str
    bank_at: datetime


@dataclass(frozen=True)
class DayStatement:
    """A statement as it was fetched, whole. Reading `entries` may raise Unreadable at any line: store all or none."""

    sha256: bytes
    entries: Iterator[StatementEntry]


@dataclass(frozen=True)
class WebhookEvent:
    """A notice whose secret was right. It proves nothing about money: `fetch` does.

    Find the attempt by `provider_id`, or by `attempt_id` (empty where the notice carries none). `body` is what may be
    stored: everything but the secret.
    """

    event_id: str
    type: str
    created_at: datetime
    payment_id: str
    provider_id: str
    attempt_id: str
    body: dict[str, Any] = field(repr=False)


class GatewayDown(Exception):
    """No usable answer: time-out, 5xx, too many requests, our key refused. Nothing is known; ask again later."""


class Unreadable(GatewayDown):
    """An answer came and is not as agreed. Asked again it comes the same, until a person acts."""


class RefundInDoubt(Unreadable):
    """What went back of a payment is not what should have: somebody else sent money, so a person must look first."""


class GatewayRefused(Exception):
    """The gateway understood and said no. `fields` maps its field names to reasons."""

    def __init__(self, message: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class NoSuchPayment(GatewayRefused):
    """The gateway has never heard of this id."""


class RefundNotSupported(GatewayRefused):
    """Money paid this way cannot go back through the gateway."""


class BadWebhook(Exception):
    """A notice with a wrong secret or a wrong shape. Answer 400 and store nothing."""


class Gateway(Protocol):
    """The only words that the rest of the portal uses. Every call but `parse_webhook` may raise GatewayDown."""

    @property
    def name(self) -> str:
        """What payments and events are filed under."""

    @property
    def terms(self) -> Mapping[Method, Terms]:
        """What each way of paying allows here."""

    def start(self, attempt: AttemptRequest, now: datetime) -> tuple[str, Redirect | ShowBill]:
        """Open the attempt and return its `provider_id`; started again, the same attempt gives the same. GatewayRefused."""

    def fetch(
        self, provider_id: str, method: Method, paid_events: Mapping[str, datetime] | None = None
    ) -> list[NormalState]:
        """Every payment that brought money, oldest first; when none did, the one state in which the attempt stands.

        One card page may be paid twice. `paid_events` maps payment ids to the `created_at` of their paid notice, the
        better `paid_at` where the payment does not say (PAY-4). NoSuchPayment.
        """

    def payment(self, provider_ref: str) -> NormalState:
        """How the single payment of this id stands, whatever it was made for. NoSuchPayment."""

    def cancel(self, provider_id: str, method: Method) -> bool:
        """Ask that nobody pay any more; False where the gateway cannot (a live bill): money may still come."""

    def refund(self, provider_ref: str, halalas: int, refunded_before: int) -> NormalState:
        """Send `halalas` back, once. The caller holds the payment's lock and says what had gone back before, so that a
        call repeated after a time-out finds its own work done. GatewayRefused, RefundNotSupported.
        """

    def parse_webhook(self, raw: bytes) -> WebhookEvent:
        """Check the secret and the shape of a notice's body. BadWebhook."""

    def list_since(self, moment: datetime) -> Iterator[NormalState]:
        """Every payment that came into being or changed since `moment` and can be read, for reconciliation (PAY-6)."""

    @property
    def gives_statements(self) -> bool:
        """Whether this installation says where the daily statement is."""

    def statement(self, day: date) -> DayStatement:
        """What the bank reports of a closed Riyadh day (PAY-6). Unreadable."""
