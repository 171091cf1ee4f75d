"""Questions that join across apps: role homes, the finder, the health of the parts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.audit import selectors as audit
from apps.blocks import selectors as blocks
from apps.compliance import selectors as compliance
from apps.compliance.built_in import BuiltIn
from apps.crossing.built_in import SHELF as CROSSES
from apps.marketdata.models import Quote
from apps.orders import selectors as orders
from apps.portfolios import selectors as portfolios
from apps.reference import selectors as reference
from apps.routing import alert_selectors
from apps.routing.built_in import SHELF as THROTTLES
from apps.routing.models import Halt, Session
from apps.surveillance.built_in import SHELF as CLOCKS
from apps.users.services import can

from .context import BEHIND, PLACES
from .templatetags.show import money_short, percent

NONE_YET = "–"


class Figure(NamedTuple):
    """One figure of a strip, formatted, with the list of rows behind it."""

    label: str
    value: str
    url: str = ""
    note: str = ""
    tone: str = ""


class Hit(NamedTuple):
    label: str
    kind: str
    url: str
    note: str = ""


def _one(query: str, parameters: Sequence = ()) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()


def _usd() -> str:
    """SQL of units of USD for one of a currency, as ``fx(currency, rate)``."""
    return (
        "fx AS (SELECT base_id AS currency, rate FROM marketdata_fxrate WHERE quote_id = 'USD' UNION"
        " SELECT quote_id, 1 / rate FROM marketdata_fxrate WHERE base_id = 'USD' UNION SELECT 'USD', 1)"
    )


SECRET = {"entry": "compliance.control_room"}


def kept_from(user) -> list[str]:
    """Kinds of subjects whose record is not for the person, though the record is."""
    return [subject for subject, permission in SECRET.items() if not can(user, permission)]


def strip_for(user) -> list[Figure]:
    """The figures that top a person's home: those of every role they hold."""
    figures: list[Figure] = []
    if can(user, "orders.create"):
        figures += _manager(user)
    if can(user, "blocks.work") and not user.is_automated:
        figures += _trader(user)
    if can(user, "compliance.decide"):
        figures += _officer(user)
    if can(user, "settlement.mend"):
        figures += _operations()
    if can(user, "audit.verify"):
        figures += _auditor()
    return figures


def _manager(user) -> list[Figure]:
    seen = list(portfolios.portfolios_seen_by(user).values_list("pk", flat=True))
    navs = portfolios.navs(seen) if seen else {}
    asked = compliance.questions_to_answer(user).count()
    drafts, held, open_, done = _one(
        "SELECT count(*) FILTER (WHERE status = 'DRAFT'), count(*) FILTER (WHERE status = 'HELD'),"
        " count(*) FILTER (WHERE status IN ('IN_REVIEW', 'CLEARED', 'WORKING')), count(*) FILTER (WHERE status = 'DONE')"
        " FROM orders_order WHERE portfolio_id = ANY(%s)",
        [seen],
    )
    listing = reverse("orders:list")
    return [
        Figure("Under management", money_short(sum(navs.values(), Decimal(0)), "USD"), reverse("portfolios:list"),
               f"{len(seen):,} portfolio{'' if len(seen) == 1 else 's'}"),
        Figure("Held by compliance", str(held), f"{listing}?status=HELD", tone="warn" if held else ""),
        *([Figure("Compliance asks", str(asked), f"{listing}?status=HELD", tone="bad")] if asked else []),
        Figure("Drafts", str(drafts), f"{listing}?status=DRAFT"),
        Figure("Open orders", str(open_), f"{listing}?status=OPEN"),
        Figure("Done", str(done), f"{listing}?status=DONE"),
    ]  # fmt: skip


def _trader(user) -> list[Figure]:
    desks = list(user.desks.values_list("pk", flat=True))
    ready, working, total, qty, filled = _one(
        f"WITH {_usd()} SELECT count(*) FILTER (WHERE b.status = 'OPEN'), count(*) FILTER (WHERE b.status = 'WORKING'),"
        " count(*), sum(coalesce((b.terms ->> 'cash_qty')::numeric, b.qty * p.price * i.price_factor) * fx.rate),"
        " sum(b.filled_qty * p.price * i.price_factor * fx.rate)"
        " FROM blocks_block b JOIN reference_instrument i ON i.id = b.instrument_id"
        " LEFT JOIN marketdata_quote q ON q.instrument_id = i.id LEFT JOIN fx ON fx.currency = i.currency_id,"
        " LATERAL (SELECT coalesce((q.bid + q.ask) / 2, b.arrival_price) AS price) p"
        " WHERE b.status <> 'CANCELLED' AND b.desk_id = ANY(%s)",
        [desks],
    )
    asking = _one("SELECT count(*) FROM routing_inquiry WHERE status IN ('COLLECTING', 'AWARDED')")[0]
    rejected = _one("SELECT count(*) FROM routing_route WHERE status = 'REJECTED'")[0]
    alerts = alert_selectors.waiting_for(user, timezone.now()).count()
    listing = reverse("blocks:list")
    share = percent(filled / qty * 100) if qty else NONE_YET
    return [
        Figure("Ready to route", str(ready), f"{listing}?status=OPEN", f"of {total}"),
        Figure("Working", str(working), f"{listing}?status=WORKING"),
        Figure("Traded", money_short(filled, "USD"), listing, share),
        Figure("Inquiries open", str(asking), reverse("routing:inquiries")),
        Figure("Alerts", str(alerts), reverse("routing:alerts"), tone="warn" if alerts else ""),
        Figure("Rejected by brokers", str(rejected), f"{reverse('routing:routes')}?status=REJECTED",
               tone="bad" if rejected else ""),
    ]  # fmt: skip


def _officer(user) -> list[Figure]:
    waiting, oldest, decided = _one(
        "SELECT count(*) FILTER (WHERE status = 'WAITING'), min(opened_at) FILTER (WHERE status = 'WAITING'),"
        " count(*) FILTER (WHERE decided_at >= date_trunc('day', now())) FROM compliance_review"
    )
    unsure = _one(
        "SELECT count(*) FROM compliance_review r JOIN compliance_check c ON c.id = r.verdict_id"
        " WHERE r.status = 'WAITING' AND c.outcome = 'INDETERMINATE'"
    )[0]
    restricted, matches, drafts, loosened, leaving = _one(
        "SELECT (SELECT count(*) FROM compliance_restriction WHERE status = 'ACTIVE' AND kind = 'RESTRICTED'),"
        " (SELECT count(*) FROM compliance_namematch WHERE status = 'WAITING'),"
        " (SELECT count(*) FROM compliance_ruledraft WHERE status = 'PROPOSED' AND written_by_id <> %s),"
        " (SELECT count(*) FROM compliance_limitend WHERE status = 'PROPOSED' AND written_by_id <> %s),"
        " (SELECT count(*) FROM compliance_restriction WHERE status = 'ACTIVE' AND kind = 'RESTRICTED' AND lift_asked_by_id <> %s)",
        [user.pk, user.pk, user.pk],
    )
    minutes = int((timezone.now() - oldest).total_seconds() // 60) if oldest else 0
    listing = reverse("compliance:reviews")
    return [
        Figure("Waiting for you", str(waiting), listing, f"oldest {minutes} min" if waiting else "",
               "warn" if waiting else ""),
        Figure("Cannot tell", str(unsure), f"{listing}?outcome=INDETERMINATE"),
        Figure("Decided today", str(decided), f"{listing}?status=DECIDED"),
        Figure("Restrictions in force", str(restricted),
               reverse("compliance:restrictions")),
        Figure("Sanctions matches", str(matches), reverse("compliance:sanctions"), tone="warn" if matches else ""),
        *([Figure("Rules to approve", str(drafts), reverse("compliance:drafts"), tone="warn")] if drafts else []),
        *([Figure("Limits to end", str(loosened), reverse("compliance:trading_limits"), tone="warn")] if loosened else []),
        *([Figure("Restrictions to lift", str(leaving), reverse("compliance:restrictions"), tone="warn")] if leaving else []),
    ]  # fmt: skip


def _operations() -> list[Figure]:
    blocked, unmatched, failing, sent, settled = _one(
        "SELECT count(*) FILTER (WHERE status = 'BLOCKED'), count(*) FILTER (WHERE status = 'UNMATCHED'),"
        " count(*) FILTER (WHERE status = 'FAILING'), count(*) FILTER (WHERE status IN ('READY', 'SENT', 'MATCHED')),"
        " count(*) FILTER (WHERE status = 'SETTLED') FROM settlement_instruction"
    )
    disputed = _one("SELECT count(*) FROM settlement_confirmation WHERE status = 'DISPUTED'")[0]
    parked = audit.parked_promises().count()
    board = reverse("settlement:board")
    return [
        Figure("Failing", str(failing), f"{board}?status=FAILING", tone="bad" if failing else ""),
        Figure("Unmatched", str(unmatched), f"{board}?status=UNMATCHED", tone="warn" if unmatched else ""),
        Figure("Without SSI", str(blocked), f"{board}?status=BLOCKED", tone="warn" if blocked else ""),
        Figure("Disputed", str(disputed), f"{board}?confirmations=DISPUTED", tone="warn" if disputed else ""),
        Figure("On the way", str(sent), f"{board}?status=OPEN"),
        Figure("Settled", str(settled), f"{board}?status=SETTLED"),
        Figure("Work parked", str(parked), reverse("desk:parts"), tone="bad" if parked else ""),
    ]  # fmt: skip


def _auditor() -> list[Figure]:
    entries, acts = _one("SELECT (SELECT count(*) FROM audit_entry), (SELECT count(*) FROM audit_act)")
    seals, sealed_at = _one("SELECT count(*), max(made_at) FROM audit_seal")
    record = reverse("desk:record")
    return [
        Figure("Entries on the record", f"{entries:,}", record, f"{acts:,} acts"),
        Figure("Seals", f"{seals:,}", record, f"last {sealed_at:%H:%M:%S} UTC" if sealed_at else "none yet"),
    ]


def _side(row: str) -> str:
    """SQL of what an order or block does, in a word; ``i`` is the instrument."""
    fund = f"CASE {row}.side WHEN 'BUY' THEN 'subscribe' ELSE 'redeem' END"
    return f"CASE WHEN i.asset_class = 'FUND' THEN {fund} ELSE lower(replace({row}.side, '_', ' ')) END"


def _worth(row: str) -> tuple[str, str]:
    """SQL of the money in USD of an order or block, at the mid or as its amount, and the joins it needs; ``i`` is the instrument."""
    joins = " LEFT JOIN marketdata_quote q ON q.instrument_id = i.id LEFT JOIN fx ON fx.currency = i.currency_id"
    worth = f"coalesce(({row}.terms ->> 'cash_qty')::numeric, {row}.qty * (q.bid + q.ask) / 2 * i.price_factor) * fx.rate"
    return worth, joins


def attention(user, limit: int = 40) -> list[dict]:
    """What waits for this person first, whatever its kind, the larger money first: a sentence, its money, age, address."""
    rows: list[dict] = []
    if can(user, "compliance.decide"):
        rows += _rows(
            f"SELECT 'Review ' || p.name || ': ' || {_side('o')} || ' ' || i.symbol, r.amount_usd AS usd, r.opened_at,"
            " 'warn', r.id FROM compliance_review r JOIN orders_order o ON o.id = r.order_id"
            " JOIN portfolios_portfolio p ON p.id = o.portfolio_id JOIN reference_instrument i ON i.id = o.instrument_id"
            " WHERE r.status = 'WAITING' ORDER BY r.severity = 'HARD' DESC, usd DESC NULLS LAST, r.id LIMIT %s",
            [limit],
            "compliance:review",
        )
    if can(user, "compliance.approve_rules"):
        rows += _rows(
            "SELECT 'Rule “' || name || '” waits for a second officer', NULL::numeric, proposed_at, 'warn', id"
            " FROM compliance_ruledraft WHERE status = 'PROPOSED' AND written_by_id <> %s"
            " UNION ALL SELECT 'The end of limit TL-' || to_char(limit_id, 'FM0000') || ' waits for a second officer', NULL, written_at,"
            " 'warn', NULL FROM compliance_limitend WHERE status = 'PROPOSED' AND written_by_id <> %s ORDER BY 3 LIMIT %s",
            [user.pk, user.pk, limit],
            "compliance:draft", "compliance:trading_limits",
        )  # fmt: skip
    if can(user, "settlement.mend"):
        rows += _rows(
            f"WITH {_usd()} SELECT 'Instruction ' || i.reference || ' is ' || lower(i.status)"
            " || CASE i.reason WHEN '' THEN '' ELSE ': ' || i.reason END, a.net_amount * fx.rate AS usd, NULL, 'bad', i.id"
            " FROM settlement_instruction i JOIN allocations_allocation a ON a.id = i.allocation_id"
            " LEFT JOIN fx ON fx.currency = a.currency_id"
            " WHERE i.status IN ('BLOCKED', 'UNMATCHED', 'FAILING', 'REJECTED')"
            " OR (i.status = 'CANCELLED' AND i.settled_date IS NOT NULL AND i.note = '') ORDER BY usd DESC NULLS LAST, i.id LIMIT %s",
            [limit],
            "settlement:instruction",
        )
    if can(user, "routing.route"):
        usd, joins = _worth("b")
        rows += _rows(
            f"WITH {_usd()} SELECT 'Block B-' || to_char(b.id, 'FM0000') || ' ' || {_side('b')} || ' ' || i.symbol"
            " || CASE b.status WHEN 'OPEN' THEN ' is ready to route' ELSE ' has nothing working and is not done' END,"
            f" {usd} AS usd, b.opened_at, CASE b.status WHEN 'OPEN' THEN '' ELSE 'warn' END, b.id"
            f" FROM blocks_block b JOIN reference_instrument i ON i.id = b.instrument_id{joins}"
            " WHERE b.desk_id = ANY(%s) AND (b.status = 'OPEN' OR (b.status = 'WORKING' AND b.placed_qty = b.filled_qty))"
            " AND NOT EXISTS (SELECT 1 FROM routing_inquiry a WHERE a.block_id = b.id"
            "   AND a.status IN ('COLLECTING', 'AWARDED'))"
            " ORDER BY b.status DESC, usd DESC NULLS LAST, b.id LIMIT %s",
            [list(user.desks.values_list("pk", flat=True)), limit],
            "blocks:detail",
        )
    if can(user, "orders.create"):
        usd, joins = _worth("o")
        seen = list(portfolios.portfolios_run_by(user).values_list("pk", flat=True))
        rows += _rows(
            f"WITH {_usd()} SELECT 'Order O-' || to_char(o.id, 'FM000000') || ' ' || {_side('o')} || ' ' || i.symbol"
            " || ' for ' || p.name || CASE WHEN cq.id IS NOT NULL THEN ': compliance asks you something'"
            " WHEN o.status = 'HELD' THEN ' is held by compliance' ELSE ' is a draft' END,"
            f" {usd} AS usd, coalesce(cq.asked_at, o.created_at), CASE WHEN cq.id IS NOT NULL THEN 'bad' WHEN o.status = 'HELD'"
            " THEN 'warn' ELSE '' END, o.id FROM orders_order o"
            " LEFT JOIN compliance_question cq ON cq.order_id = o.id AND cq.status = 'OPEN'"
            f" JOIN reference_instrument i ON i.id = o.instrument_id JOIN portfolios_portfolio p ON p.id = o.portfolio_id{joins}"
            " WHERE (o.status IN ('HELD', 'DRAFT') OR cq.id IS NOT NULL) AND o.portfolio_id = ANY(%s)"
            " ORDER BY cq.id IS NULL, o.status DESC, usd DESC NULLS LAST, o.id LIMIT %s",
            [seen, limit],
            "orders:detail",
        )
    return rows[:limit]


def _rows(query: str, parameters: Sequence, name: str, of_all: str = "") -> list[dict]:
    """:param name: the page of one row, by its key; :param of_all: the page of rows without one"""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [
            {"text": text, "usd": usd, "at": at, "tone": tone, "url": reverse(name, args=[pk]) if pk else reverse(of_all)}
            for text, usd, at, tone, pk in cursor.fetchall()
        ]


def find(user, text: str, limit: int = 12) -> list[Hit]:
    """Pages, orders, blocks, groups, instruments and portfolios that the person may see and that fit the words."""
    text = text.strip()
    if not text:
        return []
    hits = [
        Hit(label, "page", reverse(name))
        for label, name, permission in (*PLACES, *BEHIND)
        if any(word.startswith(text.lower()) for word in (label.lower(), *label.lower().split())) and can(user, permission)
    ]
    kind, number = text[:2].upper(), text.upper().removeprefix("O-").removeprefix("B-").lstrip("0")
    is_number = number.isdigit() and len(number) < 18
    if is_number and kind != "B-":
        hits += [
            Hit(
                order.ref, "order", reverse("orders:detail", args=[order.pk]), f"{order.side} {order.instrument.symbol}"
            )
            for order in orders.orders_seen_by(user).filter(pk=number).select_related("instrument")
        ]
    if is_number and kind != "O-":
        hits += [
            Hit(
                block.ref, "block", reverse("blocks:detail", args=[block.pk]), f"{block.side} {block.instrument.symbol}"
            )
            for block in blocks.blocks_seen_by(user).filter(pk=number).select_related("instrument")
        ]
    worked = blocks.blocks_seen_by(user).filter(instrument__symbol__istartswith=text).select_related("instrument")
    hits += [
        Hit(block.ref, "block", reverse("blocks:detail", args=[block.pk]), f"{block.side} {block.instrument.symbol}")
        for block in worked.order_by("status", "-pk")[:4]
    ]
    hits += [
        Hit(order.ref, "order", reverse("orders:detail", args=[order.pk]), f"{order.client_ref} · {order.instrument.symbol}")
        for order in orders.orders_seen_by(user).filter(client_ref=text).select_related("instrument")[:4]
    ]
    named = orders.groups_seen_by(user).filter(name__icontains=text).order_by("-pk") if can(user, "orders.see") else ()
    hits += [Hit(g.name, "group", reverse("orders:group", args=[g.pk]), g.get_kind_display()) for g in named[:4]]
    hits += [
        Hit(i.symbol, "instrument", f"{reverse('orders:list')}?q={i.symbol}", i.name)
        for i in reference.find_instruments(text, limit)
    ]
    hits += [
        Hit(p.name, "portfolio", reverse("portfolios:detail", args=[p.pk]), p.code)
        for p in portfolios.portfolios_seen_by(user).filter(Q(name__icontains=text) | Q(code__icontains=text))[:limit]
    ]
    return hits[:limit]


def health() -> list[dict]:
    """The feeds in the bar: FIX sessions up, age of the newest price, oldest open promise."""
    up, enabled = 0, 0
    for is_up in Session.objects.filter(is_enabled=True).values_list("is_up", flat=True):
        enabled, up = enabled + 1, up + is_up
    newest = Quote.objects.order_by("-at").values_list("at", flat=True).first()
    age = (timezone.now() - newest).total_seconds() if newest else None
    oldest = audit.open_promises().order_by("made_at").values_list("made_at", flat=True).first()
    lag = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    parked = audit.parked_promises().count()
    halted = list(Halt.objects.filter(status="ACTIVE").select_related("user", "desk", "broker").order_by("pk")[:4])
    stopped = ", ".join(f"{halt.of}{' (reduce only)' if halt.mode == 'REDUCE' else ''}" for halt in halted)
    return ([{"label": "Routing stopped:", "value": stopped, "tone": "bad"}] if stopped else []) + [
        {"label": "FIX", "value": f"{up}/{enabled}", "tone": "ok" if up == enabled else "bad" if not up else "warn"},
        {
            "label": "Prices",
            "value": NONE_YET if age is None else f"{age:.1f} s" if age < 100 else f"{age / 60:.0f} min",
            "tone": "ok" if age is not None and age < 10 else "warn" if age is not None and age < 60 else "bad",
        },
        {
            "label": "Work",
            "value": f"{parked} parked" if parked else "up to date" if lag < 5 else f"{lag:.0f} s behind",
            "tone": "bad" if parked or lag > 60 else "warn" if lag > 10 else "ok",
        },
    ]


def built_in_rules() -> list[BuiltIn]:
    """The rules that the portal itself keeps, a collection after the other."""
    return [*CLOCKS, *CROSSES, *THROTTLES]
