"""The requirements and caps of the first start; administrators enter new ones from a day on."""

from datetime import date

from cpd.models import Cap, Category, Requirement
from register.models import Profession, Rank

TABLE, THIRD_PARTY = "authority's table of required hours", "third party"
EXEMPT = "authority's list of who is exempt"
# (profession, rank): (hours a year, source, official); None is every profession, or every rank. The closest one counts:
# a nursing technician is asked for what technicians are.
REQUIREMENTS = {
    ("MED", None): (30, TABLE, True),
    ("DEN", None): (30, TABLE, True),
    ("PHA", None): (20, TABLE, True),
    ("NUR", None): (15, THIRD_PARTY, False),
    (None, "technician"): (10, THIRD_PARTY, False),
    (None, "assistant"): (0, EXEMPT, True),
    (None, "trainee"): (0, EXEMPT, True),
    (None, "resident-trainee"): (0, EXEMPT, True),
    (None, None): (20, "authority's table, for applied specialists; for others a demo figure", False),
}
CAPS = {Category.FIRST: 20, Category.SECOND: 10}


def load() -> None:
    """Enter what is missing; what staff entered stays as it is."""
    begun = date(2020, 1, 1)
    for (profession_code, rank_code), (hours, source, official) in REQUIREMENTS.items():
        people = {
            "profession": profession_code and Profession.objects.get(code=profession_code),
            "rank": rank_code and Rank.objects.get(code=rank_code),
        }
        if not Requirement.objects.filter(**people).exists():
            Requirement.objects.create(
                **people, hours_per_year=hours, effective_from=begun, source=source, official=official
            )
    for category, hours in CAPS.items():
        if not Cap.objects.filter(category=category, profession=None, rank=None).exists():
            Cap.objects.create(category=category, hours_per_year=hours, effective_from=begun, source=THIRD_PARTY)
