"""Packages as booking holds them in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.core.tables import update_many

from .. import rules
from ..rules.packages import WHOLE, LegKnown
from .rows import Request, RouteRow


@dataclass(slots=True)
class PackageRow:
    id: int
    link: str
    qty: Decimal
    net_limit: Decimal | None
    wanted_qty: Decimal | None
    wanted_limit: Decimal | None
    wanted_name: str
    told_qty: Decimal | None
    told_price: Decimal | None
    told_text: str
    told_at: datetime | None
    legs: list[LegKnown]
    is_changed: bool = False


class Packages:
    """The packages of a batch's routes, locked after them; one statement where any of them is a leg, none else."""

    def __init__(self, cursor, routes: Iterable[RouteRow]):
        self.rows: dict[int, PackageRow] = {}
        self.of_route: dict[int, PackageRow] = {}
        ids = [route.id for route in routes if rules.packages.package_of(route.cl_ord_id)]
        if not ids:
            return
        cursor.execute(
            "SELECT p.id, p.link, p.qty, p.net_limit, p.wanted_qty, p.wanted_limit, p.wanted_name, p.told_qty, p.told_price,"
            " p.told_text, p.told_at, l.nth, l.leg_ref, l.route_id, l.ratio, i.symbol, i.isin, b.side,"
            " i.price_factor, r.arrival_price FROM routing_package p"
            " JOIN routing_packageleg l ON l.package_id = p.id JOIN routing_route r ON r.id = l.route_id"
            " JOIN blocks_block b ON b.id = r.block_id JOIN reference_instrument i ON i.id = b.instrument_id"
            " WHERE p.id IN (SELECT package_id FROM routing_packageleg WHERE route_id = ANY(%s)) ORDER BY p.id, l.nth"
            " FOR NO KEY UPDATE OF p",
            [ids],
        )
        for row in cursor.fetchall():
            package = self.rows.setdefault(row[0], PackageRow(*row[:11], []))
            package.legs.append(LegKnown(*row[11:]))
            self.of_route[row[13]] = package

    def named(self, requests: Mapping[str, Request], *names: str) -> PackageRow | None:
        """The package whose ClOrdID one of these is."""
        for name in names if self.rows else ():
            for leg in sorted(rules.packages.leg_names([name])):
                if leg in requests:
                    return self.of_route.get(requests[leg].route_id)
        return None

    def leg_named(self, fields: rules.Fields, requests: Mapping[str, Request]) -> LegKnown | None:
        """The leg that a report names by its LegRefID; of one of the whole the first, in whose unit the net price is."""
        package = self.named(requests, fields.find(11), fields.find(41))
        if package is None:
            return None
        if fields.find(442) == WHOLE:
            return package.legs[0]
        return next((leg for leg in package.legs if leg.ref == fields.find(654)), None)

    def write(self, cursor) -> None:
        changed = [row for row in self.rows.values() if row.is_changed]
        columns = {
            "qty": "numeric", "net_limit": "numeric", "wanted_qty": "numeric", "wanted_limit": "numeric", "wanted_name": "text",
            "told_qty": "numeric", "told_price": "numeric", "told_text": "text", "told_at": "timestamptz",
        }  # fmt: skip
        update_many(
            cursor, "routing_package", [r.id for r in changed], {c: (kind, [getattr(r, c) for r in changed]) for c, kind in columns.items()}
        )
