"""Stops, pegs, dates, least and displayed quantities: judged, kept, amended, and refused where a market takes none."""

from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from apps.orders import services as orders
from apps.orders.models import Order
from apps.reference.models import Combination
from tests.orders.test_rules import judge

TAKES = "|MARKET DAY||LIMIT DAY||LIMIT GTD||M LIMIT DAY||STOP DAY|"


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"order_type": "STOP"}, "stop_price", "needs its stop price"),
        ({"order_type": "LIMIT", "limit_price": "5", "stop_price": "4"}, "stop_price", "Only a stop order"),
        ({"order_type": "STOP", "stop_price": "-1"}, "stop_price", "above zero"),
        ({"order_type": "STOP", "stop_price": "5.005"}, "stop_price", "multiple of the tick"),
        ({"order_type": "STOP", "stop_price": "5", "limit_price": "5"}, "limit_price", "Choose STOP_LIMIT"),
        ({"order_type": "STOP_LIMIT", "stop_price": "5"}, "limit_price", "needs its limit"),
        ({"peg": "MID"}, "peg", "Only a pegged order"),
        ({"order_type": "PEGGED", "peg": "MOON"}, "peg", "nothing to peg to"),
        ({"order_type": "PEGGED", "peg_offset": "x"}, "peg_offset", "not a number"),
        ({"tif": "GTD"}, "expire_date", "needs that date"),
        ({"tif": "DAY", "expire_date": "2030-01-01"}, "expire_date", "Choose GTD"),
        ({"tif": "GTD", "expire_date": "1.1.30"}, "expire_date", "no date"),
        ({"min_qty": "3000"}, "min_qty", "more than the order"),
        ({"min_qty": "0"}, "min_qty", "above zero"),
        ({"display_qty": "1500"}, "display_qty", "multiple of 1000"),
        ({"flags": "CARE, MAYBE"}, "flags", "no handling"),
        ({"takes": TAKES, "takes_said": "S", "takes_where": "Here", "order_type": "PEGGED"}, "order_type", "Here takes no"),
        ({"takes": TAKES, "takes_said": "S", "takes_where": "Here", "tif": "OPG"}, "tif", "does not take MARKET with OPG"),
        ({"takes": TAKES, "takes_said": "S", "takes_where": "Here", "min_qty": "1000"}, "min_qty", "no minimum quantity"),
        (
            {"takes": TAKES, "takes_said": "S", "takes_where": "Here", "limit_price": "5", "display_qty": "1000"},
            "display_qty", "no displayed quantity",
        ),
    ],
)  # fmt: skip
def test_names_the_field_and_what_is_wrong(change, field, says):
    terms, problems = judge(change, {})
    assert terms["row"].to_list() == [1]
    [(row, named, message)] = problems.rows()
    assert (row, named) == (0, field) and says in message


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, "{}"),
        ({"order_type": "stop", "stop_price": "5.10"}, '{"stop_price":"5.1"}'),
        ({"order_type": "peg"}, '{"peg":"PRIMARY"}'),
        ({"order_type": "peg", "peg": "mid", "peg_offset": "-0.01"}, '{"peg":"MID","peg_offset":"-0.01"}'),
        ({"tif": "GTD", "expire_date": "2030-01-31"}, '{"expire_date":"2030-01-31"}'),
        (
            {"flags": "not held, Care", "min_qty": "1,000", "display_qty": "2000"},
            '{"display_qty":"2000","flags":"CARE,NOT_HELD","min_qty":"1000"}',
        ),
    ],
)  # fmt: skip
def test_keeps_what_was_said_in_one_spelling(change, kept):
    terms, problems = judge(change)
    assert problems.rows() == [] and terms["terms"].to_list() == [kept]


@pytest.fixture
def takes(firm):
    """``takes("EQUITY", "STOP", "DAY", …)``: a row of the table of combinations."""

    def make(asset_class: str, order_type: str, *tifs: str, venue=None, **more) -> None:
        for tif in tifs:
            Combination.objects.create(asset_class=asset_class, order_type=order_type, tif=tif, venue=venue, **more)

    return make


@pytest.mark.django_db
class TestTicket:
    def test_takes_what_the_table_has_and_refuses_the_rest_by_field(self, drafts, wish, takes, firm):
        takes("EQUITY", "MARKET", "DAY", "CLS")
        takes("EQUITY", "STOP", "DAY", "GTD")
        takes("EQUITY", "MARKET", "DAY", venue=firm.instruments["BBB"].venue)
        stop, close = drafts(
            wish(order_type="STOP", stop_price="45.5", tif="GTD", expire_date="2035-01-31", flags="CARE"),
            wish(tif="CLS"),
        )
        order = Order.objects.get(pk=stop)
        assert (order.order_type, order.tif) == ("STOP", "GTD")
        assert order.terms == {"stop_price": "45.5", "expire_date": "2035-01-31", "flags": "CARE"}
        assert Order.objects.get(pk=close).tif == "CLS"

        with pytest.raises(orders.BadWishes) as refused:
            drafts(wish(order_type="LIMIT", limit_price="5"), wish(symbol="BBB", tif="CLS"), wish(symbol="BOND", qty="1000"))
        assert [(r["index"], r["field"]) for r in refused.value.facts["rows"]] == [(0, "order_type"), (1, "tif")]
        assert "Equity on XETR does not take MARKET with CLS" in refused.value.facts["rows"][1]["message"]
        assert Order.objects.count() == 2

    def test_an_amendment_drops_what_belonged_to_the_old_type(self, drafts, wish, takes, mira, by):
        takes("EQUITY", "MARKET", "DAY")
        takes("EQUITY", "STOP", "GTD")
        [pk] = drafts(wish(order_type="STOP", stop_price="45.5", tif="GTD", expire_date="2035-01-31", flags="CARE"))
        orders.amend_orders(by(mira), {pk: {"stop_price": "44", "flags": ""}}, seen={pk: 1})
        assert Order.objects.get(pk=pk).terms == {"stop_price": "44", "expire_date": "2035-01-31"}
        orders.amend_orders(by(mira), {pk: {"order_type": "MARKET", "tif": "DAY"}}, seen={pk: 2})
        assert Order.objects.get(pk=pk).terms == {}

    def test_the_database_holds_what_the_types_need(self, drafts, wish, takes):
        takes("EQUITY", "STOP", "DAY")
        takes("EQUITY", "MARKET", "DAY", takes_min_qty=True)
        stop, least = drafts(wish(order_type="STOP", stop_price="45.5"), wish(qty="100", min_qty="50"))
        for pk, broken in (
            (stop, {"terms": {}}), (stop, {"tif": "GTD"}), (stop, {"order_type": "MARKET"}),
            (stop, {"order_type": "PEGGED", "terms": {}}), (stop, {"limit_price": D(5)}),
            (least, {"qty": 49}), (least, {"terms": {"display_qty": "101"}}), (least, {"terms": {"expire_date": "x"}}),
        ):  # fmt: skip
            with pytest.raises(IntegrityError), transaction.atomic():
                Order.objects.filter(pk=pk).update(**broken)
