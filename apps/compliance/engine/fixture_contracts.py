"""What a fixture says of contracts under position limits."""

from collections.abc import Mapping, Sequence
from typing import Any

from . import columns as c
from .contracts import KINDS, LIMIT, MONTHS, Bound, Contract, Stake
from .fixture_words import BadFixture, day_in, mapping_in, number_in, place_in, rows_in


def contracts_said(
    where: Mapping[str, Any], places: Mapping[str, int], homes: Sequence[c.Portfolio], positions: Sequence[tuple], others: Sequence[tuple]
) -> dict[str, Any]:  # fmt: skip
    """Contracts by symbol with their family, month and spot month, the limits of families, and who holds what of them."""
    contracts = {}
    for symbol, told in mapping_in(where.get("contracts", {}), "contracts").items():
        at = f"contracts.{symbol}"
        told = mapping_in(told, at, {"family", "month", "spot_from", "counts"}, {"family"})
        month, spot = (None if told.get(name) is None else day_in(told[name], f"{at}.{name}") for name in ("month", "spot_from"))
        counts = None if told.get("counts", 1) is None else number_in(told.get("counts", 1), f"{at}.counts")
        contracts[place_in(places, symbol, at) + 1] = Contract(str(told["family"]), symbol, month, spot, counts)
    bounds = []
    for n, row in enumerate(rows_in(where.get("position_limits", []), "position_limits")):
        row = mapping_in(row, f"position_limits[{n}]", {"family", "months", "kind", "qty"}, {"family", "months", "qty"})
        kind = row.get("kind", LIMIT)
        if row["months"] not in MONTHS or kind not in KINDS:
            raise BadFixture(f"It is of {', '.join(MONTHS)} and a {' or '.join(KINDS)}.", field=f"position_limits[{n}]")
        qty = number_in(row["qty"], f"position_limits[{n}].qty")
        bounds.append(Bound(n + 1, str(row["family"]), row["months"], kind, qty, "EXCHANGE", ""))
    sums: dict[tuple[str, int], list[int]] = {}
    rows = [(home, place, 0, qty) for home, place, qty in positions] + [(o[0], o[1], 2 if o[2] else 1, o[3]) for o in others]
    for home, place, what, qty in rows:
        if place + 1 in contracts:
            sums.setdefault((homes[home].owner, place + 1), [0, 0, 0])[what] += int(qty * c.QTY)
    return {"contracts": contracts, "bounds": bounds, "stakes": [Stake(*key, *sums[key]) for key in sorted(sums)]}
