import secrets

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from accounts.roles import ROLES
from mumaris.kit.addresses import canonical_email
from mumaris.kit.clock import now


class Command(BaseCommand):
    help = "Make a member of staff who can sign in at once, and print the password made for them. Have them change it."

    def add_arguments(self, parser):
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--role", action="append", choices=list(ROLES), default=[], help="may be given several times"
        )
        parser.add_argument("--superuser", action="store_true", help="for the first administrator")

    @transaction.atomic
    def handle(self, *args, email, name, role, superuser, **options):
        if not role and not superuser:
            raise CommandError("Say what they may do: --role, or --superuser.")
        try:
            email = canonical_email(email)
        except ValidationError as error:
            raise CommandError(f"{email}: {error.messages[0]}") from error
        if User.objects.filter(email=email).exists():
            raise CommandError(f"{email} has an account already. Its groups are changed at the desk.")
        password = secrets.token_urlsafe(12)
        user = User.objects.create_user(
            email, password, name=name, is_staff=True, is_superuser=superuser, activated_at=now()
        )
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        user.groups.set(Group.objects.filter(name__in=role))
        self.stdout.write(password)
