"""The fee schedule and the return reasons of the first start; staff change them afterwards. Riyals here, halalas in the table."""

from datetime import date

from applications.models import Fee, ReturnReason

ADMIN = 200
# service: {fee category: riyals of the service fee}; the classification's totals are third-party reports, the rest is demo
SERVICE_FEES = {
    "classification": {
        "technician": 400,
        "specialist": 900,
        "registrar": 1300,
        "consultant": 1300,
        "consultant-physician": 1600,
    },
    "registration": {
        "technician": 300,
        "specialist": 550,
        "registrar": 700,
        "consultant": 900,
        "consultant-physician": 900,
    },
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
}


def load() -> None:
    """Enter what is missing; what staff entered stays as it is."""
    begun = date(2020, 1, 1)
    rows = [(service, "admin", "", ADMIN) for service in SERVICE_FEES]
    rows += [
        (service, "service", category, riyals)
        for service, prices in SERVICE_FEES.items()
        for category, riyals in prices.items()
    ]
    for service, purpose, category, riyals in rows:
        if not Fee.objects.filter(service=service, purpose=purpose, category=category).exists():
            Fee.objects.create(
                service=service, purpose=purpose, category=category, amount=riyals * 100, effective_from=begun
            )
    for code, (text_ar, text_en) in RETURN_REASONS.items():
        ReturnReason.objects.get_or_create(code=code, defaults={"text_ar": text_ar, "text_en": text_en})
