"""A rule as a sentence, made from what it is: nobody types it, so it cannot say other than what is asked."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from .columns import FIRM_CURRENCY
from .params import OF_ALL, Param
from .rules import MEASURES
from .saying import signed

Values = Mapping[str, Any]
WHEN_UNSURE = {
    "": "",
    "WARN": " Where it cannot tell, that is said and holds nothing.",
    "SOFT": " Where it cannot tell, the order waits for an officer.",
    "HARD": " Where it cannot tell, the order waits for two officers.",
}
"""What is added to the sentence of a rule that says how severe it is where it cannot tell."""


def of(kind: str, values: Values) -> str:
    """:param values: the parameters as the measure reads them (``params.read``)"""
    measure = MEASURES[kind]
    say = measure.sentence or _SAYS.get(kind)
    said = say(values) if say else _in_general(measure.title, measure.takes, values)
    if values.get("own_field"):
        said += f" Asked only of orders whose {values['own_field']} is {values['own_value']}."
    return said


def _in_general(title: str, takes: Mapping[str, Param], values: Values) -> str:
    """Of a measure without words of its own: each parameter that is given."""
    given = [f"{name.replace('_', ' ')} {_value(values[name])}" for name in takes if name not in OF_ALL and _is_given(values[name])]
    return f"{title}{': ' if given else ''}{', '.join(given)}."


def _is_given(value: Any) -> bool:
    return value is not None and value != "" and value != frozenset()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset | set | list | tuple):
        return _either(value)
    return _plain(value) if isinstance(value, Decimal) else str(value)


def _plain(number: Decimal) -> str:
    text = f"{number:,f}"
    return signed(text.rstrip("0").rstrip(".") if "." in text else text)


def _either(words) -> str:
    *most, last = sorted(words)
    return f"{', '.join(most)} or {last}" if most else last


def _age(minutes: int) -> str:
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            count = minutes // size
            return f"a{'n' if word == 'hour' else ''} {word}" if count == 1 else f"{count} {word}s"
    raise AssertionError("every number is whole minutes")


def _stale(values: Values) -> str:
    return f" It cannot tell on a price or rate older than {_age(values['max_age'])}."


def _share(what: str) -> Callable[[Values], str]:
    def said(values: Values) -> str:
        but = f" but {_either(values['exempt'])}" if values["exempt"] else ""
        most = "the mandate's limit" if values["max_pct"] is None else f"{_plain(values['max_pct'])}% of the portfolio's net asset value"
        return f"No {what}{but} is above {most} after a purchase, open purchases counted.{_stale(values)}"

    return said


def _cash(values: Values) -> str:
    sells = "sells that settle by then count" if values["count_open_sells"] else "open sells do not count"
    slip = values["slip_pct"]
    return f"{sells}{f', orders without a limit at {_plain(slip)}% above the market' if slip else ''}.{_stale(values)}"


def _by_currency(values: Values) -> str:
    below = f" but for an overdraft of {_plain(values['overdraft'])}" if values["overdraft"] else ""
    return f"Every purchase is paid in its currency on its settlement date{below}; {_cash(values)}"


def _holding(values: Values) -> str:
    short = values["short_allowed"]
    allowed = f" In {_either(short)} short sales are allowed." if short else ""
    return f"No portfolio sells more than it holds, less what open sells have promised, nor short more than can be borrowed.{allowed}"


def _collar(values: Values) -> str:
    market = ", market orders too," if values["market_orders"] else ""
    return (
        f"No limit is more than {_plain(values['max_pct'])}% through the best opposite quote, and no order with a limit{market}"
        f" is let through on a quote older than {_age(values['max_age'])}."
    )


def _short_sale(values: Values) -> str:
    locate = " and has a lender's word" if values["needs_locate"] else ""
    box = " Of what failed to be delivered and is not closed out, only borrowed units are sold short."
    test = (
        f" While a circuit breaker is on, a short sale has a limit above the bid or an exemption, and it cannot tell on a bid"
        f" older than {_age(values['max_age'])}."
        if values["price_test"]
        else ""
    )
    return f"A sale in {_either(values['classes'])} of what is not owned net is marked short{locate}.{box}{test}"


def _restricted(values: Values) -> str:
    whom = "the sanctioned names of the restricted list" if values["names"] == "sanctioned" else "the restricted list"
    return (
        f"No order trades against {whom}: what it names, derivatives and convertibles on that, and where an entry says so funds that"
        f" hold it, as told at most {values['max_age_days']} days ago."
    )


_SAYS: dict[str, Callable[[Values], str]] = {
    "restricted_list": _restricted,
    "control_room": lambda v: (
        "What meets a list that is the control room's alone waits for an officer; what funds hold counts as told at most"
        f" {v['max_age_days']} days ago."
    ),
    "instrument_share": _share("instrument"),
    "issuer_share": _share("issuer's group"),
    "sector_share": _share("sector"),
    "issue_ownership": lambda v: (
        f"All portfolios together hold at most {_plain(v['max_pct'])}% of an equity's shares outstanding, open purchases counted."
    ),
    "asset_class_band": lambda v: (
        f"Equity and fixed income stay within the mandate's bands; a trade toward its band passes.{_stale(v)}"
    ),
    "holding": _holding,
    "short_sale": _short_sale,
    "order_value": lambda v: f"No order is worth more than {FIRM_CURRENCY} {_plain(v['max_amount'])}.{_stale(v)}",
    "order_volume": lambda v: f"No order is above {_plain(v['max_pct'])}% of the instrument's average daily volume.",
    "trading_limits": lambda v: "No order is beyond a trading limit of its author, desk, instrument or asset class.",
    "wash_sale": lambda v: (
        "No sale at a loss has a purchase of the same, or of what is substantially identical, within 30 days in any account of"
        " the taxpayer, nor a purchase such a sale."
    ),
    "price_collar": _collar,
    "duplicate": lambda v: f"No two unfinished orders of one portfolio within {_age(v['window'])} are alike.",
    "cash_by_currency": _by_currency,
    "cash_share": lambda v: f"Cash is not below the mandate's least share of net asset value after a purchase; {_cash(v)}",
}
