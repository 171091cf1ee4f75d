"""
``router``: what the smart router's splits cost against naive ones, on minute quotes and trades of real shares, and how long it
takes to decide.

Prices, sizes, daily volume and volatility are those of the files; the data are consolidated, so the venues are made: each has a
fixed part of the displayed size and of the day's volume, a fee of the order of published schedules, and stands at the best price
or a tick behind it, by a fixed hash of its name and the minute. Each order is split by the router and in three naive ways (alike,
in proportion to what is displayed, all to the venue that displays most), and each split is priced twice with the same costs: at
the quotes it was decided on, where the router can only win, and at those a minute later, which it could not know.

The yardstick is the split in proportion to what is displayed, in the same run. ``SAMPLE=10`` takes every tenth minute.
"""

import os
import statistics
import time
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from math import log, sqrt
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from apps.routing.rules import smart
from benchmarks import ground

TARGET = 1.0  # Of the cost in proportion to what is displayed.
OPENS, CLOSES = 34_200_000, 57_600_000  # Milliseconds since midnight in New York.
PARTS_OF_A_DAY = ("0.0005", "0.002", "0.01")
DAYS = 20  # Of volume and volatility before the day.
LOT, TICK, MISS = 100, Decimal("0.01"), Decimal("0.005")


class Place(NamedTuple):
    """A venue as it is made: percent of displayed size and of volume, fee a share, fill rate, percent of minutes at the touch."""

    name: str
    shown_pct: int
    volume_pct: int
    fee: Decimal
    fill_rate: Decimal
    at_touch_pct: int


PLACES = (
    Place("XNYS", 22, 24, Decimal("0.0030"), Decimal("0.97"), 90),
    Place("XNAS", 24, 22, Decimal("0.0030"), Decimal("0.97"), 92),
    Place("ARCX", 16, 14, Decimal("0.0030"), Decimal("0.96"), 85),
    Place("BATS", 14, 14, Decimal("0.0030"), Decimal("0.96"), 85),
    Place("EDGX", 10, 11, Decimal("0.0030"), Decimal("0.95"), 75),
    Place("BATY", 6, 6, Decimal("-0.0002"), Decimal("0.85"), 45),
    Place("EDGA", 4, 4, Decimal("0.0010"), Decimal("0.85"), 45),
    Place("IEXG", 4, 5, Decimal("0.0009"), Decimal("0.92"), 70),
)


class Minute(NamedTuple):
    at: int
    bid: Decimal
    bid_qty: int
    ask: Decimal
    ask_qty: int


def main() -> None:
    sample = int(os.environ.get("SAMPLE", "1"))
    folder = next((p / "data/prices/lean" for p in _shared() if (p / "data/prices/lean").is_dir()), None)
    if folder is None:
        print("The prices are not here: shared/data/prices/lean is looked for beside the project.")
        ground.report("router", {"problem": "no data"}, 0, TARGET, False)
        return
    took: list[float] = []
    costs: dict[str, dict[str, list[Decimal]]] = {part: {} for part in PARTS_OF_A_DAY}
    later: dict[str, dict[str, list[Decimal]]] = {part: {} for part in PARTS_OF_A_DAY}
    dearer = 0
    for symbol, day, minutes in _days(folder / "equity_minute"):
        volume, volatility = _known(folder / "equity_daily" / f"{symbol}.zip", day)
        for n in range(0, len(minutes) - 1, sample):
            for part in PARTS_OF_A_DAY:
                buys, qty = (n // sample) % 2 == 0, int(volume * Decimal(part))
                found = _one(symbol, minutes[n], minutes[n + 1], buys, qty, volume, volatility, took)
                dearer += any(cost < found["router"][0] for cost, _ in found.values())
                for way, (now, after) in found.items():
                    costs[part].setdefault(way, []).append(now)
                    later[part].setdefault(way, []).append(after)
    _tell(costs, later, took, dearer)


def _one(
    symbol: str, now: Minute, after: Minute, is_buy: bool, qty: int, volume: Decimal, volatility: Decimal, took: list[float]
) -> dict[str, tuple[Decimal, Decimal]]:
    """Each way's cost of one order in basis points: at the quotes of the decision, and at those a minute later."""
    lots = max(1, qty // LOT)
    mid = (now.bid + now.ask) / 2
    order = smart.Order(Decimal(lots * LOT), Decimal(LOT), mid, volatility, miss=MISS)
    outlets = _outlets(symbol, now, is_buy, mid, volume)
    began = time.perf_counter()
    split = smart.split(order, outlets)
    took.append(time.perf_counter() - began)
    shown = [int(o.shown_qty) for o in outlets]
    ways = {
        "router": [int(share.qty) // LOT for share in split.shares],
        "alike": _in_proportion(lots, [1] * len(outlets)),
        "displayed": _in_proportion(lots, shown),
        "one": [lots if n == shown.index(max(shown)) else 0 for n in range(len(shown))],
    }
    at, then = (
        [smart.curve_of(order, outlet) for outlet in some] for some in (outlets, _outlets(symbol, after, is_buy, mid, volume))
    )
    money = order.qty * mid
    return {way: (_bp(at, given, money), _bp(then, given, money)) for way, given in ways.items()}


def _bp(curves: list[smart.Curve], given: list[int], money: Decimal) -> Decimal:
    return Decimal(sum(curve.cost(n) for curve, n in zip(curves, given, strict=True))).scaleb(-18) / money * 10_000


def _outlets(symbol: str, minute: Minute, is_buy: bool, mid: Decimal, volume: Decimal) -> list[smart.Outlet]:
    touch, qty = (minute.ask - mid, minute.ask_qty) if is_buy else (mid - minute.bid, minute.bid_qty)
    return [
        smart.Outlet(
            place.name, touch if crc32(f"{place.name}{symbol}{minute.at}".encode()) % 100 < place.at_touch_pct else touch + TICK,
            place.fee, Decimal(qty * place.shown_pct // 100), volume * place.volume_pct / 100, place.fill_rate,
        )
        for place in PLACES
    ]  # fmt: skip


def _in_proportion(lots: int, weights: list[int]) -> list[int]:
    """Whole lots by largest remainder."""
    whole = sum(weights) or len(weights)
    weights = weights if sum(weights) else [1] * len(weights)
    given = [lots * w // whole for w in weights]
    for n in sorted(range(len(weights)), key=lambda n: (-(lots * weights[n] % whole), n))[: lots - sum(given)]:
        given[n] += 1
    return given


def _tell(costs: dict, later: dict, took: list[float], dearer: int) -> None:
    ways = ("router", "displayed", "alike", "one")
    print(f"{'of a day':>9} {'when':>7}" + "".join(f"{way:>11}" for way in ways) + "   bp of value, mean")
    figures: dict = {"orders": len(took), "dearer_than_a_naive_split": dearer}
    for part in PARTS_OF_A_DAY:
        for when, found in (("then", costs), ("later", later)):
            means = {way: float(statistics.mean(found[part][way])) for way in ways}
            print(f"{float(part):>9.2%} {when:>7}" + "".join(f"{means[way]:>11.3f}" for way in ways))
            figures[f"{part}_{when}"] = {way: round(mean, 3) for way, mean in means.items()}
    took.sort()
    figures |= {"median_ms": round(took[len(took) // 2] * 1000, 3), "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 3)}
    print(f"{len(took):,} orders, of which {dearer} were dearer than a naive split")
    print(f"decided in {figures['median_ms']} ms, 99% within {figures['p99_ms']} ms")
    whole = {way: sum(sum(costs[part][way]) for part in PARTS_OF_A_DAY) for way in ways}
    ratio = float(whole["router"] / whole["displayed"])
    ground.report("router", figures, ratio, TARGET, ratio < TARGET and not dearer)


def _shared() -> Iterator[Path]:
    for parent in Path(__file__).resolve().parents:
        yield parent / "shared"


def _days(folder: Path) -> Iterator[tuple[str, date, list[Minute]]]:
    for path in sorted(folder.glob("*/*_quote.zip")):
        day = path.name[:8]
        minutes = []
        for row in _rows(path):
            at, bid, ask = int(row[0]), row[4], row[9]
            if OPENS <= at < CLOSES and bid and ask and int(bid) < int(ask):
                minutes.append(Minute(at, Decimal(bid) / 10_000, int(row[5]), Decimal(ask) / 10_000, int(row[10])))
        yield path.parent.name, date(int(day[:4]), int(day[4:6]), int(day[6:])), minutes


def _known(path: Path, day: date) -> tuple[Decimal, Decimal]:
    """Average daily volume and yearly volatility of the days before."""
    rows = [row for row in _rows(path) if row[0][:8] < f"{day:%Y%m%d}"][-DAYS - 1 :]
    closes, volumes = [int(row[4]) for row in rows], [int(row[5]) for row in rows[1:]]
    moves = [log(b / a) for a, b in zip(closes, closes[1:], strict=False)]
    return Decimal(sum(volumes)) / len(volumes), Decimal(str(round(statistics.stdev(moves) * sqrt(252), 6)))


def _rows(path: Path) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        return [line.split(",") for line in archive.read(archive.namelist()[0]).decode().splitlines()]


if __name__ == "__main__":
    main()
