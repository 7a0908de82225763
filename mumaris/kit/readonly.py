"""What the admin pages of every room share: things are looked at; what can be done has its own page and its own check."""

import re
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from mumaris.kit import clock, fields
from mumaris.kit.digits import ascii_digits
from mumaris.kit.templatetags import look

REFERENCE = re.compile(r"[a-z]{2,3}-[0-9]{4}-[0-9]+", re.IGNORECASE)


class ReadOnlyAdmin(admin.ModelAdmin):
    """A list and a page to look at. `opened` names what staff with the permission may do besides: "add", "change".

    Nothing is ever deleted here, and lists cost the same on a million rows: no total, no facets, exact searches.
    """

    opened: tuple[str, ...] = ()
    # What stands on the page of a thing only once it is there.
    later: tuple[str, ...] = ()
    actions = None
    list_per_page = list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return "add" in self.opened and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "change" in self.opened and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(
            request, {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for name in super().get_fields(request, obj) if name not in self.later or getattr(obj, name)]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row, or the same 404 whether it does not exist or is not for this person's eyes."""
        if (found := super().get_object(request, object_id, from_field)) is None:
            raise Http404
        return found

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the filters beside the list ask; any other field could be guessed letter by letter."""
        return lookup.split("__")[0] in {getattr(one, "parameter_name", one) for one in self.get_list_filter(request)}

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Searches are exact, so that an index serves them."""
        return super().get_search_results(request, queryset, self.as_stored(search_term))

    def as_stored(self, search_term: str) -> str:
        """References and addresses are found however they are typed."""
        term = ascii_digits(search_term.strip())
        return term.upper() if REFERENCE.fullmatch(term) else term.lower() if "@" in term else term


class ReadOnlyInline(admin.TabularInline):
    """Rows under the page they belong to; who may see the page may see them."""

    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EffectiveForm(fields.ModelForm):
    """A row that is in force from a day on. It never begins in the past: what was decided by the old one stays decided."""

    def clean_effective_from(self) -> Any:
        day = self.cleaned_data["effective_from"]
        if day < clock.today(clock.now()):
            raise ValidationError(_("Choose today or a later day. What was in force until now is not rewritten."))
        return day


class EffectiveAdmin(ReadOnlyAdmin):
    """Effective-dated rows: a new value is a new row, the old ones stay as they were."""

    opened = ("add",)
    form = EffectiveForm

    @admin.display(description=_("figure"))
    def figure(self, row: Any) -> str:
        return (
            look.badge("ok", _("Official figure"), "ok")
            if row.official
            else look.badge("warn", _("Demo figure"), "warn")
        )
