"""The professions, specialties, ranks, exams and ways up that a portal begins with (DOMAIN: all categories, two languages)."""

import re

import pytest
from django.db import IntegrityError, connection, transaction

from documents.models import Degree
from register import taxonomy
from register.models import Exam, Profession, Promotion, Rank, Route, Specialty

pytestmark = [pytest.mark.django_db, pytest.mark.req("SRV-2")]
CATEGORIES = {"MED", "DEN", "PHA", "NUR", "LAB", "RAD", "REH", "EMS", "ANT", "RES", "NUT", "PUB", "PSY", "OPT", "ADM", "BME"}  # fmt: skip
MODELS = (Rank, Exam, Promotion, Profession, Specialty)


def stored():
    rows = {model: list(model.objects.order_by("pk").values()) for model in MODELS}
    rows["ranks"] = sorted(Profession.ranks.through.objects.values_list("profession__code", "rank__code"))
    return rows


def test_every_category_has_specialties_ranks_and_an_exam():
    assert set(Profession.objects.values_list("code", flat=True)) == CATEGORIES
    for profession in Profession.objects.all():
        assert profession.specialties.exists(), profession.code
        assert profession.ranks.exists(), profession.code
        assert profession.exam, profession.code


@pytest.mark.parametrize("model", [Rank, Exam, Profession, Specialty])
def test_everything_is_named_in_both_languages(model):
    for row in model.objects.all():
        assert re.fullmatch(r"[\u0621-\u064a ،]+", row.name_ar), row.code
        assert re.fullmatch(r"[A-Z][A-Za-z ,()-]+", row.name_en), row.code
    assert len(set(model.objects.values_list("name_ar", flat=True))) == model.objects.count()
    assert len(set(model.objects.values_list("name_en", flat=True))) == model.objects.count()


def test_every_way_up_leads_up_within_a_profession_and_fits_the_rank_it_leads_to():
    assert Promotion.objects.count() == len(taxonomy.PROMOTIONS)
    for way in Promotion.objects.select_related("from_rank", "to_rank"):
        assert way.to_rank.level > way.from_rank.level, way
        assert set(way.from_rank.professions.all()) & set(way.to_rank.professions.all()), way
        assert (way.route == Route.QUALIFICATION) == bool(way.degree), way
        assert not way.degree or way.to_rank.accepts(way.degree), way


def test_every_rank_but_the_lowest_of_a_track_can_be_reached():
    reached = set(Promotion.objects.values_list("to_rank__code", flat=True))
    assert set(Rank.objects.values_list("code", flat=True)) - reached == {
        "assistant",
        "trainee",
        "resident",
        "resident-trainee",
    }


def test_loading_again_changes_nothing():
    before = stored()
    taxonomy.load()
    assert stored() == before


def test_what_staff_changed_stays():
    Promotion.objects.filter(to_rank__code="consultant").update(months=24, official=True)
    Profession.objects.filter(code="NUR").update(exam=None, name_en="Nursing")
    Profession.objects.filter(code="MED").update(exam=Exam.objects.get(code="sdle"))
    Exam.objects.filter(code="smle").update(name_en="Other")
    Profession.objects.get(code="OPT").ranks.remove(Rank.objects.get(code="assistant"))
    before = stored()
    taxonomy.load()
    assert stored() == before


def test_a_register_of_the_first_release_is_completed():
    """It knew no exam, no way up and fewer ranks and professions; one of its ranks was changed by staff since."""
    with connection.cursor() as cursor:
        tables = ", ".join(model._meta.db_table for model in MODELS)
        cursor.execute(f"TRUNCATE {tables} CASCADE")
    physicians = ["resident", "registrar", "senior-registrar", "consultant"]
    for code in (*physicians, "technician"):
        name_ar, name_en, level, category, degrees, exam = taxonomy.RANKS[code]
        Rank.objects.create(
            code=code,
            name_ar=name_ar,
            name_en=f"{name_en} of staff" if code == "technician" else name_en,
            level=level,
            fee_category=category,
            degrees=["diploma"] if code == "technician" else degrees,
            asks_exam=exam,
        )
    dentistry = Profession.objects.create(code="DEN", name_ar="طب الأسنان", name_en="Dentistry")
    dentistry.ranks.set(Rank.objects.filter(code__in=physicians))
    held = Specialty.objects.create(profession=dentistry, code="endodontics", name_ar="الجذور", name_en="Roots")
    taxonomy.load()
    assert set(Profession.objects.values_list("code", flat=True)) == CATEGORIES
    assert not Profession.objects.filter(exam=None).exists()
    assert set(Rank.objects.values_list("code", flat=True)) == set(taxonomy.RANKS)
    assert Promotion.objects.count() == len(taxonomy.PROMOTIONS)
    dentistry.refresh_from_db()
    assert (dentistry.name_en, dentistry.exam.code) == ("Dentistry", "sdle")
    assert {"technician", "resident-trainee"} <= set(dentistry.ranks.values_list("code", flat=True))
    assert dentistry.specialties.filter(code="dental-hygiene").exists()
    assert dentistry.specialties.get(code="endodontics") == held
    technician = Rank.objects.get(code="technician")
    assert (technician.name_en, technician.degrees) == ("Technician of staff", ["diploma"])


@pytest.mark.parametrize(
    "row",
    [
        {"route": Route.EXPERIENCE, "degree": "", "months": 0},
        {"route": Route.EXPERIENCE, "degree": Degree.MASTER, "months": 12},
        {"route": Route.QUALIFICATION, "degree": "", "months": 0},
        {"route": Route.QUALIFICATION, "degree": "guess", "months": 0},
        {"route": Route.QUALIFICATION, "degree": Degree.BACHELOR, "months": 3},
    ],
)
def test_a_way_up_that_makes_no_sense_is_refused_by_the_database(row):
    """The last is a second one of the same kind."""
    ends = {"from_rank": Rank.objects.get(code="technician"), "to_rank": Rank.objects.get(code="specialist")}
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.create(**ends, **row)


def test_no_rank_leads_to_itself():
    rank = Rank.objects.get(code="technician")
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.create(from_rank=rank, to_rank=rank, route=Route.EXPERIENCE, months=12)
