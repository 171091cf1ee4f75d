"""What people keep on the desk: views of lists by name, and a line for each file they took."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.users.models import Desk


class SavedView(models.Model):
    """A list as somebody wants it: columns, widths, order, group, totals, filters, colours (``lists.specs.Spec``)."""

    list = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    desk = models.ForeignKey(Desk, null=True, on_delete=models.PROTECT, related_name="+", help_text="shared with it")
    spec = models.JSONField()
    is_first = models.BooleanField(default=False, help_text="what its owner's list opens with")
    changed_at = models.DateTimeField()
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "list", "name"], name="a_view_of_a_person_has_a_name_of_its_own"),
            models.UniqueConstraint(
                fields=["owner", "list"], condition=Q(is_first=True), name="a_list_opens_with_one_view"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Export(models.Model):
    """A file somebody took of a list; what it held is on the record."""

    list = models.CharField(max_length=20)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField()
    rows = models.IntegerField()
