"""What must hold of every book: drawn books, many near their limits, against plain fractions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine.columns import QTY, Portfolio
from apps.compliance.engine.judgement import FAIL, PASS, UNKNOWN
from apps.compliance.engine.rules import look_firm_wide
from apps.compliance.engine.screening import screen
from tests.compliance.books import NEXT, D, book, rule, share

RULES = [
    rule("instrument_share", max_pct="20"), rule("issuer_share"), rule("sector_share"), rule("asset_class_band"),
    rule("issue_ownership", max_pct="5"), rule("holding", "HARD"), rule("order_value", max_amount="40000"),
    rule("order_volume", max_pct="0.05"), rule("price_collar"), rule("duplicate"), rule("cash_by_currency"),
    rule("cash_share"),
    rule("measure", group="issuer", limit="31", basis="with_accrued"),
    rule("measure", filter='sector == "Cars" || symbol == "A"', group="currency", against="total_assets", limit="40"),
    rule("measure", filter='asset_class == "EQUITY"', bound="min", limit="20", warning="25"),
    rule("measure", filter='symbol in ["A", "B"]', against="part", of='asset_class == "EQUITY"', limit="90"),
    rule("measure", basis="par", against="nothing", limit="250000"),
    rule("measure", basis="units", group="instrument", across="firm", against="shares_outstanding", limit="6"),
    rule("measure", basis="units", group="instrument", against="daily_volume", limit="0.07", bound="min"),
]  # fmt: skip
SYMBOLS = ("A", "B", "E", "BOND")
MANDATE = {
    "equity_min_pct": D(20), "equity_max_pct": D(60), "fixed_income_min_pct": D(10), "fixed_income_max_pct": D(50),
    "cash_min_pct": D(1), "issuer_max_pct": D(30), "sector_max_pct": D(45),
}  # fmt: skip
PORTFOLIOS = [Portfolio(1, "P1", **MANDATE), Portfolio(2, "P2", **MANDATE)]
prices = st.sampled_from(["0.1", "3.33", "70", "99.99", "100", "101.01"])
sizes = st.one_of(st.integers(1, 500), st.sampled_from([100, 200, 300]))


@st.composite
def books(draw):
    step = D(draw(st.sampled_from(["1", "5"])))
    instruments = [
        share(1, "A", draw(prices), increment=step, min_piece=step),
        share(2, "B", draw(prices), issuer_group=1),
        share(3, "E", draw(prices), currency="EUR", sector="Cars"),
        share(4, "BOND", draw(prices), asset_class="CORP", sector="Cars", price_factor=D("0.01"),
              increment=D(1000), min_piece=D(2000), settle_date=NEXT),
    ]  # fmt: skip

    def wish(symbol):
        size = draw(sizes)
        return size * 1000 + 1000 if symbol == "BOND" else size * int(step) if symbol == "A" else size

    sides = st.sampled_from(["BUY", "SELL"])
    symbols = st.sampled_from(SYMBOLS)
    places = st.integers(0, 1)
    picked = draw(st.lists(st.tuples(places, symbols, sides, st.sampled_from([None, None, "99", "104"])), min_size=1, max_size=6))
    orders = [(p, s, side, wish(s), limit) for p, s, side, limit in picked]
    others = [(p, s, side, wish(s), draw(st.booleans())) for p, s, side in draw(
        st.lists(st.tuples(places, symbols, sides), max_size=3))]  # fmt: skip
    held = [(p, s, draw(st.integers(0, 400)) * (1000 if s == "BOND" else 1)) for p in (0, 1) for s in SYMBOLS]
    money = [(p, c, draw(st.integers(-1000, 60_000))) for p in (0, 1) for c in ("USD", "EUR")]
    return book(
        instruments, orders, positions=held, cash=money, others=others, portfolios=PORTFOLIOS, rates={"EUR": "1.1"},
        firm_held=[draw(st.integers(0, 60_000)) for _ in instruments],
    )  # fmt: skip


def with_qty(s, order: int, qty: int):
    """The same book with one order of another quantity."""
    changed = s.orders.qty.copy()
    changed[order] = qty
    return replace(s, orders=replace(s.orders, qty=changed))


@settings(max_examples=150, deadline=None)
@given(books())
def test_the_largest_passing_quantity_passes_and_one_increment_more_fails(s):
    """An order taken for another sent twice is not mended by any quantity: there it is zero."""
    found = screen(s, RULES)
    twice = next(v for v in found.verdicts if v.rule.kind == "duplicate").outcome == FAIL
    assert not found.max_qty[twice & (found.max_qty != UNKNOWN)].any()
    for order in np.flatnonzero((found.outcome == FAIL) & (found.max_qty != UNKNOWN) & ~twice):
        most = int(found.max_qty[order])
        place = s.orders.instrument[order]
        assert 0 <= most < s.orders.qty[order]
        if most:
            assert screen(with_qty(s, order, most), RULES).outcome[order] == PASS
        more = max(most + int(s.increment[place]), int(s.min_piece[place]))
        assert screen(with_qty(s, order, more), RULES).outcome[order] == FAIL


@settings(max_examples=150, deadline=None)
@given(books(), st.data())
def test_what_passes_passes_when_it_is_smaller(s, data):
    rules = [r for r in RULES if r.kind != "duplicate"]
    found = screen(s, rules)
    for order in np.flatnonzero(found.outcome == PASS):
        smaller = data.draw(st.integers(1, int(s.orders.qty[order])))
        assert screen(with_qty(s, order, smaller), rules).outcome[order] == PASS


@settings(max_examples=100, deadline=None)
@given(books())
def test_an_order_is_judged_alike_whoever_else_is_judged_in_other_portfolios(s):
    """Beside the rule on the whole firm, portfolios have nothing to do with each other."""
    rules = [r for r in RULES if not look_firm_wide([r])]
    whole = screen(s, rules).outcome
    mine = s.orders.portfolio == 0
    columns = {name: column for name in s.orders.__dataclass_fields__ if (column := getattr(s.orders, name)) is not None}
    part = replace(s.orders, **{name: np.array(column)[mine] for name, column in columns.items()})
    assert screen(replace(s, orders=part), rules).outcome.tolist() == whole[mine].tolist()


@settings(max_examples=150, deadline=None)
@given(books())
def test_issuer_and_holding_agree_with_plain_fractions(s):
    issuer, holding = (next(r for r in RULES if r.kind == kind) for kind in ("issuer_share", "holding"))
    verdicts = screen(s, [issuer, holding]).verdicts
    for order in range(len(s.orders)):
        if s.orders.sell[order]:
            assert (verdicts[1].outcome[order] == FAIL) == _oversells(s, order)
        elif s.exact_nav(s.orders.portfolio[order]) > 0:
            assert (verdicts[0].outcome[order] == FAIL) == _above_issuer_limit(s, order)


def _oversells(s, order) -> bool:
    def same(t, row):
        return (t.portfolio[row], t.instrument[row]) == (s.orders.portfolio[order], s.orders.instrument[order])

    held = sum(
        int(q) for p, i, q in zip(s.positions.portfolio, s.positions.thing, s.positions.amount, strict=True)
        if (p, i) == (s.orders.portfolio[order], s.orders.instrument[order])
    )  # fmt: skip
    promised = sum(int(s.others.leaves[r]) for r in range(len(s.others)) if s.others.sell[r] and same(s.others, r))
    earlier = sum(int(s.orders.qty[r]) for r in range(order + 1) if s.orders.sell[r] and same(s.orders, r))
    return promised + earlier > held


def _above_issuer_limit(s, order) -> bool:
    mine, portfolio = s.instrument_of(order), s.orders.portfolio[order]

    def value(place, qty):
        i = s.instruments[place]
        if i.issuer_group != mine.issuer_group:
            return 0
        return Fraction(int(qty), QTY) * Fraction(i.bid + i.ask) / 2 * Fraction(i.price_factor) * Fraction(s.rates[i.currency].rate)

    rows = zip(s.positions.portfolio, s.positions.thing, s.positions.amount, strict=True)
    total = sum(value(i, q) for p, i, q in rows if p == portfolio)
    total += sum(
        value(s.others.instrument[r], s.others.leaves[r]) for r in range(len(s.others))
        if s.others.portfolio[r] == portfolio and not s.others.sell[r]
    )  # fmt: skip
    total += sum(
        value(s.orders.instrument[r], s.orders.qty[r]) for r in range(order + 1)
        if s.orders.portfolio[r] == portfolio and not s.orders.sell[r]
    )  # fmt: skip
    return total > Fraction(30, 100) * s.exact_nav(portfolio)
