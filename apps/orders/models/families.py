"""An order that was split is a family: what its parts ask for sums to what its manager asked for."""

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.reference.fields import qty_field

# Seen at commit, so that within an act one part may give before another takes.
SUMS_UP = """
    IF {has} (SELECT 1 FROM orders_family f WHERE f.root_id = {root} AND f.qty {is_not} (
        SELECT sum(o.qty) FROM orders_order o WHERE o.id = f.root_id OR o.split_from_id = f.root_id))
    THEN
        RAISE EXCEPTION 'the parts of order % do not sum to what it asks for', {root}
            USING ERRCODE = 'check_violation', CONSTRAINT = 'parts_sum_to_the_whole';
    END IF;
    RETURN NULL;
"""
PARTS_SUM = [
    pgtrigger.Trigger(
        name="parts_sum_to_the_whole",
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        operation=pgtrigger.UpdateOf("qty", "split_from_id"),
        condition=pgtrigger.Q(old__qty__df=pgtrigger.F("new__qty")) | pgtrigger.Q(old__split_from__df=pgtrigger.F("new__split_from")),
        func=SUMS_UP.format(has="EXISTS", is_not="<>", root="coalesce(NEW.split_from_id, NEW.id)"),
    ),
    pgtrigger.Trigger(
        name="a_new_part_is_of_the_whole",
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Q(new__split_from__isnull=False),
        func=SUMS_UP.format(has="NOT EXISTS", is_not="=", root="NEW.split_from_id"),
    ),
]


class Family(models.Model):
    """
    What an order and those split from it ask for together. A split and a join leave it as it is; an amendment of a part
    changes it by the difference.
    """

    root = models.OneToOneField("orders.Order", primary_key=True, on_delete=models.PROTECT, related_name="family")
    qty = qty_field()
    made_at = models.DateTimeField(help_text="when it was first split")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(qty__gt=0), name="a_family_asks_for_a_quantity")]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="sums_its_parts",
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=SUMS_UP.format(has="EXISTS", is_not="<>", root="NEW.root_id"),
            ),
        ]
