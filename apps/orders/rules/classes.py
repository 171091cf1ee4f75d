"""What a ticket says in each asset class: the words for its quantity, price and money, and the fields of the class alone."""

from typing import NamedTuple


class ClassTerms(NamedTuple):
    """
    :param unit: what a quantity counts
    :param price: what a price is, after the number
    :param money: what quantity × price × factor is called
    :param shows: fields of the instrument that stand beside the ticket
    :param says: terms that only orders in some classes have; in others they are refused and not shown
    :param pays: whether that money is paid on settlement; a future's is not, it is margined by the clearer
    """

    unit: str
    price: str
    money: str = "Money"
    shows: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    pays: bool = True


CLASSES = {
    "EQUITY": ClassTerms("shares", "a share"),
    "ETF": ClassTerms("shares", "a share"),
    "CORP": ClassTerms("face", "% of par", shows=("coupon_pct", "maturity_date", "rating")),
    "GOVT": ClassTerms("face", "% of par", shows=("coupon_pct", "maturity_date", "rating")),
    "OPTION": ClassTerms(
        "contracts", "premium a unit of the underlying", "Premium",
        ("underlying", "put_or_call", "strike_price", "maturity_date", "price_factor"), ("position_effect",),
    ),
    "FUTURE": ClassTerms(
        "contracts", "points", "Notional", ("underlying", "maturity_date", "price_factor"), ("position_effect",), pays=False,
    ),
    "FX": ClassTerms("of the base currency", "quote currency for one of the base", "Counter amount"),
    "FUND": ClassTerms("units", "net asset value a unit"),
}  # fmt: skip
OWN_TERMS = tuple(sorted({term for one in CLASSES.values() for term in one.says}))


def strangers(asset_class: str) -> tuple[str, ...]:
    """The terms of other classes that an order in this one must not say."""
    return tuple(term for term in OWN_TERMS if term not in CLASSES[asset_class].says)
