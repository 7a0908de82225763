"""What the make-believe gateway knows of invoices and payments, and everything that can happen to them.

They are kept as the very JSON that goes over the wire (Moyasar's keys); money is halalas. `bank_time` is when the bank
took the money, which the gateway may hear of later (`heard_at`).
"""

import json
import re
import secrets
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from simulators import orders
from simulators.cards import card
from simulators.notices import Notices
from simulators.orders import RIYADH, Json, Refused, invalid
from simulators.store import Store, text_of

PAGE_SIZE = 40
BILLER_CODE = "001"
BILLER_NAME = "sandbox-اختبار"
EXPIRING_AMOUNT = 50_000  # the sandbox's published amount: such a bill is never paid and soon expires
EXPIRING_AFTER = timedelta(minutes=5)
# Ways in which the daily statement can be wrong. Moved to another day: the next one, just after midnight.
STATEMENT_FAULTS = ("missing", "extra", "amount", "double", "other_day")
Movement = tuple[str, str, str, str, int, str, str]


def riyals(halalas: int) -> str:
    return f"{halalas // 100}.{halalas % 100:02d}"


class Records:
    """The gateway's books. Each public method is one transaction and may raise Refused."""

    def __init__(self, store: Store, notices: Notices) -> None:
        self.store, self.notices = store, notices

    # The hosted card page

    def create_invoice(self, order: Json, public_url: str) -> Json:
        amount, currency, now = orders.amount(order), orders.currency(order), text_of(self.store.now())
        invoice_id, expiry = str(uuid4()), order.get("expired_at")
        invoice = {
            "id": invoice_id,
            "status": "initiated",
            "amount": amount,
            "currency": currency,
            "description": orders.description(order),
            "logo_url": None,
            "amount_format": f"{riyals(amount)} {currency}",
            "url": f"{public_url}/invoices/{invoice_id}?lang=ar",
            "callback_url": orders.address(order, "callback_url"),
            "expired_at": None if expiry is None else orders.moment("expired_at", expiry),
            "created_at": now,
            "updated_at": now,
            "back_url": orders.address(order, "back_url"),
            "success_url": orders.address(order, "success_url"),
            "metadata": orders.metadata(order),
        }
        with self.store.change():
            self.store.run("INSERT INTO invoice (body) VALUES (?)", _text(invoice))
        return {**invoice, "payments": []}

    def invoice(self, invoice_id: str) -> Json:
        rows = self.store.rows("SELECT body FROM invoice WHERE id = ?", invoice_id)
        if not rows:
            raise Refused(404, "Invoice not found")
        payments = self.store.rows("SELECT body FROM payment WHERE invoice_id = ? ORDER BY seq", invoice_id)
        return {**json.loads(rows[0]["body"]), "payments": [json.loads(row["body"]) for row in payments]}

    def cancel_invoice(self, invoice_id: str) -> Json:
        with self.store.change():
            invoice = self.invoice(invoice_id)
            if invoice["status"] != "initiated":
                raise Refused(400, f"An invoice that is {invoice['status']} cannot be canceled")
            self._mark_invoice(invoice_id, "canceled")
        return self.invoice(invoice_id)

    def try_card(self, invoice_id: str, source: Json, public_url: str) -> Json:
        """One try on the hosted page; the payment carries the invoice's id and metadata."""
        with self.store.change():
            invoice = self.invoice(invoice_id)
            if invoice["status"] != "initiated":
                raise Refused(400, f"The invoice is {invoice['status']}")
            payment = self._blank_payment(str(uuid4()), invoice, invoice_id)
            return self._charge(payment, source, public_url)

    # Payments

    def create_payment(self, order: Json, public_url: str) -> Json:
        amount, source, payment_id = orders.amount(order), order.get("source"), orders.given_id(order)
        if not isinstance(source, dict) or source.get("type") not in ("sadadbill", "creditcard"):
            raise invalid(source="must be a sadadbill or a creditcard")
        asked = {
            "amount": amount,
            "currency": orders.currency(order),
            "description": orders.description(order),
            "callback_url": orders.address(order, "callback_url"),
            "metadata": orders.metadata(order),
        }
        with self.store.change():
            known = self.store.rows("SELECT body FROM payment WHERE id = ?", payment_id)
            if known:
                payment = json.loads(known[0]["body"])
                if payment["amount"] != amount:
                    raise invalid(given_id="is already used for another payment")
                return payment
            payment = self._blank_payment(payment_id, asked)
            if source["type"] == "creditcard":
                return self._charge(payment, source, public_url)
            return self._issue_bill(payment, source)

    def payment(self, payment_id: str) -> Json:
        return self._payment_where("id = ?", payment_id)

    def challenge(self, auth_id: str) -> Json:
        """The payment whose card holder is asked to approve (3-D Secure)."""
        return self._payment_where("auth_id = ?", auth_id)

    def answer_challenge(self, auth_id: str, approved: bool) -> Json:
        """What the holder said; asked again, the first answer stands."""
        with self.store.change():
            payment = self.challenge(auth_id)
            if payment["status"] == "initiated" and approved:
                self.store.run("UPDATE payment SET bank_time = ? WHERE auth_id = ?", text_of(self.store.now()), auth_id)
                self._pay(payment)
            elif payment["status"] == "initiated":
                self._fail(payment, "3-D SECURE AUTHENTICATION FAILED")
        return payment

    def describe_payment(self, payment_id: str, wanted: Json) -> Json:
        """Change the words that came with it; money is not touched."""
        with self.store.change():
            payment = self.payment(payment_id)
            payment |= _words(wanted) | {"updated_at": text_of(self.store.now())}
            self.store.run("UPDATE payment SET body = ? WHERE id = ?", _text(payment), payment_id)
        return payment

    def describe_invoice(self, invoice_id: str, wanted: Json) -> Json:
        with self.store.change():
            invoice = self.invoice(invoice_id)
            del invoice["payments"]
            if invoice["status"] != "initiated":
                raise Refused(400, f"The invoice is {invoice['status']}")
            if "amount" in wanted:
                amount = orders.amount(wanted)
                invoice |= {"amount": amount, "amount_format": f"{riyals(amount)} {invoice['currency']}"}
            invoice |= _words(wanted) | {"updated_at": text_of(self.store.now())}
            self.store.run("UPDATE invoice SET body = ? WHERE id = ?", _text(invoice), invoice_id)
        return self.invoice(invoice_id)

    def capture(self, payment_id: str, amount: Any) -> Json:
        """Take what was authorized, or a part; the rest is let go."""
        with self.store.change():
            payment = self.payment(payment_id)
            amount = payment["amount"] if amount is None else amount
            if payment["status"] != "authorized":
                raise invalid(status=f"is {payment['status']}")
            if type(amount) is not int or not 0 < amount <= payment["amount"]:
                raise invalid(amount=f"must be between 1 and {payment['amount']}")
            now = text_of(self.store.now())
            self.store.run("UPDATE payment SET bank_time = ? WHERE id = ?", now, payment_id)
            payment |= {
                "captured": amount,
                "captured_at": now,
                "captured_format": f"{riyals(amount)} {payment['currency']}",
            }
            self._mark(payment, "captured")
        return payment

    def void(self, payment_id: str) -> Json:
        """Undo it before the bank settles, at the end of its Riyadh day: no statement will know of it."""
        with self.store.change():
            payment, now = self.payment(payment_id), self.store.now()
            day = datetime.fromisoformat(payment["updated_at"]).astimezone(RIYADH).date()
            if payment["source"]["type"] != "creditcard":
                raise invalid(source="cannot be voided")
            if payment["status"] not in ("paid", "authorized", "captured") or day != now.astimezone(RIYADH).date():
                raise invalid(status=f"is {payment['status']}, or settled already")
            self.store.run("UPDATE payment SET bank_time = NULL WHERE id = ?", payment_id)
            payment |= {"voided_at": text_of(now)}
            self._mark(payment, "voided")
            if payment["invoice_id"]:
                self._mark_invoice(payment["invoice_id"], "voided")
        return payment

    def refund(self, payment_id: str, amount: Any) -> Json:
        with self.store.change():
            payment = self.payment(payment_id)
            rest = payment["amount"] - payment["refunded"]
            amount = rest if amount is None else amount
            if payment["source"]["type"] != "creditcard":
                raise invalid(source="cannot be refunded")
            if payment["status"] not in ("paid", "refunded"):
                raise invalid(status=f"is {payment['status']}")
            if type(amount) is not int or not 0 < amount <= rest:
                raise invalid(amount=f"must be between 1 and {rest}")
            now, back = text_of(self.store.now()), payment["refunded"] + amount
            self.store.run("INSERT INTO refund (payment_id, amount, at) VALUES (?, ?, ?)", payment_id, amount, now)
            payment |= {
                "refunded": back,
                "refunded_at": now,
                "refunded_format": f"{riyals(back)} {payment['currency']}",
            }
            self._mark(payment, "refunded")
            if payment["invoice_id"]:
                self._mark_invoice(payment["invoice_id"], "refunded")
        return payment

    # SADAD bills, as a bank sees them

    def bill(self, biller_code: str, number: str) -> tuple[Json, str]:
        """The bill under this number, and whether it is "unpaid", "paid" or "expired" at the bank."""
        payment = self._payment_where("sadad_number = ?", number)
        if biller_code != payment["source"]["biller_code"]:
            raise Refused(404, "Payment not found")
        taken = self.store.rows("SELECT bank_time FROM payment WHERE sadad_number = ?", number)[0]["bank_time"]
        return payment, "paid" if taken else "unpaid" if payment["status"] == "initiated" else "expired"

    def open_bills(self) -> list[Json]:
        return self._bodies(
            "SELECT body FROM payment WHERE sadad_number IS NOT NULL AND status = 'initiated' AND bank_time IS NULL"
            " ORDER BY seq DESC LIMIT 10"
        )

    def open_invoices(self) -> list[Json]:
        return self._bodies("SELECT body FROM invoice WHERE status = 'initiated' ORDER BY seq DESC LIMIT 10")

    def pay_bill(self, number: str, heard_after: int = 0) -> Json:
        """The bank takes the money now; the gateway hears of it `heard_after` seconds of its clock later."""
        with self.store.change():
            bill, state = self.bill(BILLER_CODE, number)
            if state != "unpaid" or bill["amount"] == EXPIRING_AMOUNT:
                raise Refused(400, "This bill cannot be paid")
            now = self.store.now()
            self.store.run(
                "UPDATE payment SET bank_time = ?, heard_at = ? WHERE sadad_number = ?",
                text_of(now),
                text_of(now + timedelta(seconds=heard_after)),
                number,
            )
            if not heard_after:
                self._pay(bill)
        return bill

    def expire_bill(self, number: str) -> Json:
        with self.store.change():
            bill, state = self.bill(BILLER_CODE, number)
            if state != "unpaid":
                raise Refused(400, "This bill cannot expire")
            self._mark(bill, "expired")
        return bill

    def catch_up(self) -> None:
        """Do what time alone brings: bills and pages expire, the gateway hears of payments made at a bank."""
        now = self.store.now()
        today, moment = now.astimezone(RIYADH).date().isoformat(), text_of(now)
        heard = "status = 'initiated' AND heard_at <= ?"
        over = (
            "status = 'initiated' AND sadad_number IS NOT NULL AND bank_time IS NULL"
            " AND (json_extract(body, '$.source.expired_at') < ?"
            " OR (json_extract(body, '$.amount') = ? AND created_at <= ?))"
        )
        over_values = (today, EXPIRING_AMOUNT, text_of(now - EXPIRING_AFTER))
        closed = "status = 'initiated' AND expired_at <= ?"
        if not self.store.rows(
            f"SELECT 1 FROM payment WHERE {heard} UNION ALL SELECT 1 FROM payment WHERE {over}"
            f" UNION ALL SELECT 1 FROM invoice WHERE {closed}",
            moment,
            *over_values,
            moment,
        ):
            return
        with self.store.change():
            for payment in self._bodies(f"SELECT body FROM payment WHERE {heard}", moment):
                self._pay(payment)
            for payment in self._bodies(f"SELECT body FROM payment WHERE {over}", *over_values):
                self._mark(payment, "expired")
            for invoice in self._bodies(f"SELECT body FROM invoice WHERE {closed}", moment):
                self._mark_invoice(invoice["id"], "expired")

    # Lists

    def list_payments(self, query: dict[str, str]) -> Json:
        payments, meta = self._page("payment", query)
        return {"payments": payments, "meta": meta}

    def list_invoices(self, query: dict[str, str]) -> Json:
        invoices, meta = self._page("invoice", query)
        return {"invoices": [self.invoice(invoice["id"]) for invoice in invoices], "meta": meta}

    def _page(self, table: str, query: dict[str, str]) -> tuple[list[Json], Json]:
        where, values = ["1 = 1"], []
        for key, value in query.items():
            if key in ("id", "status"):
                where.append(f"{key} = ?")
                values.append(value)
            elif key == "receipt_no" and table == "payment":  # a card's reference number
                where.append("json_extract(body, '$.source.reference_number') = ?")
                values.append(value)
            elif match := re.fullmatch(r"(created|updated)\[(gt|lt)\]", key):
                where.append(f"{match[1]}_at {'>=' if match[2] == 'gt' else '<='} ?")
                values.append(orders.moment(key, value))
            elif match := re.fullmatch(r"metadata\[(\w+)\]", key):
                where.append("json_extract(body, '$.metadata.' || ?) = ?")
                values += [match[1], value]
        page = max(1, int(query["page"])) if query.get("page", "").isdecimal() else 1
        condition = f"FROM {table} WHERE {' AND '.join(where)}"
        total = self.store.rows(f"SELECT count(*) AS number {condition}", *values)[0]["number"]
        pages = max(1, -(-total // PAGE_SIZE))
        found = self._bodies(
            f"SELECT body {condition} ORDER BY seq DESC LIMIT ? OFFSET ?", *values, PAGE_SIZE, (page - 1) * PAGE_SIZE
        )
        return found, {
            "current_page": page,
            "next_page": page + 1 if page < pages else None,
            "prev_page": page - 1 if page > 1 else None,
            "total_pages": pages,
            "total_count": total,
        }

    def statement(self, day: date) -> list[Movement]:
        """What the bank reports of one Riyadh day, oldest first: payment or refund, payment id, method, reference,
        halalas (negative when they went out), currency, moment. Faults that were planted are in it.
        """
        planted = self.planted()
        moved = {fault["payment_id"] for fault in planted if fault["kind"] == "other_day"}
        midnight = text_of(datetime.combine(day, time.min, RIYADH))
        report = [
            (*line[:-1], midnight) for line in self._movements(day - timedelta(days=1)) if _is_payment_of(line, moved)
        ]
        report += [line for line in self._movements(day) if not _is_payment_of(line, moved)]
        for fault in planted:
            struck = [line for line in report if _is_payment_of(line, {fault["payment_id"]})]
            match fault["kind"]:
                case "missing":
                    report = [line for line in report if line not in struck]
                case "double":
                    report += struck
                case "amount":
                    report = [
                        (*line[:4], line[4] + fault["number"], *line[5:]) if line in struck else line for line in report
                    ]
                case "extra" if fault["day"] == day.isoformat():
                    stranger = (fault["payment_id"], "sadadbill", "000", abs(fault["number"]), "SAR", midnight)
                    report.append(("payment", *stranger))
        return report

    def plant_difference(self, kind: Any, payment_id: Any, day: Any, number: int) -> None:
        if kind not in STATEMENT_FAULTS:
            raise invalid(kind=f"must be one of {', '.join(STATEMENT_FAULTS)}")
        if kind == "extra":
            payment_id = str(uuid4())
            try:
                date.fromisoformat(day)
            except (TypeError, ValueError):
                raise invalid(date="is not a date") from None
        else:
            day = ""
            if not isinstance(payment_id, str):
                raise invalid(payment_id="can't be blank")
            self.payment(payment_id)
        with self.store.change():
            self.store.run(
                "INSERT INTO statement_fault (kind, payment_id, day, number) VALUES (?, ?, ?, ?)",
                kind,
                payment_id,
                day,
                number,
            )

    def planted(self) -> list[Json]:
        rows = self.store.rows("SELECT kind, payment_id, day, number FROM statement_fault ORDER BY seq")
        return [dict(row) for row in rows]

    def forget_planted(self) -> None:
        with self.store.change():
            self.store.run("DELETE FROM statement_fault")

    def _movements(self, day: date) -> list[Movement]:
        begin, end = (text_of(datetime.combine(edge, time.min, RIYADH)) for edge in (day, day + timedelta(days=1)))
        lines = self.store.rows(
            "SELECT 'payment' AS kind, body, coalesce(nullif(json_extract(body, '$.captured'), 0),"
            " json_extract(body, '$.amount')) AS amount, bank_time AS at FROM payment"
            " WHERE bank_time >= ? AND bank_time < ?"
            " UNION ALL SELECT 'refund', p.body, -r.amount, r.at FROM refund r JOIN payment p ON p.id = r.payment_id"
            " WHERE r.at >= ? AND r.at < ? ORDER BY at",
            begin,
            end,
            begin,
            end,
        )
        report = []
        for line in lines:
            payment = json.loads(line["body"])
            source = payment["source"]
            reference = source.get("sadad_number") or source["reference_number"]
            currency = payment["currency"]
            report.append(
                (line["kind"], payment["id"], source["type"], reference, line["amount"], currency, line["at"])
            )
        return report

    # Inside a transaction

    def _blank_payment(self, payment_id: str, asked: Json, invoice_id: str | None = None) -> Json:
        now, currency = text_of(self.store.now()), asked["currency"]
        return {
            "id": payment_id,
            "status": "initiated",
            "amount": asked["amount"],
            "fee": 0,
            "currency": currency,
            "refunded": 0,
            "refunded_at": None,
            "captured": 0,
            "captured_at": None,
            "voided_at": None,
            "description": asked["description"],
            "amount_format": f"{riyals(asked['amount'])} {currency}",
            "fee_format": f"0.00 {currency}",
            "refunded_format": f"0.00 {currency}",
            "captured_format": f"0.00 {currency}",
            "invoice_id": invoice_id,
            "ip": None,
            "callback_url": None if invoice_id else asked["callback_url"],
            "created_at": now,
            "updated_at": now,
            "metadata": asked["metadata"],
            "source": {},
        }

    def _issue_bill(self, payment: Json, source: Json) -> Json:
        if payment["currency"] != "SAR":
            raise invalid(currency="must be SAR for a SADAD bill")
        if payment["amount"] < orders.MIN_BILL:
            raise invalid(amount=f"must be greater than or equal to {orders.MIN_BILL}")
        last_day = orders.last_day_of_bill(source, self.store.now().astimezone(RIYADH).date())
        payment["source"] = {
            "type": "sadadbill",
            "provider_name": BILLER_NAME,
            "biller_code": BILLER_CODE,
            "sadad_number": str(10**11 + secrets.randbelow(9 * 10**11)),
            "gateway_id": f"moyasar_sb_{secrets.token_hex(10)}",
            "expired_at": last_day.isoformat(),
            "message": None,
        }
        self.store.run("INSERT INTO payment (body) VALUES (?)", _text(payment))
        return payment

    def _charge(self, payment: Json, source: Json, public_url: str) -> Json:
        number = str(source.get("number") or "")
        if not re.fullmatch(r"[0-9]{12,19}", number):
            raise invalid(number="is not a card number")
        found, auth_id = card(number), str(uuid4())
        payment["source"] = {
            "type": "creditcard",
            "company": found.company,
            "name": str(source.get("name") or "")[:100],
            "number": f"XXXX-XXXX-XXXX-{number[-4:]}",  # the rest is never kept
            "gateway_id": f"moyasar_cc_{secrets.token_hex(10)}",
            "reference_number": f"{secrets.randbelow(10**12):012d}",
            "token": None,
            "message": None,
            "transaction_url": f"{public_url}/transaction_auths/{auth_id}/form" if found.approves else None,
            "manual": str(source.get("manual")).lower() == "true",  # the shop captures later
            "response_code": None if found.approves else found.code,
            "authorization_code": None,
        }
        self.store.run("INSERT INTO payment (auth_id, body) VALUES (?, ?)", auth_id, _text(payment))
        if not found.approves:
            self._fail(payment, found.message)
        return payment

    def _pay(self, payment: Json) -> None:
        source = payment["source"]
        fault = self.store.take_fault("wrong_amount")
        if fault:
            payment["amount"] += fault["number"]
            payment["amount_format"] = f"{riyals(payment['amount'])} {payment['currency']}"
        if self.store.take_fault("wrong_currency"):
            payment["currency"] = "USD"
        source["message"] = "APPROVED"
        if source["type"] == "sadadbill":
            # Told here is the bank's own time. A card is charged when it is approved, and its payment says no more.
            row = self.store.rows("SELECT bank_time FROM payment WHERE id = ?", payment["id"])[0]
            amount = {"captured": payment["amount"], "captured_format": payment["amount_format"]}
            told = None if self.store.take_fault("untold_bank_time") else row["bank_time"]
            payment |= {**amount, "captured_at": told}
        else:
            source |= {"response_code": "00", "authorization_code": f"{secrets.randbelow(10**6):06d}"}
            if source["manual"]:
                self.store.run("UPDATE payment SET bank_time = NULL WHERE id = ?", payment["id"])
                self._mark(payment, "authorized")
                return
        self._mark(payment, "paid")
        if payment["invoice_id"]:
            self._mark_invoice(payment["invoice_id"], "paid")

    def _fail(self, payment: Json, message: str) -> None:
        payment["source"]["message"] = message
        self._mark(payment, "failed")

    def _mark(self, payment: Json, status: str) -> None:
        payment |= {"status": status, "updated_at": text_of(self.store.now())}
        self.store.run("UPDATE payment SET body = ? WHERE id = ?", _text(payment), payment["id"])
        self.notices.tell(f"payment_{status}", payment)

    def _mark_invoice(self, invoice_id: str, status: str) -> None:
        self.store.run(
            "UPDATE invoice SET body = json_set(body, '$.status', ?, '$.updated_at', ?) WHERE id = ?",
            status,
            text_of(self.store.now()),
            invoice_id,
        )

    def _payment_where(self, condition: str, value: str) -> Json:
        found = self._bodies(f"SELECT body FROM payment WHERE {condition}", value)
        if not found:
            raise Refused(404, "Payment not found")
        return found[0]

    def _bodies(self, statement: str, *values: Any) -> list[Json]:
        return [json.loads(row["body"]) for row in self.store.rows(statement, *values)]


def _is_payment_of(line: Movement, payments: set[str]) -> bool:
    return line[0] == "payment" and line[1] in payments


def _words(wanted: Json) -> Json:
    """The description and metadata of an order, where they are named."""
    words: Json = {}
    if "description" in wanted:
        words["description"] = orders.description(wanted)
    if "metadata" in wanted:
        words["metadata"] = orders.metadata(wanted)
    return words


def _text(record: Json) -> str:
    return json.dumps(record, ensure_ascii=False)
