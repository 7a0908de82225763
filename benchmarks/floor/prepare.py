"""Tables, one user with one application and a signed-in session, whose key is printed: `python -m benchmarks.floor.prepare`."""

from datetime import timedelta
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_name("tables.sql").read_text())
    from django.contrib.auth.models import User
    from django.test import Client

    from benchmarks.floor.models import Application

    user = User.objects.create(username="user1", email="user1@example.invalid")
    now = timezone.now()
    Application.objects.create(
        pk=1,
        number="APP-000000001",
        owner_id=user.pk,
        status="awaiting_payment",
        applicant_name="Applicant One",
        email=user.email,
        licence_type="trade",
        fee=100,
        payment_deadline=now + timedelta(days=20),
        created_at=now,
        note="n" * 120,
    )
    client = Client()
    client.force_login(user)
    print(client.cookies["sessionid"].value)


if __name__ == "__main__":
    main()
