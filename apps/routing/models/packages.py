"""Several legs at a broker as one order."""

import pgtrigger
from django.db import models
from django.db.models import Q as Where

from apps.reference.fields import price_field, qty_field
from apps.reference.models import Broker

from ..rules.packages import package_of
from .routes import Route


class Package(models.Model):
    """
    An order of several legs (35=AB). Each leg is a route, with its fills and its state; the package keeps what was asked for the
    whole, and what the broker last said of it, which is booked nowhere.
    """

    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    link = models.CharField(max_length=20, help_text="ClOrdLinkID (583): the group it is of")
    qty = qty_field(help_text="packages that its broker has accepted, or was first asked for")
    net_limit = price_field(null=True, help_text="for one package: the most that is paid, below zero the least that is received")
    wanted_qty = qty_field(null=True, help_text="of the replace asked for last")
    wanted_limit = price_field(null=True)
    wanted_name = models.CharField(max_length=40, blank=True, default="", help_text="ClOrdID of that replace")
    reports = models.CharField(max_length=1, help_text="MultiLegRptTypeReq (563): 1 package and legs, 2 legs alone")
    requested_at = models.DateTimeField()
    told_qty = qty_field(null=True, help_text="packages filled, as the broker counts them")
    told_price = price_field(null=True, help_text="net average of one, as the broker counts it")
    told_text = models.CharField(max_length=200, blank=True, default="")
    told_at = models.DateTimeField(null=True, help_text="TransactTime (60) of its last report")

    class Meta:
        constraints = [models.CheckConstraint(condition=Where(qty__gt=0), name="a_package_order_has_a_quantity")]
        indexes = [models.Index(fields=["link"], name="packages_by_link")]
        triggers = [pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete)]

    @property
    def ref(self) -> str:
        return f"PK-{self.pk:04d}"

    @property
    def group_id(self) -> int:
        """The number of the linked blocks it is of, on whose page it is changed and cancelled."""
        return int(self.link.rpartition("-")[2])

    @property
    def name(self) -> str:
        """The ClOrdID under which its broker has it; its legs are fetched."""
        return package_of(self.legs.all()[0].route.cl_ord_id)


class PackageLeg(models.Model):
    """One leg of a package: the route it is worked as, and how many of it one package has."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="legs")
    nth = models.IntegerField()
    route = models.OneToOneField(Route, on_delete=models.PROTECT, related_name="package_leg")
    ratio = qty_field()
    leg_ref = models.CharField(max_length=40, help_text="LegRefID (654)")

    class Meta:
        ordering = ["package", "nth"]
        constraints = [
            models.UniqueConstraint(fields=["package", "nth"], name="package_legs_stand_in_an_order"),
            models.CheckConstraint(condition=Where(ratio__gt=0) & Where(nth__gte=1, nth__lte=10), name="a_package_leg_has_a_ratio"),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete),
        ]
