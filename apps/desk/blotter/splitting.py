"""Splitting a block by orders, quantity or broker, an order by quantity; joining the parts; ending a block to gather anew."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.blocks import selectors as block_selectors
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.blocks.rules import How, unfit_quantity
from apps.blocks.states import B
from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import Conflict, Invalid, Refusal, Stale
from apps.orders import page_selectors as order_pages
from apps.orders import selectors as orders
from apps.orders.models import Order
from apps.orders.states import S
from apps.reference import selectors as reference
from apps.reference.models import Broker
from apps.users.doors import door
from apps.users.services import can

from ..templatetags.show import money_short, qty, qty_of
from .acts import count_of, refused, ticked
from .selectors import worth

K = Broker.Kind
WAYS = {"qty": "A quantity of it", "broker": "All of it, by broker", "orders": "Orders I choose"}


class Row(NamedTuple):
    """One part as it was typed."""

    broker: str
    text: str
    qty: Decimal | None


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def split(request: HttpRequest) -> HttpResponse:
    """
    GET: what to split off the block (``?by=`` a quantity, brokers or orders) and who would get what, asked again as it is
    typed. POST: splits.
    """
    said = request.POST if request.method == "POST" else request.GET
    ((block_id, version),) = list(ticked(seen_versions(said)).items())[:1]
    block = block_selectors.get_block_seen_by(request.user, block_id)
    by = said.get("by") if said.get("by") in WAYS else "orders" if said.getlist("order") else "qty"
    rows = _rows(said, by)
    problem = _problem_so_far(rows, block, by)
    if request.method == "POST":
        try:
            return done(_split(request, block, version, by, rows))
        except Invalid as refusal:
            problem = {"field": refusal.facts.get("field"), "row": refusal.facts.get("row"), "text": refusal.message}
        except Conflict as refusal:
            return refused(request, refusal)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
    elif block.status != B.OPEN:
        raise Conflict(
            f"{block.ref} was routed, so its allocation statement is fixed: release a part by routing a part of it."
        )
    context = _dialog(request, block, by, rows) | {"seen": f"{block_id}:{version}", "problem": problem, "is_new": "by" not in said}
    return render(request, "desk/split.html", context, status=422 if request.method == "POST" else 200)


def _problem_so_far(rows: Sequence[Row], block: Block, by: str) -> dict:
    """What is wrong with what was typed, before it is sent."""
    for n, row in enumerate(rows):
        why = unfit_quantity(row.qty, block.instrument.increment) if row.qty else f"“{row.text}” is no quantity." if row.text else ""
        if row.qty and (row.qty > block.qty or by == "qty" and row.qty == block.qty):
            why = f"{qty(row.qty)} leaves nothing of the {qty(block.qty)}."
        if why:
            return {"field": "qty", "row": n, "text": why}
    return {}


def _split(request: HttpRequest, block: Block, version: int, by: str, rows: Sequence[Row]) -> str:
    """Does it, and says what was done."""
    act, seen = act_of(request), {block.pk: version}
    if by == "orders":
        chosen = [whole_number(pk, "order", 1) for pk in request.POST.getlist("order")]
        child = blocks.split_block(act, block.pk, chosen, seen=seen)
        return f"{count_of(len(chosen), 'order')} split off as block B-{child:04d}."
    how = _how(request.POST)
    if by == "broker":
        parts = [(row.broker, _needed(row, n)) for n, row in enumerate(rows) if row.broker or row.text]
        made = blocks.split_block_by_broker(act, block.pk, parts, how=how, seen=seen)
        names = ", ".join(f"B-{pk:04d}" for pk in made)
        return f"{block.ref} is {count_of(len(made), 'block')} now: {names}."
    wanted = _needed(rows[0], 0)
    child = blocks.split_block_by_qty(act, block.pk, wanted, how=how, broker_code=rows[0].broker, seen=seen)
    return f"{qty_of(wanted, block.instrument)} split off as block B-{child:04d}."


def _dialog(request: HttpRequest, block: Block, by: str, rows: Sequence[Row]) -> dict:
    said = request.POST if request.method == "POST" else request.GET
    members = list(block_selectors.members_seen_by(request.user, block.pk))
    qtys = [row.qty for row in rows if row.qty]
    typed, how = sum(qtys, Decimal(0)), _how(said)
    fits = bool(qtys) and typed <= block.qty and not any(unfit_quantity(qty, block.instrument.increment) for qty in qtys)
    brokers = reference.brokers().order_by("kind", "name")
    return {
        "the_block": block,
        "members": members,
        "chosen": {int(pk) for pk in said.getlist("order") if pk.isdigit()},
        "by": by,
        "ways": WAYS.items(),
        "how": how,
        "rows": rows,
        "typed": typed,
        "rest": block.qty - typed,
        "heads": [row for row in rows if row.qty],
        "shares": block_selectors.shares_of_parts(request.user, block, qtys, how) if fits and by != "orders" else [],
        "brokers": brokers.filter(kind__in=[K.AGENT] if block.instrument.is_fund else [K.BROKER, K.DEALER]),
        "unit": qty_of(block.qty, block.instrument),
    }


def _rows(said, by: str) -> list[Row]:
    """The parts as typed; by broker at least three lines and one more than is filled in."""
    texts, codes = said.getlist("qty"), said.getlist("broker")
    count = 1 if by == "qty" else max(len(texts), len(codes))
    rows = []
    for n in range(count):
        text = texts[n].replace(",", "").strip() if n < len(texts) else ""
        rows.append(Row(codes[n][:40] if n < len(codes) else "", text[:40], number(text)))
    if by == "broker":
        while len(rows) < 3 or rows[-1].text:
            rows.append(Row("", "", None))
    return rows


def number(text: str) -> Decimal | None:
    """A quantity above zero as it was typed, else None."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 < found < 10**14 else None


def _needed(row: Row, n: int) -> Decimal:
    if row.qty is None:
        text = f"“{row.text}” is no quantity; write a number above zero." if row.text else "Say how much."
        raise blocks.BadPart(text, field="qty", row=n)
    return row.qty


def _how(said) -> How:
    return How.WHOLE if said.get("how") == How.WHOLE else How.PRO_RATA


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def split_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """GET: how much of the order to split off. POST: it is an order of its own, in a block of its own."""
    order = orders.get_order_seen_by(request.user, order_id)
    said = request.POST if request.method == "POST" else request.GET
    seen, row, error = seen_versions(said), _rows(said, "qty")[0], ""
    if request.method == "POST":
        try:
            part, block = blocks.split_order(act_of(request), order_id, _needed(row, 0), seen=seen)
        except Invalid as refusal:
            error = refusal.message
        except Conflict as refusal:
            return _refused_order(request, refusal)
        else:
            return done(f"{qty_of(row.qty, order.instrument)} are order O-{part:06d} now, in block B-{block:04d}.")
    context = {"order": order, "seen": f"{order_id}:{seen.get(order_id, order.version)}", "text": row.text, "error": error,
               "rest": order.leaves_qty - row.qty if row.qty and row.qty < order.leaves_qty else None, "qty": row.qty}  # fmt: skip
    return render(request, "desk/split.html#order", context, status=422 if error else 200)


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def join_orders(request: HttpRequest, order_id: int) -> HttpResponse:
    """GET: the parts of the order that can go back into one, to confirm. POST: joins them."""
    if request.method == "POST":
        seen = seen_versions(request.POST)
        try:
            left = blocks.join_orders(act_of(request), list(seen), seen=seen)
        except Conflict as refusal:
            return _refused_order(request, refusal)
        response = done(f"The parts are order O-{left:06d} again.")
        if left != order_id:  # What the drawer shows has ended, and is no longer the desk's to see.
            response["HX-Redirect"] = reverse("orders:detail", args=[left])
        return response
    family = orders.family_of(request.user, orders.get_order_seen_by(request.user, order_id))
    parts = joinable(family.parts) if family else []
    if len(parts) < 2:
        raise Conflict("No two parts of this order wait for their first route, so there is nothing to join.")
    whole = sum(part.qty for part in parts)
    context = {
        "title": f"Join {count_of(len(parts), 'part')}",
        "money": qty_of(whole, parts[0].instrument),
        "text": " + ".join(f"{qty(part.qty)} ({part.ref})" for part in parts) + f" go back into {parts[0].ref}, in its block.",
        "fields": [("seen", f"{part.pk}:{part.version}") for part in parts],
        "action_url": reverse("blocks:join_orders", args=[order_id]),
        "button": "Join them",
    }
    return render(request, "components/confirm.html", context)


def _refused_order(request: HttpRequest, refusal: Conflict) -> HttpResponse:
    facts = order_pages.differences(refusal.facts.get("orders", [])) if isinstance(refusal, Stale) else {}
    return refused_in_dialog(request, refusal, facts)


def joinable(parts: Sequence[Order]) -> list[Order]:
    """Those that the desk has in a block that was not routed."""
    waiting = [part.pk for part in parts if part.status == S.CLEARED]
    blocked = set(Member.objects.filter(order__in=waiting, block__status=B.OPEN).values_list("order_id", flat=True))
    return [part for part in parts if part.pk in blocked]


@door("blocks.see")
@require_http_methods(["GET"])
def family(request: HttpRequest, order_id: int) -> HttpResponse:
    """The panel of an order's drawer: what it was split into or from, with what the desk may do about it."""
    order = orders.get_order_seen_by(request.user, order_id)
    found = orders.family_of(request.user, order)
    if found:
        blocked = dict(Member.objects.filter(order__in=[p.pk for p in found.parts]).values_list("order_id", "block_id"))
        for part in found.parts:
            part.block_id = blocked.get(part.pk)
    context = {
        "order": order,
        "family": found,
        "hidden": found.qty - sum(part.qty for part in found.parts) if found else 0,
        "may_join": can(request.user, "blocks.work") and found is not None and len(joinable(found.parts)) > 1,
        "may_split": can(request.user, "blocks.work") and bool(joinable([order])),
        "seen": f"{order.pk}:{order.version}",
    }
    return render(request, "desk/split.html#family", context)


@door("blocks.work")
@require_http_methods(["GET", "POST"])
def unblock(request: HttpRequest) -> HttpResponse:
    """GET: which blocks would be ended, to confirm. POST: ends them; their orders are gathered anew."""
    if request.method == "POST":
        seen = ticked(seen_versions(request.POST))
        try:
            blocks.unblock_blocks(act_of(request, reason=request.POST.get("reason", "")[:400]), list(seen), seen=seen)
        except Conflict as refusal:
            return refused(request, refusal)
        return done(f"{count_of(len(seen), 'block')} ended; the orders are being gathered anew.")
    asked = ticked(seen_versions(request.GET))
    rows = block_selectors.blocks_seen_by(request.user).filter(pk__in=asked, status=B.OPEN)
    found = list(rows.select_related("instrument").order_by("pk"))
    if not found:
        raise Conflict("None of the selected blocks is still before its first route, so none can be ended.")
    usd, portfolios = worth([(block, block.qty) for block in found])
    context = {
        "title": f"Un-block {count_of(len(found), 'block')}",
        "money": f"{money_short(usd, 'USD')}, {count_of(portfolios, 'portfolio')}",
        "text": ", ".join(f"{qty(b.qty)} {b.instrument.symbol}" for b in found[:4])
        + ": the orders stay cleared and are gathered anew with their like, by today's dates.",
        "fields": [("seen", f"{b.pk}:{asked[b.pk]}") for b in found],
        "action_url": reverse("blocks:unblock"),
        "button": f"Un-block {count_of(len(found), 'block')}",
        "reason": "optional",
    }
    return render(request, "components/confirm.html", context)
