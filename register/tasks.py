from celery import shared_task

from register import issuing
from register.models import IssuedPaper


@shared_task
def render_papers() -> None:
    """Render every issued paper that has no PDF yet, oldest first; each in its own transaction."""
    for pk in IssuedPaper.objects.filter(storage_key=None).order_by("pk").values_list("pk", flat=True)[:100]:
        issuing.render(pk)
