"""What a fixture says of taxes: whose accounts portfolios are, and what each of them bought and sold before."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.portfolios.lots import Traded, lots_of

from . import columns as c
from .fixture_words import BadFixture, choice_in, day_in, mapping_in, number_in, place_in, rows_in, truth_in
from .taxes import Account, Bought, Position, TaxLot, count_lots

SAID, OF_ORDERS, OF_PORTFOLIOS, OF_INSTRUMENTS = (), (), ("taxpayer", "is_ira", "traded"), ("alike",)
SIDES = ("BUY", "SELL")


def put(where: Mapping[str, Any], s: c.Snapshot) -> None:
    """
    Puts into the snapshot the lots of every portfolio that has a taxpayer, and what all accounts of that one bought, sold at a
    loss and have open orders to buy, of all that is alike.
    """
    homes = where["portfolios"]
    payers = {str(told["taxpayer"]): 0 for told in homes.values() if "taxpayer" in told}
    payers = {name: n for n, name in enumerate(payers, start=1)}
    s.portfolios = [
        p._replace(
            taxpayer=payers[str(told["taxpayer"])] if "taxpayer" in told else None,
            is_ira=truth_in(told.get("is_ira", False), f"portfolios.{p.code}.is_ira"),
        )
        for p, told in zip(s.portfolios, homes.values(), strict=True)
    ]  # fmt: skip
    alike = {
        i.id: str(told.get("alike", i.symbol)) for i, told in zip(s.instruments, where["instruments"].values(), strict=True)
    }
    found: dict[tuple[int, str], Position] = {}
    lots: dict[tuple[int, int], list[TaxLot]] = {}
    for home, p in enumerate(s.portfolios):
        for thing, moved in _traded(homes[p.code], f"portfolios.{p.code}", s).items():
            i, (left, closed) = s.instruments[thing], lots_of(moved)
            mine = Account(p.id, p.code, p.is_ira)
            count_lots(found.setdefault((p.taxpayer, alike[i.id]), Position([], [])), mine, left, closed, i.price_factor)
            lots[home, thing] = [TaxLot(*lot) for lot in left]
    o = s.others
    for row in range(len(o)):
        p, i = s.portfolios[o.portfolio[row]], s.instruments[o.instrument[row]]
        if p.taxpayer is not None and not o.sell[row]:
            one = Bought(p.id, p.code, s.at.date(), Decimal(int(o.leaves[row])) / c.QTY, p.is_ira, True)
            found.setdefault((p.taxpayer, alike[i.id]), Position([], [])).bought.append(one)
    s.taxes, s.lots, s.alike = found, lots, alike


def _traded(told: Mapping[str, Any], home: str, s: c.Snapshot) -> dict[int, list[Traded]]:
    """What a portfolio traded before, by place of the instrument and in the order of the days."""
    rows = rows_in(told.get("traded", []), f"{home}.traded")
    if rows and "taxpayer" not in told:
        raise BadFixture("What was traded before counts where a portfolio has a “taxpayer”.", field=f"{home}.traded")
    places = {i.symbol: n for n, i in enumerate(s.instruments)}
    found: dict[int, list[Traded]] = {}
    for n, row in enumerate(rows):
        at = f"{home}.traded[{n}]"
        row = mapping_in(row, at, {"side", "symbol", "qty", "price", "on"}, {"side", "symbol", "qty", "on"})
        choice_in(row["side"], SIDES, f"{at}.side")
        day, qty = day_in(row["on"], f"{at}.on"), number_in(row["qty"], f"{at}.qty")
        price = None if row.get("price") is None else number_in(row["price"], f"{at}.price")
        if day > s.at.date():
            raise BadFixture(f"What was traded was traded by {s.at.date()}.", field=f"{at}.on")
        if qty <= 0:
            raise BadFixture("A quantity is above zero.", field=f"{at}.qty")
        place = place_in(places, row["symbol"], f"{at}.symbol")
        found.setdefault(place, []).append(Traded(day, qty if row["side"] == "BUY" else -qty, price))
    return {place: sorted(moved, key=lambda one: one.on) for place, moved in found.items()}
