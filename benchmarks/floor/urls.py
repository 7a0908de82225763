"""The one page of the floor."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from benchmarks.floor.models import Application

STEPS = ["draft", "submitted", "under review", "awaiting payment", "paid", "issued"]


@login_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    application = get_object_or_404(Application, pk=pk, owner_id=request.user.pk)
    return render(request, "detail.html", {"application": application, "steps": STEPS, "rows": range(33)})


urlpatterns = [path("applications/<int:pk>/", detail, name="detail")]
