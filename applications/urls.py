from django.urls import path

from applications import exemption_views, views

CASE = "applications/<slug:reference>/"

urlpatterns = [
    path("guide/", views.guide, name="guide"),
    path("guide/<path:answers>/", views.guide, name="guide_answers"),
    path("fees/", views.fees, name="fees"),
    path("services/", views.services, name="services"),
    path("services/<slug:slug>/", views.service, name="service"),
    path("services/<slug:slug>/start/", views.start, name="application_start"),
    path("account/exemption/", exemption_views.exemption, name="exemption"),
    path("applications/", views.applications, name="applications"),
    path(CASE, views.application, name="application"),
    path(CASE + "questions/", views.questions, name="application_questions"),
    path(CASE + "documents/", views.documents, name="application_documents"),
    path(CASE + "documents/<slug:slot>/", views.attach, name="application_attach"),
    path(CASE + "documents/<slug:slot>/remove/", views.detach, name="application_detach"),
    path(CASE + "check/", views.check, name="application_check"),
    path(CASE + "reopen/", views.reopen, name="application_reopen"),
    path(CASE + "discard/", views.discard, name="application_discard"),
    path(CASE + "remarks/", views.remarks, name="application_remarks"),
    path(CASE + "remarks/<slug:target>/", views.answer, name="application_answer"),
    path(CASE + "resubmit/", views.resubmit, name="application_resubmit"),
    path(CASE + "object/", views.object_to_grant, name="application_object"),
    path(CASE + "appeal/", views.appeal, name="application_appeal"),
]
