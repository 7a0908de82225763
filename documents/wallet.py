"""Taking a file into the wallet: checked, scanned, stored, then written down (DOC-1)."""

from datetime import datetime

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.models import Practitioner
from documents import checks, scanning
from documents.models import Paper, Scan
from mumaris.kit import files


def take_in(upload: UploadedFile, *, practitioner: Practitioner, kind: str, now: datetime) -> Paper:
    """A new paper from an uploaded file. Raises checks.Refused with every reason, and then nothing is kept."""
    examined = checks.examine(upload, max_bytes=settings.UPLOAD_LIMIT)
    verdict = scanning.scan(examined.content)
    if verdict == Scan.INFECTED:
        raise checks.Refused("infected")
    examined.content.seek(0)
    key = files.keep(examined.content)
    try:
        with transaction.atomic():
            return Paper.objects.create(
                practitioner=practitioner,
                kind=kind,
                name=examined.name,
                storage_key=key,
                sha256=examined.sha256,
                bytes=examined.bytes,
                media_type=examined.media_type,
                pages=examined.pages,
                scan=verdict,
                uploaded_at=now,
            )
    except BaseException:
        files.discard(key)
        raise
