from django.contrib import admin

from documents.models import Paper
from mumaris.kit.readonly import ReadOnlyAdmin


@admin.register(Paper)
class PaperAdmin(ReadOnlyAdmin):
    """What was uploaded and how the scanner judged it. A file is opened from the case that it belongs to."""

    fields = ["name", "kind", "practitioner", "media_type", "bytes", "pages", "scan", "uploaded_at"]
    list_display = ["name", "kind", "practitioner", "media_type", "bytes", "scan", "uploaded_at"]
    list_filter = ["scan"]
    list_select_related = ["practitioner"]
    ordering = ["-uploaded_at"]
