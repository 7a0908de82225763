"""The whole map. Everything asks for a sign-in but what is marked as public (tests/law lists it)."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from mumaris.pages import calendar, views

urlpatterns = [
    path("", views.home, name="home"),
    path("about/", views.about, name="about"),
    path("account/", views.account, name="account"),
    path("account/calendar/renew/", calendar.calendar_renew, name="calendar_renew"),
    path("calendar/<str:token>.ics", calendar.calendar, name="calendar"),
    path("health", views.health, name="health"),
    path("", include("accounts.urls")),
    path("", include("documents.urls")),
    path("", include("register.urls")),
    path("", include("payments.urls")),
    path("", include("applications.urls")),
    path("", include("refunds.urls")),
    path("sign/", include("allauth.urls")),
    path("altcha/", views.human_check_challenge, name="altcha_challenge"),
    path("desk/", admin.site.urls),
]
if settings.DEMO:
    from mumaris.pages import demo

    urlpatterns += [
        path("demo/", demo.demo, name="demo"),
        path("demo/clock/", demo.move_clock, name="demo_clock"),
    ]
