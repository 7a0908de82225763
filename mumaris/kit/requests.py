"""Around every request: what was sent, text that no database can hold, and pages that no cache may keep."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Typed:
    """What was sent to a page when the session had ended; `part` names the one form of several that it was typed into."""

    fields: QueryDict
    part: str = ""


def posted(request: HttpRequest) -> QueryDict | None:
    """The data for a form: what was sent, even if that is nothing; None where nobody sent anything yet."""
    if request.method == "POST":
        return request.POST
    typed = typed_again(request)
    return typed.fields if typed else None


def typed_again(request: HttpRequest) -> Typed | None:
    """What the person typed on this page before they had to sign in again, to be shown in its form once more (APP-8)."""
    typed: Typed | None = getattr(request, "typed_again", None)
    if typed:
        messages.info(
            request,
            _("What you typed before you signed in stands here again. It is not sent yet; choose files once more."),
        )
    return typed


class BadText:
    """Refuses what PostgreSQL cannot store in an address or a cookie (NUL, lone surrogates), and bodies that are not UTF-8.

    Forms say so at the field; here there is no field.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            raise BadRequest("a body that is not UTF-8")
        asked = (text for pair in request.GET.lists() for text in (pair[0], *pair[1]))
        if any("\x00" in text or _has_surrogate(text) for text in (request.path, *asked, *request.COOKIES.values())):
            raise BadRequest("unstorable text")
        return self.get_response(request)


class PrivatePages:
    """A signed-in person's page is kept by no cache, shared or their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
