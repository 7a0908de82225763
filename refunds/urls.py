from django.urls import path

from refunds import views

urlpatterns = [
    path("applications/<slug:reference>/withdraw/", views.withdraw, name="application_withdraw"),
]
