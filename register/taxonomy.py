"""The ranks, ways up, exams, professions and specialties of the first start; staff change them afterwards.

Which rank asks an exam, and the months of every way up, are demo policy.
"""

from documents.models import Degree
from register.models import Exam, Profession, Promotion, Rank, Route, Specialty

# code: (Arabic, English, level, fee category, degrees that fit, asks an exam)
RANKS = {
    "assistant": ("مساعد صحي", "Health assistant", 5, "technician", ["certificate", "diploma"], False),
    "technician": ("فني", "Technician", 10, "technician", ["diploma", "bachelor"], False),
    "trainee": ("متدرب", "Trainee", 15, "specialist", ["bachelor"], False),
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
    "resident-trainee": ("طبيب مقيم متدرب", "Resident in training", 45, "specialist", ["bachelor"], True),
    "resident": ("طبيب مقيم", "Resident", 50, "specialist", ["bachelor"], True),
    "registrar": ("نائب", "Registrar", 60, "registrar", ["master"], True),
    "senior-registrar": ("نائب أول", "Senior registrar", 70, "registrar", ["board"], False),
    "consultant": ("استشاري", "Consultant", 80, "consultant-physician", ["board", "doctorate"], False),
}
PHYSICIANS = ["resident-trainee", "resident", "registrar", "senior-registrar", "consultant"]
SPECIALISTS = ["assistant", "technician", "trainee", "specialist", "senior-specialist", "consultant-non-physician"]
DENTISTS = [*PHYSICIANS, "assistant", "technician", "specialist"]  # with those who clean teeth and those who make them

# (from rank, to rank, degree or "" for completed experience, least months of practice since the classification)
PROMOTIONS = [
    ("assistant", "technician", Degree.DIPLOMA, 0),
    ("technician", "specialist", Degree.BACHELOR, 0),
    ("trainee", "specialist", "", 12),
    ("specialist", "senior-specialist", Degree.MASTER, 0),
    ("specialist", "senior-specialist", "", 60),
    ("senior-specialist", "consultant-non-physician", Degree.DOCTORATE, 36),
    ("resident-trainee", "senior-registrar", Degree.BOARD, 0),
    ("resident", "registrar", Degree.MASTER, 0),
    ("resident", "senior-registrar", Degree.BOARD, 0),
    ("registrar", "senior-registrar", Degree.BOARD, 0),
    ("senior-registrar", "consultant", "", 36),
]

# code: (Arabic, English)
EXAMS = {
    "smle": ("اختبار الرخصة السعودية للطب البشري", "Saudi Medical Licensing Examination (SMLE)"),
    "sdle": ("اختبار الرخصة السعودية لطب الأسنان", "Saudi Dental Licensing Examination (SDLE)"),
    "sple": ("اختبار الرخصة السعودية للصيدلة", "Saudi Pharmacist Licensing Examination (SPLE)"),
    "snle": ("اختبار الرخصة السعودية للتمريض", "Saudi Nursing Licensing Examination (SNLE)"),
    "laboratory": ("اختبار رخصة المختبرات الطبية", "Medical laboratory licensing exam"),
    "radiologic-technology": ("اختبار رخصة تقنية الأشعة", "Radiologic technology licensing exam"),
    "respiratory-care": ("اختبار رخصة الرعاية التنفسية", "Respiratory care licensing exam"),
    "public-health": ("اختبار رخصة الصحة العامة", "Public health licensing exam"),
    "clinical-nutrition": ("اختبار رخصة التغذية الإكلينيكية", "Clinical nutrition licensing exam"),
    "health-specialties": ("اختبار تصنيف التخصصات الصحية", "Health specialties classification exam"),
}

# code: (Arabic, English, ranks, exam, {specialty code: (Arabic, English)})
PROFESSIONS = {
    "MED": ("الطب البشري", "Medicine", PHYSICIANS, "smle", {
        "general-medicine": ("الطب العام", "General medicine"),
        "family-medicine": ("طب الأسرة", "Family medicine"),
        "internal-medicine": ("الباطنة", "Internal medicine"),
        "pediatrics": ("طب الأطفال", "Pediatrics"),
        "general-surgery": ("الجراحة العامة", "General surgery"),
        "emergency-medicine": ("طب الطوارئ", "Emergency medicine"),
        "obstetrics-gynaecology": ("النساء والولادة", "Obstetrics and gynaecology"),
        "anaesthesia": ("التخدير", "Anaesthesia"),
        "intensive-care": ("العناية المركزة", "Intensive care"),
        "psychiatry": ("الطب النفسي", "Psychiatry"),
        "radiology": ("الأشعة التشخيصية", "Diagnostic radiology"),
        "cardiology": ("أمراض القلب", "Cardiology"),
        "dermatology": ("الأمراض الجلدية", "Dermatology"),
        "ophthalmology": ("طب العيون", "Ophthalmology"),
        "ear-nose-throat": ("الأنف والأذن والحنجرة", "Ear, nose and throat"),
        "orthopaedics": ("جراحة العظام", "Orthopaedics"),
        "neurology": ("طب الأعصاب", "Neurology"),
        "urology": ("جراحة المسالك البولية", "Urology"),
        "pathology": ("علم الأمراض", "Pathology"),
    }),
    "DEN": ("طب الأسنان", "Dentistry and related specialties", DENTISTS, "sdle", {
        "general-dentistry": ("طب الأسنان العام", "General dentistry"),
        "orthodontics": ("تقويم الأسنان", "Orthodontics"),
        "endodontics": ("علاج الجذور", "Endodontics"),
        "periodontics": ("أمراض اللثة", "Periodontics"),
        "prosthodontics": ("التركيبات", "Prosthodontics"),
        "oral-maxillofacial-surgery": ("جراحة الفم والوجه والفكين", "Oral and maxillofacial surgery"),
        "paediatric-dentistry": ("طب أسنان الأطفال", "Paediatric dentistry"),
        "dental-hygiene": ("صحة الفم والأسنان", "Dental hygiene"),
        "dental-laboratory": ("مختبر الأسنان", "Dental laboratory"),
    }),
    "PHA": ("الصيدلة", "Pharmacy", SPECIALISTS, "sple", {
        "pharmacist": ("صيدلي", "Pharmacist"),
        "clinical-pharmacy": ("الصيدلة السريرية", "Clinical pharmacy"),
        "oncology-pharmacy": ("صيدلة الأورام", "Oncology pharmacy"),
        "pharmacy-technician": ("فني صيدلة", "Pharmacy technician"),
    }),
    "NUR": ("التمريض والقبالة", "Nursing and midwifery", SPECIALISTS, "snle", {
        "general-nursing": ("تمريض عام", "General nursing"),
        "critical-care-nursing": ("تمريض العناية الحرجة", "Critical-care nursing"),
        "mental-health-nursing": ("تمريض الصحة النفسية", "Mental-health nursing"),
        "midwifery": ("قبالة", "Midwifery"),
        "community-nursing": ("تمريض صحة المجتمع", "Community nursing"),
    }),
    "LAB": ("المختبرات الطبية", "Medical laboratory", SPECIALISTS, "laboratory", {
        "clinical-biochemistry": ("الكيمياء السريرية", "Clinical biochemistry"),
        "haematology": ("أمراض الدم", "Haematology"),
        "microbiology": ("الأحياء الدقيقة", "Microbiology"),
        "histopathology": ("أمراض الأنسجة", "Histopathology"),
    }),
    "RAD": ("علوم الأشعة", "Radiological sciences", SPECIALISTS, "radiologic-technology", {
        "diagnostic-radiography": ("تصوير تشخيصي", "Diagnostic radiography"),
        "ultrasound": ("الموجات فوق الصوتية", "Ultrasound"),
        "nuclear-medicine": ("الطب النووي", "Nuclear medicine"),
        "radiotherapy": ("العلاج الإشعاعي", "Radiotherapy"),
    }),
    "REH": ("العلاج والتأهيل", "Therapy and rehabilitation", SPECIALISTS, "health-specialties", {
        "physical-therapy": ("العلاج الطبيعي", "Physical therapy"),
        "occupational-therapy": ("العلاج الوظيفي", "Occupational therapy"),
        "speech-therapy": ("النطق والتخاطب", "Speech therapy"),
        "audiology": ("السمعيات", "Audiology"),
        "prosthetics-orthotics": ("الأطراف الصناعية والأجهزة التقويمية", "Prosthetics and orthotics"),
    }),
    "EMS": ("الخدمات الطبية الطارئة", "Emergency medical services", SPECIALISTS, "health-specialties", {
        "paramedic": ("مسعف", "Paramedic"),
        "emergency-technician": ("فني طب طوارئ", "Emergency medical technician"),
    }),
    "ANT": (
        "تقنية التخدير والعمليات", "Anaesthesia and operating-room technology", SPECIALISTS, "health-specialties", {
            "anaesthesia-technology": ("تقنية التخدير", "Anaesthesia technology"),
            "operating-room-technology": ("تقنية غرف العمليات", "Operating-room technology"),
            "perfusion": ("التروية القلبية", "Cardiac perfusion"),
        },
    ),
    "RES": ("الرعاية التنفسية", "Respiratory care", SPECIALISTS, "respiratory-care", {
        "respiratory-therapy": ("العلاج التنفسي", "Respiratory therapy"),
    }),
    "NUT": ("التغذية الإكلينيكية", "Clinical nutrition", SPECIALISTS, "clinical-nutrition", {
        "dietetics": ("التغذية", "Dietetics"),
    }),
    "PUB": ("الصحة العامة", "Public health", SPECIALISTS, "public-health", {
        "epidemiology": ("الوبائيات", "Epidemiology"),
        "health-education": ("التثقيف الصحي", "Health education"),
        "infection-control": ("مكافحة العدوى", "Infection control"),
        "environmental-health": ("صحة البيئة", "Environmental health"),
    }),
    "PSY": ("علم النفس والخدمة الاجتماعية", "Psychology and social work", SPECIALISTS, "health-specialties", {
        "clinical-psychology": ("علم النفس الإكلينيكي", "Clinical psychology"),
        "medical-social-work": ("الخدمة الاجتماعية الطبية", "Medical social work"),
    }),
    "OPT": ("البصريات", "Optometry and optics", SPECIALISTS, "health-specialties", {
        "optometry": ("فحص البصر", "Optometry"),
        "optical-technology": ("تقنية البصريات", "Optical technology"),
    }),
    "ADM": (
        "الإدارة والمعلوماتية الصحية", "Health administration and informatics", SPECIALISTS, "health-specialties", {
            "health-management": ("الإدارة الصحية", "Health management"),
            "medical-records": ("السجلات الطبية", "Medical records"),
            "health-informatics": ("المعلوماتية الصحية", "Health informatics"),
            "medical-secretary": ("السكرتارية الطبية", "Medical secretary"),
        },
    ),
    "BME": ("الأجهزة الطبية", "Biomedical technology and devices", SPECIALISTS, "health-specialties", {
        "biomedical-technology": ("تقنية الأجهزة الطبية", "Biomedical technology"),
    }),
}  # fmt: skip


def load() -> None:
    """Enter what is missing; what staff changed stays.

    A database of the first release knows no exam: its professions get theirs, and the ranks that came later, once.
    """
    complete = Exam.objects.exists()
    ranks = {
        code: Rank.objects.get_or_create(
            code=code,
            defaults={
                "name_ar": name_ar,
                "name_en": name_en,
                "level": level,
                "fee_category": category,
                "degrees": degrees,
                "asks_exam": exam,
            },
        )[0]
        for code, (name_ar, name_en, level, category, degrees, exam) in RANKS.items()
    }
    exams = {
        code: Exam.objects.get_or_create(code=code, defaults={"name_ar": name_ar, "name_en": name_en})[0]
        for code, (name_ar, name_en) in EXAMS.items()
    }
    for from_rank, to_rank, degree, months in PROMOTIONS:
        Promotion.objects.get_or_create(
            from_rank=ranks[from_rank],
            to_rank=ranks[to_rank],
            route=Route.QUALIFICATION if degree else Route.EXPERIENCE,
            degree=degree,
            defaults={"months": months},
        )
    for code, (name_ar, name_en, of_ranks, exam, specialties) in PROFESSIONS.items():
        profession, created = Profession.objects.get_or_create(
            code=code, defaults={"name_ar": name_ar, "name_en": name_en}
        )
        if created or not complete:
            profession.ranks.add(*[ranks[rank] for rank in of_ranks])
            Profession.objects.filter(pk=profession.pk, exam=None).update(exam=exams[exam])
        for slug, (specialty_ar, specialty_en) in specialties.items():
            Specialty.objects.get_or_create(
                code=slug, defaults={"profession": profession, "name_ar": specialty_ar, "name_en": specialty_en}
            )
