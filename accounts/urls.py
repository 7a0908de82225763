from django.urls import path

from accounts import views

urlpatterns = [
    path("account/personal/", views.personal_data, name="personal_data"),
    path("account/identity/add/", views.identity_add, name="identity_add"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<int:pk>/", views.message, name="message"),
    path("language/", views.set_language, name="set_language"),
]
