"""Lists and packages in a broker's dialect: each order and each leg as it would be said by itself, and parsed so by QuickFIX."""

from decimal import Decimal

import pytest
import quickfix as fix
from django.utils import timezone

from apps.routing import rules
from apps.routing.gateway.settings import lenient_dictionaries
from apps.routing.rules import dialects, lists, orders, packages, said_together
from apps.routing.rules.dialects import About, CannotSay, Dialect, PriceUnit, Required, TagRule
from apps.routing.rules.said_together import list_heard, list_said, package_said

D = Decimal
PENCE = PriceUnit("GBP", "GBX", 100)
VOD = About("VOD", "GB00BH4HKS39", "BH4HKS3", "XLON", "EQUITY", "GBP")
BP = About("BP", "GB0007980591", "0798059", "XLON", "EQUITY", "GBP")
GILT = About("UKT", "GB00B6460505", "B646050", "XLON", "GOVT", "GBP")
ABOUT = {one.symbol: one for one in (VOD, BP, GILT)}
REF = lists.ListRef("LG-1-1", "LG-1")


def terms(about: About, side="BUY") -> rules.Terms:
    return rules.Terms(about.symbol, about.isin, about.mic, about.currency, side, "DAY", f"B-{about.symbol}", order_type="LIMIT")


def a_list(*things: About, limit="72.5"):
    return lists.new_list(
        [orders.new_order(f"R{n}", terms(one), D(1000 * n), D(limit), (), "", timezone.now()) for n, one in enumerate(things, 1)], REF
    )


def a_package(*things: About, net="1.5", qty=10, limit=None):
    ref = packages.PackageRef("LG-1", {n: D(1000) for n, _ in enumerate(things)}, D(qty), None if net is None else D(net))
    legs = [packages.LegAsked(f"L{n}", terms(one, "BUY" if n == 1 else "SELL"), D(1000), limit) for n, one in enumerate(things, 1)]
    return packages.new_package("P1", ref, legs, timezone.now())


def every(fields, *tags):
    return [value for tag, value in fields if tag in tags]


class TestLists:
    def test_each_order_is_said_as_a_single_one(self):
        d = Dialect("SEDOL", price_units=(PENCE,), tags=(TagRule("D", 9001, "field", "account"),))
        said = list_said(d, a_list(VOD, BP), ABOUT)

        assert every(said, 44) == ["7250", "7250"]
        assert every(said, 55) == ["BH4HKS3", "0798059"]
        assert every(said, 15) == ["GBX", "GBX"]
        assert every(said, 9001) == ["B-VOD", "B-BP"]
        assert (every(said, 11), every(said, 67), every(said, 583), every(said, 73)) == (["R1", "R2"], ["1", "2"], ["LG-1"] * 2, ["2"])

    def test_face_is_counted_in_thousands_where_the_order_is_a_bond(self):
        assert every(list_said(Dialect(bond_unit=1000), a_list(VOD, GILT), ABOUT), 38) == ["1000", "2"]

    def test_what_a_list_has_no_place_for_and_what_is_required_keep_it_back(self):
        odd = Dialect(tags=(TagRule("D", 12000, "text", "X"),))
        assert not said_together.takes_lists(odd)
        with pytest.raises(CannotSay, match="12000"):
            list_said(odd, a_list(VOD), ABOUT)
        with pytest.raises(CannotSay, match="100"):
            list_said(Dialect(required=(Required("D", 100),)), a_list(VOD), ABOUT)

    def test_own_tags_stay_within_their_orders_through_quickfix(self, tmp_path):
        d = Dialect(tags=(TagRule("D", 9001, "field", "account"), TagRule("D", 5001, "text", "DESK")))
        message = parsed(tmp_path, "E", list_said(d, a_list(VOD, BP), ABOUT))

        assert [group_field(message, 73, 11, n, 9001) for n in (1, 2)] == ["B-VOD", "B-BP"]
        assert [group_field(message, 73, 11, n, 38) for n in (1, 2)] == ["1000", "2000"]

    def test_what_is_said_of_a_list_is_heard_in_the_units_of_each_order(self):
        d = Dialect(price_units=(PENCE,), bond_unit=1000)
        said = [(66, "X"), (431, "3"), (73, "2"), (11, "R1"), (14, "100"), (6, "7250"), (11, "R2"), (14, "2"), (6, "98")]

        heard = list_heard(d, said, {"R1": VOD, "R2": GILT})
        assert heard == [(66, "X"), (431, "3"), (73, "2"), (11, "R1"), (14, "100"), (6, "72.5"), (11, "R2"), (14, "2000"), (6, "98")]
        assert list_heard(d, said[:3], {}) == said[:3]


class TestPackages:
    def test_legs_are_named_and_priced_as_the_broker_wants(self):
        tags = (TagRule("D", 9001, "text", "DESK1"), TagRule("D", 9002, "field", "sedol"))
        said = package_said(Dialect("SEDOL", price_units=(PENCE,), tags=tags), "AB", a_package(VOD, BP, limit=D(3)), ABOUT)

        assert (every(said, 44), every(said, 15), every(said, 38)) == (["150"], ["GBX"], ["10"])
        assert (every(said, 600), every(said, 603), every(said, 566)) == (["BH4HKS3", "0798059"], ["2", "2"], ["300", "300"])
        assert (every(said, 9001), every(said, 9002)) == (["DESK1"], ["BH4HKS3", "0798059"])

    def test_ratios_of_bonds_are_counted_in_thousands_and_packages_are_not(self):
        said = package_said(Dialect(bond_unit=1000), "AB", a_package(GILT, VOD), ABOUT)

        assert (every(said, 38), every(said, 623), every(said, 687)) == (["10"], ["1", "1000"], ["10", "10000"])

    def test_a_net_price_of_several_units_a_name_and_a_field_that_are_missing_are_not_guessed(self):
        with pytest.raises(CannotSay, match="several units"):
            package_said(Dialect(price_units=(PENCE,)), "AB", a_package(VOD, GILT), ABOUT)
        assert package_said(Dialect(price_units=(PENCE,)), "AB", a_package(VOD, GILT, net=None), ABOUT)
        with pytest.raises(CannotSay, match="SEDOL"):
            package_said(Dialect("SEDOL"), "AB", a_package(VOD, BP), {**ABOUT, "BP": BP._replace(sedol="")})
        with pytest.raises(CannotSay, match="requires tag 100"):
            package_said(Dialect(required=(Required("DG", 100),)), "AC", a_package(VOD, BP), ABOUT)

    def test_own_tags_stay_within_their_legs_through_quickfix(self, tmp_path):
        d = Dialect(tags=(TagRule("D", 9002, "field", "sedol"), TagRule("D", 9001, "text", "DESK1")))
        message = parsed(tmp_path, "AB", package_said(d, "AB", a_package(VOD, BP), ABOUT))

        assert [group_field(message, 555, 600, n, 9002) for n in (1, 2)] == ["BH4HKS3", "0798059"]
        assert [group_field(message, 555, 600, n, 654) for n in (1, 2)] == ["L1", "L2"]
        assert (message.getField(9001), message.getField(38), message.getField(563)) == ("DESK1", "10", "1")


def parsed(folder, kind: str, fields) -> fix.Message:
    words = lenient_dictionaries(folder, "FIX.4.4")
    return fix.Message(rules.frame("FIX.4.4", kind, fields), fix.DataDictionary(str(words.session)), False)


def group_field(message: fix.Message, counter: int, first: int, nth: int, tag: int) -> str:
    group = fix.Group(counter, first)
    message.getGroup(nth, group)
    return group.getField(tag)


@pytest.mark.parametrize(("legs", "net", "weights"), [
    ([(True, 1, 100, "5"), (False, 1, 100, "3.2")], "1.8", [1, 1]),  # A vertical.
    ([(True, 100, 1, "50"), (False, 1, 100, "2.5")], "47.5", [1, 1]),  # A covered call.
    ([(True, 1, 100, "5"), (False, 2, 100, "3")], "-1", [1, 2]),  # A ratio spread.
    ([(True, 1, 50, "4000"), (False, 1, 50, "4010.25")], "-10.25", [1, 1]),  # A roll.
    ([(True, 3, 1, "10"), (False, 2, 1, "15.5")], "-1", [3, 2]),
    ([(True, 1000, "0.01", "98"), (False, 2000, "0.01", "50")], "-2", [1, 2]),
])  # fmt: skip
def test_a_net_price_is_of_one_unit_of_the_package(legs, net, weights):
    found = packages.weights([(D(ratio), D(str(factor))) for _, ratio, factor, _ in legs])

    assert found == weights
    assert packages.net_price([(buys, w, D(price)) for (buys, *_, price), w in zip(legs, found, strict=True)]) == D(net)


def test_names_tell_packages_from_orders():
    leg = packages.leg_name(packages.package_name("261130-77"), 2)
    assert (leg, packages.package_of(leg), packages.package_of("261130-77"), packages.package_of("A.B")) == (
        "261130-77P.2", "261130-77P", "", "",
    )  # fmt: skip
    assert not packages.leg_names(["261130-77", ""])
    assert dialects.PLAIN.list_fills is False
