"""The firm's own fields of orders."""

from collections.abc import Mapping

from .. import rules
from ..models import OwnField


def own_fields() -> list[rules.OwnField]:
    """Those in use, in their order. One query."""
    rows = OwnField.objects.filter(is_active=True).order_by("place", "code")
    names = ("code", "label", "kind", "choices", "parent__code", "is_asked", "is_screened")
    return [rules.OwnField(*row) for row in rows.values_list(*names)]


def own_in_words(own: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Values of an order by the labels of their fields, in the firm's order, those out of use too. One query, or none."""
    if not own:
        return []
    labels = OwnField.objects.filter(code__in=own).order_by("place", "code").values_list("code", "label")
    return [(label, {True: "Yes", False: "No"}.get(own[code]) or str(own[code])) for code, label in labels]
