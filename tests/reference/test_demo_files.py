"""The demo firm's files: identifiers are real in form, references resolve, and the money is $2bn."""

import csv
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import exchange_calendars
import pytest
import stdnum.bic
import stdnum.cusip
import stdnum.figi
import stdnum.isin
import stdnum.lei
from stdnum.gb import sedol

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "apps" / "reference" / "demo"
SOURCES = ROOT.parent / "shared" / "data"
BONDS = ("CORP", "GOVT")


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(name: str, field: str) -> list[str]:
    return [row[field] for row in rows(name)]


@cache
def instruments() -> dict[str, dict[str, str]]:
    return {row["symbol"]: row for row in rows("instruments.csv")}


@cache
def rates() -> dict[str, Decimal]:
    return {"USD": Decimal(1)} | {r["base"]: Decimal(r["rate"]) for r in rows("fx.csv") if r["quote"] == "USD"}


def value_usd(holding: dict[str, str]) -> Decimal:
    instrument = instruments()[holding["instrument_symbol"]]
    factor = Decimal("0.01") if instrument["asset_class"] in BONDS else Decimal(1)
    return Decimal(holding["quantity"]) * Decimal(instrument["price"]) * factor * rates()[instrument["currency"]]


@cache
def cash_usd() -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows("cash.csv"):
        totals[row["portfolio"]] += Decimal(row["amount"]) * rates()[row["currency"]]
    return totals


def held_by(key) -> dict[str, dict[str, Decimal]]:
    """Value in USD by portfolio and by what ``key`` says of the instrument."""
    totals: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows("holdings.csv"):
        totals[row["portfolio"]][key(instruments()[row["instrument_symbol"]])] += value_usd(row)
    return totals


def nav_of(portfolio: dict[str, str]) -> Decimal:
    return Decimal(portfolio["target_nav_usd"])


class TestInstruments:
    def test_are_45_of_four_kinds(self):
        kinds = Counter((r["asset_class"], r["mic"] in ("XNAS", "XNYS")) for r in rows("instruments.csv"))

        assert kinds == {("EQUITY", True): 20, ("EQUITY", False): 10, ("CORP", False): 8, ("GOVT", False): 7}

    def test_trade_in_at_least_three_foreign_currencies_and_markets(self):
        foreign = [r for r in rows("instruments.csv") if r["asset_class"] == "EQUITY" and r["country"] != "US"]

        assert {r["currency"] for r in foreign} >= {"GBP", "EUR", "CHF"}
        assert len({r["mic"] for r in foreign}) >= 3

    @pytest.mark.parametrize("field, module", [
        ("isin", stdnum.isin), ("cusip", stdnum.cusip), ("sedol", sedol), ("figi", stdnum.figi),
    ])
    def test_carry_identifiers_with_right_check_digits(self, field, module):
        filled = [value for value in column("instruments.csv", field) if value]

        assert filled and [value for value in filled if not module.is_valid(value)] == []
        assert len(set(filled)) == len(filled)

    def test_have_an_isin_that_holds_their_cusip_or_sedol(self):
        for row in rows("instruments.csv"):
            assert row["isin"], row["symbol"]
            if row["cusip"]:
                assert row["isin"][2:11] == row["cusip"], row["symbol"]
            if row["sedol"]:
                assert row["isin"][4:11] == row["sedol"], row["symbol"]

    def test_have_prices_on_the_tick_and_positive_steps(self):
        for row in rows("instruments.csv"):
            for field in ("price", "tick_size", "lot_size", "min_piece", "increment", "adv_qty", "annual_vol", "spread_bp"):
                assert Decimal(row[field]) > 0, (row["symbol"], field)
            if row["asset_class"] != "GOVT":  # Treasuries carry auction prices, which have six decimals.
                assert Decimal(row["price"]) % Decimal(row["tick_size"]) == 0, row["symbol"]

    def test_are_bonds_of_2028_and_later_with_terms(self):
        for row in rows("instruments.csv"):
            if row["asset_class"] in BONDS:
                assert date.fromisoformat(row["maturity_date"]) >= date(2028, 1, 1), row["symbol"]
                assert 0 < Decimal(row["coupon_pct"]) < 10
                assert (row["coupon_frequency"], row["currency"], row["mic"]) == ("2", "USD", "XOFF")

    def test_agree_with_their_sources(self):
        if not SOURCES.is_dir():
            pytest.skip("the public source files are not beside this checkout")
        with (SOURCES / "instruments" / "us_large_cap_master_DERIVED.csv").open(encoding="utf-8") as file:
            listed = {r["ticker"]: (r["isin"], r["cusip"], Decimal(r["price"])) for r in csv.DictReader(file)}
        with (SOURCES / "instruments" / "corp_gov_bonds_from_nport_2023-03-31.csv").open(encoding="utf-8") as file:
            filed = {r["isin"]: r for r in csv.DictReader(file)}
        with (SOURCES / "instruments" / "us_treasury_auctions_2001_2024.csv").open(encoding="utf-8") as file:
            auctioned = {(r["CUSIP"], Decimal(r["Price per $100"])) for r in csv.DictReader(file)}

        for row in rows("instruments.csv"):
            price = Decimal(row["price"])
            if row["mic"] in ("XNAS", "XNYS"):
                assert listed[row["symbol"]] == (row["isin"], row["cusip"], price)
            elif row["asset_class"] == "CORP":
                line = filed[row["isin"]]
                assert (line["maturity"], Decimal(line["coupon_pct"])) == (row["maturity_date"], Decimal(row["coupon_pct"]))
                assert abs(100 * Decimal(line["value_usd"]) / Decimal(line["par"]) - price) <= Decimal("0.00005")
            elif row["asset_class"] == "GOVT":
                assert (row["cusip"], price) in auctioned


class TestReferences:
    @pytest.mark.parametrize("name, field, target, key", [
        ("instruments.csv", "issuer", "issuers.csv", "code"),
        ("instruments.csv", "currency", "currencies.csv", "code"),
        ("instruments.csv", "mic", "venues.csv", "mic"),
        ("instruments.csv", "country", "csd.csv", "country"),
        ("instruments.csv", "country", "settlement_cycles.csv", "country"),
        ("listed.csv", "issuer", "issuers.csv", "code"),
        ("listed.csv", "mic", "venues.csv", "mic"),
        ("listed.csv", "underlying", "instruments.csv", "symbol"),
        ("issuers.csv", "parent", "issuers.csv", "code"),
        ("custodians.csv", "issuer", "issuers.csv", "code"), ("brokers.csv", "issuer", "issuers.csv", "code"),
        ("venues.csv", "currency", "currencies.csv", "code"),
        ("settlement_holidays.csv", "currency", "currencies.csv", "code"),
        ("fx.csv", "base", "currencies.csv", "code"),
        ("fx.csv", "quote", "currencies.csv", "code"),
        ("portfolios.csv", "base_currency", "currencies.csv", "code"),
        ("portfolios.csv", "custodian", "custodians.csv", "code"),
        ("holdings.csv", "portfolio", "portfolios.csv", "code"),
        ("holdings.csv", "instrument_symbol", "instruments.csv", "symbol"),
        ("cash.csv", "portfolio", "portfolios.csv", "code"),
        ("cash.csv", "currency", "currencies.csv", "code"),
    ])
    def test_resolve(self, name, field, target, key):
        assert set(column(name, field)) - {""} <= set(column(target, key))

    @pytest.mark.parametrize("name, fields", [
        ("instruments.csv", ["symbol"]), ("issuers.csv", ["code"]), ("brokers.csv", ["code"]), ("venues.csv", ["mic"]),
        ("csd.csv", ["country", "asset_class"]), ("settlement_cycles.csv", ["country", "asset_class", "effective_from"]),
        ("settlement_holidays.csv", ["currency", "date"]), ("portfolios.csv", ["code"]),
        ("portfolios.csv", ["name"]), ("portfolios.csv", ["custody_account"]),
        ("holdings.csv", ["portfolio", "instrument_symbol"]), ("cash.csv", ["portfolio", "currency"]),
    ])
    def test_keys_are_unique(self, name, fields):
        counted = Counter(tuple(row[f] for f in fields) for row in rows(name))

        assert [key for key, count in counted.items() if count > 1] == []

    def test_a_parent_comes_before_its_children_and_groups_exist(self):
        seen: set[str] = set()
        for row in rows("issuers.csv"):
            assert not row["parent"] or row["parent"] in seen, row["code"]
            seen.add(row["code"])
        assert max(Counter(p for p in column("issuers.csv", "parent") if p).values()) >= 2

    def test_leis_and_bics_have_the_right_form(self):
        leis = [v for v in column("issuers.csv", "lei") + column("brokers.csv", "lei") if v]
        bics = column("brokers.csv", "bic") + column("custodians.csv", "bic") + column("csd.csv", "csd_bic")

        assert leis and all(map(stdnum.lei.is_valid, leis))
        assert all(map(stdnum.bic.is_valid, bics))

    def test_invented_parties_have_test_bics(self):
        assert {bic[7] for bic in column("brokers.csv", "bic") + column("custodians.csv", "bic")} == {"0"}

    def test_calendars_are_known(self):
        assert set(column("venues.csv", "calendar")) <= set(exchange_calendars.get_calendar_names())

    def test_settlement_cycles_follow_each_other_without_gap(self):
        by_key: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
        for row in rows("settlement_cycles.csv"):
            by_key[row["country"], row["asset_class"]].append(row)

        for cycles in by_key.values():
            cycles.sort(key=lambda r: r["effective_from"])
            assert cycles[-1]["effective_to"] == ""
            for one, following in zip(cycles, cycles[1:], strict=False):
                ends, starts = date.fromisoformat(one["effective_to"]), date.fromisoformat(following["effective_from"])
                assert (starts - ends).days == 1

    def test_us_bond_holidays_on_which_stock_markets_trade_are_listed(self):
        usd = {r["date"] for r in rows("settlement_holidays.csv") if r["currency"] == "USD"}
        sessions = exchange_calendars.get_calendar("XNYS", start="2026-01-01", end="2027-11-22")

        for day in ("2026-10-12", "2026-11-11", "2027-10-11", "2027-11-11"):
            assert day in usd and sessions.is_session(day)


class TestVolumeCurve:
    def test_covers_390_minutes_and_sums_to_one(self):
        shares = [Decimal(s) for s in column("volume_curve.csv", "share")]

        assert [int(m) for m in column("volume_curve.csv", "minute")] == list(range(390))
        assert sum(shares) == 1 and min(shares) > 0

    def test_is_heavier_at_both_ends_than_in_the_middle(self):
        shares = [Decimal(s) for s in column("volume_curve.csv", "share")]

        assert min(sum(shares[:30]), sum(shares[-30:])) > 2 * sum(shares[180:210])


class TestPortfolios:
    def test_are_50_of_5m_to_200m_and_2bn_together(self):
        navs = [nav_of(p) for p in rows("portfolios.csv")]

        assert (len(navs), min(navs), max(navs), sum(navs)) == (50, 5_000_000, 200_000_000, 2_000_000_000)

    def test_hold_what_they_are_said_to_be_worth(self):
        held = held_by(lambda i: i["asset_class"])
        worth = {p["code"]: sum(held[p["code"]].values()) + cash_usd()[p["code"]] for p in rows("portfolios.csv")}

        for portfolio in rows("portfolios.csv"):
            assert abs(worth[portfolio["code"]] - nav_of(portfolio)) < Decimal("0.01"), portfolio["code"]
        assert abs(sum(worth.values()) / 2_000_000_000 - 1) < Decimal("0.001")

    def test_hold_whole_tradable_quantities(self):
        for row in rows("holdings.csv"):
            instrument, quantity = instruments()[row["instrument_symbol"]], Decimal(row["quantity"])
            assert quantity >= Decimal(instrument["min_piece"]), row
            assert quantity % Decimal(instrument["increment"]) == 0, row

    def test_hold_enough_names_to_sell_and_to_buy(self):
        names: dict[str, Counter] = defaultdict(Counter)
        for row in rows("holdings.csv"):
            instrument = instruments()[row["instrument_symbol"]]
            bond = instrument["asset_class"] in BONDS
            names[row["portfolio"]]["bond" if bond else "equity"] += 1
            names[row["portfolio"]]["foreign"] += not bond and instrument["country"] != "US"

        for code, count in names.items():
            assert count["equity"] >= 14 and count["foreign"] >= 1 and count["bond"] >= 8, code
        assert len(names) == 50
        assert set(column("holdings.csv", "instrument_symbol")) == set(instruments())

    def test_are_within_their_mandates_before_and_after_the_shift_of_five_percent(self):
        held = held_by(lambda i: "bond" if i["asset_class"] in BONDS else "equity")
        for p in rows("portfolios.csv"):
            equity, bond = (100 * held[p["code"]][kind] / nav_of(p) for kind in ("equity", "bond"))
            assert Decimal(p["equity_min"]) <= equity - 5 < equity <= Decimal(p["equity_max"]), p["code"]
            assert Decimal(p["fixed_income_min"]) <= bond < bond + 5 <= Decimal(p["fixed_income_max"]), p["code"]
            assert Decimal(p["cash_min"]) <= 100 * cash_usd()[p["code"]] / nav_of(p) <= 10, p["code"]

    def test_have_room_under_issuer_and_sector_limits(self):
        parent = {r["code"]: r["parent"] or r["code"] for r in rows("issuers.csv")}
        by_group = held_by(lambda i: "GOVT" if i["asset_class"] == "GOVT" else parent[i["issuer"]])
        by_sector = held_by(lambda i: i["sector"])
        for p in rows("portfolios.csv"):
            groups = {g: 100 * v / nav_of(p) for g, v in by_group[p["code"]].items() if g != "GOVT"}
            assert max(groups.values()) <= 4 < Decimal(p["max_issuer_pct"]), p["code"]
            assert max(by_sector[p["code"]].values()) * 100 / nav_of(p) <= 25 < Decimal(p["max_sector_pct"]), p["code"]

    def test_are_run_by_two_teams_at_two_custodians(self):
        assert set(column("portfolios.csv", "manager_team")) == {"A", "B"}
        assert set(column("portfolios.csv", "custodian")) == set(column("custodians.csv", "code"))
