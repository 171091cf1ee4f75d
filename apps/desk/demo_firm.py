"""Loads the demo firm: real instruments and prices, invented clients and people, from the files in reference/demo."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils import timezone
from guardian.models import GroupObjectPermission

from apps.audit.selectors import automated_id
from apps.compliance import services as compliance
from apps.core.acts import Act
from apps.groups.models import ListBroker, PackageBroker
from apps.orders import services as orders
from apps.orders.models import OwnField
from apps.portfolios import services as portfolios
from apps.portfolios.models import BrokerTerm, Mandate, Model, ModelWeight, Movement, Portfolio, PortfolioGroup
from apps.reference.models import (
    Broker,
    Combination,
    Constituent,
    Currency,
    Custodian,
    Depository,
    Fee,
    Instrument,
    Issuer,
    SettlementCycle,
    SettlementHoliday,
    Venue,
)  # fmt: skip
from apps.routing import services as routing
from apps.settlement import services as settlement
from apps.users.demo import PEOPLE
from apps.users.models import Desk, User
from apps.users.services import AUTOMATED, role_permissions

from . import demo_mandates, demo_prices
from .demo_files import number, rows

D = Decimal
BOND_FACTOR = D("0.01")
TRUTHS = {"yes": True, "no": False}
OF_OTHERS = (
    "isin", "cusip", "sedol", "figi", "coupon_pct", "coupon_frequency", "day_count", "issue_date", "shares_outstanding",
    "rating",
)  # fmt: skip
# By words of a client's name. Plans of municipalities and teachers are governmental: not under ERISA (29 U.S.C. 1003(b)(1)).
TYPES = {"Pension Plan": "ERISA", "Family Trust": "PRIVATE"}
GROUPS = {
    "RETIREMENT": ("Retirement plans", ("Pension Plan", "Retirement Fund", "Employees Fund")),
    "CHARITIES": ("Charities", ("Charitable", "Endowment", "Foundation", "Scholarship")),
    "INSURERS": ("Insurers", ("Insurance",)),
}
DECISIONS = ["Valuation", "Earnings", "Cash flow", "Rebalance", "Client instruction", "Risk"]


@transaction.atomic
def load(scale: int = 1) -> dict[str, int]:
    """
    Will write the whole firm into an empty database.

    :param scale: how many copies of each client portfolio; all else stays as it is
    :returns: what was loaded, by noun
    """
    _reference()
    _people()
    act = Act(by=automated_id("loader"), at=timezone.now(), via="command", reason="Load the demo firm")
    demo_prices.load()
    count = _portfolios(act, scale)
    compliance.install_default_rules(act)
    demo_mandates.load()
    orders.install_default_approval_rules(act)
    OwnField.objects.create(code="decision", label="Decision", kind="list", choices=DECISIONS, is_asked=True)
    street = settings.MARKET_FEED
    routing.install_sessions(act, host=street["host"], port=street["port"], environment="simulation")
    routing.install_default_rules(act)
    routing.install_default_alerts(act)
    settlement.install_default_ssis(act)
    brokers = Broker.objects.filter(kind=Broker.Kind.BROKER).order_by("pk")
    ListBroker.objects.bulk_create(ListBroker(broker=broker) for broker in brokers)
    PackageBroker.objects.bulk_create(PackageBroker(broker=broker) for broker in brokers)
    return {"instruments": Instrument.objects.count(), "portfolios": count, "people": len(PEOPLE)}


def point_sessions() -> str:
    """Will lead the simulated FIX sessions to where the street answers now. :returns: host and port"""
    act = Act(by=automated_id("loader"), at=timezone.now(), via="command", reason="The simulated street has moved")
    street = settings.MARKET_FEED
    routing.point_sessions(act, host=street["host"], port=street["port"])
    return f"{street['host']}:{street['port']}"


def _reference() -> None:
    for r in rows("currencies"):
        Currency.objects.create(code=r["code"], name=r["name"], minor_units=int(r["minor_units"]))
    for r in rows("venues"):
        Venue.objects.create(
            mic=r["mic"], name=r["name"], country=r["country"], calendar=r["calendar"], timezone=r["timezone"],
            opens_at=r["open"], closes_at=r["close"], currency_id=r["currency"],
        )  # fmt: skip
    issuers: dict[str, Issuer] = {}
    for r in rows("issuers"):
        issuers[r["code"]] = Issuer.objects.create(
            code=r["code"], name=r["name"], lei=r["lei"], country=r["country"], sector=r["sector"],
            parent=issuers[r["parent"]] if r["parent"] else None, is_credit_institution=TRUTHS.get(r["supervised"]),
        )  # fmt: skip
    venues = {v.mic: v for v in Venue.objects.all()}
    for file in (rows("instruments"), rows("listed")):
        known = {i.symbol: i for i in Instrument.objects.all()}
        Instrument.objects.bulk_create([_instrument(dict.fromkeys(OF_OTHERS, "") | r, issuers, venues, known) for r in file])
    Instrument.objects.bulk_create([_fund(r, issuers, venues) for r in rows("funds")])
    things = {i.symbol: i for i in Instrument.objects.all()}
    Constituent.objects.bulk_create(
        Constituent(
            fund=things[r["fund"]], instrument=things[r["instrument"]], weight_pct=D(r["weight_pct"]), as_of=timezone.now().date()
        )
        for r in rows("constituents")
    )  # fmt: skip
    names = {c.code: c.name for c in Currency.objects.all()}
    Instrument.objects.bulk_create([_pair(r, names, issuers["CURRENCY"], venues["XXXX"]) for r in rows("fx")])
    _parties(issuers)
    _tables(venues)


def _parties(issuers: dict[str, Issuer]) -> None:
    Broker.objects.bulk_create(
        [
            Broker(
                code=r["code"],
                name=r["name"],
                kind=r["kind"],
                lei=r["lei"],
                bic=r["bic"],
                commission_kind=r["commission_kind"],
                commission_rate=D(r["commission_rate"]),
                issuer=issuers.get(r["issuer"]),
            )
            for r in rows("brokers")
        ]  # fmt: skip
    )
    Custodian.objects.bulk_create([Custodian(**r | {"issuer": issuers[r["issuer"]]}) for r in rows("custodians")])
    Depository.objects.bulk_create(
        [
            Depository(country=r["country"], asset_class=r["asset_class"], name=r["csd_name"], bic=r["csd_bic"])
            for r in rows("csd")
        ]
    )


def _tables(venues: dict[str, Venue]) -> None:
    """What holds by market and date: settlement, what a market takes, fees."""
    SettlementCycle.objects.bulk_create(
        [
            SettlementCycle(
                country=r["country"],
                asset_class=r["asset_class"],
                days=int(r["days"]),
                effective_from=date.fromisoformat(r["effective_from"]),
                effective_to=date.fromisoformat(r["effective_to"]) if r["effective_to"] else None,
            )
            for r in rows("settlement_cycles")
        ]  # fmt: skip
    )
    brokers = {b.code: b for b in Broker.objects.all()}
    Combination.objects.bulk_create(
        [
            Combination(
                asset_class=r["asset_class"],
                venue=venues[r["mic"]] if r["mic"] else None,
                broker=brokers[r["broker"]] if r["broker"] else None,
                order_type=r["order_type"],
                tif=tif,
                takes_min_qty=tif in r["min_qty_tifs"].split(),
                takes_display_qty=tif in r["display_qty_tifs"].split(),
            )
            for r in rows("combinations")
            for tif in r["tifs"].split()
        ]
    )
    Fee.objects.bulk_create(
        [
            Fee(
                code=r["code"],
                name=r["name"],
                kind=r["kind"],
                country=r["country"],
                asset_class=r["asset_class"],
                side=r["side"],
                rate_bp=D(r["rate_bp"]),
                effective_from=date.fromisoformat(r["effective_from"]),
                effective_to=date.fromisoformat(r["effective_to"]) if r["effective_to"] else None,
            )
            for r in rows("fees")
        ]  # fmt: skip
    )
    SettlementHoliday.objects.bulk_create(
        [
            SettlementHoliday(currency_id=r["currency"], date=date.fromisoformat(r["date"]), name=r["name"])
            for r in rows("settlement_holidays")
        ]
    )


def _fund(r: dict[str, str], issuers: dict[str, Issuer], venues: dict[str, Venue]) -> Instrument:
    step = D(r["increment"])
    return Instrument(
        symbol=r["symbol"], name=r["name"], asset_class=r["asset_class"], isin=r["isin"], cusip=r["cusip"],
        issuer=issuers[r["issuer"]], currency_id=r["currency"], venue=venues[r["mic"]], country=r["country"],
        sector=r["sector"], cutoff_at=r["cutoff"], lot_size=step, min_piece=step, increment=step, tick_size=D(r["tick_size"]),
        is_ucits=TRUTHS.get(r["ucits"]),
    )  # fmt: skip


def _pair(r: dict[str, str], names: dict[str, str], issuer: Issuer, venue: Venue) -> Instrument:
    """A pair of currencies, in steps of the base currency's cents; it settles by the cycle of the other's country."""
    return Instrument(
        symbol=f"{r['base']}/{r['quote']}", name=f"{names[r['base']]} in {names[r['quote']]}", asset_class="FX",
        issuer=issuer, currency_id=r["quote"], base_currency_id=r["base"], venue=venue, country=venue.country,
        sector=issuer.sector, lot_size=D("0.01"), min_piece=D("0.01"), increment=D("0.01"), tick_size=D("0.00001"),
    )  # fmt: skip


def _instrument(r: dict[str, str], issuers: dict[str, Issuer], venues: dict[str, Venue], known: dict) -> Instrument:
    is_bond = r["asset_class"] in ("CORP", "GOVT")
    return Instrument(
        symbol=r["symbol"], name=r["name"], asset_class=r["asset_class"], isin=r["isin"], cusip=r["cusip"],
        sedol=r["sedol"], figi=r["figi"], issuer=issuers[r["issuer"]], currency_id=r["currency"],
        venue=venues[r["mic"]], country=r["country"], sector=r["sector"], lot_size=D(r["lot_size"]),
        tick_size=D(r["tick_size"]), min_piece=D(r["min_piece"]), increment=D(r["increment"]),
        price_factor=BOND_FACTOR if is_bond else D(r.get("multiplier") or 1), coupon_pct=number(r["coupon_pct"]),
        coupon_frequency=int(r["coupon_frequency"]) if r["coupon_frequency"] else None, day_count=r["day_count"],
        issue_date=date.fromisoformat(r["issue_date"]) if r["issue_date"] else None,
        maturity_date=date.fromisoformat(r["maturity_date"]) if r["maturity_date"] else None,
        shares_outstanding=number(r["shares_outstanding"]), rating=r["rating"], cfi_code=r.get("cfi_code", ""),
        underlying=known.get(r.get("underlying")), strike_price=number(r.get("strike_price", "")),
        put_or_call=r.get("put_or_call", ""), is_covered=TRUTHS.get(r.get("covered")), has_votes=TRUTHS.get(r.get("votes")),
    )  # fmt: skip


def _people() -> None:
    groups = {role: Group.objects.get_or_create(name=role)[0] for role in role_permissions() if role != AUTOMATED}
    desk = Desk.objects.create(code="MAIN", name="Main desk")
    for person in PEOPLE:
        user = User.objects.create(
            username=person.username, first_name=person.first_name, last_name=person.last_name,
            email=f"{person.username}@example.com", password=make_password(person.password),
            is_staff=person.role in ("administrator", "operations"),
        )  # fmt: skip
        teams = [Group.objects.get_or_create(name=f"team:{team}")[0] for team in person.teams]
        user.groups.add(groups[person.role], *(groups[role] for role in person.also), *teams)
        if person.desks:
            user.desks.add(desk)


def _portfolios(act: Act, scale: int) -> int:
    today = act.at.date()
    opening = today - timedelta(days=1)
    custodians = dict(Custodian.objects.values_list("code", "pk"))
    instruments = dict(Instrument.objects.values_list("symbol", "pk"))
    models = {}
    made: list[tuple[Portfolio, dict[str, str]]] = []
    for copy in range(scale):
        for r in rows("portfolios"):
            if r["model"] not in models:
                models[r["model"]] = Model.objects.create(
                    code=r["model"], name=r["model"].replace("_", " ").title(), effective_date=today
                )
            suffix = f"-{copy + 1}" if copy else ""
            made.append(
                (
                    Portfolio(
                        code=r["code"] + suffix,
                        name=r["name"] + (f" {copy + 1}" if copy else ""),
                        base_currency_id=r["base_currency"],
                        custodian_id=custodians[r["custodian"]],
                        custody_account=(r["custody_account"] + suffix)[:35],
                        team=r["manager_team"],
                        model=models[r["model"]],
                    ),
                    r,
                )  # fmt: skip
            )
    Portfolio.objects.bulk_create([p for p, _ in made])
    Mandate.objects.bulk_create([_mandate(p, r) for p, r in made])
    _grant(made)
    _groups([p for p, _ in made])
    _agreements([p for p, _ in made], opening)
    by_code: dict[str, list[int]] = {}
    for p, r in made:
        by_code.setdefault(r["code"], []).append(p.pk)
    portfolios.post_movements(act, list(_opening_moves(by_code, instruments, opening)))
    _model_weights(models, instruments)
    return len(made)


def _agreements(homes: list[Portfolio], since) -> None:
    """Every portfolio deals currencies forward with every dealer."""
    dealers = list(Broker.objects.filter(kind=Broker.Kind.DEALER))
    BrokerTerm.objects.bulk_create(
        (
            BrokerTerm(
                portfolio=home, broker=dealer, kind=BrokerTerm.Kind.ISDA, starts_on=since, reason="2002 ISDA Master Agreement"
            )
            for home in homes
            for dealer in dealers
        ),
        batch_size=5_000,
    )


def _groups(homes: list[Portfolio]) -> None:
    for code, (name, words) in GROUPS.items():
        group = PortfolioGroup.objects.create(code=code, name=name)
        group.members.set([home for home in homes if any(word in home.name for word in words)])


def _mandate(portfolio: Portfolio, r: dict[str, str]) -> Mandate:
    kind = next((kind for word, kind in TYPES.items() if word in portfolio.name), "SEGREGATED")
    return Mandate(
        portfolio=portfolio, type=kind, equity_min_pct=D(r["equity_min"]), equity_max_pct=D(r["equity_max"]),
        fixed_income_min_pct=D(r["fixed_income_min"]), fixed_income_max_pct=D(r["fixed_income_max"]),
        cash_min_pct=D(r["cash_min"]), issuer_max_pct=D(r["max_issuer_pct"]), sector_max_pct=D(r["max_sector_pct"]),
    )  # fmt: skip


def _grant(made: list[tuple[Portfolio, dict[str, str]]]) -> None:
    permissions = Permission.objects.filter(codename__in=("see_portfolio", "run_portfolio")).select_related(
        "content_type"
    )
    teams = {g.name: g for g in Group.objects.filter(name__startswith="team:")}
    GroupObjectPermission.objects.bulk_create(
        [
            GroupObjectPermission(
                group=teams[f"team:{r['manager_team']}"],
                permission=permission,
                content_type=permission.content_type,
                object_pk=str(p.pk),
            )
            for p, r in made
            for permission in permissions
        ]  # fmt: skip
    )


def _opening_moves(by_code: dict[str, list[int]], instruments: dict[str, int], on: date) -> Iterator[portfolios.Moved]:
    for r in rows("holdings"):
        for pk in by_code[r["portfolio"]]:
            yield portfolios.Moved(
                pk, on, on, "opening", Movement.Kind.OPENING, instrument_id=instruments[r["instrument_symbol"]],
                qty=D(r["quantity"]),
            )  # fmt: skip
    for r in rows("cash"):
        for pk in by_code[r["portfolio"]]:
            yield portfolios.Moved(
                pk, on, on, "opening", Movement.Kind.OPENING, currency=r["currency"], amount=D(r["amount"])
            )


def _model_weights(models: dict[str, Model], instruments: dict[str, int]) -> None:
    """Target weights: equity 55 % and bonds 45 % less 2 % cash, each class by what its followers hold together."""
    price = {
        r["symbol"]: D(r["price"]) * (BOND_FACTOR if r["asset_class"] in ("CORP", "GOVT") else 1)
        for r in rows("instruments")
    }
    is_bond = {r["symbol"]: r["asset_class"] in ("CORP", "GOVT") for r in rows("instruments")}
    model_of = {r["code"]: r["model"] for r in rows("portfolios")}
    sums: dict[str, dict[str, Decimal]] = {}
    for r in rows("holdings"):
        symbol = r["instrument_symbol"]
        mine = sums.setdefault(model_of[r["portfolio"]], {})
        mine[symbol] = mine.get(symbol, D(0)) + D(r["quantity"]) * price[symbol]
    weights = []
    for model, held in sums.items():
        for share, bonds in ((D(55), False), (D(43), True)):
            part = {s: v for s, v in held.items() if is_bond[s] is bonds}
            whole = sum(part.values())
            weights += [
                ModelWeight(model=models[model], instrument_id=instruments[s], weight_pct=share * v / whole)
                for s, v in part.items()
            ]
    ModelWeight.objects.bulk_create(weights)
