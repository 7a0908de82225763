from django.core.management.base import BaseCommand

from applications.lifecycle import LIFECYCLE


class Command(BaseCommand):
    help = "Print the life of an application as a Mermaid diagram, as the README shows it."

    def handle(self, *args, **options):
        self.stdout.write(LIFECYCLE.diagram())
