"""What is traded and with whom, read from the project's CSV files by column name."""

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

BROKERS = ("NORTHGATE", "HARBOR", "MERIDIAN")
DEALERS = ("ALDGATE", "BRYANT", "CASTLE", "DORSET", "ELMSTREET")
VENUES = ("SIMX",)
AGENTS = ("HALYARD",)
CUSTODIANS = ("STATESIDE", "EUROPA")

BONDS = frozenset({"CORP", "GOVT"})
LISTED = frozenset({"OPTION", "FUTURE"})
FX_SPREAD_BP = 0.5


@dataclass(frozen=True)
class Instrument:
    """
    `price` in currency per unit, bonds in percent of par; `increment` the smallest step of a quantity;
    `adv` units a day; `annual_vol` a fraction; `spread_bp` basis points of price between bid and offer; an option
    moves with the instrument it `follows`, by its `delta`.
    """

    symbol: str
    isin: str
    asset_class: str
    currency: str
    mic: str
    tick: Decimal
    increment: Decimal
    price: Decimal
    adv: float
    annual_vol: float
    spread_bp: float
    multiplier: Decimal = Decimal(1)
    follows: str = ""
    delta: float = 0.0

    @property
    def is_listed(self) -> bool:
        """Whether it is an option or a future."""
        return self.asset_class in LISTED

    @property
    def is_bond(self) -> bool:
        return self.asset_class in BONDS

    @property
    def is_fund(self) -> bool:
        return self.asset_class == "FUND"

    @property
    def is_fx(self) -> bool:
        return self.asset_class == "FX"

    def notional(self, qty: Decimal, price: Decimal) -> Decimal:
        """Value in `currency`, unrounded; a bond's quantity is face and its price percent of par."""
        return qty * price / 100 if self.is_bond else qty * price * self.multiplier


@dataclass(frozen=True)
class Counterparty:
    """`commission_kind` is bps (of notional), per_share or none; `commission_rate` in those units."""

    code: str
    kind: str
    commission_kind: str = "none"
    commission_rate: Decimal = Decimal(0)


class Universe:
    def __init__(
        self, instruments: list[Instrument], counterparties: list[Counterparty], curve: list[float],
        funds: list[Instrument] = (), interest: dict[str, tuple[float, int]] | None = None,
    ):  # fmt: skip
        """
        :param curve: share of a day's volume in each of the 390 minutes of a session; scaled to sum to one
        :param funds: what has no market and is dealt at its net asset value
        :param interest: of currencies, in percent a year, and the days of that year
        """
        if not instruments:
            raise ValueError("There is nothing to trade: instruments.csv has no rows.")
        if len(curve) != 390 or min(curve) < 0 or sum(curve) <= 0:
            raise ValueError(f"volume_curve.csv must give 390 minutes of volume, not {len(curve)}.")
        self.instruments = instruments
        self.interest = interest or {}
        self.counterparties = {party.code: party for party in counterparties}
        self.curve = [share / sum(curve) for share in curve]
        self._funds = {name: fund for fund in funds for name in (fund.isin, fund.symbol) if name}
        self.index = {instrument.symbol: n for n, instrument in enumerate(instruments)}
        self._by_isin = {instrument.isin: instrument for instrument in instruments if instrument.isin}
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}

    def find(self, isin: str | None, symbol: str | None) -> Instrument | None:
        """By ISIN where one is given (an unknown ISIN is not rescued by its symbol), else by symbol."""
        return self._by_isin.get(isin) if isin else self._by_symbol.get(symbol or "")

    def find_fund(self, isin: str | None, symbol: str | None) -> Instrument | None:
        """As `find`, among the funds."""
        return self._funds.get(isin or symbol or "")

    def forward(self, pair: Instrument, days: int) -> float:
        """
        What the pair's spot price is multiplied with for a value date so many days after spot: covered interest parity with
        simple interest (B. Steiner, Mastering Financial Calculations, "Forward outrights"); 1 where interest is unknown.
        """
        base, _, quote = pair.symbol.partition("/")
        if days <= 0 or not {base, quote} <= self.interest.keys():
            return 1.0
        (b_pct, b_year), (q_pct, q_year) = self.interest[base], self.interest[quote]
        return (1 + q_pct / 100 * days / q_year) / (1 + b_pct / 100 * days / b_year)


def load_universe(folder: Path) -> Universe:
    """:raises ValueError: naming the file that is missing or the row that cannot be read"""
    instruments = [_instrument(row) for row in _rows(folder, "instruments.csv")]
    instruments += [_currency_pair(row) for row in _rows(folder, "fx.csv")]
    if (folder / "listed.csv").is_file():
        instruments += [_instrument(row) for row in _rows(folder, "listed.csv")]
    named = {row["code"]: row for row in _rows(folder, "brokers.csv")}
    counterparties = [
        _counterparty(code, kind, named.get(code, {}))
        for kind, codes in (("broker", BROKERS), ("dealer", DEALERS), ("venue", VENUES), ("agent", AGENTS))
        for code in codes
    ]
    curve = [float(row["share"]) for row in sorted(_rows(folder, "volume_curve.csv"), key=lambda r: int(r["minute"]))]
    funds = [_instrument(row) for row in _rows(folder, "funds.csv")] if (folder / "funds.csv").is_file() else []
    interest = {}
    if (folder / "interest.csv").is_file():
        interest = {row["currency"]: (float(row["pct"]), int(row["year_days"])) for row in _rows(folder, "interest.csv")}
    return Universe(instruments, counterparties, curve, funds, interest)


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / name
    if not path.is_file():
        raise ValueError(f"{name} is not in {folder}: point --data at the folder with the demo firm's CSV files.")
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _instrument(row: dict[str, str]) -> Instrument:
    try:
        return Instrument(
            symbol=row["symbol"],
            isin=row.get("isin", ""),
            asset_class=row["asset_class"],
            currency=row["currency"],
            mic=row["mic"],
            tick=Decimal(row["tick_size"]),
            increment=Decimal(row["increment"]),
            price=Decimal(row["price"]),
            adv=float(row["adv_qty"]),
            annual_vol=float(row["annual_vol"]),
            spread_bp=float(row["spread_bp"]),
            multiplier=Decimal(row.get("multiplier") or 1),
            follows=row.get("underlying", "") if row.get("delta") else "",
            delta=float(row.get("delta") or 0),
        )
    except (KeyError, ArithmeticError, ValueError) as error:
        raise ValueError(f"instruments.csv, {row.get('symbol')}: {error!r}.") from error


def _currency_pair(row: dict[str, str]) -> Instrument:
    return Instrument(
        symbol=f"{row['base']}/{row['quote']}",
        isin="",
        asset_class="FX",
        currency=row["quote"],
        mic="",
        tick=Decimal("0.00001"),
        increment=Decimal("0.01"),
        price=Decimal(row["rate"]),
        adv=0.0,
        annual_vol=float(row["annual_vol"]),
        spread_bp=FX_SPREAD_BP,
    )


def _counterparty(code: str, kind: str, row: dict[str, str]) -> Counterparty:
    if kind != "broker" or not row:
        return Counterparty(code, kind)
    return Counterparty(code, kind, row["commission_kind"], Decimal(row["commission_rate"]))
