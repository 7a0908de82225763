"""What one would pay for a service, worked out for anybody before anything is begun (SRV-14). Amounts are halalas."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from applications import fees
from applications.catalogue import CATALOGUE, Service, Surcharge
from applications.fees import Prices
from applications.models import ExamPolicy
from mumaris.kit.fields import Form
from mumaris.kit.policy import Policies
from payments.models import Purpose
from register.models import Profession, Rank

EXTRA_ATTEMPT = "extra_attempt"


class FeesForm(Form):
    """A service, then only what its fees depend on. Asked once the first answer to that is sent, or where nothing is."""

    service = forms.ChoiceField(
        label=gettext_lazy("Service"),
        choices=lambda: [("", _("Choose")), *((one.slug, one.name) for one in CATALOGUE.values())],
    )

    def __init__(self, asked: Mapping[str, str], prices: Mapping[str, Prices], policies: Sequence[ExamPolicy]) -> None:
        self.offered = CATALOGUE.get(asked.get("service", ""))
        self.policies = {one.exam_id: one for one in policies}
        further = _further(self.offered, prices[self.offered.slug]) if self.offered else {}
        answered = any(name in asked for name in further) or not any(one.required for one in further.values())
        super().__init__(
            asked if "service" in asked and answered else None, initial={"service": asked.get("service", "")}
        )
        self.fields.update(further)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        profession, rank = data.get("profession"), data.get("rank")
        if profession and rank and not profession.ranks.filter(pk=rank.pk).exists():
            self.add_error(
                "rank", _("%(rank)s is no rank of %(profession)s.") % {"rank": rank, "profession": profession}
            )
        elif data.get(EXTRA_ATTEMPT) and not (profession and rank):
            if not self.errors:
                self.add_error("profession", _("Choose the profession: its exam has the fee."))
        elif data.get(EXTRA_ATTEMPT) and not rank.asks_exam:
            self.add_error(EXTRA_ATTEMPT, _("The rank %(rank)s asks no exam.") % {"rank": rank})
        elif data.get(EXTRA_ATTEMPT) and not (self.exam_policy and self.exam_policy.paid_attempts):
            self.add_error(EXTRA_ATTEMPT, _("The exam of this profession offers no attempt for a fee."))
        return data

    @property
    def asks_exam(self) -> bool:
        """Whether the service asks the chosen rank to sit an exam."""
        return self.offered.asks_exam and "rank" in self.cleaned_data and self.cleaned_data["rank"].asks_exam

    @property
    def exam_policy(self) -> ExamPolicy | None:
        """What the exam of the chosen profession allows."""
        profession = self.cleaned_data.get("profession")
        return self.policies.get(profession.exam_id) if profession else None


def _further(service: Service, prices: Prices) -> dict[str, forms.Field]:
    """The fields that the fees of this service depend on."""
    found: dict[str, forms.Field] = {}
    if service.asks_exam:
        found["profession"] = forms.ModelChoiceField(
            Profession.objects.all(),
            label=gettext_lazy("Profession"),
            required=False,
            empty_label=gettext_lazy("Choose"),
            help_text=gettext_lazy("Only the fee of the exam depends on it."),
        )
    if goes_by_rank(service, prices):
        found["rank"] = forms.ModelChoiceField(
            Rank.objects.all(), label=gettext_lazy("Rank"), empty_label=gettext_lazy("Choose")
        )
    for one in service.surcharges:
        found[one.purpose] = forms.BooleanField(
            label=named(one),
            required=False,
            help_text=gettext_lazy("Whether it is due is judged on the day you declare."),
        )
    if service.asks_exam:
        found[EXTRA_ATTEMPT] = forms.BooleanField(
            label=gettext_lazy("A further exam attempt, after those without a fee"), required=False
        )
    return found


def goes_by_rank(service: Service, prices: Prices) -> bool:
    """Whether the service fee is known only once the rank is."""
    return service.grants_rank and any(prices[Purpose.SERVICE])


def named(surcharge: Surcharge) -> str:
    return surcharge.text_ar if get_language() == "ar" else surcharge.text_en


def worked_out(form: FeesForm, prices: Prices, policies: Policies) -> list[dict[str, Any]]:
    """The lines of what a valid form asks, the tax with them; each with name, when, note and halalas."""
    service: Any = form.offered
    chosen = form.cleaned_data
    lines = service_lines(
        service, chosen.get("rank"), prices, policies, [one for one in service.surcharges if chosen.get(one.purpose)]
    )
    held = form.exam_policy
    if held and chosen.get(EXTRA_ATTEMPT):
        lines.append(
            {
                "name": _("Exam attempt %(number)s, %(exam)s") % {"number": held.free_attempts + 1, "exam": held.exam},
                "when": _("before that attempt, within %(days)s days") % {"days": policies["exam_fee.days"]},
                "note": _("refundable only if the attempt is not needed any more"),
                "halalas": held.fee,
            }
        )
    tax = _("in the prices, where it applies") if settings.VAT_NUMBER else _("does not apply")
    return [*lines, {"name": _("Tax"), "when": tax, "halalas": 0}]


def service_lines(
    service: Service, rank: Rank | None, prices: Prices, policies: Policies, surcharges: Iterable[Surcharge]
) -> list[dict[str, Any]]:
    """The lines of a service for somebody of that rank; no service fee while a rank that it goes by is not chosen."""
    category = rank.fee_category if rank else ""
    lines: list[dict[str, Any]] = [
        {
            "name": _("Administrative fee"),
            "when": _("before submission, within %(days)s days of the invoice") % {"days": policies["admin_fee.days"]},
            "note": _("not refundable"),
            "halalas": fees.listed(prices, Purpose.ADMIN, category),
        }
    ]
    if rank or not goes_by_rank(service, prices):
        lines.append(
            {
                "name": _("Service fee, %(rank)s") % {"rank": rank} if rank else _("Service fee"),
                "when": _("after preliminary approval, within %(days)s days") % {"days": policies["service_fee.days"]},
                "note": _("refundable in part if you withdraw early and nothing is issued yet"),
                "halalas": fees.listed(prices, Purpose.SERVICE, category),
            }
        )
    lines += [
        {
            "name": named(one),
            "when": _("with the service fee"),
            "note": _("refundable only with proof that you tried in time"),
            "halalas": fees.listed(prices, one.purpose, ""),
        }
        for one in surcharges
    ]
    return lines
