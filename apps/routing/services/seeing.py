"""What conditions of routing rules see of blocks: the fields of ``rules.conditions``, as they are at a moment."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from apps.blocks.models import Block
from apps.marketdata import cost_selectors
from apps.marketdata import selectors as marketdata
from apps.orders.models import OwnField
from apps.reference.models import Broker
from apps.users.models import Desk

from ..models import RoutingRule
from ..rules import conditions
from ..selectors import agreed_own

BP = Decimal(10_000)
# What the orders of a block have in common: the word where all say the same, else nothing; unknown where one has none on file.
COMMON = """
SELECT m.block_id, count(*), count(DISTINCT o.portfolio_id),
    CASE WHEN count(DISTINCT p.code) = 1 THEN min(p.code) ELSE '' END,
    CASE WHEN count(DISTINCT p.team) = 1 THEN min(p.team) ELSE '' END,
    CASE WHEN bool_or(coalesce(d.type, '') = '') THEN NULL WHEN count(DISTINCT d.type) = 1 THEN min(d.type) ELSE '' END,
    CASE WHEN count(g.name) = count(*) AND count(DISTINCT g.id) = 1 THEN min(g.name) ELSE '' END
FROM blocks_member m JOIN orders_order o ON o.id = m.order_id JOIN portfolios_portfolio p ON p.id = o.portfolio_id
LEFT JOIN portfolios_mandate d ON d.portfolio_id = p.id LEFT JOIN orders_ordergroup g ON g.id = o.group_id
WHERE m.block_id = ANY(%s) GROUP BY m.block_id
"""
# The groups that every portfolio of a block is in.
GROUPS = """
SELECT m.block_id, g.code FROM blocks_member m JOIN orders_order o ON o.id = m.order_id
JOIN portfolios_portfoliogroup_members x ON x.portfolio_id = o.portfolio_id JOIN portfolios_portfoliogroup g ON g.id = x.portfoliogroup_id
WHERE m.block_id = ANY(%(ids)s) GROUP BY m.block_id, g.code
HAVING count(DISTINCT o.portfolio_id) = (
    SELECT count(DISTINCT o2.portfolio_id) FROM blocks_member m2 JOIN orders_order o2 ON o2.id = m2.order_id WHERE m2.block_id = m.block_id
) ORDER BY g.code
"""


def own_kinds() -> dict[str, bool]:
    """The firm's own fields of orders, and whether each is a number."""
    return {code: kind == OwnField.Kind.NUMBER for code, kind in OwnField.objects.values_list("code", "kind")}


def usd_of(blocks: Mapping[int, Block], quantities: Mapping[int, Decimal], at: datetime) -> dict[int, Decimal]:
    """What each quantity is worth in USD at a mid that is not too old; absent where that is not known. Two queries."""
    quotes, rates = _quotes(blocks, at), marketdata.fx_rates("USD")
    return {
        pk: value * rates[b.currency_id][0]
        for pk, b in blocks.items()
        if b.currency_id in rates and (value := _value(b, quantities[pk], quotes.get(b.instrument_id))) is not None
    }


def see(
    blocks: Mapping[int, Block], quantities: Mapping[int, Decimal], at: datetime, own: Collection[str]
) -> dict[int, dict[str, Any]]:
    """
    Block id to its fields; None what is not known, as a price that is too old is. Ten queries at most, whatever their number.

    :param blocks: with their instruments and venues; :param own: the firm's own fields that are asked for
    """
    quotes, usd = _quotes(blocks, at), usd_of(blocks, quantities, at)
    volumes = marketdata.average_volumes(b.instrument_id for b in blocks.values())
    common, groups = _common(list(blocks))
    said, is_number = agreed_own(blocks, own), own_kinds() if own else {}
    desks = dict(Desk.objects.values_list("pk", "code"))
    brokers = dict(Broker.objects.filter(pk__in={b.directed_to_id for b in blocks.values()} - {None}).values_list("pk", "code"))
    found = {}
    for pk, block in blocks.items():
        qty, thing, quote = quantities[pk], block.instrument, quotes.get(block.instrument_id)
        daily, volatility = volumes.get(block.instrument_id, (None, None))
        orders, portfolios, portfolio, team, mandate, order_group = common[pk]
        local = at.astimezone(ZoneInfo(thing.venue.timezone))
        closes = local.replace(hour=thing.venue.closes_at.hour, minute=thing.venue.closes_at.minute, second=0, microsecond=0)
        mid = quote.mid if quote else None
        found[pk] = {
            "side": block.side, "qty": qty, "value": _value(block, qty, quote), "value_usd": usd.get(pk),
            "adv_pct": qty / daily * 100 if daily else None, "order_type": block.order_type, "tif": block.tif,
            "has_limit": block.limit_price is not None, "limit_bp": _limit_bp(block, mid), "orders": orders, "wave": block.wave,
            "instructions": block.instructions, "symbol": thing.symbol, "asset_class": thing.asset_class,
            "currency": block.currency_id, "venue": thing.venue.mic, "country": thing.country, "sector": thing.sector,
            "spread_bp": (quote.ask - quote.bid) / mid * BP if quote else None,
            "volatility_pct": volatility * 100 if volatility else None,
            "local_time": conditions.hours(local), "minutes_left": int((closes - local).total_seconds() // 60),
            "desk": desks[block.desk_id], "portfolios": portfolios, "portfolio": portfolio, "team": team, "mandate": mandate,
            "groups": f" {' '.join(groups[pk])} " if pk in groups else " ", "order_group": order_group,
            "directed": brokers.get(block.directed_to_id, ""),
        } | {
            f"own.{code}": _own(said.get(pk, {}).get(code), is_number.get(code, False)) for code in own
        }  # fmt: skip
    return found


def hear_conditions(
    table: Sequence[RoutingRule], quantities: Mapping[int, Decimal], blocks: Mapping[int, Block], at: datetime
) -> dict[int, dict[int, conditions.Heard]]:
    """Block id to what the condition of each rule that has one says of it, by the rule's id. No query where none has."""
    asked = {rule.pk: rule.condition for rule in table if rule.condition.strip()}
    if not asked:
        return {}
    own, read, broken = own_kinds(), {}, {}
    for pk, text in asked.items():
        try:
            read[pk] = conditions.read_condition(text, own)
        except conditions.BadFilter as bad:  # It names a field of the firm's own that is gone.
            broken[pk] = conditions.Heard(None, {bad.why: None})
    seen = see(blocks, quantities, at, conditions.own_asked(list(read.values())))
    return {block: said | broken for block, said in conditions.hear(read, seen, own).items()}


def _quotes(blocks: Mapping[int, Block], at: datetime) -> dict[int, marketdata.Price]:
    oldest = cost_selectors.model().quote_seconds
    found = marketdata.quotes_of(b.instrument_id for b in blocks.values())
    return {pk: quote for pk, quote in found.items() if (at - quote.at).total_seconds() <= oldest}


def _value(block: Block, qty: Decimal, quote: marketdata.Price | None) -> Decimal | None:
    if "cash_qty" in block.terms:
        return Decimal(block.terms["cash_qty"])
    return qty * quote.mid * block.instrument.price_factor if quote else None


def _limit_bp(block: Block, mid: Decimal | None) -> Decimal | None:
    if block.limit_price is None or mid is None:
        return None
    return (block.limit_price - mid) / mid * BP * (1 if block.side == "BUY" else -1)


def _own(value: str | None, is_number: bool) -> str | Decimal | None:
    if is_number:
        return None if value is None else Decimal(value)
    return value or ""


def _common(ids: list[int]) -> tuple[dict[int, tuple], dict[int, list[str]]]:
    groups: dict[int, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COMMON, [ids])
        common = {pk: tuple(rest) for pk, *rest in cursor.fetchall()}
        cursor.execute(GROUPS, {"ids": ids})
        for pk, code in cursor.fetchall():
            groups.setdefault(pk, []).append(code)
    return common, groups
