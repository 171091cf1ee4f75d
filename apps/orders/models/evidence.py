"""What is kept beside an order: who lends what it sells short, and the documents behind it."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.reference.fields import qty_field

from .orders import Order


class Locate(models.Model):
    """
    A lender's word that the units of a short sale can be borrowed (Regulation SHO, 17 CFR 242.203(b)(1)). It counts
    until it expires or is given back. Units that are borrowed already also count where a locate is not enough (17 CFR
    242.204(b)).
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="locates")
    lender = models.CharField(max_length=60)
    ref = models.CharField(max_length=40, help_text="the lender's number for it")
    qty = qty_field()
    is_borrow = models.BooleanField(
        default=False, db_default=False, help_text="the units are borrowed already, not only located"
    )
    expires_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(qty__gt=0), name="a_locate_has_a_quantity"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="a_locate_expires_after_it_is_made"),
            models.UniqueConstraint(
                fields=["order", "lender", "ref"], condition=Q(released_at=None), name="a_locate_is_attached_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lender} {self.ref}"


class Document(models.Model):
    """
    What an order rests on: a file as it was given, or an address. Never changed, never deleted.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="documents")
    name = models.CharField(max_length=120)
    url = models.URLField(max_length=400, blank=True, default="", help_text="of a document kept elsewhere")
    content = models.BinaryField(null=True, help_text="of a file kept here")
    size = models.IntegerField(default=0, help_text="bytes")
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="of the content")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(url="", content__isnull=False) | (~Q(url="") & Q(content=None)),
                name="a_document_is_a_file_or_an_address",
            ),
            models.UniqueConstraint(fields=["order", "name"], name="a_documents_name_is_given_once"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.name
