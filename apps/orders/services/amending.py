"""
Other terms for orders that exist: one by one with all or none, or many by one change with an answer for each.

Amended, an order is a draft again, for what compliance judged is no longer what is asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import orjson
import polars as pl
from django.db import transaction

from apps.core.acts import Act
from apps.core.events import Event
from apps.core.refusals import IllegalMove, Invalid
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Order
from ..states import LIFE, S
from .moves import Locked, StaleOrder, asked, happen, locked
from .own_fields import judged_fields, opens, write_fields
from .splitting import change_families
from .tickets import BadWishes, bad_wishes, with_facts

PLAIN = ("qty", "order_type", "limit_price", "tif", "instructions", "rationale")
AMENDABLE = (*PLAIN, *rules.HANDLING, "desk")
DERIVED = ("intent", "intent_value")  # Asked for, they give the quantity.
STORED = {"qty": "numeric", "limit_price": "numeric", "terms": "jsonb", "intent": "jsonb", "desk_id": "bigint"}  # Else text.


class Judged(NamedTuple):
    """Terms before and after (``row`` is the order's id, numbers as text), and the problems of those that cannot be."""

    before: dict[int, dict[str, Any]]
    after: pl.DataFrame
    problems: pl.DataFrame


@transaction.atomic
def amend_orders(act: Act, changes: Mapping[int, Mapping[str, Any]], *, seen: Mapping[int, int]) -> None:
    """
    Will change the terms of orders that the desk does not yet work; they become drafts again. An order whose terms stay
    as they were is left alone.

    :param changes: order id to new values by field (``AMENDABLE``); numbers as Decimals or as text
    :raises NotFound, NotAllowed, StaleOrder, IllegalMove: as when cancelling
    :raises BadWishes: naming every bad field; ``index`` counts the orders by id
    :raises Invalid: if a field cannot be amended, or nothing would change
    """
    rows = asked(act, "orders.amend", changes, seen)
    for named in changes.values():
        unknown = sorted(set(named) - set(AMENDABLE + DERIVED))
        if unknown:
            raise Invalid(
                f"{', '.join(unknown)} cannot be amended; cancel the order and enter another.", field=unknown[0]
            )
    for row in rows:
        LIFE.after(row.status, events.OrderAmended)
    found = _judged(act, changes)
    if len(found.problems):
        index = {pk: n for n, pk in enumerate(sorted(changes))}
        raise bad_wishes(found.problems.with_columns(pl.col("row").replace_strict(index)), len(changes), was="amended")
    if not _write(act, rows, found):
        raise Invalid("These are already the order's terms; there is nothing to amend.", field="qty")


def _judged(act: Act, changes: Mapping[int, Mapping[str, Any]]) -> Judged:
    names = ("pk", "portfolio_id", "instrument_id", "side", *PLAIN, "terms", "intent", "currency_id", "desk__code", "filled_qty")
    before, after, crossed = {}, [], {}
    for row in Order.objects.filter(pk__in=changes).order_by("pk").values_list(*names):
        old = dict(zip(names, row, strict=True))
        old["desk"] = old.pop("desk__code")
        said, intent, filled = old.pop("terms"), old.pop("intent"), old.pop("filled_qty")
        if filled:
            crossed[old["pk"]] = filled
        old |= {name: said.get(name, "") for name in rules.HANDLING}
        new = rules.without_what_it_lost(old | changes[old["pk"]], changes[old["pk"]])
        before[old["pk"]] = _as_typed(old) | {"intent": orjson.dumps(intent).decode() if intent else None}
        after.append(_as_typed(new))
    user = require(act, "orders.amend")
    schema = {"row": pl.Int64, "portfolio_id": pl.Int64, "instrument_id": pl.Int64} | dict.fromkeys(
        (*rules.TYPED, "desk"), pl.String
    )
    typed = pl.DataFrame(after, schema=schema)
    terms, problems = rules.judged(with_facts(user, typed, act.at, fills=False))
    terms = terms.with_columns(
        rules.as_text("qty", rules.QTY_PLACES),
        rules.as_text("limit_price", rules.PRICE_PLACES),
        *(pl.col("terms").str.json_path_match(f"$.{name}").fill_null("").alias(name) for name in rules.HANDLING),
    ).join(typed.select("row", "desk"), on="row", how="left", maintain_order="left")
    for pk, filled in crossed.items():  # What was met inside the firm stays filled.
        if not terms.filter((pl.col("row") == pk) & (pl.col("qty").cast(pl.Decimal(20, 4)) <= filled)).is_empty():
            message = f"{rules.plain(filled)} of it is filled already; its quantity must be more than that."
            problems = pl.concat([problems, pl.DataFrame([(pk, "qty", message)], schema=problems.schema, orient="row")])
            terms = terms.filter(pl.col("row") != pk)
    return Judged(before, terms, problems.sort("row", maintain_order=True))


def _write(act: Act, rows: Iterable[Locked], found: Judged) -> list[Locked]:
    """Writes the terms that differ from what they were; the orders they were written to, as they were locked."""
    told: dict[int, events.OrderAmended] = {}
    intents: dict[int, str | None] = {}
    for new in found.after.iter_rows(named=True):
        old = found.before[new["row"]] | {"limit_price": found.before[new["row"]]["limit_price"] or None}
        changed = [name for name in AMENDABLE if old[name] != new[name]]
        if changed:
            before, after = {name: old[name] for name in changed}, {name: new[name] for name in changed}
            intents[new["row"]] = new["intent"] or (None if "qty" in after else old["intent"])
            was, is_now = (orjson.loads(text) if text else None for text in (old["intent"], intents[new["row"]]))
            if was != is_now:
                before["intent"], after["intent"] = was, is_now
            told[new["row"]] = events.OrderAmended(before, after)
    changing = [row for row in rows if row.id in told]
    kept = found.after.filter(pl.col("row").is_in(list(told))).sort("row")
    columns = {
        name: (STORED.get(name, "text"), kept[name].to_list()) for name in (*PLAIN, "terms", "desk_id")
    }
    columns["intent"] = ("jsonb", [intents[pk] for pk in kept["row"].to_list()])
    sizes = {pk: (Decimal(one.before["qty"]), Decimal(one.after["qty"])) for pk, one in told.items() if "qty" in one.after}
    change_families({pk: after - before for pk, (before, after) in sizes.items() if after != before})
    happen(act, changing, told, columns=columns)
    return changing


def _as_typed(terms: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "row": terms["pk"], "portfolio_id": terms["portfolio_id"], "instrument_id": terms["instrument_id"],
        "side": terms["side"], "qty": rules.plain(terms["qty"]), "order_type": terms["order_type"],
        "limit_price": rules.plain(terms["limit_price"]), "tif": terms["tif"], "instructions": terms["instructions"],
        "rationale": terms["rationale"], "client_ref": "", "currency": terms["currency_id"], "desk": terms["desk"],
        **{name: rules.plain(terms.get(name)) for name in (*rules.HANDLING, *DERIVED)},
    }  # fmt: skip


# --- many by one change ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change for many orders; None leaves a field as it is. Numbers as Decimals or as text.

    ``limit_price`` makes an order at market a limit order and a stop order a stop-limit;
    ``limit_bp`` moves each order's own limit by basis points of it;
    ``order_type`` MARKET drops the limit. ``qty_pct`` is a percentage of each order's quantity, rounded down to what
    trades, or of its amount where that binds, down to the cent. ``desk`` is a desk's code. ``own`` sets values of the firm's
    own fields by their codes, which alone opens nothing again but where compliance may ask for one; an empty one takes a value
    away.
    """

    order_type: str | None = None
    limit_price: Decimal | str | None = None
    limit_bp: Decimal | str | None = None
    tif: str | None = None
    instructions: str | None = None
    rationale: str | None = None
    desk: str | None = None
    qty_pct: Decimal | str | None = None
    expire_date: date | str | None = None
    own: Mapping[str, object] | None = None


CENT = Decimal("0.01")
UNCHANGED = "unchanged"
GIVEN_A_LIMIT = {"MARKET": "LIMIT", "STOP": "STOP_LIMIT"}  # Whatever else there is keeps its type, and its stop or peg.


class Outcome(NamedTuple):
    """
    What became of one order of many.

    :param done: whether it was changed
    :param code: why not, as the refusal of a single order is called (``stale_order``, ``illegal_move``, …)
    :param status: where it stands now; empty for one that is not the person's
    :param since: what happened to it since the person looked, for a stale one (as ``StaleOrder`` tells it)
    """

    order_id: int
    done: bool
    code: str
    message: str
    status: str
    version: int
    since: Sequence[Mapping[str, Any]] = ()


@transaction.atomic
def change_orders(act: Act, change: Change, *, seen: Mapping[int, int], submit: bool = False) -> list[Outcome]:
    """
    Will change each of the orders that can be changed and say of each other why not; those stay untouched. The number
    of statements does not grow with the number of orders.

    :param seen: order id to the version that the person was looking at
    :param submit: sends those that had been submitted before back to compliance, which answers for each before this returns
    :returns: an outcome for each order, by id
    :raises NotAllowed: if the actor may not amend (or submit) at all
    :raises Invalid: if the change changes nothing, contradicts itself or is no number
    """
    user = require(act, "orders.amend")
    if submit:
        require(act, "orders.submit")
    wanted = _wanted(change)
    own = wanted.pop("own", None)
    if not seen:
        raise Invalid("No order was chosen. Select at least one.", field="orders")
    found = set(Order.objects.filter(pk__in=seen).values_list("pk", flat=True))
    rows = locked(found) if found else []
    visible, run = selectors.portfolio_scope(user, {row.portfolio_id for row in rows})
    told = {pk: _not_theirs(pk) for pk in seen if pk not in found}
    able = []
    for row in rows:
        why = _why_not(row, seen[row.id], visible, run, events.OrderAmended if wanted else events.OrderFieldsSet)
        if why is None:
            able.append(row)
        else:
            told[row.id] = why
    stale = {pk: seen[pk] for pk, one in told.items() if one.code == "stale_order"}
    for pk, since in (selectors.changes_since("order", stale) if stale else {}).items():
        told[pk] = told[pk]._replace(since=since)
    done, told_fields, opened = _carry_out(act, able, wanted, own, told)
    if submit:
        again = [row for row in (*done, *opened) if row.status != S.DRAFT]
        termed = {row.id for row in done}
        steps = {row.id: row.version + (row.id in termed) + (row.id in told_fields) for row in again}
        happen(act, [row._replace(status=S.DRAFT, version=steps[row.id]) for row in again], events.OrderSubmitted())
    changed = {row.id for row in done} | told_fields
    became = {
        pk: (status, n) for pk, status, n in Order.objects.filter(pk__in=changed).values_list("pk", "status", "version")
    }
    for pk, (status, version) in became.items():
        told[pk] = Outcome(pk, True, "", "Changed.", status, version)
    return [told[pk] for pk in sorted(seen)]


def _wanted(change: Change) -> dict[str, Any]:
    wanted = {f.name: getattr(change, f.name) for f in fields(change) if getattr(change, f.name) not in (None, {})}
    if not wanted:
        raise Invalid("Nothing is to be changed. Fill in at least one field.", field="change")
    if "limit_bp" in wanted and ("limit_price" in wanted or wanted.get("order_type") == "MARKET"):
        raise Invalid(
            "Either move each order's limit, or give all the same, or none; not two of them.", field="limit_bp"
        )
    for name, least in (("qty_pct", Decimal(0)), ("limit_bp", Decimal(-10_000))):
        if name in wanted:
            try:
                wanted[name] = Decimal(str(wanted[name]).replace(",", "").strip())
            except InvalidOperation:
                raise Invalid(f"“{str(wanted[name])[:40]}” is not a number.", field=name) from None
            if not wanted[name].is_finite() or wanted[name] <= least or wanted[name] > 100_000:
                raise Invalid(f"{wanted[name]} is out of range: above {least} and at most 100,000.", field=name)
    return wanted


def _not_theirs(pk: int) -> Outcome:
    return Outcome(pk, False, "not_found", "There is no such order, or it is not one of yours.", "", 0)


def _why_not(row: Locked, seen: int, visible: set[int], run: set[int], event: type[Event]) -> Outcome | None:
    if row.portfolio_id not in visible:
        return _not_theirs(row.id)
    if row.portfolio_id not in run:
        code, message = "not_allowed", "You do not run its portfolio. Its manager can do this."
    elif row.version != seen:
        code, message = StaleOrder("").code, "It changed since you looked. Look at it and try again."
    elif not LIFE.allows(row.status, event):
        code, message = IllegalMove("").code, _stands(row.status)
    else:
        return None
    return Outcome(row.id, False, code, message, row.status, row.version)


def _stands(status: str) -> str:
    if status == S.WORKING:
        return "The desk works it already: ask the desk, or cancel what is left."
    if status == S.IN_REVIEW:
        return "Compliance is judging it at this moment. Try again when it has answered."
    return f"It is {status.lower()}, which is the end of it. Enter another."


def _carry_out(
    act: Act, rows: Sequence[Locked], wanted: Mapping[str, Any], own: Mapping[str, object] | None, told: dict[int, Outcome]
) -> tuple[list[Locked], set[int], list[Locked]]:
    """
    Changes terms and own fields of each order, both or neither: those with other terms, the ids with other fields, and
    those that these alone opened again.
    """
    if own is None:
        return _change(act, rows, wanted, told), set(), []
    judged = judged_fields({row.id: own for row in rows})
    good = []
    for row in rows:
        if problems := judged[row.id].problems:
            told[row.id] = Outcome(row.id, False, Invalid("").code, " ".join(problems), row.status, row.version)
        elif opens(row, judged[row.id]) and not LIFE.allows(row.status, events.OrderAmended):
            told[row.id] = Outcome(row.id, False, IllegalMove("").code, _stands(row.status), row.status, row.version)
        else:
            good.append(row)
    done = _change(act, good, wanted, told) if wanted else []
    written = {row.id for row in done}
    able = [row for row in good if row.id not in told or told[row.id].code == UNCHANGED]
    moved = write_fields(
        act,
        [row._replace(version=row.version + 1, status=S.DRAFT) if row.id in written else row for row in able],
        judged,
    )
    opened = [row for row in moved if row.id not in written and opens(row, judged[row.id])]
    for row in able:
        if not wanted:
            told[row.id] = Outcome(row.id, False, UNCHANGED, "It says so already.", row.status, row.version)
    return done, {row.id for row in moved}, opened


def _change(act: Act, rows: Sequence[Locked], wanted: Mapping[str, Any], told: dict[int, Outcome]) -> list[Locked]:
    """Judges the change for each order and writes the good ones; what is wrong with the others goes into ``told``."""
    by_id = {row.id: row for row in rows}

    def refuse(pk: int, code: str, message: str) -> None:
        row = by_id[pk]
        told[pk] = Outcome(pk, False, code, message, row.status, row.version)

    bad, changes = BadWishes("").code, {}
    simple = {name: value for name, value in wanted.items() if name in AMENDABLE}
    terms = Order.objects.filter(pk__in=by_id).values_list(
        "pk", "side", "qty", "order_type", "limit_price", "instrument__increment", "instrument__tick_size", "terms"
    )
    for pk, side, qty, kind, limit, increment, tick, more in terms:
        changes[pk] = dict(simple)
        if "limit_price" in simple and "order_type" not in simple:
            changes[pk]["order_type"] = GIVEN_A_LIMIT.get(kind, kind)
        if "qty_pct" in wanted and "cash_qty" in more:
            changes[pk]["cash_qty"] = rules.scaled(Decimal(more["cash_qty"]), wanted["qty_pct"], CENT)
        elif "qty_pct" in wanted:
            changes[pk]["qty"] = rules.scaled(qty, wanted["qty_pct"], increment)
        if "limit_bp" in wanted and limit is None:
            refuse(pk, bad, "It has no limit to move.")
            del changes[pk]
        elif "limit_bp" in wanted:
            changes[pk]["limit_price"] = rules.moved(limit, wanted["limit_bp"], side, tick)
    if not changes:
        return []
    found = _judged(act, changes)
    for pk, problems in found.problems.group_by("row", maintain_order=True):
        refuse(pk[0], bad, " ".join(problems["message"]))
    done = _write(act, [by_id[pk] for pk in sorted(changes)], found)
    written = {row.id for row in done}
    for pk in changes:
        if pk not in written and pk not in told:
            refuse(pk, UNCHANGED, "These are its terms already.")
    return done
