"""Rules written as data: what counts, by which basis, in which groups, against what; at the exact edges."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.compliance.engine.columns import Portfolio
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, look_firm_wide, read
from apps.compliance.engine.standing import stand
from tests.compliance.books import TODAY, book, rule, share

D = Decimal
MONTHS = date(2026, 9, 4)


def judged(s, **params):
    return MEASURES["measure"].judge(s, rule("measure", **params), None)


def outcomes(s, **params) -> list[int]:
    return judged(s, **params).outcome.tolist()


def bond(pk: int, symbol: str, price="100", **more):
    given = {"asset_class": "CORP", "price_factor": D("0.01"), "increment": D(1000), "min_piece": D(1000)}
    return share(pk, symbol, price, **(given | more))


def call(pk: int, symbol: str, price="5", **more):
    given = {
        "asset_class": "OPTION", "price_factor": D(100), "strike_price": D(100), "put_or_call": "CALL", "volatility": D("0.2"),
        "maturity_date": MONTHS, "underlying_mid": D(100), "underlying_currency": "USD", "underlying_id": 1,
    }  # fmt: skip
    return share(pk, symbol, price, **(given | more))


class TestFilter:
    """What the filter leaves out neither counts nor is asked."""

    BOOK = [share(1, "A", country="US", sector="Tech"), share(2, "B", country="DE", sector="Tech"), share(3, "C", country="")]

    def asked(self, text: str, symbol: str) -> int:
        s = book(self.BOOK, [(0, symbol, "BUY", 100)], positions=[(0, "A", 100), (0, "B", 200)], cash=[(0, "USD", 1_000_000)])
        return outcomes(s, filter=text, limit="3")[0]

    def test_counts_only_what_is_meant(self):
        assert self.asked('country == "US"', "A") == PASS  # 20,000 of 1,030,000.
        assert self.asked('country in ["US", "DE"]', "A") == FAIL  # 40,000.
        assert self.asked('country == "US"', "B") == NOT_ASKED

    def test_cannot_tell_of_what_it_does_not_know(self):
        found = self.asked('country == "US"', "C")
        assert found == INDETERMINATE
        assert self.asked('country == "US" && sector == "Steel"', "C") == NOT_ASKED  # Whatever the country is.

    def test_cannot_tell_where_something_held_may_or_may_not_count(self):
        s = book(self.BOOK, [(0, "A", "BUY", 100)], positions=[(0, "C", 1)], cash=[(0, "USD", 1_000_000)])
        found = judged(s, filter='country == "US"', limit="3")
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text == 'Cannot tell: something that country == "US" asks for is not on file for C.'

    def test_ranks_ratings_of_two_scales(self):
        found = []
        for rating in ("BBB-", "Baa3", "BB+", "Ba1", "NR", ""):
            s = book([bond(1, "B", rating=rating)], [(0, "B", "BUY", 1000)], cash=[(0, "USD", 100_000)])
            found += outcomes(s, filter="rating_rank > 10", limit="0")
        assert found == [NOT_ASKED, NOT_ASKED, FAIL, FAIL, INDETERMINATE, INDETERMINATE]

    def test_knows_the_days_left(self):
        bonds = [bond(1, "SHORT", maturity_date=date(2027, 3, 4)), bond(2, "LONG", maturity_date=date(2027, 3, 5))]
        s = book(bonds, [(0, "SHORT", "BUY", 1000), (0, "LONG", "BUY", 1000)], cash=[(0, "USD", 100_000)])
        assert (bonds[0].maturity_date - TODAY).days == 365
        assert outcomes(s, filter="days_to_maturity > 365", limit="0") == [NOT_ASKED, FAIL]

    @pytest.mark.parametrize("text", ["true", "1 < 2"])
    def test_may_be_a_condition_that_hangs_on_nothing(self, text):
        s = book(self.BOOK, [(0, "A", "BUY", 100), (0, "C", "BUY", 100)], cash=[(0, "USD", 1_000_000)])
        assert outcomes(s, filter=text, limit="1.5") == [PASS, FAIL]


class TestEdge:
    """Exactly the limit is not above it; one increment more is."""

    def edge(self, **params):
        shares = [share(1, "A"), share(2, "B")]
        # Net asset value 1,000,000: held 40,000 of A, and 100 an order.
        s = book(shares, [(0, "A", "BUY", 100), (0, "A", "BUY", 1)], positions=[(0, "A", 400)], cash=[(0, "USD", 960_000)])
        return judged(s, **({"group": "instrument", "limit": "5"} | params))

    def test_at_most(self):
        found = self.edge()
        assert found.outcome.tolist() == [PASS, FAIL]
        assert found.max_qty.tolist()[1] == 0
        assert (found.now[0], found.after.tolist()) == (4.0, [5.0, 5.01])

    def test_says_it_from_the_warning_on(self):
        assert self.edge(limit="6", warning="5").warned.tolist() == [True, True]  # Exactly at it is said, too.
        assert self.edge(limit="6", warning="5.000001").warned.tolist() == [False, True]
        assert self.edge(limit="6").warned is None
        assert self.edge(limit="5", warning="4.5").warned.tolist() == [True, False]  # What fails is more than warned of.

    def test_at_least(self):
        s = book(
            [share(1, "A"), share(2, "B")], [(0, "A", "SELL", 200), (0, "A", "SELL", 1), (0, "A", "BUY", 5), (0, "B", "SELL", 5)],
            positions=[(0, "A", 1000), (0, "B", 100)], cash=[(0, "USD", 890_000)],
        )  # fmt: skip
        found = judged(s, filter='symbol == "A"', bound="min", limit="8")
        assert found.outcome.tolist() == [PASS, FAIL, NOT_ASKED, NOT_ASKED]
        assert found.after.tolist()[:2] == [8.0, 7.99]
        assert "would be 7.99% of net asset value; the limit is 8%. No room is left." in found.say(1).text

    def test_open_buys_count_and_open_sells_do_not(self):
        s = book(
            [share(1, "A")], [(0, "A", "BUY", 100)], positions=[(0, "A", 300)], cash=[(0, "USD", 970_000)],
            others=[(0, "A", "BUY", 100, True), (0, "A", "SELL", 300, True)],
        )  # fmt: skip
        found = judged(s, limit="5")
        assert found.outcome.tolist() == [PASS]
        assert outcomes(s, limit="4.99") == [FAIL]


class TestGroups:
    def test_an_issuer_is_measured_with_its_group_or_without(self):
        shares = [
            share(1, "A", issuer_group=9, issuer_name="Parent", body=1, body_name="Daughter"),
            share(2, "B", issuer_group=9, issuer_name="Parent", body=9, body_name="Parent"),
            share(3, "I", body=5, body_name="Exchange", asset_class="FUTURE"),
            share(4, "F", body=5, body_name="Exchange", asset_class="FUTURE", underlying_group=9),
        ]
        s = book(
            shares, [(0, "A", "BUY", 10), (0, "A", "BUY", 1), (0, "I", "BUY", 1)], positions=[(0, "A", 490), (0, "B", 10)],
            cash=[(0, "USD", 950_000)],
        )  # fmt: skip
        assert outcomes(s, group="body", limit="5") == [PASS, FAIL, NOT_ASKED]  # An index is no claim on an issuer.
        assert outcomes(s, group="issuer", limit="5.1") == [PASS, FAIL, NOT_ASKED]
        assert outcomes(s, filter='body == "Daughter"', limit="0") == [FAIL, FAIL, NOT_ASKED]
        assert outcomes(s, filter='issuer == "Parent"', limit="0")[0] == FAIL
        assert "Daughter would be" in judged(s, group="body", limit="4").say(0).text
        s = book(shares, [(0, "F", "BUY", 1)], cash=[(0, "USD", 950_000)])
        assert outcomes(s, group="body", limit="5") == [INDETERMINATE]

    def test_cannot_tell_where_something_may_be_of_any_group(self):
        shares = [share(1, "A", body=1, body_name="Alpha"), share(2, "OLD")]
        s = book(shares, [(0, "A", "BUY", 10)], positions=[(0, "OLD", 1)], cash=[(0, "USD", 950_000)])
        found = judged(s, group="body", limit="50")
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text == "Cannot tell: each issuer without its group is measured, and that of OLD is not on file."
        assert outcomes(s, group="body", limit="50", filter='symbol != "OLD"') == [PASS]
        against = {"against": "debt_outstanding", "group": "body", "basis": "par"}
        [one] = [one for _, one in stand(s, [rule("measure", **against)])]
        assert one.outcome == "INDETERMINATE"
        [one] = [one for _, one in stand(s, [rule("measure", group="body", limit="50")])]
        assert (one.outcome, one.name) == ("INDETERMINATE", "What is not on file")

    def test_each_is_summed_apart(self):
        shares = [
            share(1, "A", issuer_group=1, country="US", currency="USD", sector="Tech"),
            share(2, "B", issuer_group=1, country="DE", currency="EUR", sector="Tech"),
            share(3, "C", issuer_group=3, country="US", currency="USD", sector="Steel", asset_class="ETF"),
        ]
        s = book(
            shares, [(0, "A", "BUY", 10), (0, "B", "BUY", 10), (0, "C", "BUY", 10)],
            positions=[(0, "A", 190), (0, "B", 190), (0, "C", 190)], cash=[(0, "USD", 943_000)], rates={"EUR": "1"},
        )  # fmt: skip
        assert s.nav.tolist() == [1_000_000]
        for group, expected in (
            ("instrument", [PASS] * 3), ("issuer", [FAIL, FAIL, PASS]), ("sector", [FAIL, FAIL, PASS]),
            ("country", [FAIL, PASS, FAIL]), ("currency", [FAIL, PASS, FAIL]), ("asset_class", [FAIL, FAIL, PASS]),
            ("all", [FAIL] * 3),
        ):  # fmt: skip
            assert outcomes(s, group=group, limit="2") == expected, group

    def test_pairs_of_currencies_are_held_by_nobody(self):
        pair = share(1, "EUR/USD", "1.1", asset_class="FX", base_currency="EUR")
        s = book([pair], [(0, "EUR/USD", "BUY", 1)], cash=[(0, "USD", 100)], rates={"EUR": "1.1"})
        assert outcomes(s, limit="0") == [NOT_ASKED]


class TestBases:
    def after(self, instrument, basis: str, qty=1000, **params):
        s = book([instrument], [(0, instrument.symbol, "BUY", qty)], cash=[(0, "USD", 1_000_000)], rates={"EUR": "1.1"})
        found = judged(s, **({"basis": basis, "against": "nothing", "limit": "0"} | params))
        return found, found.after[0]

    def test_bonds_at_market_with_accrued_and_at_face(self):
        note = bond(1, "NOTE", "98", currency="EUR", accrued_pct=Fraction(3, 2))
        assert self.after(note, "market_value")[1] == pytest.approx(1078)
        assert self.after(note, "with_accrued")[1] == pytest.approx(1094.5)
        assert self.after(note, "par")[1] == pytest.approx(1100)

    def test_shares_have_no_face_and_are_not_asked_for_it(self):
        found, after = self.after(share(1, "A"), "par")
        assert (after, found.outcome.tolist()) == (0, [NOT_ASKED])

    def test_options_by_what_their_underlying_is_worth(self):
        assert self.after(call(2, "CALL"), "market_value", 1)[1] == 500
        assert self.after(call(2, "CALL"), "notional", 1)[1] == 10_000

    @pytest.mark.parametrize(
        ("change", "delta"),
        [
            ({}, 0.5283), ({"put_or_call": "PUT"}, 0.4717), ({"underlying_mid": D(1000)}, 1), ({"underlying_mid": D(10)}, 0),
            ({"maturity_date": TODAY}, 0), ({"underlying_mid": D(101), "maturity_date": TODAY}, 1),
        ],
    )  # fmt: skip
    def test_options_by_their_delta(self, change, delta):
        option = call(2, "CALL", **change)
        worth = float(option.underlying_mid) * 100
        assert self.after(option, "delta", 1)[1] == pytest.approx(worth * delta, abs=worth * 1e-4)

    @pytest.mark.parametrize("missing", [{"volatility": None}, {"underlying_mid": None}, {"maturity_date": None}])
    def test_cannot_tell_an_options_delta_without_what_it_hangs_on(self, missing):
        found, _ = self.after(call(2, "CALL", **missing), "delta", 1)
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text.startswith("Cannot tell: what one CALL counts for")

    def test_units(self):
        assert self.after(share(1, "A"), "units", 7, group="instrument")[1] == 7


def terms(**more):
    return {"coupon_pct": D(10), "coupon_frequency": 2, "day_count": "30/360", "maturity_date": date(2036, 3, 4)} | more


ZERO = {"coupon_pct": D(0), "day_count": "ACT/ACT", "maturity_date": date(2036, 3, 4)}


class TestDuration:
    """Years of modified duration, weighted by parts of net asset value."""

    def holding(self, orders, held=(("Z", 400_000),), **more):
        bonds = [bond(1, "Z", **ZERO), bond(2, "C", **terms()), bond(5, "X", **terms(**more))]
        bonds += [share(3, "A"), share(4, "F", asset_class="FUND")]
        cash = 1_000_000 - sum(qty for _, qty in held)
        return book(bonds, [(0, *one) for one in orders], positions=[(0, *one) for one in held], cash=[(0, "USD", cash)])

    def test_at_most(self):
        s = self.holding([("Z", "BUY", 100_000), ("Z", "BUY", 1000), ("A", "BUY", 10), ("Z", "SELL", 1000)])
        found = judged(s, basis="duration", limit="5")
        assert found.outcome.tolist() == [PASS, FAIL, NOT_ASKED, NOT_ASKED]
        assert (found.now[0], found.after[0], found.after[1], found.unit) == (4.0, 5.0, pytest.approx(5.01), "years")
        assert found.say(1).text == "Together would be 5.01 years of net asset value; the limit is 5 years. No room is left."

    def test_at_least(self):
        s = self.holding([("Z", "SELL", 100_000), ("Z", "SELL", 1000)])
        found = judged(s, basis="duration", bound="min", limit="3")
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS, FAIL], pytest.approx([3.0, 2.99]))

    def test_the_largest_quantity_that_passes(self):
        found = judged(self.holding([("C", "BUY", 300_000)]), basis="duration", limit="5")
        assert found.outcome.tolist() == [FAIL]
        assert found.max_qty.tolist() == [160_000 * 10_000]  # A year is left, and 160,000 at 6.2311 is 0.997.

    @pytest.mark.parametrize("missing", [{"coupon_pct": None}, {"maturity_date": None}, {"coupon_frequency": None}, {"day_count": ""}])
    def test_cannot_tell_without_a_bonds_terms(self, missing):
        found = judged(self.holding([("X", "BUY", 1000), ("Z", "BUY", 1000)], **missing), basis="duration", limit="5")
        assert found.outcome.tolist() == [INDETERMINATE, INDETERMINATE]
        assert "what one X counts for" in found.say(0).text
        assert outcomes(self.holding([("X", "BUY", 1000)], **missing), filter="duration > 3", limit="5") == [INDETERMINATE]

    def test_nobody_knows_that_of_a_fund(self):
        s = self.holding([("Z", "BUY", 1000)], held=(("Z", 100_000), ("F", 1)))
        assert outcomes(s, basis="duration", limit="5") == [INDETERMINATE]
        assert outcomes(s, basis="duration", limit="5", filter='asset_class in ["CORP", "GOVT"]') == [PASS]

    def test_a_filter_asks_for_it(self):
        s = self.holding([("Z", "BUY", 100_000), ("C", "BUY", 1000)])
        assert outcomes(s, filter='asset_class == "CORP" && duration > 6.2312', limit="50") == [PASS, NOT_ASKED]

    def test_stands_at_the_end_of_the_day(self):
        [(_, one)] = stand(self.holding([]), [rule("measure", basis="duration", limit="3.9", filter='asset_class == "CORP"')])
        assert (one.outcome, one.value, one.unit) == ("FAIL", 4.0, "years")
        assert one.text == "Together is 4 years; the most is 3.9."

    @pytest.mark.parametrize("against", ["part", "nothing"])
    def test_is_measured_over_the_whole(self, against):
        with pytest.raises(BadRule) as refused:
            read("measure", {"basis": "duration", "against": against, **({"of": "coupon_pct > 0"} if against == "part" else {})})
        assert refused.value.facts["field"] == "against"

    def test_says_itself(self):
        assert MEASURES["measure"].sentence(read("measure", {"basis": "duration", "limit": "5"})) == (
            "Modified duration of bonds in years, weighted by market value is at most 5 years of net asset value after a purchase."
        )


class TestAgainst:
    SHARES = [share(1, "A", country="US", daily_qty=D(1000), shares_outstanding=D(20_000)), share(2, "B", country="DE")]

    def book(self, qty=100, **more):
        return book(
            self.SHARES, [(0, "A", "BUY", qty)], positions=[(0, "A", 900), (0, "B", 1000)], cash=[(0, "USD", 110_000), (0, "EUR", -50_000)],
            rates={"EUR": "1"}, **more,
        )  # fmt: skip

    def test_total_assets_leave_out_what_is_owed(self):
        s = self.book()
        assert (s.nav.tolist(), s.total_assets.tolist(), s.exact_total_assets(0)) == ([250_000], [300_000], 300_000)
        assert judged(s, filter='symbol == "A"', against="total_assets", limit="30").after[0] == pytest.approx(100 / 3)
        assert judged(s, filter='symbol == "A"', limit="30").after[0] == 40

    def test_a_part_of_the_portfolio(self):
        found = judged(self.book(), filter='symbol == "A"', against="part", of='country in ["US", "DE"]', limit="52.63")
        assert found.after[0] == pytest.approx(100_000 / 190_000 * 100)
        assert found.outcome.tolist() == [FAIL]

    def test_cannot_tell_against_a_part_that_is_empty(self):
        assert outcomes(self.book(), against="part", of='country == "FR"') == [INDETERMINATE]

    @pytest.mark.parametrize(("against", "limit", "outcome"), [
        ("daily_volume", "100", PASS), ("daily_volume", "99.99", FAIL),
        ("shares_outstanding", "5", PASS), ("shares_outstanding", "4.99", FAIL),
    ])  # fmt: skip
    def test_numbers_of_the_instrument(self, against, limit, outcome):
        found = judged(self.book(), basis="units", group="instrument", against=against, limit=limit)
        assert found.outcome.tolist() == [outcome]

    def test_the_firms_holding_counts_across_portfolios(self):
        s = self.book(firm_held=[900, 0], firm_promised=[50, 0])
        params = {"basis": "units", "group": "instrument", "against": "shares_outstanding", "across": "firm"}
        assert judged(s, **params, limit="5.25").outcome.tolist() == [PASS]
        found = judged(s, **params, limit="5.24")
        assert found.outcome.tolist() == [FAIL]
        assert found.max_qty.tolist() == [98 * 10_000]
        assert look_firm_wide([rule("measure", **params)]) and not look_firm_wide([rule("measure")])

    def test_cannot_tell_without_the_number(self):
        s = book([share(1, "A", daily_qty=None)], [(0, "A", "BUY", 1)], cash=[(0, "USD", 1)])
        found = judged(s, basis="units", group="instrument", against="daily_volume")
        assert found.outcome.tolist() == [INDETERMINATE]
        assert "average daily volume is not on file" in found.say(0).text

    def test_an_old_price_cannot_tell(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 1)], cash=[(0, "USD", 100_000)])
        assert outcomes(s, max_age=1) == [PASS]
        old = book([share(1, "A", priced_at=s.at.replace(hour=1))], [(0, "A", "BUY", 1)], cash=[(0, "USD", 100_000)])
        assert outcomes(old, max_age=60) == [INDETERMINATE]


class TestPortfoliosApart:
    def test_one_is_not_measured_by_the_others(self):
        s = book(
            [share(1, "A")], [(0, "A", "BUY", 50), (1, "A", "BUY", 50)], positions=[(0, "A", 0), (1, "A", 10)],
            cash=[(0, "USD", 100_000), (1, "USD", 99_000)], portfolios=(Portfolio(1, "P1"), Portfolio(2, "P2")),
        )  # fmt: skip
        assert outcomes(s, limit="5") == [PASS, FAIL]


class TestRefusals:
    @pytest.mark.parametrize(
        ("params", "field", "why"),
        [
            ({"filter": "country = 'US'"}, "filter", "Line 1, column 9: This cannot be read from here on."),
            ({"filter": "land == 'US'"}, "filter", "Line 1, column 1: There is no field “land”. There are: asset_class"),
            ({"filter": 'country == "US" &&\n  rating_rank == "A"'}, "filter", "Line 2, column 18: This is text and is compared"),
            ({"filter": 7}, "filter", "is a condition"),
            ({"group": "moon"}, "group", "“group” is one of all, instrument"),
            ({"basis": "price"}, "basis", "is one of market_value"),
            ({"against": "part"}, "of", "Say of which part"),
            ({"of": 'country == "US"'}, "of", "leave that empty"),
            ({"against": "daily_volume"}, "against", "choose those as group and basis"),
            ({"basis": "units"}, "basis", "Units are measured against"),
            ({"across": "firm", "against": "part", "of": 'country == "US"'}, "against", "a part is of one portfolio"),
            ({"across": "firm", "relative_to": "benchmark"}, "relative_to", "the firm as a whole follows none"),
            ({"across": "firm", "claims": "both", "group": "issuer"}, "claims", "across the firm only securities are"),
            ({"across": "firm", "basis": "units", "group": "issuer", "against": "shares_outstanding"}, "against", "choose those"),
            ({"limit": "-1"}, "limit", "not below zero"),
            ({"limit": "10", "warning": "10"}, "warning", "a number below 10"),
            ({"limit": "10", "warning": "10", "bound": "min"}, "warning", "a number above 10"),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong_beside_the_parameter(self, params, field, why):
        with pytest.raises(BadRule) as refused:
            read("measure", params)
        assert refused.value.facts["field"] == field
        assert why in refused.value.message


class TestSentence:
    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({}, "Market value at mid, of a future its notional is at most 10% of net asset value after a purchase."),
            ({"group": "issuer", "limit": "5", "filter": 'asset_class != "GOVT"', "warning": "4"},
             'Market value at mid, of a future its notional of what meets asset_class != "GOVT", for each issuer with its group'
             " apart, is at most 5% of net asset value after a purchase; from 4 on it is said."),
            ({"bound": "min", "limit": "80", "filter": 'country == "JP"', "against": "total_assets"},
             'Market value at mid, of a future its notional of what meets country == "JP" is at least 80% of total assets after'
             " a sale."),
            ({"basis": "units", "group": "instrument", "against": "nothing", "limit": "100000", "across": "firm"},
             "Units of the firm, for each instrument apart, is at most 100000 units after a purchase."),
            ({"group": "issuer", "across": "firm", "limit": "2"},
             "Market value at mid, of a future its notional of the firm, for each issuer with its group apart, is at most 2% of the"
             " firm's net asset value after a purchase."),
        ],
    )  # fmt: skip
    def test_is_made_from_what_the_rule_is(self, params, said):
        assert MEASURES["measure"].sentence(read("measure", params)) == said
