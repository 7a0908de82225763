from django.urls import path

from documents import views

urlpatterns = [
    path("papers/<uuid:pk>/", views.paper, name="paper"),
    path("account/experience/add/", views.experience, name="experience_add"),
    path("account/experience/<int:pk>/", views.experience, name="experience"),
]
