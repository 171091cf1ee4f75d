"""What the firm's rules fill in where an order says nothing: never over what somebody said, and with the reason kept."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from apps.orders import rules
from apps.orders import services as orders
from apps.orders.models import DefaultRule, Order, OwnField
from apps.reference.models import Combination
from apps.users.models import Desk
from tests.orders.files import csv_of, line
from tests.pages import send, visit, words

D = Decimal
YESTERDAY = date.today() - timedelta(days=1)


# --- Rules without a database ---------------------------------------------------------------------------------------
def default(n: int, values: dict, **conditions) -> rules.Default:
    asks = {"asset_class": "", "country": "", "side": "", "order_type": "", "portfolio_id": None, "portfolio": ""}
    return rules.Default(n, f"Rule {n}", **asks | conditions, values=values)


def asked(**typed) -> pl.DataFrame:
    row = {
        "portfolio_id": 1, "asset_class": "EQUITY", "country": "US", "side": "BUY", "order_type": "", "limit_price": "",
        "tif": "", "desk": "", "instructions": "",
    }  # fmt: skip
    return pl.DataFrame([row | typed])


def filled(given: list[rules.Default], **typed) -> dict:
    return rules.with_defaults(asked(**typed), given).to_dicts()[0]


def test_the_first_rule_that_fits_and_says_something_of_a_field_fills_it():
    given = [
        default(1, {"tif": "GTC"}, country="DE"),
        default(2, {"tif": "IOC"}, asset_class="EQUITY"),
        default(3, {"tif": "FOK", "instructions": "Care"}),
    ]
    row = filled(given)

    assert (row["tif"], row["instructions"], row["desk"]) == ("IOC", "Care", "")
    assert row["defaulted"] == (
        '{"tif":{"value": "IOC", "rule": "Rule 2", "id": 2, "because": "asset class is EQUITY"},'
        '"instructions":{"value": "Care", "rule": "Rule 3", "id": 3, "because": "it asks nothing"}}'
    )


def test_what_was_said_stays():
    row = filled([default(1, {"tif": "GTC"})], tif="day")

    assert (row["tif"], row["defaulted"]) == ("day", None)


@pytest.mark.parametrize(
    ("conditions", "typed", "fits"),
    [
        ({"side": "SELL"}, {"side": "s"}, True),
        ({"side": "SELL"}, {"side": "SELL_SHORT"}, False),
        ({"order_type": "LIMIT"}, {"limit_price": "10"}, True),
        ({"order_type": "LIMIT"}, {"order_type": "mkt"}, False),
        ({"portfolio_id": 2, "portfolio": "P2"}, {"portfolio_id": 2}, True),
        ({"portfolio_id": 2, "portfolio": "P2"}, {"portfolio_id": None}, False),
        ({"asset_class": "EQUITY", "country": "DE"}, {}, False),
        ({"country": "US"}, {"country": None}, False),
    ],
)
def test_every_condition_must_hold(conditions, typed, fits):
    assert (filled([default(1, {"tif": "GTC"}, **conditions)], **typed)["tif"] == "GTC") is fits


def test_broker_and_strategy_are_noted_only():
    row = filled([default(1, {"broker": "HARBOR", "strategy": "TWAP"})])

    assert '"broker":{"value": "HARBOR"' in row["defaulted"] and '"strategy":{"value": "TWAP"' in row["defaulted"]
    assert "broker" not in row


# --- Through every door ---------------------------------------------------------------------------------------------
@pytest.fixture
def a_rule(firm):
    def make(rank=10, name="Sells of shares stay in", **more) -> DefaultRule:
        given = {"asset_class": "EQUITY", "side": "SELL", "tif": "GTC", "effective_from": YESTERDAY} | more
        return DefaultRule.objects.create(rank=rank, name=name, **given)

    return make


def test_an_order_keeps_why_it_defaulted(a_rule, wish, by, mira, firm):
    rule = a_rule(instructions="Care", broker=firm.brokers["HARBOR"], strategy="TWAP", desk=firm.desk)
    orders.create_orders(by(mira), [wish(side="SELL"), wish(), wish(side="SELL", tif="IOC", instructions="Now")])
    sold, bought, said = Order.objects.order_by("pk")

    assert (sold.tif, sold.instructions, bought.tif, said.tif, said.instructions) == ("GTC", "Care", "DAY", "IOC", "Now")
    because = {"rule": rule.name, "id": rule.pk, "because": "asset class is EQUITY, side is SELL"}
    assert sold.defaulted == {
        "tif": {"value": "GTC"} | because, "desk": {"value": "MAIN"} | because,
        "instructions": {"value": "Care"} | because, "broker": {"value": "HARBOR"} | because,
        "strategy": {"value": "TWAP"} | because,
    }  # fmt: skip
    assert bought.defaulted is None
    assert set(said.defaulted) == {"desk", "broker", "strategy"}


def test_a_refusal_of_what_a_rule_filled_in_names_the_rule(a_rule, wish, by, mira):
    a_rule(tif="NOPE")
    with pytest.raises(orders.BadWishes) as refused:
        orders.create_orders(by(mira), [wish(side="SELL"), wish(side="SELL", tif="NOPE")])

    assert [row["message"] for row in refused.value.facts["rows"]] == [
        "“NOPE” is no time in force. Use DAY, GTC, GTD, IOC, FOK, OPG or CLS."
        " The firm's rule “Sells of shares stay in” filled it in: say another here.",
        "“NOPE” is no time in force. Use DAY, GTC, GTD, IOC, FOK, OPG or CLS.",
    ]


class TestTheBrokerOfARule:
    """Held against the table of what that broker takes, as far as it says so."""

    @pytest.fixture
    def harbor(self, firm, a_rule):
        a_rule(name="To Harbor", broker=firm.brokers["HARBOR"], tif="")
        return firm.brokers["HARBOR"]

    def test_that_takes_no_such_order_is_refused_by_the_rule_s_name(self, harbor, wish, by, mira):
        for kind, tif in (("LIMIT", "DAY"), ("LIMIT", "GTC"), ("MARKET", "DAY")):
            Combination.objects.create(asset_class="EQUITY", broker=harbor, order_type=kind, tif=tif)
        sells = {"side": "SELL", "tif": "IOC"}
        with pytest.raises(orders.BadWishes) as refused:
            orders.create_orders(by(mira), [wish(**sells), wish(side="SELL"), wish(side="BUY", tif="IOC")])

        (row,) = refused.value.facts["rows"]
        assert (row["index"], row["field"]) == (0, "tif")
        assert row["message"] == (
            "HARBOR does not take MARKET with IOC; it takes LIMIT with DAY, GTC; MARKET with DAY. The firm's rule “To Harbor”"
            " chose this broker: say another order type or time in force, or ask operations to change the rule."
        )
        assert not Order.objects.exists()

    def test_of_which_the_table_says_nothing_takes_what_the_market_does(self, harbor, wish, by, mira):
        Combination.objects.create(asset_class="CORP", broker=harbor, order_type="LIMIT", tif="DAY")
        orders.create_orders(by(mira), [wish(side="SELL", tif="IOC")])
        assert Order.objects.get().defaulted["broker"]["value"] == "HARBOR"

    def test_its_time_in_force_is_held_against_the_market_and_named(self, a_rule, wish, by, mira):
        a_rule(name="Sells at the close", tif="CLS")
        with pytest.raises(orders.BadWishes, match="Sells at the close.*say another here"):
            orders.create_orders(by(mira), [wish(side="SELL")])

    def test_its_strategy_is_one_that_brokers_take(self, a_rule, firm):
        with pytest.raises(IntegrityError, match="a_default_strategy_is_one"), transaction.atomic():
            a_rule(broker=firm.brokers["HARBOR"], strategy="MAGIC")


def test_a_rule_leads_to_its_desk(a_rule, wish, by, mira):
    other = Desk.objects.create(code="NIGHT", name="Night desk")
    a_rule(tif="", desk=other)
    (pk,) = orders.create_orders(by(mira), [wish(side="SELL")])

    assert Order.objects.get(pk=pk).desk == other


class TestAFieldOfTheFirmsOwn:
    """As a condition: it leads to the broker and strategy too, and so to where the order is routed."""

    @pytest.fixture
    def fields(self, firm):
        sleeve = OwnField.objects.create(code="sleeve", label="Sleeve", kind="list", choices=["Core", "Satellite"])
        themes = {"Core": ["Income"], "Satellite": ["AI"]}
        OwnField.objects.create(code="theme", label="Theme", kind="list", choices=themes, parent=sleeve, place=1)
        OwnField.objects.create(code="esg-mark", label="ESG", kind="yes_no", place=2)
        return {field.code: field for field in OwnField.objects.all()}

    def test_chooses_the_broker_and_says_why(self, fields, a_rule, wish, by, mira, firm):
        some = {"side": "", "tif": "", "broker": firm.brokers["HARBOR"], "strategy": "TWAP"}
        a_rule(1, "Satellites to Harbor", own_field=fields["sleeve"], own_value="Satellite", **some)
        a_rule(2, "Marked", side="", tif="GTC", own_field=fields["esg-mark"], own_value="Yes")
        said = ({"sleeve": "Satellite", "theme": "AI"}, {"sleeve": "Core", "esg-mark": "y"}, {"esg-mark": False}, None)
        orders.create_orders(by(mira), [wish(own=own) for own in said])
        orders.create_orders(by(mira), [wish()])

        first, second, *rest = Order.objects.order_by("pk")
        assert (first.defaulted["broker"]["value"], first.defaulted["strategy"]["value"]) == ("HARBOR", "TWAP")
        assert first.defaulted["broker"]["because"] == "asset class is EQUITY, Sleeve is Satellite"
        assert (second.tif, set(second.defaulted)) == ("GTC", {"tif"})
        assert [order.defaulted for order in rest] == [None, None, None]

    def test_is_tried_and_read_as_any_other(self, fields, a_rule, mira):
        a_rule(side="", own_field=fields["sleeve"], own_value="Satellite")
        at = "?instrument=AAA&side=SELL&order_type=MARKET"
        assert "Sleeve is not given, not Satellite" in words(visit(mira, "orders:defaults", query=at))
        assert "fits: tif" in words(visit(mira, "orders:defaults", query=f"{at}&own_sleeve=Satellite"))
        assert visit(mira, "orders:defaults", query=f"{at}&own_theme=AI").status_code == 422
        web = APIClient()
        web.force_authenticate(mira)
        assert web.get("/api/v1/orders/defaults/").json()[0]["conditions"]["own.sleeve"] == "Satellite"

    def test_is_asked_for_by_a_value_it_takes(self, fields, olga):
        form = {"rank": "5", "name": "Themes", "tif": "DAY", "effective_from": str(date.today())}
        for own, value, kept in (
            ("theme", "AI", "AI"), ("esg-mark", "y", "Yes"), ("theme", "Tulips", None), ("theme", "", None), ("", "AI", None),
        ):  # fmt: skip
            said = form | {"own_field": fields[own].pk if own else "", "own_value": value}
            assert send(olga, "admin:orders_defaultrule_add", said, htmx=False).status_code == (302 if kept else 200)
            assert list(DefaultRule.objects.values_list("own_value", flat=True)) == ([kept] if kept else [])
            DefaultRule.objects.all().delete()

    def test_is_named_by_its_code_in_a_file(self, fields):
        from tablib import Dataset

        from apps.orders.admin import DefaultRules

        heading = ["rank", "name", "tif", "effective_from", "own_field", "own_value"]
        for own, value, kept in (("esg-mark", "y", "Yes"), ("theme", "Tulips", None), ("nothing", "x", None)):
            rows = Dataset(["5", "Marked", "DAY", str(date.today()), own, value], headers=heading)
            found = DefaultRules().import_data(rows, rollback_on_validation_errors=True)
            assert found.has_validation_errors() is (kept is None)
            assert list(DefaultRule.objects.values_list("own_value", flat=True)) == ([kept] if kept else [])
            DefaultRule.objects.all().delete()

    def test_goes_with_its_value(self, fields, a_rule):
        for bad in ({"own_field": fields["sleeve"]}, {"own_value": "Core"}):
            with pytest.raises(IntegrityError, match="a_default_asks_for"), transaction.atomic():
                a_rule(**bad)


def test_rules_hold_on_their_days_only(a_rule, wish, by, mira):
    a_rule(1, effective_from=date.today() + timedelta(days=2))
    a_rule(2, effective_from=YESTERDAY - timedelta(days=9), effective_to=YESTERDAY)
    (pk,) = orders.create_orders(by(mira), [wish(side="SELL")])

    assert Order.objects.get(pk=pk).tif == "DAY"


def test_ticket_api_and_import_are_filled_alike(a_rule, firm, by, mira):
    a_rule()
    portfolio = firm.portfolios["P1"]
    send(
        mira, "orders:ticket",
        {"portfolio": portfolio.pk, "instrument": "AAA", "side": "SELL", "qty": "100", "order_type": "MARKET", "tif": "",
         "do": "draft", "idempotency_key": "t-1"}, htmx=False,
    )  # fmt: skip
    web = APIClient()
    web.force_authenticate(mira)
    told = web.post("/api/v1/orders/", {"portfolio": "P1", "instrument": "AAA", "side": "SELL", "qty": "100"}, format="json")
    batch = orders.upload_import(by(mira), "a.csv", csv_of([line(side="SELL"), line(side="SELL", tif="DAY")]))
    orders.stage_imports(by("worker"), _uploaded(batch))
    orders.commit_import(by(mira), batch, seen={batch: 2}, submit=False)

    assert list(Order.objects.order_by("pk").values_list("tif", flat=True)) == ["GTC", "GTC", "GTC", "DAY"]
    assert told.json()["defaulted"]["tif"]["rule"] == "Sells of shares stay in"


def _uploaded(batch: int):
    from apps.core.events import Fact
    from apps.orders.events import ImportUploaded

    return [Fact(batch, 1, ImportUploaded("a.csv", ""))]


def test_an_amendment_is_what_the_person_says(a_rule, wish, by, mira, firm):
    a_rule(instructions="Care")
    (pk,) = orders.create_orders(by(mira), [wish(side="SELL")])
    orders.amend_orders(by(mira, "No"), {pk: {"instructions": ""}}, seen={pk: 1})
    order = Order.objects.get(pk=pk)

    assert (order.instructions, [field for field, _ in order.defaults_held]) == ("", ["tif"])
    said = words(visit(mira, "orders:detail", pk, htmx=True))
    assert "Filled in by rule" in said and "Sells of shares stay in" in said and "Instructions Care" not in said


def test_statements_do_not_grow_with_orders_or_rules(a_rule, wish, by, mira):
    counts = []
    for ranks, size in (((1,), 2), (range(2, 9), 20)):
        for rank in ranks:
            a_rule(rank)
        with CaptureQueriesContext(connection) as seen:
            orders.create_orders(by(mira), [wish(side="SELL") for _ in range(size)])
        counts.append(len(seen))

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "bad",
    [
        {"tif": ""}, {"effective_to": YESTERDAY - timedelta(days=1)}, {"strategy": "VWAP"},
    ],
    ids=["says nothing", "ends before it begins", "a strategy of nobody"],
)  # fmt: skip
def test_a_rule_must_make_sense(a_rule, bad):
    with pytest.raises(IntegrityError), transaction.atomic():
        a_rule(**bad)


# --- Pages ----------------------------------------------------------------------------------------------------------
def test_a_dry_run_says_what_each_rule_would_do(a_rule, firm, mira):
    a_rule(1, "German shares", country="DE", tif="IOC")
    a_rule(2)
    a_rule(3, "All the rest", asset_class="", side="", tif="FOK", instructions="Care")
    said = words(visit(mira, "orders:defaults", query="?instrument=AAA&side=SELL&order_type=MARKET"))

    assert "country is US, not DE" in said
    assert "fits: tif" in said and "fits: instructions" in said
    assert Order.objects.count() == 0
    assert visit(mira, "orders:defaults", query="?instrument=NOPE&side=SELL&order_type=MARKET").status_code == 422
    assert "German shares" in words(visit(mira, "orders:defaults"))


def test_operations_keep_the_rules_and_managers_do_not(firm, olga, mira):
    form = {
        "rank": "5", "name": "Bonds", "asset_class": "CORP", "tif": "DAY", "effective_from": str(date.today()),
    }  # fmt: skip
    assert send(olga, "admin:orders_defaultrule_add", form, htmx=False).status_code == 302
    rule = DefaultRule.objects.get()
    assert (rule.history.count(), rule.history.get().history_user) == (1, olga)
    refused = send(olga, "admin:orders_defaultrule_add", form | {"rank": "6", "tif": ""}, htmx=False)
    assert refused.status_code == 200 and DefaultRule.objects.count() == 1
    assert visit(olga, "orders:defaults").content.decode().count(reverse("admin:orders_defaultrule_changelist")) == 1
    assert reverse("admin:orders_defaultrule_changelist") not in words(visit(mira, "orders:defaults"))


def test_programs_read_the_rules(a_rule, mira):
    a_rule()
    web = APIClient()
    web.force_authenticate(mira)

    (told,) = web.get("/api/v1/orders/defaults/").json()
    assert (told["conditions"], told["values"]) == ({"asset_class": "EQUITY", "side": "SELL"}, {"tif": "GTC"})
