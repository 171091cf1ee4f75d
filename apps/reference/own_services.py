"""Saying things of instruments and issuers in attributes of the firm's own; each change is a fact."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from apps.core.acts import Act
from apps.core.refusals import Invalid, Stale
from apps.core.tables import hold_against_all
from apps.users.models import User
from apps.users.services import require

from . import own_rules, telling
from .models import Instrument, Issuer, OwnAttribute
from .own_selectors import VALUES

MOST_ROWS = 20_000


class Said(NamedTuple):
    """
    :param thing: an instrument's symbol or an issuer's code, as the attribute is of
    :param value: empty takes it away; :param was: what stood when the sender looked, empty for nothing
    :param source: who says so
    """

    attribute: str
    thing: str
    value: str
    was: str = ""
    source: str = ""


class BadValues(Invalid):
    """Rows that cannot be taken; ``rows`` says of each, counted from 1, what is wrong with it."""


class StaleValues(Stale):
    """Something else stands by now than the sender saw."""


@transaction.atomic
def set_own_values(act: Act, rows: Sequence[Said]) -> int:
    """
    Will say each value, or take it away where it is empty: all or none. What says the same already is left alone.

    :returns: how many values changed
    :raises BadValues: naming every row that cannot be taken
    :raises StaleValues: where another value stands than the one seen, with who said it
    """
    require(act, "reference.write")
    if not rows or len(rows) > MOST_ROWS:
        raise Invalid(f"Send 1 to {MOST_ROWS:,} values at a time.", field="rows")
    by = User.objects.get(pk=act.by)
    known = {a.code: a for a in OwnAttribute.objects.filter(code__in={row.attribute for row in rows})}
    things = _things(rows, known)
    if problems := _problems(rows, known, things):
        first = "; ".join(f"row {n}: {why}" for n, why in list(problems.items())[:5])
        raise BadValues(f"{len(problems)} of {len(rows)} rows cannot be taken, so none was: {first}.", rows=problems)
    return sum(
        _written(act, by, of, [(known[r.attribute], things[of][r.thing], r) for r in rows if known[r.attribute].of == of])
        for of in VALUES
    )


def _things(rows: Sequence[Said], known: dict[str, OwnAttribute]) -> dict[str, dict[str, int]]:
    """Of instruments and issuers the ids by name."""
    named = {of: {row.thing for row in rows if row.attribute in known and known[row.attribute].of == of} for of in VALUES}
    return {
        "instrument": dict(Instrument.objects.filter(symbol__in=named["instrument"]).values_list("symbol", "pk")),
        "issuer": dict(Issuer.objects.filter(code__in=named["issuer"]).values_list("code", "pk")),
    }


def _problems(rows: Sequence[Said], known: dict[str, OwnAttribute], things: dict[str, dict[str, int]]) -> dict[int, str]:
    found: dict[int, str] = {}
    first: dict[tuple[str, str], int] = {}
    for n, row in enumerate(rows, start=1):
        attribute = known.get(row.attribute)
        if attribute is None:
            found[n] = f"there is no attribute “{row.attribute}”"
        elif row.thing not in things[attribute.of]:
            found[n] = f"there is no {attribute.of} “{row.thing}”"
        elif row.value and (problem := own_rules.value_problem(attribute.kind, attribute.choices, row.value)):
            found[n] = f"the value {problem}"
        elif first.setdefault((row.attribute, row.thing), n) != n:
            found[n] = f"{row.attribute} of {row.thing} is in row {first[row.attribute, row.thing]} already"
    return found


def _written(act: Act, by: User, of: str, said: Sequence[tuple[OwnAttribute, int, Said]]) -> int:
    model, _ = VALUES[of]
    if not said:
        return 0
    with connection.cursor() as cursor:
        hold_against_all(cursor, model._meta.db_table)
    attributes = {attribute.pk for attribute, _, _ in said}
    standing = {(row.attribute_id, getattr(row, f"{of}_id")): row for row in model.objects.filter(attribute__in=attributes)}
    _refuse_stale(model, [(standing.get((attribute.pk, thing)), one) for attribute, thing, one in said])
    new, changed, gone = [], [], []
    told: list[tuple[Any, dict | None, dict | None]] = []
    for attribute, thing, one in said:
        row, value = standing.get((attribute.pk, thing)), one.value
        called = {"attribute": one.attribute, of: one.thing}
        before = None if row is None else called | telling.said_of(row)
        if row is None and value:
            row = model(attribute=attribute, value=value, source=one.source, **{f"{of}_id": thing})
            new.append(row)
        elif row is not None and not value:
            gone.append(row)
        elif row is not None and row.value != value:
            row.value, row.source = value, one.source
            changed.append(row)
        else:
            continue
        told.append((row, before, called | telling.said_of(row) if value else None))
    why = (act.reason or f"Sent by {act.via}")[:100]
    kept = {"default_user": by, "default_change_reason": why, "default_date": act.at}
    if new:
        for row, made in zip(new, bulk_create_with_history(new, model, **kept), strict=True):
            row.pk = made.pk
    if changed:
        bulk_update_with_history(changed, model, ["value", "source"], **kept)
    if gone:
        history = model.history.model
        names = [field.attname for field in history.tracked_fields]
        history.objects.bulk_create(
            history(
                history_type="-", history_user=by, history_change_reason=why, history_date=act.at,
                **{name: getattr(row, name) for name in names},
            )
            for row in gone
        )  # fmt: skip
        rows = model.objects.filter(pk__in=[row.pk for row in gone])
        rows._raw_delete(rows.db)  # Nothing points at a value, and what is gone is kept above.
    telling.tell(act, model, [telling.Change(row.pk, before, after) for row, before, after in told])
    return len(new) + len(changed) + len(gone)


def _refuse_stale(model: type, pairs: Sequence[tuple[Any, Said]]) -> None:
    stale = [(row, one) for row, one in pairs if (row.value if row else "") not in (one.was, one.value)]
    if not stale:
        return
    kept = model.history.filter(id__in=[row.pk for row, _ in stale if row]).select_related("history_user").order_by("history_id")
    last = {one.id: one for one in kept}
    told = []
    for row, one in stale:
        before = last.get(row.pk) if row else None
        changes = [
            {"event": "own_value.said", "by": str(before.history_user or "the system"), "at": before.history_date.isoformat(),
             "what": {"value": before.value}}
        ] if before else []  # fmt: skip
        told.append({"id": row.pk if row else 0, "ref": f"{one.attribute} of {one.thing}", "seen": one.was, "changes": changes})
    row, one = stale[0]
    stands = f"“{row.value}”" if row else "nothing"
    raise StaleValues(
        f"{one.attribute} of {one.thing} says {stands} by now, not what you saw. Look again and send what is still wanted.", values=told
    )


def hold_own_values(codes: Sequence[str], instrument_ids: Sequence[int], issuer_ids: Sequence[int]) -> None:
    """
    Will keep what is said in these attributes of these from being changed until the transaction ends; others may hold it too.
    Two statements, none without a code.
    """
    for of, ids in (("instrument", instrument_ids), ("issuer", issuer_ids)) if codes else ():
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT v.id FROM {VALUES[of][0]._meta.db_table} v JOIN reference_ownattribute a ON a.id = v.attribute_id"
                f" WHERE a.code = ANY(%s) AND v.{of}_id = ANY(%s::bigint[]) ORDER BY v.id FOR SHARE OF v",
                [list(codes), list(ids)],
            )
