"""Refusals that Django leaves without a page: a wrong method, and a database that does not answer."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)


class ErrorPages:
    """405 in our words, and 503 with a time to come back while the database is away; never a bare 500 for that."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self.get_response(request)
        except AWAY:
            return _come_back()
        if response.status_code == 405 and not response.content:
            allowed = response["Allow"]
            response = render(request, "405.html", status=405)
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _come_back() if isinstance(error, AWAY) else None


def _come_back() -> HttpResponse:
    """503 without any context: whatever asks the database would fail again."""
    log.exception("the database does not answer")
    response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = "30"
    return response
