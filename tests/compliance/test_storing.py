"""What the engine was given comes back from its bytes as it was, and judges the same."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.compliance.engine import columns, figures, rows, storing
from apps.compliance.engine.judgement import FAIL, PASS
from apps.compliance.engine.lists import Entry, Met
from apps.compliance.engine.screening import screen
from tests.compliance.books import LATER, NEXT, TODAY, D, book, rule, share

RULES = [
    rule("issuer_share", max_pct="5"), rule("order_value"), rule("price_collar"), rule("duplicate"), rule("issue_ownership"),
    rule("cash_by_currency"), rule("restricted_list"), rule("cash_share"), rule("order_volume"),
]  # fmt: skip


def full():
    """A book with something of every kind."""
    s = book(
        [share(1, "A"), share(2, "B", "33.3333", currency="EUR", buy_fees_bp=Fraction(1, 3)), share(3, "C", None)],
        [(0, "A", "BUY", 400), (0, "B", "BUY", "12.5", "33.4"), (0, "C", "SELL", 3), (0, "A", "BUY", 300)],
        positions=[(0, "A", 10)], cash=[(0, "USD", 1_000_000), (0, "EUR", 5)], others=[(0, "A", "BUY", 7)],
        unsettled=[(0, "USD", 3, LATER)], rates={"EUR": "1.1"}, forwards={("A", NEXT): Fraction(7, 3)},
        met=[Met(2, Entry(1, "B", "BUY", "Deal", TODAY, None, frozenset([2, 1])))],
    )  # fmt: skip
    return replace(s, orders=replace(s.orders, own=[{"desk": "x"}, {}, {"$": "array"}, {}]))


def told(s, found):
    return found.results(s), found.outcome.tolist(), found.max_qty.tolist(), found.binding.tolist()


def test_a_snapshot_comes_back_and_judges_the_same():
    s = full()
    content = storing.packed(s)
    again = storing.unpacked(storing.expanded(storing.squeezed(content)))

    assert storing.packed(again) == content
    assert (again.instruments, again.rates, again.forwards, again.met) == (
        list(s.instruments), s.rates, s.forwards, list(s.met),
    )  # fmt: skip
    assert again.orders.own == s.orders.own and again.at == s.at
    assert told(again, screen(again, RULES)) == told(s, screen(s, RULES))
    assert {PASS, FAIL} <= set(screen(s, RULES).outcome.tolist())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["BUY", "SELL"]), st.integers(1, 10**6)), min_size=1, max_size=8),
    st.decimals(min_value="0.0001", max_value="99999", places=4),
)
def test_any_book_comes_back_as_it_was(wanted, price):
    s = book([share(1, "A", price), share(2, "B")], [(0, *one) for one in wanted], cash=[(0, "USD", 10**7)])
    content = storing.packed(s)
    again = storing.unpacked(content)

    assert storing.packed(again) == content == storing.packed(s)
    assert told(again, screen(again, RULES)) == told(s, screen(s, RULES))
    now, then = screen(again, RULES).figures(again), screen(s, RULES).figures(s)
    assert now == then and figures.differing(figures.read(now), figures.read(then)) == []


def test_every_column_counts():
    s = full()
    whole = storing.digest(storing.packed(s))
    for table in ("orders", "others", "positions", "cash"):
        for field in fields(getattr(s, table)):
            column = getattr(getattr(s, table), field.name)
            if isinstance(column, np.ndarray):
                other = replace(s, **{table: replace(getattr(s, table), **{field.name: column ^ 1})})
                assert storing.digest(storing.packed(other)) != whole
    for field, value in (("at", datetime(2026, 1, 1, tzinfo=UTC)), ("rates", {}), ("met", ())):
        assert storing.digest(storing.packed(replace(s, **{field: value}))) != whole
    dearer = [s.instruments[0]._replace(bid=D("100.0000001")), *s.instruments[1:]]
    assert storing.digest(storing.packed(replace(s, instruments=dearer))) != whole


def test_what_is_none_of_the_engines_is_not_stored_and_not_read():
    with pytest.raises(TypeError):
        storing.packed({"user": object()})
    with pytest.raises(TypeError):
        storing.packed(np.array([object()]))
    for content in (b"", b"\x05\0\0\0\0\0\0\0junk!", storing.packed({"$": "os.System", "v": {}}).replace(b"os.S", b"..os")):
        with pytest.raises(storing.NotStored):
            storing.unpacked(content)
    with pytest.raises(storing.NotStored):
        storing.expanded(b"no such file")


def test_what_was_stored_under_an_earlier_home_of_its_class_is_read(monkeypatch):
    with monkeypatch.context() as earlier:
        for kind in (rows.Instrument, rows.Portfolio, rows.Rate):
            earlier.setattr(kind, "__module__", columns.__name__)
        content = storing.packed(full())
    assert b"columns.Instrument" in content and b"rows." not in content

    again = storing.unpacked(content)
    assert told(again, screen(again, RULES)) == told(full(), screen(full(), RULES))


def test_a_field_that_came_later_gets_its_default_and_one_that_went_is_left():
    content = storing.packed(share(1, "A"))
    older = content[8:].replace(b'"base_currency":""', b'"gone":5')
    read = storing.unpacked(len(older).to_bytes(8, "little") + older)
    assert read == share(1, "A")


class TestFigures:
    def test_tell_what_passed_of_each_order(self):
        s = full()
        found = screen(s, [rule("issuer_share", max_pct="5"), rule("order_value")])
        read = figures.read(found.figures(s))
        assert [r["rule"] for r in read.passed(1)] == ["issuer_share", "order_value"]
        share_of_nav = read.passed(1)[0]
        assert (share_of_nav["version"], share_of_nav["outcome"], share_of_nav["limit"]) == (7, "PASS", "5")
        assert float(share_of_nav["after"]) == pytest.approx(found.verdicts[0].after[0], abs=1e-6)
        assert [r["rule"] for r in read.passed(4)] == ["order_value"] and read.passed(99) == []

    def test_keep_large_numbers_and_none(self):
        s = full()
        v = screen(s, [rule("order_value")]).verdicts[0]
        v.now, v.after = np.array([1e18, 1.5, np.nan, -1e18]), np.array([np.nan] * 4)
        read = figures.read(figures.figures_of(s.orders.id, [v], slice(0, 4)))
        assert read.numbers[0]["now"].tolist()[:2] == [1e18, 1.5] and np.isnan(read.numbers[0]["now"][2])
        assert np.isnan(read.numbers[0]["after"]).all()

    def test_differ_where_a_rule_says_otherwise_or_a_number_moved(self):
        s = full()
        now = [figures.read(screen(s, [rule("issuer_share", max_pct=pct)]).figures(s)) for pct in ("5", "6", "8")]
        assert {(was, then) for _, _, was, then in figures.differing(now[0], now[2])} >= {("FAIL", "PASS")}
        assert any(was == "limit 5" and then == "limit 6" for _, _, was, then in figures.differing(now[0], now[1]))
        none = figures.read(screen(s, []).figures(s))
        assert (4, "issuer_share", "FAIL", "") in figures.differing(now[0], none)
