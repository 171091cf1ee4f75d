from django.apps import AppConfig


class CrossingConfig(AppConfig):
    name = "apps.crossing"
    default_auto_field = "django.db.models.BigAutoField"
