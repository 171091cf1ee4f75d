"""The conditions of trades between two clients as rules of the library: see the file beside this one."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.compliance import built_in

from . import rules

TODAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
CONSENT = {"nature": "CLIENT", "permits": True, "from": "2026-01-05"}
QUOTED = {"bid": "49.99", "ask": "50.01", "last": "50", "age": 0}


def judge(told: Mapping[str, Any], rules=rules) -> list[str]:
    """
    Which conditions a case does not meet. A case says only in what it differs from a cross that meets them all: a hundred listed
    shares at 50 dollars, between the portfolios 1 and 2, both with an agreement in force.

    :param told: ``buy`` and ``sell`` (``rules.Party``; ``consent`` with ``nature``, ``permits``, ``from``, ``to``, or null);
        ``market`` (``rules.Market``); ``quoted`` (``bid``, ``ask``, ``last``, ``age`` in seconds, or null); ``price``, the price
        that is right
    """
    quoted = None
    if (prices := told.get("quoted", {})) is not None:
        said = QUOTED | prices
        quoted = rules.Quoted(*(Decimal(said[name]) for name in ("bid", "ask", "last")), NOW - timedelta(seconds=said["age"]), "XNAS")
    market = {"symbol": "A", "asset_class": "EQUITY", "mic": "XNAS", "is_active": True, "tick": "0.01", "lot": "1"} | told.get("market", {})
    market |= {name: Decimal(market[name]) for name in ("tick", "lot")}
    market = rules.Market(**market, quoted=quoted, at=NOW, max_age=60)
    buy, sell = (_party(rules, pk, side, told.get(side.lower(), {})) for pk, side in ((1, "BUY"), (2, "SELL")))
    found = [line.name for line in rules.eligibility(buy, sell, market, TODAY) if not line.passes]
    if "price" in told and (priced := rules.independent_price(quoted, market.tick)).price != Decimal(told["price"]):
        found.append(f"the price is {priced.price}")
    return found


def _party(rules, pk: int, side: str, told: Mapping[str, Any]) -> Any:
    said = {
        "order_id": pk, "block_id": pk, "portfolio_id": pk, "portfolio": f"P{pk}", "account": f"A{pk}", "side": side, "qty": Decimal(100),
        "order_type": "MARKET", "tif": "DAY", "has_minimum": False, "status": "CLEARED", "block_status": "OPEN", "currency": "USD",
        "directed_to": "",
    } | told  # fmt: skip
    said["limit_price"] = Decimal(told["limit_price"]) if "limit_price" in told else None
    said["settle_date"] = date.fromisoformat(told.get("settle_date", "2026-03-05"))
    if (consent := told.get("consent", {})) is not None:
        of = CONSENT | consent
        to = date.fromisoformat(of["to"]) if "to" in of else None
        consent = rules.Consent(of["nature"], of["permits"], date.fromisoformat(of["from"]), to)
    return rules.Party(**said | {"consent": consent})


def words(against: list[str]) -> str:
    """What stands against the cross, in words."""
    return f"Not crossed: {'; '.join(against)}" if against else "May be crossed"


SHELF = built_in.read(Path(__file__).with_name("library.json"), at="crossing:list", judge=judge, words=words)
