from django.apps import AppConfig


class AlgosConfig(AppConfig):
    name = "apps.algos"
    default_auto_field = "django.db.models.BigAutoField"
