"""Two guards around every request: text that no database can hold, and pages that no cache may keep."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse


class BadText:
    """Refuses addresses with characters that PostgreSQL cannot store (NUL, lone surrogates); forms do so at the field."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        texts = [request.path, *(part for pair in request.GET.lists() for part in [pair[0], *pair[1]])]
        if any("\x00" in text or _has_surrogate(text) for text in texts):
            raise BadRequest("unstorable text in the address")
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
