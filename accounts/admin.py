"""People at the desk: sign-ins and their groups, practitioners, and what they were told."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import identity
from accounts.models import Identity, Notice, Practitioner, User
from mumaris.kit.readonly import ReadOnlyAdmin, ReadOnlyInline


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Who signs in. An administrator chooses the groups of other staff; nobody their own, and no superuser's (STF-1)."""

    opened = ("change",)
    fields = [
        "email",
        "name",
        "language",
        "is_active",
        "is_staff",
        "is_superuser",
        "activated_at",
        "last_login",
        "date_joined",
        "groups",
    ]
    readonly_fields = [name for name in fields if name != "groups"]
    list_display = ["email", "name", "is_staff", "is_active", "groups_held", "last_login"]
    list_filter = ["is_staff", "is_active", "groups"]
    search_fields = ["email__exact"]
    ordering = ["-pk"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Granted by accounts.change_user, for other staff."""
        meant = obj is None or (obj.is_staff and not obj.is_superuser and obj != request.user)
        return meant and super().has_change_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> forms.Field:
        return super().formfield_for_manytomany(db_field, request, widget=forms.CheckboxSelectMultiple, **options)

    @admin.display(description=_("groups"))
    def groups_held(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())


class IdentityInline(ReadOnlyInline):
    model = Identity
    fields = ["kind", "masked", "country", "expires_on"]


@admin.register(Practitioner)
class PractitionerAdmin(ReadOnlyAdmin):
    """The person behind the cases. Identity numbers stay masked; a whole number finds its owner."""

    fields = [
        "name_ar",
        "name_en",
        "user",
        "birth_date",
        "gender",
        "nationality",
        "mobile",
        "address",
        "employer",
        "job",
        "created_at",
        "confirmed_at",
    ]
    list_display = ["name_ar", "name_en", "nationality", "created_at"]
    search_fields = ["user__email__exact"]
    search_help_text = _("A whole e-mail address or a whole identity number")
    ordering = ["-pk"]
    inlines = [IdentityInline]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if keys := identity.login_keys(search_term):
            return queryset.filter(identities__person_key__in=keys), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("name in Arabic"))
    def name_ar(self, person: Practitioner) -> str:
        return person.name_ar

    @admin.display(description=_("name in English"))
    def name_en(self, person: Practitioner) -> str:
        return person.name_en


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    fields = ["recipient", "kind", "reference", "facts", "created_at", "told_at", "read_at"]
    list_display = ["kind", "recipient", "reference", "created_at", "told_at", "read_at"]
    list_select_related = ["recipient"]
    search_fields = ["reference__exact", "recipient__email__exact"]
    search_help_text = _("A whole reference or a whole e-mail address")
