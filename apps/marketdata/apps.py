from django.apps import AppConfig


class MarketdataConfig(AppConfig):
    name = "apps.marketdata"
    default_auto_field = "django.db.models.BigAutoField"
