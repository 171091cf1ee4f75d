"""
What a rule's fixtures would notice if what they tell were read otherwise: mutants of books, beside those of parameters.

Some kinds of rule take few parameters or none, for what they ask is in the firm's lists, limits, mandates and records. Each change here is
made to whatever fixtures say of one thing, everywhere at once, as if the code got it wrong: an entry without its reach to
derivatives, a purchase a day earlier, a limit without its desk. Where no fixture says anything of it there is nothing to change.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .fixture_limits import NUMBERS
from .fixture_shorts import OF_ORDERS as LENT
from .fixture_shorts import SHORT
from .fixtures import NOW
from .judgement import RuleVersion
from .lists import FORBIDS, HOLDS, KINDS, REACHES, STOPS

Told = Mapping[str, Any]
Change = Callable[[Any], Any]
"""What a fixture, or a row of it, says instead; None where it stays as it is."""
Changes = Iterable[tuple[str, str, Change]]
"""In words; of which part of a fixture the rows, ``portfolios.traded`` where that is of each row, empty for the whole; the change."""

PIECE, HAIR = Decimal("0.0001"), Decimal("0.00000001")
NO_LIMIT = "10000000000000"


def misread(rule: RuleVersion, told: Sequence[Told]) -> Iterator[tuple[str, list[Told]]]:
    """The fixtures of a rule with one thing changed throughout, each once, in words; without those that it leaves as they are."""
    for words, part, change in changes_of(rule):
        if found := [other for one in told if (other := _changed(one, part, change)) is not None]:
            yield words, found


def changes_of(rule: RuleVersion) -> Changes:
    """What can be misread of fixtures of such a rule; nothing of a kind that asks its parameters alone."""
    yield from _OF[rule.kind](rule.params) if rule.kind in _OF else ()


def _changed(told: Told, part: str, change: Change) -> Told | None:
    if not part:
        return change(told)
    part, _, within = part.partition(".")
    rows = told.get(part)
    if not rows:
        return None
    pairs = list(rows.items() if isinstance(rows, Mapping) else enumerate(rows))
    found = {name: _changed(row, within, change) for name, row in pairs}
    if all(row is None for row in found.values()):
        return None
    now = {name: row if found[name] is None else found[name] for name, row in pairs}
    return {**told, part: now if isinstance(rows, Mapping) else list(now.values())}


# --- changes of a row ------------------------------------------------------------------------------------------------


def _without(word: str) -> Change:
    return lambda row: {name: value for name, value in row.items() if name != word} if word in row else None


def _for(word: str, was: Any, now: Any, usual: Any = None) -> Change:
    """:param usual: what it says where the word is left out"""
    return lambda row: {**row, word: now} if row.get(word, usual) == was else None


def _unknown(word: str, now: Any) -> Change:
    return lambda row: {**row, word: now} if word in row and row[word] is None else None


def _moved(word: str, days: int) -> Change:
    """The word's day, where it still is one that there may be."""

    def change(row: Told) -> Told | None:
        if word not in row:
            return None
        now = {**row, word: (date.fromisoformat(str(row[word])) + timedelta(days=days)).isoformat()}
        is_turned = "from" in now and "to" in now and str(now["to"]) < str(now["from"])
        return None if is_turned or (word == "on" and now[word] > NOW.date().isoformat()) else now

    return change


def _near(word: str, factor: str = "1", more: Decimal = Decimal(0)) -> Change:
    return lambda row: {**row, word: _reckoned(row[word], factor, more)} if row.get(word) is not None else None


def _reckoned(number: Any, factor: str, more: Decimal) -> str:
    return f"{Decimal(str(number)) * Decimal(factor) + more:f}"


def _of_side(side: str, change: Change) -> Change:
    return lambda row: change(row) if row["side"] == side else None


def _days(of: str, part: str, word: str, wrap: Callable[[Change], Change] = lambda change: change) -> Changes:
    for words, days in (("earlier", -1), ("later", 1)):
        yield f"{of} a day {words}", part, wrap(_moved(word, days))


def _dropped(of: str, part: str, words: Iterable[str]) -> Changes:
    for word in words:
        yield f"{of} without its {word.replace('_', ' ')}", part, _without(word)


# --- lists -----------------------------------------------------------------------------------------------------------


def _lists(effect: str, params: Mapping[str, Any]) -> Changes:
    yield "what is on an instrument not met by what names that", "instruments", _without("underlying")
    yield "an entry held against today, not against the day of the trade", "instruments", _without("trade_date")
    yield from _days("an entry's first day", "lists", "from")
    yield from _days("an entry's last day", "lists", "to")
    for was, now in ((was, now) for was in FORBIDS for now in FORBIDS if now != was):
        yield f"an entry's direction {now} for {was}", "lists", _for("direction", was, now, "ALL")
    for was, now in ((was, now) for was in REACHES for now in REACHES if now != was):
        change = _for("reach", was, now, "GROUP")
        yield f"an issuer's reach {now} for {was}", "lists", lambda row, change=change: change(row) if "issuer" in row else None
    if params.get("names") == "sanctioned":
        yield from _dropped("an entry", "lists", ("sanctioned",))
    else:
        ours = "RESTRICTED" if effect == STOPS else "GREY"
        for was, now in ((was, "WATCH" if kind.effect == effect else ours) for was, kind in KINDS.items()):
            yield f"the list {now} for {was}", "lists", _listed(was, now)
    if effect == HOLDS:
        yield "an entry without its person", "lists", _of_nobody
    else:
        yield "a name that waits as one that was confirmed", "lists", _confirmed
    yield from _dropped("an entry", "lists", ("portfolio", "group", "desk", "look_through"))
    yield "who owns whom left out", "", _without("owners")
    yield "what funds hold by other funds left out", "", _without_funds


def _listed(was: str, now: str) -> Change:
    def change(row: Told) -> Told | None:
        if row.get("list", "RESTRICTED") != was or any(word in row for word in ("custodian", "sanctioned", "waits")):
            return None
        return {name: value for name, value in row.items() if name != "person"} | {"list": now}

    return change


def _of_nobody(row: Told) -> Told | None:
    return {name: value for name, value in row.items() if name != "person"} | {"list": "INSIDER"} if "person" in row else None


def _confirmed(row: Told) -> Told | None:
    return {name: value for name, value in row.items() if name != "waits"} | {"sanctioned": True} if row.get("waits") else None


def _without_funds(told: Told) -> Told | None:
    funds = told.get("constituents", {})
    if not any(symbol in funds for one in funds.values() for symbol in one["weights"]):
        return None
    shallow = {
        fund: {**one, "weights": {symbol: weight for symbol, weight in one["weights"].items() if symbol not in funds}}
        for fund, one in funds.items()
    }
    return {**told, "constituents": shallow}


# --- short sales -----------------------------------------------------------------------------------------------------


def _shorts(params: Mapping[str, Any]) -> Changes:
    yield from _dropped("a portfolio", "portfolios", ("unit",))
    yield "what the rest of a unit owns left out", "", _without("unit_owns")
    yield "a ten-thousandth less held", "portfolios.holds", lambda qty: _reckoned(qty, "1", -PIECE)
    for was, now in (("SELL", "BUY"), (SHORT, "BUY"), ("BUY", "SELL")):
        yield f"an open {was} as a {now}", "open_orders", _for("side", was, now)
    yield "a ten-thousandth less located", "orders", _less_located
    yield "a ten-thousandth less borrowed", "orders", lambda row: _near("borrowed", more=-PIECE)(row) if row.get("borrowed") else None
    yield "what is located as borrowed", "orders", lambda row: {**row, "borrowed": row["located"]} if "located" in row else None
    yield from _dropped("an instrument", "instruments", ("undelivered_since",))
    if params["price_test"]:
        yield from _price_tests()


def _price_tests() -> Changes:
    yield from _dropped("an order", "orders", ("exempt", "limit"))
    yield "a limit a hair higher", "orders", _near("limit", more=HAIR)
    yield "a breaker that is on as one that is off", "instruments", _for("breaker", True, False)
    yield "a breaker nobody knows of as one that is on", "instruments", _unknown("breaker", True)
    yield "a breaker nobody knows of as one that is off", "instruments", _unknown("breaker", False)
    yield "the ask for the bid", "instruments", _ask_for_bid


def _less_located(row: Told) -> Told | None:
    left = Decimal(str(row.get("located", 0))) - PIECE
    return {**row, "located": f"{left:f}"} if left >= Decimal(str(row.get("borrowed", 0))) else None


def _ask_for_bid(row: Told) -> Told | None:
    return {**row, "bid": row["ask"]} if "ask" in row else None


# --- wash sales ------------------------------------------------------------------------------------------------------


def _washes(params: Mapping[str, Any]) -> Changes:
    for side, of in (("BUY", "a purchase"), ("SELL", "a sale")):
        yield from _days(of, "portfolios.traded", "on", lambda change, side=side: _of_side(side, change))
        for words, more in (("dearer", PIECE), ("cheaper", -PIECE)):
            yield f"{of} a ten-thousandth {words}", "portfolios.traded", _of_side(side, _near("price", more=more))
    yield "what was paid and nobody knows as nothing", "portfolios.traded", lambda row: None if row.get("price") else {**row, "price": "0"}
    yield "an open BUY as a SELL", "open_orders", _for("side", "BUY", "SELL")
    yield "accounts of one taxpayer each apart", "", _apart
    yield from _dropped("an instrument", "instruments", ("alike", "trade_date"))
    yield from _dropped("an order", "orders", ("limit",))
    yield "the ask for the bid", "instruments", _ask_for_bid


def _apart(told: Told) -> Told | None:
    homes = told["portfolios"]
    return {**told, "portfolios": {code: {**one, "taxpayer": code} if "taxpayer" in one else one for code, one in homes.items()}}


# --- trading limits --------------------------------------------------------------------------------------------------


def _limits(params: Mapping[str, Any]) -> Changes:
    for word in NUMBERS:
        of = word.replace("_", " ")
        yield f"{of} a tenth lower", "limits", _near(word, "0.9")
        yield f"{of} a tenth higher", "limits", _near(word, "1.1")
        yield f"{of} no longer met at its very edge", "limits", _near(word, more=-HAIR)
    yield from _dropped("a limit", "limits", ("person", "desk", "instrument", "asset_class"))
    yield "a limit that does not stop the wrong side", "limits", _either_side
    yield "a short sale as a sale", "orders", lambda row: None if any(word in row for word in LENT) else _for("side", SHORT, "SELL")(row)
    yield from _dropped("an order", "orders", ("limit",))
    yield "a volume nobody knows as a large one", "instruments", _unknown("daily_qty", NO_LIMIT)
    yield "a price nobody knows as a small one", "instruments", _unknown("price", "0.01")
    yield "rates of currencies left out", "", _without("rates")


def _either_side(row: Told) -> Told | None:
    return {**row, "stops_wrong_side": False, "max_qty": row.get("max_qty", NO_LIMIT)} if row.get("stops_wrong_side") else None


# --- sizes, cash, parts of a portfolio -------------------------------------------------------------------------------

EDGE = Decimal("0.0000001")
MANDATED = {
    "asset_class_band": ("equity_min_pct", "equity_max_pct", "fixed_income_min_pct", "fixed_income_max_pct"),
    "cash_share": ("cash_min_pct",), "issuer_share": ("issuer_max_pct",), "sector_share": ("sector_max_pct",),
}  # fmt: skip
"""Limits that kinds of rule take from the mandate, where they have none of their own."""


def _mandate(kind: str, params: Mapping[str, Any]) -> Changes:
    for word in MANDATED[kind] if params.get("max_pct") is None else ():
        of = f"the mandate's {word.removesuffix('_pct').replace('_', ' ')}"
        yield f"{of} a tenth lower", "portfolios", _near(word, "0.9")
        yield f"{of} a tenth higher", "portfolios", _near(word, "1.1")
        # At its very edge a limit passes: what no longer meets it lies on the other side.
        yield f"{of} no longer met at its very edge", "portfolios", _near(word, more=EDGE if "_min_" in word else -EDGE)


def _sides() -> Changes:
    for was, now in (("BUY", "SELL"), ("SELL", "BUY")):
        yield f"an open {was} as a {now}", "open_orders", _for("side", was, now)


def _held(words: str, more: Decimal) -> Changes:
    yield f"a ten-thousandth {words} held", "portfolios.holds", lambda qty: _reckoned(qty, "1", more)


def _share(kind: str, params: Mapping[str, Any]) -> Changes:
    yield from _mandate(kind, params) if kind in MANDATED else ()
    yield from _sides()
    yield from _held("more", PIECE)
    if kind == "issuer_share":
        yield "a future on a body's shares as one on none", "instruments", _future_on_nothing


def _future_on_nothing(row: Told) -> Told | None:
    return _without("underlying")(row) if row.get("asset_class") == "FUTURE" else None


def _bands(params: Mapping[str, Any]) -> Changes:
    yield from _mandate("asset_class_band", params)
    yield from _sides()
    yield from (*_held("more", PIECE), *_held("less", -PIECE))


def _paid(params: Mapping[str, Any]) -> Changes:
    yield from _sides()
    yield from _dropped("an open order", "open_orders", ("cleared",))
    yield from _dropped("an instrument", "instruments", ("buy_fees_bp", "accrued_pct"))
    yield from _dropped("an order", "orders", ("limit",))


def _by_date(params: Mapping[str, Any]) -> Changes:
    yield from _paid(params)
    yield from _dropped("an instrument", "instruments", ("settle_date",))
    yield from _dropped("an order", "orders", ("value_date",))
    yield from _dropped("an open order", "open_orders", ("value_date",))
    yield from _dropped("a portfolio", "portfolios", ("unsettled",))
    for words, days in (("earlier", -1), ("later", 1)):
        yield f"what is unsettled a day {words}", "portfolios.unsettled", lambda told, days=days: _other_days(told, days)


def _other_days(told: Told, days: int) -> Told:
    return {(date.fromisoformat(day) + timedelta(days=days)).isoformat(): amount for day, amount in told.items()}


def _least_cash(params: Mapping[str, Any]) -> Changes:
    yield from _mandate("cash_share", params)
    yield from _paid(params)
    yield "rates of currencies left out", "", _without("rates")


def _sizes(params: Mapping[str, Any]) -> Changes:
    yield from _dropped("an order", "orders", ("limit", "value_date"))
    yield from _dropped("an instrument", "instruments", ("price_factor",))
    for word in ("rates", "forwards"):
        yield f"{word} of currencies left out", "", _without(word)


def _collar(params: Mapping[str, Any]) -> Changes:
    yield "the ask for the bid", "instruments", _ask_for_bid
    yield "the bid for the ask", "instruments", lambda row: {**row, "ask": row["bid"]} if "bid" in row else None
    yield "a buy's limit a hair higher", "orders", _of_side("BUY", _near("limit", more=HAIR))
    yield "a sell's limit a hair lower", "orders", _of_side("SELL", _near("limit", more=-HAIR))
    yield from _dropped("an order", "orders", ("limit", "value_date"))
    yield "forwards of currencies left out", "", _without("forwards")


def _twice(params: Mapping[str, Any]) -> Changes:
    yield from _sides()
    for words, more in (("a minute more", 1), ("a minute less", -1)):
        yield f"an open order's age {words}", "open_orders", _near("minutes_ago", more=Decimal(more))
    for part, of in (("orders", "an order"), ("open_orders", "an open order")):
        yield from _dropped(of, part, ("part_of",))


def _owned(params: Mapping[str, Any]) -> Changes:
    yield "a ten-thousandth more held by the firm", "firm_holds", lambda qty: _reckoned(qty, "1", PIECE)
    for word in ("firm_holds", "firm_buys"):
        yield f"{word.replace('_', ' ')} left out", "", _without(word)
    yield "a number of shares nobody knows as a large one", "instruments", _unknown("shares_outstanding", NO_LIMIT)


_OF: Mapping[str, Callable[[Mapping[str, Any]], Changes]] = {
    "asset_class_band": _bands,
    "cash_by_currency": _by_date,
    "cash_share": _least_cash,
    "duplicate": _twice,
    "holding": lambda params: (*_sides(), *_held("less", -PIECE)),
    "instrument_share": lambda params: _share("instrument_share", params),
    "issue_ownership": _owned,
    "issuer_share": lambda params: _share("issuer_share", params),
    "order_value": _sizes,
    "order_volume": lambda params: [("a volume nobody knows as a large one", "instruments", _unknown("daily_qty", NO_LIMIT))],
    "price_collar": _collar,
    "sector_share": lambda params: _share("sector_share", params),
    "restricted_list": lambda params: _lists(STOPS, params),
    "control_room": lambda params: _lists(HOLDS, params),
    "short_sale": _shorts,
    "wash_sale": _washes,
    "trading_limits": _limits,
}
