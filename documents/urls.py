from django.urls import path

from documents import views

urlpatterns = [
    path("papers/<uuid:pk>/", views.paper, name="paper"),
    path("account/documents/", views.wallet, name="wallet"),
    path("account/documents/<slug:kind>/<int:pk>/case/", views.wallet_case, name="wallet_case"),
    path("account/cases/<slug:case_number>/ask/", views.case_ask, name="case_ask"),
    path("account/cases/<slug:case_number>/appeal/", views.case_appeal, name="case_appeal"),
    path("account/experience/add/", views.experience, name="experience_add"),
    path("account/experience/<int:pk>/", views.experience, name="experience"),
    path("account/licences/add/", views.licence, name="licence_add"),
    path("account/licences/<int:pk>/", views.licence, name="licence"),
]
