"""Sanctions lists as they were loaded, and the names that match them."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.models import ActRow
from apps.reference.models import Broker, Custodian, Issuer

from ..states import M
from .lists import Restriction

KINDS = (("ISSUER", "Issuer"), ("BROKER", "Broker"), ("CUSTODIAN", "Custodian"))

MATCHED = [("EXACT", "Same name"), ("ALIAS", "Same alias"), ("NEAR", "Nearly the same")]


class SanctionsList(models.Model):
    """A version of a sanctions list, kept whole; the newest is in force."""

    source = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64, help_text="of its files")
    parties = models.IntegerField(help_text="how many are on it")
    names = models.IntegerField(help_text="what they are called, together")
    content = models.BinaryField(help_text="who is on it, as compressed JSON")
    problems = models.JSONField(help_text="rows of its files that are wrong: file, row, message")
    loaded_at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def ref(self) -> str:
        return f"SL-{self.pk:04d}"


class ScreenedName(models.Model):
    """Whose name was held against which version of the list, and what they were called then."""

    kind = models.CharField(max_length=9, choices=KINDS)
    party_id = models.IntegerField()
    name = models.CharField(max_length=160)
    against = models.ForeignKey(SanctionsList, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "party_id"], name="a_party_is_screened_as_it_is_called")]


class NameMatch(models.Model):
    """A name of ours that is, or is nearly, one on a sanctions list: an officer confirms it or clears it."""

    kind = models.CharField(max_length=9, choices=KINDS)
    issuer = models.ForeignKey(Issuer, null=True, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, null=True, on_delete=models.PROTECT, related_name="+")
    custodian = models.ForeignKey(Custodian, null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=160, help_text="what ours was called")
    uid = models.IntegerField(help_text="the list's number of theirs")
    how = models.CharField(max_length=5, choices=MATCHED)
    called = models.CharField(max_length=350, help_text="what theirs is called there")
    score = models.DecimalField(max_digits=5, decimal_places=2, help_text="100 is the same")
    pair = models.CharField(max_length=32, help_text="of both as they were called: a decision holds while neither changes")
    theirs = models.JSONField(help_text="what the list said of them: name, kind, programs, countries, remarks")
    against = models.ForeignKey(SanctionsList, on_delete=models.PROTECT, related_name="+", db_index=False)
    found_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True, default="")
    restriction = models.ForeignKey(Restriction, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=9, default=M.WAITING)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="ISSUER", issuer__isnull=False, broker=None, custodian=None)
                | Q(kind="BROKER", issuer=None, broker__isnull=False, custodian=None)
                | Q(kind="CUSTODIAN", issuer=None, broker=None, custodian__isnull=False),
                name="a_match_is_of_one_party_of_ours",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["WAITING", "GONE"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(reason="")),
                name="a_decided_match_has_its_person_and_reason",
            ),
            models.CheckConstraint(
                condition=Q(status="CONFIRMED", restriction__isnull=False) | ~Q(status="CONFIRMED") & Q(restriction=None),
                name="a_confirmed_match_is_restricted",
            ),
            models.UniqueConstraint(
                fields=["issuer", "broker", "custodian", "uid", "pair"], nulls_distinct=False, name="a_pair_is_decided_once"
            ),
        ]
        indexes = [models.Index(fields=["-score"], condition=Q(status="WAITING"), name="waiting_matches")]

    @property
    def ref(self) -> str:
        return f"N-{self.pk:05d}"

    @property
    def ours(self) -> Issuer | Broker | Custodian:
        return self.issuer or self.broker or self.custodian
