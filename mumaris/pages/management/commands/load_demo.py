import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from mumaris.kit.models import DemoClock


class Command(BaseCommand):
    help = "Make the demo's people once, through the gateway simulator. Their passwords go to var/demo-people.txt."

    def handle(self, *args, **options):
        if not settings.DEMO:
            raise CommandError("Demo people belong to the demo: PORTAL_DEMO is not set.")
        if User.objects.exists():
            return
        from mumaris.pages.demo_people import Demo

        with transaction.atomic():
            DemoClock.objects.get_or_create(id=1)
            lines = ["\t".join(line) for line in Demo(self.stdout.write).load()]
            keep(settings.DEMO_PEOPLE, "\n".join(lines) + "\n")


def keep(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600), encoding="utf-8") as file:
        file.write(text)
