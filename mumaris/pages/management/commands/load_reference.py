from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import roles
from applications import first_values
from cpd import first_values as cpd_values
from mumaris.kit import policy
from register import taxonomy


class Command(BaseCommand):
    help = "Enter the first policies, roles, taxonomy and fees where they are missing. Run it after every migrate."

    @transaction.atomic
    def handle(self, *args, **options):
        policy.load_first_values()
        roles.load_roles()
        taxonomy.load()
        cpd_values.load()
        first_values.load()
        if options["verbosity"] > 1:
            self.stdout.write("Reference data is complete.")
