"""What a body has issued of a kind, whether a bond is of the money market, and both as they are read from what is on file."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.compliance.engine.attributes import is_money_market
from apps.compliance.engine.columns import Instrument
from apps.compliance.engine.issued import IssuedLine, issued
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import read
from apps.compliance.selectors import snapshot_as_held
from apps.reference import models as reference

from .books import rule, share

D = Decimal
OF_BODY = {"group": "body", "basis": "units", "against": "issued_by_body"}


def one(pk: int, qty: str | None = "10", *, body: int | None = 1, kind: str = "EQUITY", votes: bool | None = False, isin: str = ""):
    return IssuedLine(pk, body, kind, votes if kind == "EQUITY" else None, isin, None if qty is None else D(qty))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([one(1), one(2, "5")], {1: 15, 2: 15}),
        ([one(1), one(2, "5", votes=True)], {1: 10, 2: 5}),
        ([one(1), one(2, "5", body=2)], {1: 10, 2: 5}),
        ([one(1), one(2, "5", kind="ETF"), one(3, "7", kind="FUND")], {1: 10, 2: 12, 3: 12}),
        ([one(1, isin="X"), one(2, isin="X"), one(3, "1", isin="Y")], {1: 11, 2: 11, 3: 11}),
        ([one(1, "10", isin="X"), one(2, "9", isin="X")], {1: 9, 2: 9}),
        ([one(1), one(2, None)], {}),
        ([one(1), one(2, None, votes=True)], {1: 10}),
        ([one(1), one(2, votes=None)], {}),
        ([one(1), one(2, None, kind="FUND")], {1: 10}),
        ([one(1, body=None)], {}),
        ([one(1, kind="CORP")], {}),
    ],
)
def test_each_kind_of_a_body_is_added_up_and_a_gap_leaves_it_unknown(lines, found):
    assert issued(lines) == found


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.integers(1, 99)), max_size=12))
def test_no_line_is_ever_more_than_all_of_its_kind(rows):
    lines = [one(n, str(qty), body=body, votes=votes) for n, (body, votes, qty) in enumerate(rows)]
    found = issued(lines)
    assert found.keys() == {line.id for line in lines}
    for line in lines:
        assert found[line.id] == sum(o.outstanding for o in lines if (o.body, o.has_votes) == (line.body, line.has_votes))


TODAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"asset_class": "EQUITY"}, False),
        ({"is_money_market": True, "issue_date": date(2020, 1, 1), "maturity_date": date(2030, 1, 1)}, True),
        ({"is_money_market": False, "issue_date": date(2026, 1, 1), "maturity_date": date(2026, 2, 1)}, False),
        ({"issue_date": date(2026, 1, 1), "maturity_date": date(2027, 2, 2)}, True),
        ({"issue_date": date(2026, 1, 1), "maturity_date": date(2027, 2, 3)}, False),
        ({"issue_date": date(2016, 1, 1), "maturity_date": date(2026, 4, 1)}, False),
        ({"maturity_date": date(2027, 4, 6)}, False),
        ({"maturity_date": date(2027, 4, 5)}, None),
        ({}, None),
    ],
)
def test_a_bond_is_of_the_money_market_by_its_class_else_by_its_first_term(facts, found):
    bond: Instrument = share(1, "D", **({"asset_class": "CORP"} | facts))
    assert is_money_market(bond, TODAY) is found


@pytest.mark.parametrize("change", [{"group": "instrument"}, {"basis": "par"}, {"basis": "market_value"}, {"group": "issuer"}])
def test_what_is_issued_is_measured_in_units_for_each_issuer_alone(change):
    with pytest.raises(BadRule):
        read("measure", OF_BODY | change)


@pytest.mark.django_db
def test_it_is_read_of_all_lines_in_use_where_a_rule_asks(firm, django_assert_num_queries):
    held = firm.instruments["CCC"]
    reference.Instrument.objects.filter(pk=held.pk).update(has_votes=False, shares_outstanding=1000, is_active=True)
    other = reference.Instrument.objects.get(pk=held.pk)
    other.pk, other.symbol, other.isin, other.shares_outstanding = None, "CCC2", "", 500
    other.save()
    now, homes = datetime.now(UTC), [firm.portfolios["P1"].pk]
    asks = [rule("measure", **OF_BODY)]
    assert snapshot_as_held(homes, now, rules=asks).issued[held.pk] == 1500
    assert snapshot_as_held(homes, now).issued == {}
    reference.Instrument.objects.filter(pk=other.pk).update(is_active=False)
    assert snapshot_as_held(homes, now, rules=asks).issued[held.pk] == 1000
