"""An option on AAA (100 a contract, at 5) and a future on an index (50 a point, at 4,000) for the small firm."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.marketdata.models import AverageVolume
from apps.orders import services as orders
from apps.reference.models import Instrument
from tests.world import Firm

D = Decimal
EXPIRY = date(2030, 12, 20)


@dataclass
class Listed:
    firm: Firm

    def wish(self, symbol: str, side: str = "BUY", portfolio: str = "P1", **more) -> orders.Wish:
        """At market unless it says otherwise."""
        more = {"order_type": "" if more.get("limit_price") else "MARKET"} | more
        return orders.Wish(self.firm.portfolios[portfolio].pk, self.firm.instruments[symbol].pk, side, **more)

    def expires(self, symbol: str, days: int) -> None:
        """Makes the expiry so many days from today."""
        on = timezone.now().date() + timedelta(days=days)
        Instrument.objects.filter(pk=self.firm.instruments[symbol].pk).update(maturity_date=on)


@pytest.fixture
def listed(firm) -> Listed:
    share = firm.instruments["AAA"]
    common = {"currency_id": "USD", "venue": share.venue, "country": "US", "maturity_date": EXPIRY, "issuer": share.issuer}
    for symbol, more in (
        ("OPT", {"asset_class": "OPTION", "underlying": share, "strike_price": 55, "put_or_call": "CALL",
                 "price_factor": 100, "cfi_code": "OCASPS", "sector": "Technology"}),
        ("FUT", {"asset_class": "FUTURE", "price_factor": 50, "tick_size": "0.25", "cfi_code": "FFICSX", "sector": "Index"}),
    ):  # fmt: skip
        name = "AAA301220C00055000" if symbol == "OPT" else symbol
        made = Instrument.objects.create(symbol=name, name=f"{symbol} of tests", **common, **more)
        made.refresh_from_db()
        firm.instruments[symbol] = firm.instruments[name] = made
        AverageVolume.objects.create(
            instrument=made, daily_qty=100_000, annual_volatility="0.2", as_of_date=timezone.now().date()
        )
    firm.quote("OPT", "5", spread="0.10")
    firm.quote("FUT", "4000", spread="0.50")
    return Listed(firm)
