"""Writing down who a person is: one account per person, whatever is typed (ACC-4, ACC-5)."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.forms import model_to_dict

from accounts import identity
from accounts.models import Identity, IdentityKind, Practitioner, User

# What an upper room knows against a change: functions of the practitioner and of WHO or FILE, returning the reason or "".
WHO, FILE = "who", "file"  # name, birth, gender, nationality; entries of qualification and experience
HOLDS: list[Callable[[Practitioner, str], str]] = []
NAMES = [f"{part}_{script}" for script in ("ar", "en") for part in ("first", "father", "grandfather", "family")]
WHO_FIELDS = [*NAMES, "birth_date", "gender", "nationality"]


def hold(practitioner: Practitioner, what: str) -> str:
    """Why `what` cannot be changed by the practitioner now, "" when it can: what was reviewed or issued must stay true."""
    return next(filter(None, (known(practitioner, what) for known in HOLDS)), "") if practitioner.pk else ""


class PersonTaken(Exception):
    """Another account holds this identity."""


class ChangedMeanwhile(Exception):
    """The data was changed since the form was opened; nothing was overwritten."""


@transaction.atomic
def save_personal_data(
    user: User,
    practitioner: Practitioner,
    *,
    version: int,
    now: datetime,
    identity_expires_on: date,
    new_identity: dict[str, Any] | None,
) -> Practitioner:
    """Save the filled `practitioner` of `user`, with a first identity {kind, number, country, person_key} or none.

    Raises PersonTaken when the database knows the identity from another account, ChangedMeanwhile on an old form that
    says something else than what is kept: a second click finds its own work done.
    """
    if practitioner.pk:
        current = Practitioner.objects.select_for_update().get(pk=practitioner.pk)
        if current.version != version:
            if _said(current) != _said(practitioner) or _first_identity(current).expires_on != identity_expires_on:
                raise ChangedMeanwhile
            return current
        if hold(current, WHO) and any(getattr(current, name) != getattr(practitioner, name) for name in WHO_FIELDS):
            raise ChangedMeanwhile  # a declaration came between the form and this
        practitioner.version = version + 1
    else:
        User.objects.select_for_update().get(pk=user.pk)
        if saved := Practitioner.objects.filter(user=user).first():  # a second click came through before
            same = {**_said(saved), "id": None, "user": None} == {**_said(practitioner), "id": None, "user": None}
            if not (same and new_identity and saved.identities.filter(person_key=new_identity["person_key"]).exists()):
                raise ChangedMeanwhile
            return saved
        practitioner.user, practitioner.created_at = user, now
    practitioner.confirmed_at = now
    try:
        with transaction.atomic():
            practitioner.save()
            if new_identity:
                Identity.objects.create(
                    practitioner=practitioner,
                    kind=new_identity["kind"],
                    country=new_identity["country"],
                    person_key=new_identity["person_key"],
                    sealed=identity.seal(new_identity["number"]),
                    masked=identity.mask(new_identity["number"]),
                    expires_on=identity_expires_on,
                )
            else:
                first = _first_identity(practitioner)
                first.expires_on = identity_expires_on
                first.save(update_fields=["expires_on"])
    except IntegrityError as error:
        raise PersonTaken from error
    return practitioner


def _said(practitioner: Practitioner) -> dict[str, Any]:
    """What the person told us, without what we keep about the telling."""
    return model_to_dict(practitioner, exclude=["version", "created_at", "confirmed_at"])


def _first_identity(practitioner: Practitioner) -> Identity:
    return practitioner.identities.order_by("pk")[0]


def add_identity(
    practitioner: Practitioner, *, kind: str, number: str, country: str, person_key: bytes, expires_on: date
) -> None:
    """A further identity of the same person, or the renewal of one on file. Raises PersonTaken."""
    held = practitioner.identities.filter(person_key=person_key).first()
    if kind == IdentityKind.PASSPORT:  # a renewed passport has a new number; the old one stays in the history
        held = held or practitioner.identities.filter(kind=kind, country=country).first()
    if held:
        held.person_key, held.sealed, held.masked = person_key, identity.seal(number), identity.mask(number)
        held.expires_on = expires_on
        held.save(update_fields=["person_key", "sealed", "masked", "expires_on"])
        return
    try:
        with transaction.atomic():
            Identity.objects.create(
                practitioner=practitioner,
                kind=kind,
                country=country,
                person_key=person_key,
                sealed=identity.seal(number),
                masked=identity.mask(number),
                expires_on=expires_on,
            )
    except IntegrityError as error:
        raise PersonTaken from error
