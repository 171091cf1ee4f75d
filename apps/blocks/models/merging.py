"""What the firm asks of orders besides being alike before the desk works them as one."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.orders.models import OwnField
from apps.reference.models import AssetClass
from apps.users.models import Desk


class MergeRule(models.Model):
    """
    What like orders must also have in common to become one block, on a desk and for an asset class, or everywhere. The
    one for the desk and the class counts before the desk's, that before the class's, that before the one for all. It
    holds for orders gathered from then on; a block that is open is gathered anew by un-blocking it.
    """

    desk = models.ForeignKey(Desk, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: every desk")
    asset_class = models.CharField(
        max_length=8, choices=AssetClass.choices, blank=True, default="", help_text="empty: every class"
    )
    by_group = models.BooleanField("program or group", default=False, help_text="each program in blocks of its own")
    by_team = models.BooleanField("team", default=False, help_text="of the portfolio's managers")
    by_person = models.BooleanField("who entered it", default=False)
    by_portfolio = models.BooleanField("portfolio", default=False)
    by_order = models.BooleanField("every order alone", default=False, help_text="in a block of its own")
    own_field = models.ForeignKey(
        OwnField, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        verbose_name="field of the firm's own", help_text="the value of it",
    )  # fmt: skip
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["desk", "asset_class", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["desk", "asset_class"], condition=Q(is_active=True), nulls_distinct=False,
                name="one_merge_rule_a_desk_and_class",
                violation_error_message="This desk and asset class have a rule in force already; change or end that one.",
            ),
            models.CheckConstraint(
                condition=Q(by_group=True) | Q(by_team=True) | Q(by_person=True) | Q(by_portfolio=True) | Q(by_order=True)
                | Q(own_field__isnull=False),
                name="a_merge_rule_asks_for_something",
                violation_error_message="Choose what orders of one block must have in common.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        where = " ".join(filter(None, [str(self.desk) if self.desk else "", self.get_asset_class_display()]))
        return f"{where or 'Everywhere'}: {', '.join(self.asks)}"

    @property
    def asks(self) -> list[str]:
        """What it asks for, in words."""
        fields = ("by_group", "by_team", "by_person", "by_portfolio", "by_order")
        said = [str(self._meta.get_field(name).verbose_name) for name in fields if getattr(self, name)]
        return said + ([self.own_field.label] if self.own_field else [])
