"""Matrices as scripts: quantities and prices to an order's, average prices by what stands, and what must hold at the end."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.certification import rules
from street import scripts

D = Decimal
ORDER = rules.Order("DAY", "MARKET", "FIX.4.4", D(20_000), D(1))
SMALL = rules.Scale(Fraction(1, 100), D(1))


def steps(name: str, scale=SMALL) -> list[dict]:
    return json.loads(rules.script(rules.BY_NAME[name], scale, "M"))


@pytest.mark.parametrize("vector", rules.VECTORS, ids=lambda v: v.name)
def test_the_street_can_read_every_one(vector):
    told = scripts.read(rules.script(vector, SMALL, "M"))
    assert len(told) == len(vector.steps)
    assert "|" not in rules.script(vector, SMALL, "M") and "\x01" not in rules.script(vector, SMALL, "M")


@pytest.mark.parametrize("vector", rules.VECTORS, ids=lambda v: v.name)
@given(scale=st.sampled_from([Fraction(1, 100), Fraction(1, 10), Fraction(1), Fraction(10)]))
def test_average_prices_are_those_of_the_matrix(vector, scale):
    told = json.loads(rules.script(vector, rules.Scale(scale, D(2)), "M"))
    for step, said in zip(vector.steps, told, strict=True):
        if isinstance(step, rules.Says) and step.after.avg:
            assert abs(D(said["p"]) - D(step.after.avg) * 2) <= D("0.00000002")


def test_a_bust_names_its_execution_and_has_none_of_its_own():
    bust = steps("J.1.a")[3]
    assert bust == {"k": "8", "on": "X", "t": "H/1", "a": "100/90/10", "x": "M-E", "p": "110", "q": "0", "px": "0", "ref": "M-C"}


def test_days_quantities_are_scaled_too():
    assert steps("4.2-D29")[3]["m"] == {"378": "1", "424": "80", "425": "0"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"room": D(100)}, ""),
        ({"room": D(99)}, "it needs 100 that are not placed, and 99 are left"),
        ({"increment": D(100), "room": D(10_000)}, ""),
        ({"increment": D(100), "room": D(9_999)}, "it needs 10000 that are not placed, and 9999 are left"),
        ({"increment": D("7")}, "its quantities are no multiples of 7"),
        ({"tif": "GTC"}, "it is for an order that is DAY, and the block's are GTC"),
        ({"order_type": "LIMIT"}, "it is for a market order, and the block's are limit"),
        ({"begin_string": "FIXT.1.1"}, "it is of FIX.4.2 and FIX.4.4, and the session speaks FIXT.1.1"),
    ],
)
def test_what_stands_against_playing_one(change, why):
    assert rules.obstacle(rules.BY_NAME["A.1.a"], ORDER._replace(**change)) == why


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A.1.a", ("FILLED", 100, 100, 0, 0)),
        ("B.1.b", ("CANCELED", 100, 60, 0, 0)),
        ("C.1.b", ("FILLED", 120, 120, 0, 0)),
        ("B.1.f", ("CANCELED", 100, 0, 0, 0)),
        ("day wrong", ("PARTLY_FILLED", 100, 20, 80, 1)),
        ("bust first", ("NEW", 100, 0, 100, 0)),
    ],
)
def test_what_must_hold_at_the_end(name, expected):
    assert rules.expected(rules.BY_NAME[name], SMALL) == expected


def test_a_limit_goes_to_the_passive_side_of_the_orders_own():
    step = rules.asks(rules.BY_NAME["C.2.a"])[0][1]
    for is_buy, limit in ((True, "99.99"), (False, "100.01")):
        assert rules.change_of(step, SMALL._replace(limit=D(100), is_buy=is_buy), D("0.01")) == {"limit_price": D(limit)}


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "is no JSON"), ("{}", "is a list"), ("[]", "a list of 1 to 100"), ('[{"k":"x"}]', "Step 0"), ('[{"k":"8","on":"X"}]', "Step 0"),
     ('[{"k":"ask","on":"Y"},4]', "Step 1")],
)  # fmt: skip
def test_the_street_refuses_what_is_no_script(text, why):
    with pytest.raises(scripts.BadScript, match=why):
        scripts.read(text)
