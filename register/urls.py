from django.urls import path

from register import views

urlpatterns = [
    path("verify/", views.verify, name="verify"),
    path("verify/<str:code>/", views.verify_paper, name="verify_paper"),
    path("issued/<slug:number>.pdf", views.issued_paper, name="issued_paper"),
    path("account/qualifications/add/", views.qualification, name="qualification_add"),
    path("account/qualifications/<int:pk>/", views.qualification, name="qualification"),
]
