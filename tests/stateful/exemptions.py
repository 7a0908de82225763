"""Exemptions from all fees: asked for, recommended and granted by two officers, refused, sent back, revoked (PAY-7)."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from applications import exempting
from payments.exemptions import edition
from payments.models import Exemption
from tests.stateful import expected
from tests.stateful.refunding import Refunds

WISHES = ["go on", "grant", "grant", "refuse", "refuse", "send back"]
BEGINS = [-40, 0, 0, 0, 20]  # days from today
LASTS = [0, 0, 3, 60, None]  # days after the first


class Exemptions(Refunds):
    @rule(
        wish=st.sampled_from(WISHES),
        begins=st.sampled_from(BEGINS),
        lasts=st.sampled_from(LASTS),
        at_once=st.booleans(),
    )
    def an_exemption_moves(self, wish: str, begins: int, lasts: int | None, at_once: bool) -> None:
        """One rule for the person and the officers, drawn as often as two; a request comes to its end, at times in one step."""
        if not self.person.request:
            granted = [one for one in self.person.exemptions if one.state == "approved"]
            if granted and wish != "go on":
                self._revoke(granted[-1])
                return
            self._ask_to_be_exempt()
            if wish in ("go on", "send back"):
                return
        if not (request := self.person.request):
            return
        if wish == "refuse":
            self._refuse(request)
            if at_once:
                self._ask_to_be_exempt()
        elif wish == "send back" and request.state == "recommended":
            self._send_back(request)
        else:
            if request.state == "requested":
                self._recommend(request, begins, lasts)
            if request.state == "recommended" and wish == "grant":
                self._grant(request, at_once=at_once)

    an_exemption_moves_soon = an_exemption_moves

    def _ask_to_be_exempt(self) -> None:
        facts = {"ground": "martyr_relative", "evidence": self.evidence, "statement": "", "now": self.now}
        with self._refused_if(not self.person.may_ask_to_be_exempt(self.now)) as refused:
            exempting.ask(self.payer, **facts)
        if not refused:
            self.person.ask_to_be_exempt(self.now)
            with self._refused_if(True):  # once more
                exempting.ask(self.payer, **facts)

    def _recommend(self, request: expected.Exemption, begins: int, lasts: int | None) -> None:
        day = expected.day_of(self.now)
        starts_on = day + timedelta(days=begins)
        ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
        with self._refused_if(ends_on is not None and ends_on < day) as refused:
            exempting.recommend(
                self._request_row().pk,
                starts_on=starts_on,
                ends_on=ends_on,
                by=self.around.exempters.reviewer,
                now=self.now,
            )
        if not refused:
            request.state, request.starts_on, request.ends_on = "recommended", starts_on, ends_on

    def _send_back(self, request: expected.Exemption) -> None:
        exempting.send_back(self._request_row().pk, internal_text="Other days.", **self._by_officer())
        request.state, request.starts_on, request.ends_on = "requested", None, None

    def _refuse(self, request: expected.Exemption) -> None:
        exempting.refuse(self._request_row().pk, reason="The paper is of somebody else.", **self._by_officer())
        self.person.refuse(request, self.now)

    def _revoke(self, exemption: expected.Exemption) -> None:
        place = self.person.exemptions.index(exemption)
        row = self.payer.exemptions.order_by("pk")[place]
        exempting.revoke(row.pk, reason="The decision was withdrawn.", **self._by_officer())
        exemption.state, exemption.revoked_on = "revoked", expected.day_of(self.now)

    def _grant(self, request: expected.Exemption, *, at_once: bool) -> None:
        """By itself, or at the moment in which what is owed is paid; whoever paid then asks for it back."""
        row = self._request_row()
        facts = {"seen": edition(row), **self._by_officer()}
        if at_once and (owed := self._owed()):
            payment = self._payment(owed, "card")
            self._at_once(self._receiver(owed, payment), lambda: exempting.approve(row.pk, **facts))
            self._expect(owed, payment)
            self.person.grant(request, self.now)
            self._ask_for(owed, payment)
        else:
            exempting.approve(row.pk, **facts)
            self.person.grant(request, self.now)

    def _request_row(self) -> Exemption:
        return self.payer.exemptions.undecided().get()

    def _by_officer(self) -> dict:
        return {"by": self.around.exempters.officer, "now": self.now}
