"""How each broker wants to be spoken to beside what FIX lays down: editions, one in force a session."""

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from .. import rules
from ..rules import dialects
from ..states import Di
from .sessions import Session

APPROVED = (Di.IN_FORCE, Di.ENDED)


class Dialect(models.Model):
    """
    An edition of a session's dialect: proposed by one person, in force once another approves it, until a later one is. It
    moves money: a price in pence that is read in pounds is wrong a hundredfold.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    symbology = models.CharField(max_length=6, choices=list(dialects.SYMBOLOGIES.items()), default=dialects.LISTED)
    suffixes = models.JSONField(default=dict, blank=True, help_text="MIC to the suffix of a RIC")
    price_units = models.JSONField(default=list, blank=True, help_text="currency, code, per: GBP, GBX, 100")
    bond_unit = models.PositiveIntegerField(default=1, help_text="face that one of a bond's quantity is")
    tags = models.JSONField(default=list, blank=True, help_text="on, tag, kind, value")
    required = models.JSONField(default=list, blank=True, help_text="on, tag")
    list_fills = models.BooleanField(
        default=False, db_default=False, help_text="fills of lists come by ListStatus (35=N) alone, and are booked from it"
    )
    reason = models.CharField(max_length=400)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=Di.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Where(status__in=APPROVED) | (Where(decided_by__isnull=False) & ~Where(decided_by=F("proposed_by"))),
                name="another_person_approves_a_dialect",
            ),
            models.CheckConstraint(condition=Where(bond_unit__gt=0), name="a_bond_unit_is_above_zero"),
            models.UniqueConstraint(fields=["session"], condition=Where(status="IN_FORCE"), name="one_dialect_in_force"),
            models.UniqueConstraint(fields=["session"], condition=Where(status="PROPOSED"), name="one_dialect_proposed"),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"DI-{self.pk:04d}"

    @property
    def rules(self) -> "rules.Dialect":
        return dialects.of_data({name: getattr(self, name) for name in dialects.Dialect._fields})

    @property
    def lines(self) -> dict[str, str]:
        """Its tables as texts, a line each, by field."""
        return dialects.lines_of(self.rules)
