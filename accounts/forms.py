"""Signing up and in, and the personal data of a practitioner (ACC-1, ACC-3, ACC-5)."""

import hashlib
from typing import Any

from allauth.account.forms import LoginForm, ResetPasswordForm, SignupForm
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_altcha import AltchaField
from django_countries.fields import CountryField
from django_recaptcha.fields import ReCaptchaField

from accounts import identity, profile
from accounts.models import Identity, IdentityKind, Practitioner, User
from accounts.passwords import LONGEST
from mumaris.kit.addresses import canonical_email
from mumaris.kit.fields import (
    CalendarDateField,
    CalendarDateWidget,
    CanonicalEmailField,
    CleanCharField,
    CleanTexts,
    Form,
    IdentityNumberField,
    MobileField,
    ModelForm,
)

NOBODY = "@nobody.invalid"


def human_check() -> forms.Field | None:
    """The "not a robot" field that the settings choose; None only where tests switch it off."""
    if settings.HUMAN_CHECK == "recaptcha":
        return ReCaptchaField(label=_("I am not a robot"))
    if settings.HUMAN_CHECK == "altcha":
        unsolved = _("The check that you are not a robot is not finished. Tick it and wait for its sign.")
        return AltchaField(
            label=_("I am not a robot"), error_messages={"required": unsolved, "error": unsolved, "invalid": unsolved}
        )
    return None


def account_name() -> forms.Field:
    """The field in which people name their account."""
    return CleanCharField(
        label=_("E-mail, national ID or iqama number"),
        max_length=254,
        widget=forms.TextInput({"autocomplete": "username", "dir": "ltr"}),
        help_text=_("With a passport, type the country first: IN-Z1234567."),
    )


class SignUpForm(CleanTexts, SignupForm):
    """Name, e-mail twice, password twice, and the human check."""

    name = CleanCharField(label=_("Your name"), max_length=150)
    field_order = ["name", "email", "email2", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = CanonicalEmailField(label=_("E-mail"))
        self.fields["email2"] = CleanCharField(label=_("E-mail again"), max_length=254)
        for name in ("email", "email2"):
            self.fields[name].widget.attrs |= {"autocomplete": "email", "dir": "ltr", "inputmode": "email"}
        self.fields["password1"].label, self.fields["password2"].label = _("Password"), _("Password again")
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        if check := human_check():
            self.fields["human"] = check
        self.order_fields(self.field_order)

    def clean_email2(self) -> str:
        try:
            return canonical_email(self.cleaned_data["email2"])
        except ValidationError:
            return self.cleaned_data["email2"]


def owners_address(number: str) -> str:
    """The address of the account of whoever holds this identity; one that nobody has where no account holds it."""
    owner = User.objects.filter(practitioner__identities__person_key__in=identity.login_keys(number)).first()
    return owner.email if owner else hashlib.sha256(number.encode()).hexdigest()[:20] + NOBODY


class SignInForm(CleanTexts, LoginForm):
    """One field takes the e-mail, the national ID, the iqama, or a passport with its country (IN-Z1234567)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = account_name()
        self.fields["password"].validators.append(MaxLengthValidator(LONGEST))
        self.order_fields(["login", "password"])

    def clean_login(self) -> str:
        """The address of the account that was meant, so that every name of it shares one rate limit."""
        typed = self.cleaned_data["login"]
        if "@" not in typed:
            return owners_address(typed)
        try:
            return canonical_email(typed)
        except ValidationError:
            return typed


class ResetForm(CleanTexts, ResetPasswordForm):
    """Who forgot the password names the account as for signing in; the link goes to the address it has (ACC-4)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = account_name()

    def clean_email(self) -> str:
        typed = self.cleaned_data["email"]
        self.cleaned_data["email"] = canonical_email(typed) if "@" in typed else owners_address(typed)
        return super().clean_email()

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email = self.cleaned_data["email"]
        return email if email.endswith(NOBODY) else super().save(request, **kwargs)


class PersonalDataForm(ModelForm):
    """Names in both scripts, birth, nationality, identity, and how to reach the person."""

    birth_date = CalendarDateField(
        label=_("Birth date"), not_future=True, widget=CalendarDateWidget({"autocomplete": "bday"})
    )
    mobile = MobileField(label=_("Mobile"))
    identity_kind = forms.ChoiceField(label=_("Identity"), choices=IdentityKind)
    identity_number = IdentityNumberField(label=_("Identity number"))
    identity_country = Practitioner._meta.get_field("nationality").formfield(
        label=_("Issuing country"), required=False, help_text=_("For a passport or a GCC identity.")
    )
    identity_expires_on = CalendarDateField(label=_("Identity expires on"))
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Practitioner
        fields = [*profile.WHO_FIELDS, "mobile", "address"]
        widgets = {"gender": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name.endswith("_ar"):
                field.widget.attrs |= {"lang": "ar", "dir": "rtl"}
            elif name.endswith("_en"):
                field.widget.attrs |= {"lang": "en", "dir": "ltr"}
        for name, purpose in {
            "first_ar": "given-name",
            "family_ar": "family-name",
            "address": "street-address",
        }.items():
            self.fields[name].widget.attrs["autocomplete"] = purpose
        self.fields["gender"].choices = Practitioner._meta.get_field("gender").choices
        held = self.instance.identities.order_by("pk").first() if self.instance.pk else None
        self.held = held
        if held:  # changing an identity needs staff and evidence (ACC-6); only a renewed expiry is typed here
            for name in ("identity_kind", "identity_number", "identity_country"):
                del self.fields[name]
            self.fields["identity_expires_on"].initial = held.expires_on
        self.fields["version"].initial = self.instance.version
        self.hold = profile.hold(self.instance, profile.WHO)
        if self.hold:
            for name in profile.WHO_FIELDS:
                self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for name in [name for name in self.fields if name.endswith(("_ar", "_en"))]:
            if data.get(name):
                try:
                    data[name] = (identity.arabic_name if name.endswith("_ar") else identity.english_name)(data[name])
                except ValidationError as error:
                    self.add_error(name, error)
        nationality = str(data.get("nationality") or "")
        if self.held:
            kinds = self.instance.identities.values_list("kind", flat=True)
            if nationality and not all(_belongs_to(kind, nationality) for kind in kinds):
                self.add_error("nationality", WRONG_KIND)
        else:
            _read_identity(self, data, nationality)
        return data


class IdentityForm(Form):
    """A further identity of the same person, or the new expiry of one that is on file (ACC-4)."""

    identity_kind = forms.ChoiceField(label=_("Identity"), choices=IdentityKind)
    identity_number = IdentityNumberField(label=_("Identity number"))
    identity_country = CountryField(blank=True).formfield(
        label=_("Issuing country"), required=False, help_text=_("For a passport or a GCC identity.")
    )
    identity_expires_on = CalendarDateField(label=_("Identity expires on"))

    def __init__(self, practitioner: Practitioner, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.practitioner = practitioner

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        _read_identity(self, data, str(self.practitioner.nationality), self.practitioner)
        return data


WRONG_KIND = _("A national ID belongs to Saudi nationals, an iqama to residents of other nationalities.")


def _belongs_to(kind: str, nationality: str) -> bool:
    """Whether people of that nationality hold this kind of identity; everybody may have a passport."""
    return kind == IdentityKind.PASSPORT or (kind == IdentityKind.NATIONAL_ID) == (nationality == "SA")


def _read_identity(form: forms.Form, data: dict[str, Any], nationality: str, owner: Practitioner | None = None) -> None:
    """Normalise the typed identity into `data`, with its `person_key`; what is wrong is said at its field."""
    if not {"identity_kind", "identity_number"} <= data.keys():
        return
    kind, abroad = data["identity_kind"], data["identity_kind"] in (IdentityKind.PASSPORT, IdentityKind.GCC_ID)
    data["identity_country"] = str(data.get("identity_country") or "") if abroad else ""
    if abroad and not data["identity_country"]:
        form.add_error("identity_country", _("Choose the country that issued it."))
        return
    if nationality and not _belongs_to(kind, nationality):
        form.add_error("identity_kind", WRONG_KIND)
    try:
        data["identity_number"] = identity.normalise(kind, data["identity_number"], data["identity_country"])
        data["person_key"] = identity.key(kind, data["identity_number"], data["identity_country"])
    except ValidationError as error:
        form.add_error("identity_number", error)
        return
    if Identity.objects.filter(person_key=data["person_key"]).exclude(practitioner=owner).exists():
        form.add_error("identity_number", TAKEN)


TAKEN = _(
    "Another account holds this identity. One person has one account: sign in to it, or use “I forgot my password” with its number."
)
