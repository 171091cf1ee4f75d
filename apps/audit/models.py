"""The record. Acts, entries and seals are written once: triggers refuse any change or removal."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


def append_only() -> list:
    """Triggers under which rows can be written but never changed, removed or emptied."""
    return [
        pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="is_never_emptied",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    ]


class ActRow(models.Model):
    """An act as it was kept, and the answer given to it, where its caller sent a key."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    via = models.CharField(max_length=20)
    reason = models.TextField(blank=True, default="")
    cause = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    request_ref = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        db_table = "audit_act"
        triggers = append_only()


class KeptAnswer(models.Model):
    """The first answer to an idempotency key: same key and same input get it again."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    service = models.CharField(max_length=80)
    input_hash = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    act = models.ForeignKey(ActRow, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["by", "key", "service"], name="a_key_is_answered_once"),
        ]


class Entry(models.Model):
    """One fact about one subject: the ``nth`` of its life."""

    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="entries")
    event = models.CharField(max_length=60)
    subject = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    nth = models.IntegerField()
    payload = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "subject_id", "nth"], name="each_change_of_a_subject_has_one_entry"
            ),
            models.CheckConstraint(condition=Q(nth__gte=1), name="a_life_counts_from_one"),
        ]
        triggers = append_only()


class Delivery(models.Model):
    """A promise that a listener will be told of the facts of one act, between two entries."""

    class Status(models.TextChoices):
        OPEN = "OPEN"
        DONE = "DONE"
        PARKED = "PARKED"

    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="deliveries")
    event = models.CharField(max_length=60)
    listener = models.CharField(max_length=80)
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    attempts = models.IntegerField(default=0)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status="OPEN"), name="open_promises"),
            models.Index(fields=["id"], condition=Q(status="PARKED"), name="parked_promises"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="DONE", done_at__isnull=False) | ~Q(status="DONE"), name="done_says_when"
            ),
        ]


class Seal(models.Model):
    """
    A signed Merkle root over entries committed since the last seal, chained to that seal's root.

    Ids are drawn before commit, so an entry may appear below one already sealed. ``holes`` are the ids missing when
    the seal was made; what appears in one of them within an hour is sealed next, what appears later is an insertion.
    """

    made_at = models.DateTimeField()
    last_entry = models.BigIntegerField()
    entries = models.BinaryField()
    holes = models.JSONField(default=list)
    count = models.IntegerField()
    root = models.CharField(max_length=64)
    previous_root = models.CharField(max_length=64, unique=True)
    signature = models.CharField(max_length=128)
    public_key = models.CharField(max_length=64)

    class Meta:
        triggers = append_only()
