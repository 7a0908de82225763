"""`manage.py check_books`: every rule that the money breaks, in words. Exit code 1 when there is one, 2 when it cannot look."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mumaris.kit.clock import now
from mumaris.pages import books


class Command(BaseCommand):
    help = "Checks that no money is lost or doubled anywhere in the database, and names what breaks a rule."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="what is found, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):  # as all that operators read
            self.tell(**options)

    def tell(self, **options: Any) -> None:
        try:
            found = books.breaches(now())
        except ProgrammingError as error:
            words = _(
                "This database does not have the tables of this version. Start the portal on it once, or run migrate."
            )
            raise CommandError(words, returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(books.report(found), ensure_ascii=False, indent=2))
        elif found:
            self.stdout.write("\n".join(map(str, found)))
        else:
            number = len(books.RULES)
            self.stdout.write(ngettext("%(number)s rule holds", "%(number)s rules hold", number) % {"number": number})
        if found:
            raise SystemExit(1)
