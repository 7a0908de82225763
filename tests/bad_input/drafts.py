"""A draft of every service, of somebody of whom everything is asked, and what its forms rightly send."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.models import Practitioner
from applications import dossier as dossiers
from applications import rules
from applications.catalogue import CATALOGUE, Ask, Service
from applications.forms import QuestionsForm
from applications.models import Application
from mumaris.kit.fields import CalendarDateField
from tests.bad_files import one_page
from tests.people import Office, classified, make_draft, make_practitioner, make_qualification, registered

FORM = "application/x-www-form-urlencoded"


def person_for(service: Service, now: datetime, **who: Any) -> Practitioner:
    """Somebody who holds what the service asks to be held."""
    needs = {rules.is_classified, rules.has_usable_classification, rules.has_reason_to_train} & set(service.eligible_if)
    if Ask.REGISTRATION in service.asks:
        return registered(Office(), now=now - timedelta(days=700), **who)  # so that it ends within three months
    return classified(Office(), now=now, **who) if needs else make_practitioner(now=now, **who)


def declarable(service: Service, now: datetime) -> Application:
    """A draft in whose way nothing stands."""
    evidence = (
        {"evidenced_hours": 500} if "evidenced_hours" in {getattr(ask, "slug", "") for ask in service.asks} else {}
    )
    return make_draft(person_for(service, now), service.slug, now=now, answers=evidence)


def draft_of(service: Service, now: datetime) -> Application:
    """One of a Saudi older than 65, who studied and worked abroad and here, and lacks hours of professional development."""
    person = person_for(service, now, born=date(1950, 5, 3))
    for country in ("SA", "EG"):
        person.experience.create(
            employer="Rabia Hospital", country=country, job="Nurse", started_on=date(2015, 1, 1), ended_on=None
        )
    degree = make_qualification(
        person, now=now, degree="bachelor", title="Bachelor of nursing", country="EG", equivalency="MOE-1"
    )
    return make_draft(person, service.slug, now=now, qualification=degree)


def form_of(draft: Application, now: datetime) -> QuestionsForm:
    return QuestionsForm(CATALOGUE[draft.service], dossiers.load(draft.practitioner, now, draft))


def right_answers(draft: Application, now: datetime) -> dict[str, str]:
    """What a browser sends when nothing is changed on the page of the questions."""
    form, sent = form_of(draft, now), {}
    for name, field in form.fields.items():
        value = form.initial.get(name)
        sent |= typed_date(name, value) if isinstance(field, CalendarDateField) else {name: str(value or "")}
    return sent | {"version": str(draft.version)}


def typed_date(name: str, day: date) -> dict[str, str]:
    return as_typed(name, ("gregorian", str(day.day), str(day.month), str(day.year)))


def as_typed(name: str, texts: tuple) -> dict[str, Any]:
    return {f"{name}_{part}": text for part, text in zip(("calendar", "day", "month", "year"), texts, strict=True)}


def page(draft: Application, step: str = "") -> str:
    return f"/applications/{draft.reference}/{step}"


def browser(person: Any) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(person.user)
    return client


def post(client: Client, path: str, fields: dict[str, Any]) -> Any:
    """POST texts, or bytes that no browser would send."""
    return client.generic("POST", path, urlencode(fields), FORM)


def post_with_file(client: Client, path: str, name: str, fields: dict[str, Any], content: bytes | None = None) -> Any:
    """The same with a file, sound unless said otherwise."""
    file = SimpleUploadedFile("paper.pdf", one_page() if content is None else content)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{{}}"\r\n\r\n'
    parts = [
        head.format(key).encode() + (text if isinstance(text, bytes) else text.encode()) + b"\r\n"
        for key, text in fields.items()
    ]
    return client.generic("POST", path, b"".join(parts) + encode_multipart(BOUNDARY, {name: file}), MULTIPART_CONTENT)
