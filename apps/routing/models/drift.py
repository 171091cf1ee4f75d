"""How the mid moved after an inquiry."""

from django.db import models

from apps.reference.fields import price_field

from .routes import Inquiry


class Drift(models.Model):
    """The mid some minutes after an inquiry was decided, looked at once and never changed; empty where it was not known in time."""

    inquiry = models.OneToOneField(Inquiry, on_delete=models.PROTECT, related_name="drift")
    at = models.DateTimeField(help_text="when it was looked at")
    mid = price_field(null=True)

    def __str__(self) -> str:
        return f"{self.inquiry_id} at {self.at}"
