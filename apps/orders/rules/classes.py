"""
What a ticket says in each asset class: what an order is where nobody said otherwise, the words for its quantity, price and
money, the fields of the class alone and those that it has not. The ticket, the API, files and staging read this one table.

Words may hold ``{currency}``, ``{base}``, ``{factor}``, ``{step}``, ``{piece}``, ``{tick}`` and ``{on}``, which an
instrument's own fill in.
"""

from collections.abc import Mapping
from typing import NamedTuple

_WHOLE = ("min_qty", "display_qty")  # What only markets with a book of orders take.
_UNSAID = ("order_type", "limit_price", "stop_price", "peg", "peg_offset", "tif", "expire_date", *_WHOLE)


class ClassTerms(NamedTuple):
    """
    :param unit: what a quantity counts, behind the number; empty for shares, where it goes without saying
    :param label: of the quantity's field
    :param help: what the quantity is, below its field
    :param price_help: what a price is, below its field
    :param order_type: what the ticket proposes
    :param bare_type: what an order is that says neither its type nor a limit price; LIMIT asks for the price
    :param tif: what an order is that says no time in force
    :param money: what quantity × price × factor is called
    :param says: terms that only orders in some classes have; in others they are refused and not shown
    :param hides: fields that mean nothing in the class: not shown, and what stands in them is not said
    :param no_short: why nothing of the class is sold short; empty where it can be
    """

    unit: str
    label: str
    help: str
    price_help: str
    order_type: str = "MARKET"
    bare_type: str = "MARKET"
    tif: str = "DAY"
    money: str = "Money"
    says: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    no_short: str = ""


_SHARES = ClassTerms(
    "", "Shares", "In steps of {step}.", "{currency} a share, in steps of {tick}.", says=("short_exempt",)
)
_BONDS = ClassTerms(
    "face {currency}", "Face, {currency}", "Nominal value in steps of {step}, at least {piece}.",
    "Percent of par, without accrued interest.", order_type="LIMIT", hides=_WHOLE,
)  # fmt: skip
_NOT_LENT = "Only what is borrowed is sold short. Sell, with OPEN as its effect on the position."
CLASSES = {
    "EQUITY": _SHARES,
    "ETF": _SHARES,
    "CORP": _BONDS,
    "GOVT": _BONDS,
    "OPTION": ClassTerms(
        "contracts", "Contracts", "Each is {factor} of {on}.",
        "Premium in {currency} for one {on}; a contract is {factor} times that.", order_type="LIMIT", bare_type="LIMIT",
        money="Premium", says=("position_effect",), hides=_WHOLE, no_short=_NOT_LENT,
    ),
    "FUTURE": ClassTerms(
        "contracts", "Contracts", "Each is {factor} {currency} a point.", "Points, in steps of {tick}.",
        order_type="LIMIT", bare_type="LIMIT", money="Notional", says=("position_effect",), no_short=_NOT_LENT,
    ),
    "FX": ClassTerms(
        "{base}", "Amount, {base}", "{base} bought or sold, against {currency}.",
        "{currency} for 1 {base}.", money="Against", says=("value_date",), hides=_WHOLE,
        no_short="A currency is not borrowed to be sold. Sell the pair: what it pays is judged as money.",
    ),
    "FUND": ClassTerms(
        "units", "Units", "In steps of {step}, dealt at the value of the next valuation point.",
        "Known at the valuation point alone.", money="Money, estimated", hides=(*_UNSAID, "flags"),
        no_short="Units of a fund are not borrowed, so none are sold short. Redeem what is held.",
    ),
}  # fmt: skip
OWN_TERMS = tuple(sorted({term for one in CLASSES.values() for term in one.says}))
BY_INTENT = {
    "AMOUNT": ("Amount, {currency}", "The quantity is derived from it at the price of now."),
    "NAV_PCT": ("Percent of the portfolio’s value", "The quantity is derived at the price of now."),
    "TARGET_PCT": ("Target weight, %", "What is missing or too much; the side follows."),
    "POSITION_PCT": ("Percent of the position", "Of what is held; the side follows."),
    "CLOSE": ("Quantity", "All that is held; the side follows."),
}  # fmt: skip
BINDS = "The money that binds; its units are those of the valuation point."


def spoken(asset_class: str, facts: Mapping[str, str], intent: str = "") -> ClassTerms:
    """
    The words of a class for one instrument, ``hides`` being all that its ticket does not show.

    :param facts: the instrument's own, as texts by the names in the module's head
    :param intent: what the quantity counts, where it counts no units
    """
    terms = CLASSES[asset_class]
    label, help_text = BY_INTENT.get(intent, (terms.label, terms.help))
    if asset_class == "FUND" and intent == "AMOUNT":
        help_text = BINDS
    said = {"label": label, "help": help_text, "unit": terms.unit, "price_help": terms.price_help}
    hides = (*terms.hides, *(term for term in OWN_TERMS if term not in terms.says), *(("qty",) if intent == "CLOSE" else ()))
    return terms._replace(hides=hides, **{name: text.format_map(facts) for name, text in said.items()})


def unit_of(asset_class: str, currency: str, base: str = "") -> str:
    """What stands behind a quantity: contracts, face EUR, EUR of a pair; nothing where it is shares."""
    terms = CLASSES.get(asset_class)
    return terms.unit.format(currency=currency, base=base) if terms else ""


def side_word(side: str, asset_class: str) -> str:
    """Buy, sell and sell short; of funds, subscribe and redeem (FIX 54=D and E)."""
    return (FUND_SIDES if asset_class == "FUND" else SIDE_WORDS).get(side, side)


SIDE_WORDS = {"BUY": "Buy", "SELL": "Sell", "SELL_SHORT": "Sell short"}
FUND_SIDES = {"BUY": "Subscribe", "SELL": "Redeem"}


def defaults_in_words() -> str:
    """What an order is where nothing is said, class by class, for the documentation of the interface."""
    alike: dict[tuple[str, str], list[str]] = {}
    for code, terms in CLASSES.items():
        alike.setdefault((terms.bare_type, terms.tif), []).append(code)
    said = [
        f"{', '.join(codes)}: {kind}{' (so the price is asked for)' if kind == 'LIMIT' else ''}, {tif}"
        for (kind, tif), codes in alike.items()
    ]
    return f"With a limit price an order is LIMIT where it says no type. Without one: {'; '.join(said)}."
