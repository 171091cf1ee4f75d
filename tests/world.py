"""
A small firm and its people, for every test that touches the database. Builders drive services, so that no test stands
on an impossible state.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone
from guardian.models import GroupObjectPermission

from apps.audit.selectors import automated_id, departures_from_record
from apps.core.acts import Act
from apps.marketdata import services as marketdata
from apps.marketdata.models import AverageVolume
from apps.portfolios import services as portfolios
from apps.portfolios.models import BrokerTerm, Mandate, Movement, Portfolio
from apps.reference.models import (
    Broker,
    Currency,
    Custodian,
    Depository,
    Instrument,
    Issuer,
    SettlementCycle,
    SettlementHoliday,
    Venue,
)  # fmt: skip
from apps.users.demo import AUTOMATED, PEOPLE
from apps.users.models import Desk, User
from oms_portal.embedded.postgresql import Postgres
from oms_portal.lives import LIVES
from oms_portal.roles import ROLES

D = Decimal


def add_automated_people() -> None:
    """The automated users of the first migration, after a test that empties the tables took them too."""
    User.objects.bulk_create(
        [User(username=n, first_name=n.capitalize(), is_automated=True, password="!") for n in AUTOMATED],
        ignore_conflicts=True,
    )
    automated_id.cache_clear()


@pytest.fixture
def people(db) -> dict[str, User]:
    """Every demo person by username, with roles, desks and teams."""
    add_automated_people()
    names = [role for role in ROLES if role != "automated"] + ["team:A", "team:B"]
    Group.objects.bulk_create([Group(name=name) for name in names], ignore_conflicts=True)
    groups = {group.name: group for group in Group.objects.all()}
    main = Desk.objects.get_or_create(code="MAIN", defaults={"name": "Main desk"})[0]
    made = User.objects.bulk_create(
        [
            User(
                username=p.username, password=make_password(p.password), first_name=p.first_name, last_name=p.last_name,
                email=f"{p.username}@example.com", is_staff=p.role in ("administrator", "operations"),
            )
            for p in PEOPLE
        ]
    )  # fmt: skip
    found = {user.username: user for user in made}
    User.groups.through.objects.bulk_create(
        [
            User.groups.through(user=found[p.username], group=groups[name])
            for p in PEOPLE
            for name in (p.role, *p.also, *(f"team:{team}" for team in p.teams))
        ]
    )
    User.desks.through.objects.bulk_create(
        [User.desks.through(user=found[p.username], desk=main) for p in PEOPLE if p.desks]
    )
    return found


def _person(name: str):
    @pytest.fixture(name=name)
    def one(people) -> User:
        return people[name]

    return one


mira, paul, tom, tess, theo = map(_person, ("mira", "paul", "tom", "tess", "theo"))
omar, odile, olga, ada, alan = map(_person, ("omar", "odile", "olga", "ada", "alan"))


@pytest.fixture
def stranger(people) -> User:
    """Signed in, but with no role."""
    return User.objects.create_user("stan", password="stan-demo-2bn", email="stan@example.com")


@pytest.fixture
def by() -> Callable[..., Act]:
    """``by(mira, reason=…)``: the act of a person now."""

    def act(user: User | str, reason: str = "", via: str = "page", key: str | None = None) -> Act:
        pk = automated_id(user) if isinstance(user, str) else user.pk
        return Act(by=pk, at=timezone.now(), via=via, reason=reason, key=key)

    return act


@dataclass
class Firm:
    """What a test needs to name: by symbol, code and so on."""

    instruments: dict[str, Instrument] = field(default_factory=dict)
    portfolios: dict[str, Portfolio] = field(default_factory=dict)
    brokers: dict[str, Broker] = field(default_factory=dict)
    desk: Desk | None = None

    def quote(self, symbol: str, mid: str, at=None, spread: str = "0.02") -> None:
        """Puts a fresh quote on the market."""
        marketdata.record_ticks([self.tick(symbol, mid, at, spread)], "test")

    def tick(self, symbol: str, mid: str, at=None, spread: str = "0.02") -> marketdata.Tick:
        price, half = D(mid), D(spread) / 2
        pk = self.instruments[symbol].pk
        return marketdata.Tick(pk, price - half, price + half, price, D(0), D(0), at or timezone.now())


@pytest.fixture
def firm(people, by) -> Firm:
    """
    Three portfolios, P1 and P2 of team A and P3 of team B (Mira runs both teams, Paul B), each about 10 million USD:
    50,000 AAA at 50, 10,000 BBB at 80 EUR, 20,000 CCC at 100, 1,000,000 BOND at 98, 2,000,000 TSY at 99, and cash.
    CCC's issuer is a daughter of AAA's.
    """
    made = Firm(desk=Desk.objects.get(code="MAIN"))
    Currency.objects.bulk_create(
        [Currency(code=c, name=n, minor_units=2) for c, n in (("USD", "US Dollar"), ("EUR", "Euro"), ("GBP", "Pound Sterling"))]
    )
    us, de, off = Venue.objects.bulk_create(
        Venue(
            mic=mic, name=mic, country=country, calendar=calendar, timezone=zone, currency_id=currency,
            opens_at="09:30", closes_at="16:00",
        )
        for mic, country, calendar, zone, currency in (
            ("XNAS", "US", "XNAS", "America/New_York", "USD"),
            ("XETR", "DE", "XETR", "Europe/Berlin", "EUR"),
            ("XOFF", "US", "XNYS", "America/New_York", "USD"),
        )
    )  # fmt: skip
    parent = Issuer.objects.create(code="ALPHA", name="Alpha Group", country="US", sector="Technology")
    others = Issuer.objects.bulk_create(
        [
            Issuer(code="BETA", name="Beta SE", country="DE", sector="Industrials"),
            Issuer(code="GAMMA", name="Gamma Inc", country="US", sector="Technology", parent=parent),
            Issuer(code="DELTA", name="Delta Corp", country="US", sector="Utilities"),
            Issuer(code="UST", name="US Treasury", country="US", sector="Government"),
        ]
    )
    issuers = dict(zip(("AAA", "BBB", "CCC", "BOND", "TSY"), (parent, *others), strict=True))
    bond = {
        "lot_size": 1000, "min_piece": 1000, "increment": 1000, "price_factor": "0.01", "coupon_pct": 4,
        "coupon_frequency": 2, "issue_date": date(2023, 5, 15), "maturity_date": date(2033, 5, 15),
    }  # fmt: skip
    Instrument.objects.bulk_create(
        Instrument(
            symbol=symbol, name=f"{symbol} of {issuers[symbol]}", asset_class=klass, isin=isin, issuer=issuers[symbol],
            currency_id=currency, venue=venue, country=venue.country, sector=issuers[symbol].sector, **more,
        )
        for symbol, klass, isin, currency, venue, more in (
            ("AAA", "EQUITY", "US0378331005", "USD", us, {"shares_outstanding": 10_000_000}),
            ("BBB", "EQUITY", "DE0007164600", "EUR", de, {"shares_outstanding": 50_000_000}),
            ("CCC", "EQUITY", "US5949181045", "USD", us, {"shares_outstanding": 90_000_000}),
            ("BOND", "CORP", "US91913YAE05", "USD", off, bond | {"day_count": "30/360", "rating": "BBB"}),
            ("TSY", "GOVT", "US912810TM09", "USD", off, bond | {"day_count": "ACT/ACT", "rating": "AA+"}),
        )
    )  # fmt: skip
    made.instruments |= {i.symbol: i for i in Instrument.objects.order_by("pk")}  # Read, for their numbers as the table keeps them.
    AverageVolume.objects.bulk_create(
        AverageVolume(instrument=i, daily_qty=1_000_000, annual_volatility="0.25", as_of_date=date.today())
        for i in made.instruments.values()
    )
    brokers = Broker.objects.bulk_create(
        Broker(
            code=code, name=code.title(), kind=kind, bic=f"{code[:4]}US33",
            commission_kind="bps" if kind == "broker" else "none", commission_rate=2 if kind == "broker" else 0,
        )
        for code, kind in (
            ("NORTHGATE", "broker"), ("HARBOR", "broker"), ("MERIDIAN", "broker"), ("ALDGATE", "dealer"),
            ("BRYANT", "dealer"), ("CASTLE", "dealer"), ("DORSET", "dealer"), ("ELMSTREET", "dealer"), ("SIMX", "venue"),
        )
    )  # fmt: skip
    made.brokers |= {broker.code: broker for broker in brokers}
    Depository.objects.bulk_create(
        Depository(country=country, asset_class=klass, name=name, bic=bic)
        for country, klass, name, bic in (
            ("US", "*", "DTC", "DTCYUS33"), ("US", "GOVT", "Fed", "FRNYUS33"), ("DE", "*", "Clearstream", "DAKVDEFF"),
        )
    )  # fmt: skip
    SettlementCycle.objects.bulk_create(
        SettlementCycle(country=country, days=days, effective_from=date(2024, 5, 28))
        for country, days in (("US", 1), ("DE", 2))
    )
    SettlementHoliday.objects.bulk_create(
        SettlementHoliday(currency_id=currency, date=date(year, 12, 25), name="Christmas Day")
        for year in range(2026, 2031)
        for currency in ("USD", "EUR", "GBP")
    )
    now = timezone.now()
    marketdata.record_rates([("EUR", "USD", D("1.10"), now), ("GBP", "USD", D("1.30"), now)])
    mids = {"AAA": "50", "BBB": "80", "CCC": "100", "BOND": "98", "TSY": "99"}
    marketdata.record_ticks([made.tick(symbol, mid) for symbol, mid in mids.items()], "test")
    _open_portfolios(made, by)
    return made


def with_pair(made: Firm, rate: str = "1.10") -> Instrument:
    """EUR/USD as an instrument of the firm, quoted; it settles two days on which both currencies settle after the trade."""
    venue = Venue.objects.create(
        mic="XXXX", name="Currencies", country="US", calendar="24/5", timezone="America/New_York", currency_id="USD",
        opens_at="00:00", closes_at="17:00",
    )  # fmt: skip
    issuer = Issuer.objects.create(code="CURRENCY", name="Currencies", country="US", sector="Currencies")
    SettlementCycle.objects.create(country="US", asset_class="FX", days=2, effective_from=date(2024, 5, 28))
    pair = Instrument.objects.create(
        symbol="EUR/USD", name="Euro in US Dollar", asset_class="FX", issuer=issuer, currency_id="USD",
        base_currency_id="EUR", venue=venue, country="US", sector="Currencies", lot_size="0.01", min_piece="0.01",
        increment="0.01", tick_size="0.00001",
    )  # fmt: skip
    pair.refresh_from_db()
    made.instruments["EUR/USD"] = pair
    marketdata.record_interest([("EUR", D(2), 360, timezone.now()), ("USD", D(4), 360, timezone.now())])
    made.quote("EUR/USD", rate, spread="0.0002")
    BrokerTerm.objects.bulk_create(
        BrokerTerm(portfolio=home, broker=broker, kind="ISDA", starts_on=date(2026, 1, 1), reason="2002 ISDA Master Agreement")
        for home in made.portfolios.values()
        for broker in made.brokers.values()
        if broker.kind == "dealer"
    )
    return pair


def with_fund(made: Firm, nav: str = "10", cutoff: str = "16:00") -> Instrument:
    """FUND, dealt by HALYARD in thousandths of a unit until a time of day in New York."""
    issuer = Issuer.objects.create(code="FUNDS", name="Funds", country="US", sector="Funds")
    fund = Instrument.objects.create(
        symbol="FUND", name="A fund", asset_class="FUND", isin="US9229087286", issuer=issuer, currency_id="USD",
        venue=Venue.objects.get(mic="XOFF"), country="US", sector="Funds", lot_size="0.001", min_piece="0.001",
        increment="0.001", tick_size="0.01", cutoff_at=cutoff,
    )  # fmt: skip
    fund.refresh_from_db()
    made.instruments["FUND"] = fund
    made.quote("FUND", nav, spread="0")
    made.brokers["HALYARD"] = Broker.objects.create(code="HALYARD", name="Halyard", kind="agent", bic="HLYDUS30")
    return fund


def _open_portfolios(made: Firm, by) -> None:
    custodian = Custodian.objects.create(code="STATESIDE", name="Stateside Trust", bic="STSDUS30", country="US")
    today = date.today() - timedelta(days=1)
    homes = Portfolio.objects.bulk_create(
        Portfolio(
            code=code, name=f"Portfolio {code}", base_currency_id="USD", custodian=custodian,
            custody_account=f"SST-{code}", team=team,
        )
        for code, team in (("P1", "A"), ("P2", "A"), ("P3", "B"))
    )  # fmt: skip
    made.portfolios |= {home.code: home for home in homes}
    Mandate.objects.bulk_create(
        Mandate(
            portfolio=home, equity_min_pct=30, equity_max_pct=80, fixed_income_min_pct=20,
            fixed_income_max_pct=60, cash_min_pct=0, issuer_max_pct=60, sector_max_pct=70,
        )
        for home in homes
    )  # fmt: skip
    teams = {team: Group.objects.get(name=f"team:{team}") for team in ("A", "B")}
    rights = Permission.objects.filter(codename__in=("see_portfolio", "run_portfolio")).select_related("content_type")
    GroupObjectPermission.objects.bulk_create(
        GroupObjectPermission(permission=right, content_type=right.content_type, object_pk=home.pk, group=teams[home.team])
        for right in rights
        for home in homes
    )

    def opened(home: Portfolio, **what) -> portfolios.Moved:
        return portfolios.Moved(home.pk, today, today, "opening", Movement.Kind.OPENING, **what)

    held = (("AAA", 50_000), ("BBB", 10_000), ("CCC", 20_000), ("BOND", 1_000_000), ("TSY", 2_000_000))
    cash = (("USD", D(1_500_000)), ("EUR", D(100_000)))
    moves = []
    for home in homes:
        moves += [opened(home, instrument_id=made.instruments[symbol].pk, qty=D(qty)) for symbol, qty in held]
        moves += [opened(home, currency=currency, amount=amount) for currency, amount in cash]
    portfolios.post_movements(by("loader"), moves)


DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
KEPT = {"django_content_type", "auth_permission", "django_site"}  # What the migrations themselves put there.


@pytest.fixture(autouse=True, scope="session")
def _emptied_by_the_server():
    """
    Tests with real transactions empty the tables afterwards, which the record's triggers refuse to anybody but the
    server's own superuser. Deleting costs a tenth of making every table anew.

    For the whole session: the emptying comes after a test's own fixtures are gone.
    """

    def teardown(self):
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
        server = Postgres(Path(os.environ["OMS_TEST_HOME"]))
        with psycopg.connect(server.admin_url, dbname=connection.settings_dict["NAME"], autocommit=True) as alone:
            alone.execute("SET session_replication_role = replica")  # Neither triggers nor references are asked.
            alone.execute(";".join(f'DELETE FROM "{table}"' for table in sorted(tables)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture(autouse=True)
def _automated_people_are_looked_up_anew():
    automated_id.cache_clear()


@pytest.fixture(autouse=True)
def _rows_are_what_the_record_says(request):
    """
    After each test that touched the database, every life is replayed from its entries and compared with its row, so
    that a stray update of a status fails the suite.
    """
    uses_database = request.node.get_closest_marker("django_db") or DATABASE_FIXTURES & set(request.fixturenames)
    if not uses_database:
        yield
        return
    request.getfixturevalue("transactional_db" if _is_transactional(request) else "db")
    yield
    if request.node.get_closest_marker("record_tampered"):
        return
    departures = [line for life, table, where in LIVES for line in departures_from_record(life, table, where)]
    assert departures == []


def _is_transactional(request) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return bool(marker and marker.kwargs.get("transaction")) or bool(
        {"transactional_db", "live_server"} & set(request.fixturenames)
    )
