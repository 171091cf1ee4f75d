from django.apps import AppConfig


class CertificationConfig(AppConfig):
    name = "apps.certification"
    default_auto_field = "django.db.models.BigAutoField"
