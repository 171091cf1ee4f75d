"""What a ticket says in each asset class: the words for its quantity, price and money, and the fields of the class alone."""

from typing import NamedTuple


class ClassTerms(NamedTuple):
    """
    :param unit: what a quantity counts
    :param price: what a price is, after the number
    :param money: what quantity × price × factor is called
    :param says: terms that only orders in some classes have; in others they are refused and not shown
    """

    unit: str
    price: str
    money: str = "Money"
    says: tuple[str, ...] = ()


CLASSES = {
    "EQUITY": ClassTerms("shares", "a share"),
    "ETF": ClassTerms("shares", "a share"),
    "CORP": ClassTerms("face", "% of par"),
    "GOVT": ClassTerms("face", "% of par"),
    "OPTION": ClassTerms("contracts", "premium a unit of the underlying", "Premium", ("position_effect",)),
    "FUTURE": ClassTerms("contracts", "points", "Notional", ("position_effect",)),
    "FX": ClassTerms("of the base currency", "quote currency for one of the base", "Against", ("value_date",)),
    "FUND": ClassTerms("units", "net asset value a unit"),
}  # fmt: skip
OWN_TERMS = tuple(sorted({term for one in CLASSES.values() for term in one.says}))
