"""What we say to a broker or dealer: the fields of each message, in FIX 4.4."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from apps.core.refusals import Invalid

from .reports import FUND_SIDE_TAGS, SHORT_EXEMPT, SIDE_TAGS
from .wire import FramePart, utc_text

STRATEGIES = {"VWAP": "1", "PARTICIPATE": "2", "TWAP": "1001"}
SMART = "SMART"  # Our own: parts of the block to lit venues, as orders to be filled at once. Brokers are told the venue alone.
OWN_STRATEGIES = ("Own TWAP", "Own VWAP", "Own POV", "Own IS", "Own ICEBERG", "Own CLOSE")
"""Algorithms of our own, which send plain orders (apps/algos); halts name them."""
TIFS = {"DAY": "0", "GTC": "1", "OPG": "2", "IOC": "3", "FOK": "4", "GTD": "6", "CLS": "7"}
ORD_TYPES = {"MARKET": "1", "LIMIT": "2", "STOP": "3", "STOP_LIMIT": "4", "PEGGED": "P"}
WITH_A_LIMIT = {"MARKET": "LIMIT", "STOP": "STOP_LIMIT"}
EXEC_INSTS = {"NOT_HELD": "1", "DO_NOT_INCREASE": "E"}
PEG_INSTS = {"PRIMARY": "R", "MID": "M", "MARKET": "P"}
CARE, FUND = "CARE", "MF"
SECURITY_TYPES = {"OPTION": "OPT", "FUTURE": "FUT"}
PUT_OR_CALL = {"PUT": "0", "CALL": "1"}
EFFECTS = {"OPEN": "O", "CLOSE": "C"}
EXEMPTIONS = {
    "INCOMING": "1", "ABOVE_BID": "2", "DELAYED_DELIVERY": "3", "ODD_LOT": "4", "DOMESTIC_ARBITRAGE": "5",
    "INTERNATIONAL_ARBITRAGE": "6", "UNDERWRITING": "7", "RISKLESS_PRINCIPAL": "8", "VWAP": "9",
}  # fmt: skip
PARAMS = ("participation_pct", "start_at", "end_at")
OWN_FIELDS = "fields"
"""Among a route's parameters: the tags of a strategy of the broker's own, as they were worked out from its file."""
HIT, COUNTER, COVER, DONE_AWAY, PASS = "1", "2", "4", "5", "6"


class BadStrategy(Invalid):
    """The broker's algorithm cannot be asked for in this way."""


class Contract(NamedTuple):
    """What tells an option or a future from others on the same thing; ``underlying`` a symbol and an ISIN, empty if none."""

    asset_class: str
    cfi_code: str
    expiry: date
    multiplier: Decimal
    strike: Decimal | None
    put_or_call: str
    underlying: tuple[str, str]


class Terms(NamedTuple):
    """
    What all requests on an order repeat. Currencies say whether they are spot or forward, and when they settle:
    SecurityType (167), SettlType (63: 0 regular, 6 future) and SettlDate (64). Funds are subscribed and redeemed, forward
    priced (40=M) at the valuation point of the trade date (75).
    """

    symbol: str
    isin: str
    mic: str
    currency: str
    side: str
    tif: str
    account: str
    order_type: str = "MARKET"
    handling: Mapping[str, str] = {}
    security_type: str = ""
    settle_date: date | None = None
    lender: str = ""
    contract: "Contract | None" = None
    trade_date: date | None = None

    @property
    def is_fund(self) -> bool:
        return self.security_type == FUND

    @property
    def side_tag(self) -> str:
        if "short_exempt" in self.handling:
            return SHORT_EXEMPT
        return (SIDE_TAGS | FUND_SIDE_TAGS if self.is_fund else SIDE_TAGS)[self.side]


def plain(number: Decimal) -> str:
    """A number without exponent or trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instrument_fields(terms: Terms) -> list[FramePart]:
    fields: list[FramePart] = [(55, terms.symbol)]
    if terms.isin:
        fields += [(48, terms.isin), (22, "4")]
    if terms.security_type:
        fields.append((167, terms.security_type))
    if terms.contract is None:
        return [*fields, (207, terms.mic)]
    return [*fields, *_contract_fields(terms.contract, terms.mic)]


def _contract_fields(c: Contract, mic: str) -> list[FramePart]:
    """
    CFICode (461), SecurityType (167), MaturityMonthYear (200), MaturityDate (541), PutOrCall (201), StrikePrice (202),
    ContractMultiplier (231), SecurityExchange (207) and the underlying (711), in the order of FIX 4.4's Instrument block.
    """
    fields: list[FramePart] = [(461, c.cfi_code)] if c.cfi_code else []
    fields += [(167, SECURITY_TYPES[c.asset_class]), (200, f"{c.expiry:%Y%m}"), (541, f"{c.expiry:%Y%m%d}")]
    if c.strike is not None:
        fields += [(201, PUT_OR_CALL[c.put_or_call]), (202, plain(c.strike))]
    fields += [(231, plain(c.multiplier)), (207, mic)]
    symbol, isin = c.underlying
    fields += [(711, "1"), (311, symbol)] if symbol else []
    return [*fields, (309, isin), (305, "4")] if symbol and isin else fields


def settlement_fields(terms: Terms) -> list[FramePart]:
    """
    SettlType (63) and SettlDate (64) of a trade in currencies, TradeDate (75) of one in a fund; nothing for what settles by
    its market's cycle.
    """
    if terms.is_fund and terms.trade_date:
        return [(75, f"{terms.trade_date:%Y%m%d}")]
    if not terms.security_type or terms.settle_date is None:
        return []
    return [(63, "6" if terms.security_type == "FXFWD" else "0"), (64, f"{terms.settle_date:%Y%m%d}")]


def locate_fields(terms: Terms) -> list[FramePart]:
    """LocateReqd (114): N, for it was located with the lender of 5700, the tag brokers use for it."""
    return [(114, "N"), (5700, terms.lender)] if terms.lender else []


def strategy_fields(strategy: str, params: Mapping[str, Any]) -> list[FramePart]:
    """
    TargetStrategy (847), ParticipationRate (849, of 1), EffectiveTime (168), ExpireTime (126).

    A strategy of the broker's own brings its tags (``OWN_FIELDS``).

    :param params: ``participation_pct`` percent of volume; ``start_at`` and ``end_at`` ISO 8601 with zone
    :raises BadStrategy: on an unknown strategy or parameter, or one out of range
    """
    if OWN_FIELDS in params:
        return [(int(tag), str(value)) for tag, value in params[OWN_FIELDS]]
    if not strategy:
        return []
    if strategy == SMART:
        return [(100, str(params["venue"]))] if params.get("venue") else []  # ExDestination.
    if strategy not in STRATEGIES:
        raise BadStrategy(f"“{strategy}” is no strategy; choose one of {', '.join(STRATEGIES)}.", field="strategy")
    unknown = set(params) - set(PARAMS)
    if unknown:
        raise BadStrategy(f"{sorted(unknown)[0]} is unknown; a strategy takes {', '.join(PARAMS)}.", field="params")
    fields: list[FramePart] = [(847, STRATEGIES[strategy])]
    if params.get("participation_pct") is not None:
        fields.append((849, plain(_percent(params["participation_pct"]) / 100)))
    elif strategy == "PARTICIPATE":
        raise BadStrategy("Participation needs participation_pct, the percent of volume to be.", field="params")
    times = {key: _time(key, params[key]) for key in ("start_at", "end_at") if params.get(key)}
    if len(times) == 2 and times["start_at"] >= times["end_at"]:
        raise BadStrategy("end_at must be after start_at.", field="params")
    return fields + [(tag, utc_text(times[key])) for key, tag in (("start_at", 168), ("end_at", 126)) if key in times]


def _percent(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
        if not 0 < number <= 100:
            raise ValueError
    except (ValueError, ArithmeticError):
        message = f"participation_pct must be above 0 and at most 100; got “{value}”."
        raise BadStrategy(message, field="params") from None
    return number


def _time(key: str, value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
        if at.tzinfo is None:
            raise ValueError
    except ValueError:
        message = f"{key} must be a time with its zone, as 2026-11-23T14:30:00Z; got “{value}”."
        raise BadStrategy(message, field="params") from None
    return at


def price_fields(qty: Decimal, limit: Decimal | None, terms: Terms) -> list[FramePart]:
    """
    OrderQty (38), OrdType (40), Price (44), StopPx (99), ExecInst (18), PegOffsetValue (211), MinQty (110), MaxFloor
    (111), PositionEffect (77), ShortSaleExemptionReason (1688), TimeInForce (59), ExpireDate
    (432). A route smaller than the least or displayed quantity names its own.
    """
    said = terms.handling
    if terms.is_fund:
        return [*quantity_fields(qty, terms), (40, "M"), (59, TIFS[terms.tif])]
    kind = terms.order_type if limit is None else WITH_A_LIMIT.get(terms.order_type, terms.order_type)
    insts = [tag for flag, tag in EXEC_INSTS.items() if flag in flags_of(said)]
    insts += [PEG_INSTS[said["peg"]]] if "peg" in said else []
    fields: list[FramePart] = [(38, plain(qty)), (40, ORD_TYPES[kind])]
    fields += [(44, plain(limit))] if limit is not None else []
    fields += [(tag, said[name]) for name, tag in (("stop_price", 99), ("peg_offset", 211)) if name in said]
    fields += [(18, " ".join(insts))] if insts else []
    fields += [
        (tag, plain(min(Decimal(said[name]), qty))) for name, tag in (("min_qty", 110), ("display_qty", 111)) if name in said
    ]
    fields += [(77, EFFECTS[said["position_effect"]])] if "position_effect" in said else []
    fields += [(1688, EXEMPTIONS[said["short_exempt"]])] if "short_exempt" in said else []
    fields.append((59, TIFS[terms.tif]))
    return [*fields, (432, said["expire_date"].replace("-", ""))] if "expire_date" in said else fields


def quantity_fields(qty: Decimal, terms: Terms) -> list[FramePart]:
    """OrderQty (38), or CashOrderQty (152) of an order in a fund by amount: its units are not known yet."""
    return [(152, terms.handling["cash_qty"])] if "cash_qty" in terms.handling else [(38, plain(qty))]


def flags_of(handling: Mapping[str, str]) -> list[str]:
    return [flag for flag in handling.get("flags", "").split(",") if flag]


def handling_inst(terms: Terms) -> str:
    """HandlInst (21): 3 where a person is to work it, else 1."""
    return "3" if CARE in flags_of(terms.handling) else "1"


def is_worked_by_strategy(order_type: str, tif: str, handling: Mapping[str, str]) -> bool:
    """Whether a broker's algorithm may work it; other orders say themselves when and where they trade."""
    is_plain = order_type in ("MARKET", "LIMIT") and tif not in ("OPG", "CLS")
    return is_plain and CARE not in flags_of(handling) and "min_qty" not in handling and "display_qty" not in handling


def new_order(
    cl_ord_id: str, terms: Terms, qty: Decimal, limit: Decimal | None, strategy: Sequence[FramePart], text: str,
    at: datetime,
) -> list[FramePart]:  # fmt: skip
    """NewOrderSingle (35=D)."""
    fields: list[FramePart] = [
        (11, cl_ord_id), (1, terms.account), (21, handling_inst(terms)), *instrument_fields(terms),
        (54, terms.side_tag), (60, utc_text(at)), *settlement_fields(terms), *price_fields(qty, limit, terms),
        (15, terms.currency), *locate_fields(terms),
    ]  # fmt: skip
    fields = worked_by(fields, strategy)
    return [*fields, (58, text)] if text and all(tag != 58 for tag, _ in strategy) else fields


def worked_by(fields: list[FramePart], strategy: Sequence[FramePart]) -> list[FramePart]:
    """An order with its strategy's tags. :raises BadStrategy: where both say a tag, and not the same"""
    said = dict(fields)
    for tag, value in strategy:
        if said.get(tag, value) != value:
            raise BadStrategy(f"The strategy says {value} in tag {tag}, where the order says {said[tag]}.", field="strategy")
    return [*fields, *((tag, value) for tag, value in strategy if tag not in said)]


STANDARD = {
    1: "Account", 15: "Currency", 18: "ExecInst", 21: "HandlInst", 22: "SecurityIDSource", 38: "OrderQty", 40: "OrdType", 44: "Price",
    48: "SecurityID", 54: "Side", 55: "Symbol", 59: "TimeInForce", 63: "SettlType", 64: "SettlDate", 77: "PositionEffect",
    99: "StopPx", 110: "MinQty", 111: "MaxFloor", 114: "LocateReqd", 152: "CashOrderQty", 167: "SecurityType",
    207: "SecurityExchange", 211: "PegOffsetValue", 432: "ExpireDate",
}  # fmt: skip
NUMBERS = (38, 44, 99, 110, 111, 152, 211)


def standard_of(fields: Sequence[FramePart]) -> dict[str, Any]:
    """What an order says in standard fields, by FIX name: numbers as ``Decimal``, None where it says nothing."""
    said = dict(fields)
    return {
        name: None if tag not in said else Decimal(said[tag]) if tag in NUMBERS else said[tag] for tag, name in STANDARD.items()
    }


def cancel(cl_ord_id: str, orig: str, order_id: str, terms: Terms, qty: Decimal, at: datetime) -> list[FramePart]:
    """OrderCancelRequest (35=F)."""
    order: list[FramePart] = [(37, order_id)] if order_id else []
    return [
        (41, orig), *order, (11, cl_ord_id), *instrument_fields(terms), (54, terms.side_tag), (60, utc_text(at)),
        *quantity_fields(qty, terms),
    ]  # fmt: skip


def replace(
    cl_ord_id: str, orig: str, order_id: str, terms: Terms, qty: Decimal, limit: Decimal | None,
    strategy: Sequence[FramePart], at: datetime,
) -> list[FramePart]:  # fmt: skip
    """OrderCancelReplaceRequest (35=G): what is not repeated is not inherited, so all of it is."""
    order: list[FramePart] = [(37, order_id)] if order_id else []
    fields: list[FramePart] = [
        *order, (41, orig), (11, cl_ord_id), (1, terms.account), (21, handling_inst(terms)), *instrument_fields(terms),
        (54, terms.side_tag), (60, utc_text(at)), *settlement_fields(terms), *price_fields(qty, limit, terms),
        (15, terms.currency), *locate_fields(terms),
    ]  # fmt: skip
    return worked_by(fields, strategy)


def quote_request(request_ref: str, terms: Terms, qty: Decimal, due_at: datetime, at: datetime) -> list[FramePart]:
    """QuoteRequest (35=R) for one instrument, tradeable (537=1), until the collecting ends."""
    return [
        (131, request_ref), (146, "1"), *instrument_fields(terms), (537, "1"), (54, terms.side_tag),
        (38, plain(qty)), *settlement_fields(terms), (15, terms.currency), (126, utc_text(due_at)), (60, utc_text(at)),
    ]  # fmt: skip


def quote_response(
    response_ref: str, quote_ref: str, kind: str, terms: Terms, qty: Decimal, price: Decimal | None, cl_ord_id: str,
    at: datetime,
) -> list[FramePart]:  # fmt: skip
    """
    QuoteResponse (35=AJ): 694 is 1 hit or lift, 2 counter, 4 cover, 5 done away, 6 pass. A counter is said to bind nobody
    (537=0): the dealer's next quote is what can be hit.
    """
    fields: list[FramePart] = [(693, response_ref), (117, quote_ref), (694, kind)]
    if cl_ord_id:
        fields.append((11, cl_ord_id))
    if kind == COUNTER:
        fields.append((537, "0"))
    fields += [*instrument_fields(terms), (54, terms.side_tag), (38, plain(qty)), (60, utc_text(at))]
    fields += settlement_fields(terms)
    return [*fields, (15, terms.currency)] + ([(44, plain(price))] if price is not None else [])
