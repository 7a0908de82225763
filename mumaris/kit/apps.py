from django.apps import AppConfig


class KitConfig(AppConfig):
    name = "mumaris.kit"
    label = "kit"
