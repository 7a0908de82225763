"""People: who signs in, who the practitioner is, and what they were told."""

import pghistory
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField
from phonenumber_field.modelfields import PhoneNumberField

from mumaris.kit.constraints import is_sha256


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        """A user with the canonical address `email`; sign-up goes through allauth, this serves staff and demo people."""
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        fields |= {"is_staff": True, "is_superuser": True, "activated_at": timezone.now()}
        return self.create_user(email, password, **fields)


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractBaseUser, PermissionsMixin):
    """A sign-in: practitioners by e-mail or identity number, staff by e-mail (ACC-3)."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=150)
    language = models.CharField(
        _("language"), max_length=2, choices=[("ar", "العربية"), ("en", "English")], default="ar"
    )
    is_active = models.BooleanField(_("may sign in"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)
    calendar_serial = models.PositiveIntegerField(_("which calendar link"), default=1, db_default=1, editable=False)

    objects = UserManager()
    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(
                condition=Q(email__regex=r"^[!-~]+@[a-z0-9.-]+$") & Q(email=Lower("email")), name="email_is_canonical"
            ),
            # Nobody is signed in before the activation link is used (ACC-2).
            models.CheckConstraint(
                condition=Q(last_login=None) | Q(activated_at__isnull=False), name="sign_in_needs_activation"
            ),
            models.CheckConstraint(
                condition=Q(is_staff=False) | Q(activated_at__isnull=False), name="staff_are_activated"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    get_short_name = get_full_name


class Gender(models.TextChoices):
    MALE = "m", _("Male")
    FEMALE = "f", _("Female")


@pghistory.track()
class Practitioner(models.Model):
    """The person: exactly one per account (ACC-4, ACC-5)."""

    user = models.OneToOneField(User, models.PROTECT, related_name="practitioner", verbose_name=_("account"))
    first_ar = models.CharField(_("first name in Arabic"), max_length=60)
    father_ar = models.CharField(_("father's name in Arabic"), max_length=60, blank=True)
    grandfather_ar = models.CharField(_("grandfather's name in Arabic"), max_length=60, blank=True)
    family_ar = models.CharField(_("family name in Arabic"), max_length=60)
    first_en = models.CharField(_("first name in English"), max_length=60)
    father_en = models.CharField(_("father's name in English"), max_length=60, blank=True)
    grandfather_en = models.CharField(_("grandfather's name in English"), max_length=60, blank=True)
    family_en = models.CharField(_("family name in English"), max_length=60)
    birth_date = models.DateField(_("birth date"))
    gender = models.CharField(_("gender"), max_length=1, choices=Gender)
    nationality = CountryField(_("nationality"))
    mobile = PhoneNumberField(_("mobile"))
    address = models.CharField(_("address"), max_length=200, blank=True)
    employer = models.CharField(_("employer"), max_length=120, blank=True)
    job = models.CharField(_("job"), max_length=120, blank=True)
    created_at = models.DateTimeField(_("created at"))
    confirmed_at = models.DateTimeField(_("data confirmed at"))
    version = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("practitioner")
        verbose_name_plural = _("practitioners")
        constraints = [
            models.CheckConstraint(condition=Q(birth_date__gt="1900-01-01"), name="born_after_1900"),
            models.CheckConstraint(condition=Q(confirmed_at__gte=F("created_at")), name="confirmed_after_creation"),
        ]

    def __str__(self) -> str:
        return self.name_ar

    @property
    def name_ar(self) -> str:
        return " ".join(filter(None, (self.first_ar, self.father_ar, self.grandfather_ar, self.family_ar)))

    @property
    def name_en(self) -> str:
        return " ".join(filter(None, (self.first_en, self.father_en, self.grandfather_en, self.family_en)))

    @property
    def is_saudi(self) -> bool:
        return self.nationality == "SA"


class IdentityKind(models.TextChoices):
    NATIONAL_ID = "national_id", _("National ID")
    IQAMA = "iqama", _("Residence card (iqama)")
    PASSPORT = "passport", _("Passport")
    GCC_ID = "gcc_id", _("GCC identity")


@pghistory.track()
class Identity(models.Model):
    """One identity document of a person. The number is sealed; its keyed hash makes it unique over all accounts (ACC-4)."""

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="identities", verbose_name=_("practitioner")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=IdentityKind)
    country = CountryField(_("issuing country"), blank=True)
    person_key = models.BinaryField(unique=True, max_length=32, editable=False)
    sealed = models.BinaryField(editable=False)
    masked = models.CharField(_("number"), max_length=20)
    expires_on = models.DateField(_("expires on"), null=True, blank=True)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            models.UniqueConstraint(fields=["practitioner", "kind", "country"], name="one_identity_of_a_kind"),
            models.CheckConstraint(condition=Q(is_sha256("person_key")), name="person_key_is_a_hash"),
            models.CheckConstraint(condition=Q(kind__in=IdentityKind.values), name="identity_kind_known"),
            models.CheckConstraint(
                condition=~Q(kind__in=["passport", "gcc_id"]) | ~Q(country=""), name="foreign_identity_has_country"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.masked}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> "NoticeQuerySet":
        return self.filter(recipient=user)

    def unread(self) -> "NoticeQuerySet":
        return self.filter(read_at=None)


class Notice(models.Model):
    """One thing a person was told: the inbox entry and the outgoing message in one row (NTC-1)."""

    recipient = models.ForeignKey(User, models.PROTECT, related_name="notices", verbose_name=_("recipient"))
    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=60)
    reference = models.CharField(_("case"), max_length=15, blank=True)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("created at"))
    told_at = models.DateTimeField(_("handed to the mail"), null=True, blank=True)
    failed_at = models.DateTimeField(_("could not be told at"), null=True, blank=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["recipient", "-created_at"], name="inbox"),
            models.Index(fields=["id"], name="untold_notice", condition=Q(told_at=None)),
        ]

    def __str__(self) -> str:
        return self.key
