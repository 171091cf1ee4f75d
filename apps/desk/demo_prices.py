"""Prices, rates and interest of the demo firm, as they are when its market opens."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from apps.marketdata import rules as market
from apps.marketdata import services as marketdata
from apps.marketdata.models import AverageVolume
from apps.reference import selectors as reference
from apps.reference.models import Instrument

from .demo_files import rows, traded

D = Decimal
FX_SPREAD_BP = D("0.5")


def load() -> None:
    """Opening prices, taken as of now: the demo's market opens when it is loaded, and the feed moves them from here."""
    now = timezone.now()
    ids = dict(Instrument.objects.values_list("symbol", "pk"))
    ticks, volumes = [], []
    for r in traded():
        price = D(r["price"])
        half = (price * D(r["spread_bp"]) / 20_000).quantize(D("0.00000001"))
        ticks.append(marketdata.Tick(ids[r["symbol"]], price - half, price + half, price, D(0), D(0), now))
        volumes.append(
            AverageVolume(
                instrument_id=ids[r["symbol"]],
                daily_qty=D(r["adv_qty"]),
                annual_volatility=D(r["annual_vol"]),
                as_of_date=now.date(),
            )  # fmt: skip
        )
    for r in rows("fx"):
        price = D(r["rate"])
        half = (price * FX_SPREAD_BP / 20_000).quantize(D("0.00000001"))
        ticks.append(marketdata.Tick(ids[f"{r['base']}/{r['quote']}"], price - half, price + half, price, D(0), D(0), now))
    for r in rows("funds"):  # One value, at which all orders of a valuation point are dealt.
        ticks.append(marketdata.Tick(ids[r["symbol"]], *[D(r["price"])] * 3, D(0), D(0), now))
    marketdata.record_ticks(ticks, "opening")
    AverageVolume.objects.bulk_create(volumes)
    _closes(now, ids)
    marketdata.record_interest((r["currency"], D(r["pct"]), int(r["year_days"]), now) for r in rows("interest"))
    marketdata.record_rates([(r["base"], r["quote"], D(r["rate"]), now) for r in rows("fx")])


def _closes(now, ids: dict[str, int]) -> None:
    """The files' prices as the closes of each venue's last session, and the rates as those of the last weekday."""
    venue_of = dict(Instrument.objects.values_list("symbol", "venue_id"))
    sessions = reference.previous_sessions(now)
    before = market.rate_day(now) - timedelta(days=1)
    before -= timedelta(days=max(0, before.weekday() - 4))
    marketdata.record_closes(
        [(ids[r["symbol"]], sessions[venue_of[r["symbol"]]], D(r["price"])) for r in traded()],
        [(r["base"], r["quote"], before, D(r["rate"])) for r in rows("fx")],
    )
