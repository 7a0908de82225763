"""The fee schedule, exam policies and reasons of the first start; staff change them afterwards. Halalas in the tables."""

from datetime import date

from applications.catalogue import CATALOGUE
from applications.models import ExamPolicy, Fee, ReturnReason
from register.models import Exam

BEGUN = date(2020, 1, 1)

# Two free attempts and a paid third are what the founding articles say; the amounts and days are demo figures.
EXAM_POLICY = {
    "free_attempts": 2,
    "paid_attempts": 1,
    "fee": 60_000,
    "validity_days": 180,
    "cooling_off_days": 180,
    "source": "seeds (attempts); demo (fee, days)",
}
RETURN_REASONS = {
    "illegible": ("الملف غير مقروء. أرفق نسخة أوضح.", "The file cannot be read. Attach a clearer copy."),
    "pages_missing": ("تنقصه صفحات. أرفق المستند كاملًا.", "Pages are missing. Attach the whole document."),
    "wrong_paper": ("هذا مستند آخر غير المطلوب.", "This is another paper than the one asked for."),
    "not_stamped": ("المستند غير مختوم أو غير موقّع من جهته.", "The paper is not stamped or signed by its issuer."),
    "specialty_not_stated": ("لا يذكر المستند تخصصك.", "The paper does not state your specialty."),
    "dates_not_stated": (
        "لا يذكر المستند تاريخ البداية أو النهاية.",
        "The paper does not state the start or end date.",
    ),
    "explain": ("نحتاج إلى توضيح منك.", "We need an explanation from you."),
    "practice_gap": (
        "انقطعت عن الممارسة مدة طويلة. اطلب خطاب تدريب وتدرّب المدة اللازمة أولًا.",
        "Practice was interrupted for long. Ask for a training letter and train for the time needed first.",
    ),
}


def policies() -> dict[str, tuple[int, str]]:
    """The first days and months of this room, those that each service is declared with among them, each with its source."""
    values = {
        "exam_fee.days": (30, "decided here"),
        "exemption.least_days": (3, "decided here"),
        "appeal.days": (30, "decided here"),
        "draft.idle_days": (180, "decided here"),
        "draft.notice_days": (15, "decided here"),
        "renewal.window_months": (3, "third party"),
        "deadline.extension_days": (30, "decided here"),
        "reminder.first_days": (14, "decided here"),
        "reminder.second_days": (7, "decided here"),
        "reminder.third_days": (3, "decided here"),
        "reminder.last_days": (1, "decided here"),
    }
    for one in CATALOGUE.values():
        values[f"{one.slug}.target_days"] = (one.first_target_days, "third party")
        if one.first_valid_months:
            values[f"{one.slug}.valid_months"] = (one.first_valid_months, "demo")
    return values


def load() -> None:
    """Enter what is missing; what staff entered stays as it is."""
    known = set(Fee.objects.values_list("service", "purpose", "category"))
    Fee.objects.bulk_create(
        Fee(service=service, purpose=purpose, category=category, amount=riyals * 100, effective_from=BEGUN)
        for service, purpose, category, riyals in _prices()
        if (service, purpose, category) not in known
    )
    for exam in Exam.objects.filter(policies=None):
        ExamPolicy.objects.create(exam=exam, effective_from=BEGUN, **EXAM_POLICY)
    for code, (text_ar, text_en) in RETURN_REASONS.items():
        ReturnReason.objects.get_or_create(code=code, defaults={"text_ar": text_ar, "text_en": text_en})


def _prices() -> list[tuple[str, str, str, int]]:
    """Every first price as (service, purpose, fee category, riyals)."""
    rows = []
    for one in CATALOGUE.values():
        rows.append((one.slug, "admin", "", one.first_admin_fee))
        rows += [(one.slug, "service", category, riyals) for category, riyals in one.first_service_fees.items()]
        rows += [(one.slug, surcharge.purpose, "", surcharge.first_price) for surcharge in one.surcharges]
    return rows
