"""Limits of one's own: what other tests try at the same moment is not counted."""

import pytest


@pytest.fixture(autouse=True)
def limits_of_ones_own(settings, request):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
