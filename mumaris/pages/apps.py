from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class PagesConfig(AppConfig):
    name = "mumaris.pages"
    label = "pages"
    default = True


class DeskConfig(SimpleAdminConfig):
    """Django's admin with our own site; named here so that no app imports it."""

    default = False
    default_site = "mumaris.pages.desk.Desk"

    def ready(self) -> None:
        super().ready()
        self.module.autodiscover()
