"""The shipped rules that ask the firm's lists, its limits and its records: what their fixtures can say, and what they notice."""

import orjson
import pytest

from apps.compliance.engine import bench, fixtures, misread
from apps.compliance.engine.lists import KINDS
from apps.compliance.engine.rules import MEASURES
from apps.compliance.engine.rules.restricted import NEUTRAL
from apps.compliance.engine.screening import screen
from apps.compliance.library import shipped
from apps.compliance.services import DEFAULT_RULES

from .test_library import BOOK, ORDER

RULES = shipped()
CODED = ("restricted_list", "control_room", "short_sale", "wash_sale", "trading_limits")
SHORT = {**ORDER, "side": "SELL_SHORT"}


@pytest.mark.parametrize("kind", CODED)
def test_the_firms_first_rule_of_the_kind_is_the_librarys(kind):
    (first,) = (one for one in DEFAULT_RULES if one.kind == kind)
    rule = RULES[first.code]
    assert (rule.kind, rule.name, rule.severity, dict(rule.params)) == (kind, first.name, first.severity, dict(first.params))


@pytest.mark.parametrize("kind", CODED)
def test_its_fixtures_say_all_that_there_is_to_say(kind):
    """Whatever can be misread of such a rule is in one of them."""
    rule = RULES[kind].version
    known = [words for words, _, _ in misread.changes_of(rule)]
    assert [words for words, _ in misread.misread(rule, RULES[kind].fixtures)] == known and len(set(known)) == len(known)


def without(code: str, *names: str) -> list[str]:
    rule = RULES[code]
    left = [told for told in rule.fixtures if not any(name in told["name"] for name in names)]
    assert len(left) == len(rule.fixtures) - len(names)
    return bench.run(rule.version, left).survivors


def test_a_case_that_nobody_wrote_down_is_told():
    through = without("restricted_list", "funds")
    assert through == ["max age days a day less", "max age days a day more"]
    assert "an issuer's reach DAUGHTERS for GROUP" in without("restricted_list", "an issuer stands for")
    no_derivatives = [
        {**told, "orders": [o for o in told["orders"] if "underlying" not in told["instruments"][o["symbol"]]]}
        for told in RULES["restricted_list"].fixtures
    ]
    assert "what is on an instrument not met by what names that" in bench.run(RULES["restricted_list"].version, no_derivatives).survivors
    assert "an order without its exempt" not in without("short_sale", "circuit breaker") and without("short_sale", "located before")


def test_a_rule_without_the_price_test_is_not_asked_for_it():
    rule = RULES["eu_short_sale_12"]
    assert not [words for words, _ in misread.misread(rule.version, rule.fixtures) if "breaker" in words or "bid" in words]


def test_what_a_change_leaves_without_a_meaning_is_no_case():
    book = {**BOOK, "lists": [{"list": "WALL", "instrument": "A", "person": "Mira"}], "orders": [{**ORDER, "by": "Mira", "expect": "FAIL"}]}
    found = bench.run(bench.read_version("x", "X", "control_room", "SOFT", {}), [book, {**BOOK, "lists": []}])
    assert found.is_green and "an entry without its person" in found.survivors


@pytest.mark.parametrize("code", ["restricted_list", "control_room", "sanctioned_names"])
def test_the_desk_is_told_the_same_neutral_words(code):
    assert MEASURES[RULES[code].kind].neutral == NEUTRAL
    assert not [kind for kind in KINDS if kind.lower() in NEUTRAL.lower()]


def test_what_the_control_room_holds_says_to_nobody_why():
    """Not even what is kept of the check: neither which list it is, nor of whom, nor why, nor since when."""
    rule, found = RULES["control_room"], 0
    for told in rule.fixtures:
        book = fixtures.read(told)
        for row in screen(book.snapshot, [rule.version]).results(book.snapshot):
            for result in orjson.loads(row):
                found += 1
                assert (result["text"], result["data"], result["basis"], result["limit_from"]) == (NEUTRAL, [], "", "")
                assert {"now", "after", "limit"}.isdisjoint(name for name, value in result.items() if value is not None)
        secret = [one for one in book.snapshot.met if KINDS[one.entry.kind].is_secret]
        assert not any(one.entry.name or one.entry.reason or one.entry.issuers or one.how.via for one in secret)
    assert found > 30


def test_nobody_is_told_of_a_list_that_only_watches():
    told = {**BOOK, "lists": [{"list": "WATCH", "instrument": "A"}], "orders": [ORDER]}
    book = fixtures.read(told)
    assert screen(book.snapshot, [RULES[code].version for code in ("restricted_list", "control_room")]).results(book.snapshot) == ["[]"]


HOME = {"taxpayer": "Ann", "traded": [{"side": "BUY", "symbol": "A", "qty": "1", "price": "5", "on": "2026-01-05"}]}


def traded(**more) -> dict:
    return {"portfolios": {"P": {**HOME, "traded": [{**HOME["traded"][0], **more}]}}}


def listed(**entry) -> dict:
    return {"lists": [{"instrument": "A", **entry}]}


def lent(**more) -> dict:
    return {"orders": [{**SHORT, **more}]}


def limit(**more) -> dict:
    return {"limits": [{"max_qty": "1", **more}]}


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"lists": {}}, "lists", "is a list"),
        (listed(colour="red"), "lists[0]", "There is no “colour”"),
        (listed(list="BLACK"), "lists[0].list", "one of RESTRICTED, WATCH, GREY"),
        (listed(direction="UP"), "lists[0].direction", "one of ALL, BUY, SELL"),
        (listed(reach="GROUP"), "lists[0]", "Only an issuer has a “reach”"),
        ({"lists": [{"issuer": "A", "reach": "FAR"}]}, "lists[0].reach", "one of GROUP, DAUGHTERS"),
        ({"lists": [{}]}, "lists[0]", "names one thing: issuer, instrument or custodian"),
        (listed(issuer="A"), "lists[0]", "names one thing"),
        ({"lists": [{"issuer": "Nobody"}]}, "lists[0].issuer", "There is no issuer “Nobody”"),
        ({"lists": [{"instrument": "Z"}]}, "lists[0].instrument", "There is no instrument “Z”"),
        ({"lists": [{"custodian": "Bank"}]}, "lists[0].custodian", "There is no custodian “Bank”"),
        (listed(portfolio="Z"), "lists[0].portfolio", "There is no portfolio “Z”"),
        (listed(group="growth"), "lists[0].group", "There is no group “growth”"),
        (listed(desk="Credit"), "lists[0].desk", "There is no desk “Credit”"),
        (listed(list="INSIDER", person="Mira"), "lists[0].person", "There is no person “Mira”"),
        (listed(list="WALL"), "lists[0]", "by every entry of WALL"),
        (listed(person="Mira") | {"orders": [{**ORDER, "by": "Mira"}]}, "lists[0]", "A “person” is named by entries of INSIDER and WALL"),
        (listed(portfolio="P", desk="Credit") | {"orders": [{**ORDER, "desk": "Credit"}]}, "lists[0]", "for one portfolio, group or desk"),
        (listed(list="GREY", sanctioned=True), "lists[0]", "on the list RESTRICTED alone"),
        (listed(sanctioned="yes"), "lists[0].sanctioned", "true or false"),
        (listed(look_through="yes"), "lists[0].look_through", "true or false"),
        (listed(waits=1), "lists[0].waits", "true or false"),
        (listed(**{"from": "soon"}), "lists[0].from", "is a day"),
        (listed(**{"from": "2026-03-04", "to": "2026-03-03"}), "lists[0]", "The last day is before the first"),
        ({"owners": []}, "owners", "named parts"),
        ({"owners": {"A": "B", "B": "A"}}, "owners", "somebody owns itself"),
        ({"portfolios": {"P": {"groups": "growth"}}}, "portfolios.P.groups", "is a list"),
        ({"instruments": {"A": {"trade_date": "soon"}}}, "instruments.A.trade_date", "is a day"),
        ({"orders": [{**ORDER, "located": "1"}]}, "orders[0].located", "Only a SELL_SHORT is located"),
        ({"orders": [{**ORDER, "exempt": "VWAP"}]}, "orders[0].exempt", "Only a SELL_SHORT is exempt"),
        (lent(located="much"), "orders[0].located", "is a number"),
        (lent(located="-1"), "orders[0].borrowed", "a part of what is located"),
        (lent(located="1", borrowed="2"), "orders[0].borrowed", "a part of what is located"),
        (lent(exempt="BY_FRIENDS"), "orders[0].exempt", "one of INCOMING, ABOVE_BID"),
        ({"instruments": {"A": {"breaker": "on"}}}, "instruments.A.breaker", "true or false"),
        ({"instruments": {"A": {"undelivered_since": "long"}}}, "instruments.A.undelivered_since", "is a day"),
        ({"unit_owns": {"Fund": {"A": "1"}}}, "unit_owns.Fund", "There is no unit “Fund”"),
        ({"unit_owns": {"Fund": {"Z": "1"}}, "portfolios": {"P": {"unit": "Fund"}}}, "unit_owns.Fund", "There is no instrument “Z”"),
        ({"unit_owns": {"Fund": {"A": "x"}}, "portfolios": {"P": {"unit": "Fund"}}}, "unit_owns.Fund.A", "is a number"),
        ({"open_orders": [{**SHORT, "located": "1"}]}, "open_orders[0]", "There is no “"),
        ({"portfolios": {"P": {"traded": HOME["traded"]}}}, "portfolios.P.traded", "has a “taxpayer”"),
        ({"portfolios": {"P": {**HOME, "is_ira": "yes"}}}, "portfolios.P.is_ira", "true or false"),
        (traded(side="SELL_SHORT"), "portfolios.P.traded[0].side", "one of BUY, SELL"),
        (traded(symbol="Z"), "portfolios.P.traded[0].symbol", "There is no instrument “Z”"),
        (traded(qty="0"), "portfolios.P.traded[0].qty", "above zero"),
        (traded(price="dear"), "portfolios.P.traded[0].price", "is a number"),
        (traded(on="2026-03-05"), "portfolios.P.traded[0].on", "was traded by 2026-03-04"),
        (traded(on="long ago"), "portfolios.P.traded[0].on", "is a day"),
        (traded(by="Mira"), "portfolios.P.traded[0]", "There is no “by”"),
        ({"limits": [{}]}, "limits[0]", "It limits nothing"),
        (limit(max_qty="0"), "limits[0].max_qty", "above zero"),
        (limit(collar_pct="-1"), "limits[0].collar_pct", "above zero"),
        (limit(max_notional="x"), "limits[0].max_notional", "is a number"),
        (limit(asset_class="GOLD"), "limits[0].asset_class", "one of EQUITY"),
        (limit(asset_class="EQUITY", instrument="A"), "limits[0]", "of an instrument or of an asset class"),
        (limit(instrument="Z"), "limits[0].instrument", "There is no instrument “Z”"),
        (limit(person="Mira"), "limits[0].person", "There is no person “Mira”"),
        (limit(desk="Credit"), "limits[0].desk", "There is no desk “Credit”"),
        (limit(stops_wrong_side="yes"), "limits[0].stops_wrong_side", "true or false"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_its_place(change, field, why):
    with pytest.raises(fixtures.BadFixture) as refused:
        fixtures.read(BOOK | change)
    assert refused.value.facts["field"] == field
    assert why in refused.value.message
