"""Which language a person reads: what they chose here, else what their account says, else Arabic."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import translation


class LanguageMiddleware:
    """Sets the language of the request; the browser's own wish is not asked, for Arabic is the portal's first language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if chosen not in dict(settings.LANGUAGES):
            chosen = getattr(request.user, "language", settings.LANGUAGE_CODE)
        with translation.override(chosen):
            request.LANGUAGE_CODE = chosen
            response = self.get_response(request)
            if isinstance(response, SimpleTemplateResponse):
                response.render()  # while the language is set: it would be rendered outside
        response.headers.setdefault("Content-Language", chosen)
        return response
