from django.apps import AppConfig


class AllocationsConfig(AppConfig):
    name = "apps.allocations"
    default_auto_field = "django.db.models.BigAutoField"
