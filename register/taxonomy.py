"""The professions, specialties and ranks of the first start; staff change them afterwards. Ranks' exams are demo policy."""

from register.models import Profession, Rank, Specialty

# code: (Arabic, English, level, fee category, degrees that fit, asks an exam)
RANKS = {
    "assistant": ("مساعد صحي", "Health assistant", 5, "technician", ["certificate", "diploma"], False),
    "technician": ("فني", "Technician", 10, "technician", ["diploma", "bachelor"], False),
    "specialist": ("أخصائي", "Specialist", 20, "specialist", ["bachelor"], True),
    "senior-specialist": ("أخصائي أول", "Senior specialist", 30, "specialist", ["master"], False),
    "consultant-non-physician": (
        "استشاري غير طبيب",
        "Consultant, non-physician",
        40,
        "consultant",
        ["doctorate"],
        False,
    ),
    "resident": ("طبيب مقيم", "Resident", 50, "specialist", ["bachelor"], True),
    "registrar": ("نائب", "Registrar", 60, "registrar", ["master"], True),
    "senior-registrar": ("نائب أول", "Senior registrar", 70, "registrar", ["board"], False),
    "consultant": ("استشاري", "Consultant", 80, "consultant-physician", ["board", "doctorate"], False),
}
PHYSICIANS = ["resident", "registrar", "senior-registrar", "consultant"]
SPECIALISTS = ["assistant", "technician", "specialist", "senior-specialist", "consultant-non-physician"]

# code: (Arabic, English, ranks, {specialty code: (Arabic, English)})
PROFESSIONS = {
    "MED": ("الطب البشري", "Medicine", PHYSICIANS, {
        "family-medicine": ("طب الأسرة", "Family medicine"),
        "internal-medicine": ("الباطنة", "Internal medicine"),
        "pediatrics": ("طب الأطفال", "Pediatrics"),
        "general-surgery": ("الجراحة العامة", "General surgery"),
        "emergency-medicine": ("طب الطوارئ", "Emergency medicine"),
        "obstetrics-gynaecology": ("النساء والولادة", "Obstetrics and gynaecology"),
        "anaesthesia": ("التخدير", "Anaesthesia"),
        "psychiatry": ("الطب النفسي", "Psychiatry"),
    }),
    "DEN": ("طب الأسنان", "Dentistry and related specialties", PHYSICIANS, {
        "orthodontics": ("تقويم الأسنان", "Orthodontics"),
        "endodontics": ("علاج الجذور", "Endodontics"),
        "prosthodontics": ("التركيبات", "Prosthodontics"),
    }),
    "PHA": ("الصيدلة", "Pharmacy", SPECIALISTS, {
        "pharmacist": ("صيدلي", "Pharmacist"),
        "clinical-pharmacy": ("الصيدلة السريرية", "Clinical pharmacy"),
    }),
    "NUR": ("التمريض والقبالة", "Nursing and midwifery", SPECIALISTS, {
        "general-nursing": ("تمريض عام", "General nursing"),
        "critical-care-nursing": ("تمريض العناية الحرجة", "Critical-care nursing"),
        "midwifery": ("قبالة", "Midwifery"),
        "community-nursing": ("تمريض صحة المجتمع", "Community nursing"),
    }),
    "LAB": ("المختبرات الطبية", "Medical laboratory", SPECIALISTS, {
        "clinical-biochemistry": ("الكيمياء السريرية", "Clinical biochemistry"),
        "haematology": ("أمراض الدم", "Haematology"),
        "microbiology": ("الأحياء الدقيقة", "Microbiology"),
    }),
    "RAD": ("علوم الأشعة", "Radiological sciences", SPECIALISTS, {
        "diagnostic-radiography": ("تصوير تشخيصي", "Diagnostic radiography"),
        "ultrasound": ("الموجات فوق الصوتية", "Ultrasound"),
    }),
    "REH": ("العلاج والتأهيل", "Therapy and rehabilitation", SPECIALISTS, {
        "physical-therapy": ("العلاج الطبيعي", "Physical therapy"),
        "occupational-therapy": ("العلاج الوظيفي", "Occupational therapy"),
        "speech-therapy": ("النطق والتخاطب", "Speech therapy"),
    }),
    "EMS": ("الخدمات الطبية الطارئة", "Emergency medical services", SPECIALISTS, {"paramedic": ("مسعف", "Paramedic")}),
    "NUT": ("التغذية الإكلينيكية", "Clinical nutrition", SPECIALISTS, {"dietetics": ("التغذية", "Dietetics")}),
    "PUB": ("الصحة العامة", "Public health", SPECIALISTS, {
        "epidemiology": ("الوبائيات", "Epidemiology"),
        "infection-control": ("مكافحة العدوى", "Infection control"),
    }),
}  # fmt: skip


def load() -> None:
    """Enter what is missing; what staff changed stays."""
    ranks = {}
    for code, (name_ar, name_en, level, category, degrees, exam) in RANKS.items():
        ranks[code], _created = Rank.objects.get_or_create(
            code=code,
            defaults={
                "name_ar": name_ar,
                "name_en": name_en,
                "level": level,
                "fee_category": category,
                "degrees": degrees,
                "asks_exam": exam,
            },
        )
    for code, (name_ar, name_en, of_ranks, specialties) in PROFESSIONS.items():
        profession, created = Profession.objects.get_or_create(
            code=code, defaults={"name_ar": name_ar, "name_en": name_en}
        )
        if created:
            profession.ranks.set([ranks[rank] for rank in of_ranks])
        for slug, (specialty_ar, specialty_en) in specialties.items():
            Specialty.objects.get_or_create(
                code=slug, defaults={"profession": profession, "name_ar": specialty_ar, "name_en": specialty_en}
            )
