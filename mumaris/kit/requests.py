"""Around every request: what was sent, text that no database can hold, and pages that no cache may keep."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict


def posted(request: HttpRequest) -> QueryDict | None:
    """The data for a form: what was sent, even if that is nothing; None where nobody sent anything yet."""
    return request.POST if request.method == "POST" else None


class BadText:
    """Refuses text that nothing behind it can hold: another encoding than UTF-8, and NUL or lone surrogates in the
    address or in a cookie. In a form's fields the form itself says so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (request.encoding or "utf-8").lower() not in ("utf-8", "utf8"):
            raise BadRequest("another encoding than UTF-8")
        texts = [request.path, *request.COOKIES.values()]
        texts += [part for name, values in request.GET.lists() for part in (name, *values)]
        if any("\x00" in text or _has_surrogate(text) for text in texts):
            raise BadRequest("unstorable text in the address or in a cookie")
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
