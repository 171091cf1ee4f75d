"""
What a firm has on its pages after some time, so that none is empty on the first day of the demo: attributes of its own, a
benchmark, families of contracts, changes that wait for a second officer, entries on lists, rate cards, a close-out, and yesterday's report.

None of it holds an order of the demo's rebalance. The headless scenario and the benchmarks go without.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.compliance import services as compliance
from apps.core.acts import Act
from apps.portfolios import benchmark_services
from apps.portfolios.models import Benchmark, Portfolio
from apps.reference import own_services, telling
from apps.reference.models import Broker, Contract, ContractFamily, Instrument, Issuer, OwnAttribute
from apps.routing import services as routing
from apps.routing.rules.cards import Card
from apps.surveillance import services as surveillance
from apps.users.models import User

from .demo_files import rows

D = Decimal
SCORES = {
    "AAPL": "71", "MSFT": "83", "NVDA": "77", "CSCO": "74", "GOOGL": "66", "GOOG": "66", "META": "41", "AMZN": "48", "HD": "58",
    "JPM": "52", "BAC": "55", "JNJ": "69", "UNH": "47", "WMT": "44", "PG": "72", "KO": "57", "XOM": "22", "CAT": "49", "GE": "61",
    "NEE": "76", "AZN": "73", "HSBA": "50", "SHEL": "29", "ULVR": "75", "SAP": "84", "SIE": "79", "DBK": "46", "TTE": "34",
    "NESN": "62", "NOVN": "70",
}  # fmt: skip
"""Invented: no vendor said so."""
THERMAL_COAL = {"EXXON": "None", "SHELL": "None", "TOTALENERGIES": "None", "CATERPILLAR": "Supplies it", "NEXTERA": "Burns it"}
BENCHMARK = ("BAL-55-45", "Balanced 55/45, USD")
FAMILIES = (("ES", "E-mini S&P 500", ("ESZ7", "ESH8")), ("ZN", "10-Year US Treasury Note", ("ZNZ7",)))


def load() -> None:
    """Will write it, as the people of the demo would have: all or none."""
    with transaction.atomic():
        _own_attributes()
        _benchmark()
        _contracts()
        _changes_that_wait()
        _lists()
        _strategies()
        _rate_cards()
        _close_out()
    _yesterday()


def _own_attributes() -> None:
    _made(
        OwnAttribute.objects.create(code="esg_score", title="ESG score", kind="number"),
        OwnAttribute.objects.create(
            code="thermal_coal", title="Thermal coal", of="issuer", kind="choice", choices=["None", "Supplies it", "Burns it", "Mines it"]
        ),
    )
    source = "Research desk, October"
    said = [own_services.Said("esg_score", symbol, score, source=source) for symbol, score in SCORES.items()]
    said += [own_services.Said("thermal_coal", issuer, word, source=source) for issuer, word in THERMAL_COAL.items()]
    own_services.set_own_values(_by("olga", "Scores of October"), said)


def _benchmark() -> None:
    """55% of shares by what their companies are worth, 45% of bonds in equal parts; the balanced clients follow it."""
    code, name = BENCHMARK
    made = Benchmark.objects.create(code=code, name=name)
    _made(made)
    act = _by("olga", "Weights of the month's end")
    benchmark_services.load_weights(act, code, act.at.date(), list(_weights()))
    Portfolio.objects.filter(code__in=[f"P{n:03d}" for n in range(1, 11)]).update(benchmark=made)


def _weights() -> Iterable[benchmark_services.Weight]:
    files = list(rows("instruments"))
    shares = [r for r in files if r["asset_class"] == "EQUITY" and r["shares_outstanding"]]
    worth = {r["symbol"]: D(r["price"]) * D(r["shares_outstanding"]) for r in shares}
    bonds = [r["symbol"] for r in files if r["asset_class"] in ("CORP", "GOVT")]
    parts = {symbol: 55 * value / sum(worth.values()) for symbol, value in worth.items()} | dict.fromkeys(bonds, D(45) / len(bonds))
    for symbol, part in parts.items():  # Rounded down: they never sum to more than all of it.
        yield benchmark_services.Weight(symbol, (part * 1_000_000 // 1) / 1_000_000)


def _contracts() -> None:
    things = {one.symbol: one for one in Instrument.objects.filter(asset_class="FUTURE")}
    families = {}
    for code, name, symbols in FAMILIES:
        families[code] = ContractFamily.objects.create(code=code, name=name)
        Contract.objects.bulk_create([Contract(instrument=things[symbol], family=families[code]) for symbol in symbols])
    act = _by("omar", "The exchange's table, and the house's own")
    today = act.at.date()
    compliance.add_position_limits(
        act,
        [
            compliance.NewLimit(families["ES"].pk, "ALL", D(60_000), "EXCHANGE", "CME Rule 559, position limit table", today),
            compliance.NewLimit(families["ES"].pk, "ALL", D(500), "FIRM", "Derivatives policy 2.1", today, kind="LEVEL"),
            compliance.NewLimit(families["ZN"].pk, "SINGLE", D(2_000), "FIRM", "Derivatives policy 2.1", today),
        ],
    )


def _changes_that_wait() -> None:
    """A rule that Odile is to approve, one that Omar still writes, a limit that he would end, and a throttle."""
    drafts = compliance.take_rules(_by("omar", "Mandates ask for it"), ["firm_low_esg_5", "firm_sector_over_5"])
    compliance.propose_drafts(_by("omar", "The charities' boards asked for it."), drafts[:1], seen={drafts[0]: 1})
    today = timezone.now().date()
    limits = compliance.set_limits(
        _by("omar", "No view on large blocks of futures yet"),
        [
            compliance.LimitText(today, asset_class="FUTURE", max_qty=D(500)),
            compliance.LimitText(today, user_id=_id("tess"), asset_class="OPTION", max_notional=D(10_000_000)),
        ],
    )
    compliance.propose_limit_ends(_by("omar", "Tess has passed her options course."), today, seen={limits[1]: 2})
    routing.set_throttle(_by("omar", "As agreed with the brokers"), routing.ThrottleText(per_second=50, per_day=100_000), strategy="VWAP")


def _strategies() -> None:
    """A broker's own algorithms, loaded by a trader and approved by operations."""
    content = (Path(__file__).parent / "demo_strategies.xml").read_bytes()
    pk = routing.load_strategies(_by("tess"), "NORTHGATE", "northgate-algos.xml", content)
    routing.approve_strategies(_by("olga"), pk, seen={pk: 1})


def _rate_cards() -> None:
    """What the simulated brokers take of contracts and bonds, a part of one broker's for research, and a card that waits."""
    today = timezone.localdate()
    usual = Card(0, kind="PER_UNIT", currency="USD", books="SAID", starts_on=today)
    northgate, harbor = (Broker.objects.get(code=code).pk for code in ("NORTHGATE", "HARBOR"))
    agreed = (
        *(usual._replace(asset_class=of, rate=D("0.85")) for of in ("OPTION", "FUTURE")),
        *(usual._replace(asset_class=of, kind="NONE", currency="") for of in ("CORP", "GOVT")),
        usual._replace(broker_id=northgate, asset_class="EQUITY", rate=D("0.005"), research_pct=D(30)),
    )
    for card in agreed:
        pk = routing.propose_rate_card(_by("olga", "As agreed for the year"), card)
        routing.approve_rate_card(_by("alan"), pk, seen={pk: 1})
    cheaper = usual._replace(broker_id=harbor, strategy="VWAP", kind="BPS", rate=D(1), least=D(5), books="CARD")
    routing.propose_rate_card(_by("olga", "Harbor offers less for its VWAP"), cheaper)


def _lists() -> None:
    """A watch list holds nothing: the control room reads who trades the name."""
    watched = compliance.Listing(
        "Talks about a joint bid; the desk is not told.", timezone.now().date(), issuer_id=Issuer.objects.get(code="CISCO").pk,
        kind="WATCH", authorised_by="General counsel",
    )  # fmt: skip
    compliance.restrict(_by("odile"), [watched])


def _close_out() -> None:
    """A long sale of before the demo that was not delivered."""
    sold, home = Instrument.objects.get(symbol="NEE"), Portfolio.objects.get(code="P004")
    day = _weekday_before(timezone.now().date())
    fail = compliance.Fail("before the demo:1", sold.pk, home.pk, D(300), False, day, sold.currency_id)
    compliance.open_close_outs(_by("loader"), [fail])


def _yesterday() -> None:
    """The rules are asked of every portfolio for the last weekday's report; an officer signs it."""
    surveillance.report_day(_by("scheduler"), _weekday_before(timezone.now().date()))


def _weekday_before(day: date) -> date:
    day -= timedelta(days=1)
    return day - timedelta(days=max(0, day.weekday() - 4))


def _made(*made: Model) -> None:
    """Has the record tell of rows that were made by hand."""
    act = _by("olga")
    for model in {type(row) for row in made}:
        changes: Sequence = [telling.Change(row.pk, None, telling.state_of(row)) for row in made if type(row) is model]
        telling.tell(act, model, changes)


def _id(name: str) -> int:
    return User.objects.get(username=name).pk


def _by(name: str, reason: str = "") -> Act:
    by = automated_id(name) if name in ("loader", "scheduler") else _id(name)
    return Act(by=by, at=timezone.now(), via="command", reason=reason)
