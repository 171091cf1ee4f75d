"""What bodies owe a fund beside their securities: money kept with them, and deals in currencies not settled yet."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance import selectors
from apps.compliance.engine import fixtures
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, RuleVersion
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, look_at_deals, read
from apps.compliance.engine.screening import screen
from apps.compliance.engine.standing import stand
from apps.compliance.engine.storing import packed, unpacked
from apps.compliance.library import shipped
from apps.orders import services as orders
from apps.portfolios import services as portfolios
from apps.portfolios.models import Portfolio
from apps.reference.models import Broker, Custodian, Issuer

D = Decimal
COMBINED = {"filter": 'asset_class == "EQUITY"', "claims": "both", "group": "issuer", "limit": "20"}


def rule(kind: str, **params) -> RuleVersion:
    return RuleVersion(1, kind, kind, kind, 1, "HARD", read(kind, params))


def book(*orders, **portfolio) -> fixtures.Fixture:
    return fixtures.read(
        {
            "name": "x", "instruments": {"A": {"price": "1", "issuer": "Alpha"}, "Z": {"price": "1", "issuer": "Zeta"}},
            "portfolios": {"P": portfolio}, "rates": {"EUR": "1.25"},
            "orders": [{"side": side, "qty": qty, "symbol": symbol, "expect": "PASS"} for side, qty, symbol in orders],
        }
    )  # fmt: skip


def owes(eur: str, usd: str, dealer: str = "Dealer", issuer: str | None = "Alpha") -> dict:
    return {"dealer": dealer, "amounts": {"EUR": eur, "USD": usd}} | ({"issuer": issuer} if issuer else {})


class TestWords:
    def test_the_rule_says_itself(self):
        assert MEASURES["measure"].sentence(read("measure", COMBINED)) == (
            "Market value at mid, of a future its notional of what meets asset_class == \"EQUITY\", with money kept with it and what it"
            " owes of deals in currencies, for each issuer with its group apart, is at most 20% of net asset value after a purchase."
        )

    def test_says_what_counts_and_lists_it(self):
        s = book(("BUY", "100001", "A"), bank="Alpha", cash={"USD": "100000"}, holds={"Z": "900000"}, deals=[owes("800", "-900")]).snapshot
        found = MEASURES["measure"].judge(s, rule("measure", **COMBINED), None)
        said = found.say(0)
        assert found.outcome.tolist() == [FAIL]
        assert said.text == "Alpha would be 20.01% of net asset value; the limit is 20%. USD 99,900.00 of room is left."
        assert "with money kept with it and what it owes of deals in currencies ÷ net asset value" in said.basis
        assert [(one["what"], one["value"]) for one in said.data[1:2]] == [
            ("Alpha: money kept with it and what it owes of deals in currencies", "100100"),
        ]

    def test_says_what_is_not_on_file_and_where_it_belongs(self):
        s = book(("BUY", "1", "A"), cash={"USD": "1000000"}).snapshot
        assert MEASURES["measure"].judge(s, rule("measure", **COMBINED), None).say(0).text == (
            "Cannot tell what is owed to the portfolio: which issuer its custodian is, where its money is kept, is not on file."
            " Add it under Reference data."
        )
        s = book(("BUY", "1", "A"), bank="Zeta", cash={"USD": "1000000"}, deals=[owes("800", "-900", issuer=None)]).snapshot
        assert "which issuer Dealer is, with whom it has deals in currencies" in MEASURES["measure"].judge(
            s, rule("measure", **COMBINED), None
        ).say(0).text  # fmt: skip

    def test_a_sale_is_told_what_would_be_kept(self):
        s = book(("SELL", "100100", "A"), bank="Zeta", cash={"USD": "100000"}, holds={"A": "900000"}).snapshot
        found = MEASURES["deposits"].judge(s, rule("deposits"), None)
        assert found.say(0).text == "Zeta would keep 20.01% of net asset value; the limit is 20%. USD 100,000.00 of room is left."
        assert found.max_qty.tolist() == [100_000 * 10_000]

    def test_the_days_report_says_so_where_nobody_owes_anything_and_that_sales_bring_money(self):
        """So a breach is over once all is settled, and one that our sales made is active."""
        s = book(bank="Zeta", cash={"USD": "-5"}, holds={"Z": "1000"}).snapshot
        for kind in ("deposits", "dealers"):
            assert [(one.group, one.outcome, one.value) for _, one in stand(s, [rule(kind)])] == [("Nobody", "PASS", 0.0)]
        ((_, one),) = stand(book(bank="Zeta", cash={"USD": "1000"}, holds={"Z": "10"}).snapshot, [rule("deposits")])
        assert (one.outcome, one.is_least, one.places) == ("FAIL", True, (0, 1))

    @pytest.mark.parametrize("kind", ["deposits", "dealers"])
    def test_says_itself(self, kind):
        assert MEASURES[kind].sentence(read(kind, {})).endswith("at the end of each day.")

    @pytest.mark.parametrize(
        "change",
        [
            {"group": "sector"}, {"bound": "min"}, {"against": "nothing"},
            {"group": "instrument", "basis": "units", "against": "daily_volume"},
        ],
    )  # fmt: skip
    def test_what_is_owed_counts_only_with_an_issuers_group(self, change):
        with pytest.raises(BadRule) as refused:
            read("measure", COMBINED | change)
        assert refused.value.facts["field"] == "claims"

    def test_deals_are_read_only_where_a_rule_looks_at_them(self):
        assert look_at_deals([rule("dealers")]) and look_at_deals([rule("measure", **COMBINED)])
        assert not look_at_deals([rule("measure", **COMBINED | {"claims": "deposits"}), rule("deposits"), rule("measure")])


def test_a_rule_over_debt_is_measured_by_face_value_for_each_issuer_alone():
    for change in ({"group": "issuer"}, {"basis": "market_value"}):
        with pytest.raises(BadRule):
            read("measure", {"group": "body", "basis": "par", "against": "debt_outstanding"} | change)


def test_what_was_stored_before_there_was_any_of_this_reads_and_says_it_cannot_tell():
    s = book(("BUY", "1", "A"), bank="Alpha", cash={"USD": "1000"}).snapshot
    assert unpacked(packed(s)).deals.parties == [] and unpacked(packed(s)).portfolios[0].bank == s.portfolios[0].bank
    s.deals, s.portfolios = None, [s.portfolios[0]._replace(bank=None, custodian="")]
    old = unpacked(packed(s))
    assert screen(old, [rule("measure", **COMBINED)]).outcome.tolist() == [INDETERMINATE]


amounts = st.integers(0, 4000).map(lambda n: f"{n * 50}")


@settings(max_examples=150, deadline=None)
@given(cash=amounts, overdraft=amounts, held=amounts, eur=amounts, usd=amounts, qty=st.integers(1, 3000).map(lambda n: str(n * 67)))
def test_agrees_with_plain_fractions_and_its_largest_quantity_is_the_largest(cash, overdraft, held, eur, usd, qty):
    told = {
        "bank": "Alpha", "cash": {"USD": cash, "EUR": f"-{overdraft}"}, "holds": {"A": held, "Z": "900000"},
        "deals": [owes(eur, f"-{usd}")],
    }  # fmt: skip
    nav = Fraction(cash) - Fraction(overdraft) * Fraction("1.25") + Fraction(held) + 900_000
    owed = Fraction(cash) + max(Fraction(eur) * Fraction("1.25") - Fraction(usd), 0)
    for side, kind, params, used in (
        ("BUY", "measure", COMBINED, owed + Fraction(held)), ("SELL", "deposits", {}, Fraction(cash)),
    ):  # fmt: skip
        found = MEASURES[kind].judge(book((side, qty, "A"), **told).snapshot, rule(kind, **params), None)
        passes = used + Fraction(qty) <= nav / 5
        assert (found.outcome[0] == PASS) == passes
        if not passes:
            most = Fraction(int(found.max_qty[0]), 10_000)
            assert (used + most <= nav / 5 or most == 0) and used + most + 1 > nav / 5


@pytest.mark.django_db
class TestOnFile:
    """Who keeps money and who deals, from the books."""

    @pytest.fixture
    def alpha(self, firm) -> Issuer:
        issuer = firm.instruments["CCC"].issuer  # A daughter of AAA's.
        Issuer.objects.filter(pk=issuer.pk).update(is_credit_institution=True)
        return issuer

    @pytest.fixture
    def dealt(self, firm, by):
        def book_it(dealer: Broker, eur: str, usd: str, settles: date, source: str) -> None:
            home, today = firm.portfolios["P1"].pk, date.today()
            portfolios.post_movements(
                by("loader"),
                [
                    portfolios.Moved(home, today, settles, source, currency=currency, amount=D(amount), dealer_id=dealer.pk)
                    for currency, amount in (("EUR", eur), ("USD", usd))
                ],
            )

        return book_it

    def test_the_snapshot_knows_the_group_of_the_custodian_and_of_each_dealer(self, firm, alpha, dealt):
        Custodian.objects.update(issuer=alpha)
        one, other = Broker.objects.order_by("pk")[:2]
        Broker.objects.filter(pk=one.pk).update(issuer=alpha)
        now = datetime.now(UTC)
        later = now.date() + timedelta(days=90)
        dealt(one, "1000", "-900", later, "t:1")
        dealt(one, "-400", "300", later + timedelta(days=30), "t:2")
        dealt(other, "5", "-5", later, "t:3")
        dealt(other, "7", "-7", now.date(), "t:4")  # Settles today: nobody owes it tomorrow.
        s = selectors.snapshot_as_held([firm.portfolios["P1"].pk], now, deals=True)

        group = firm.instruments["AAA"].issuer_id
        custodian = firm.portfolios["P1"].custodian
        assert [(p.bank, p.custodian) for p in s.portfolios] == [(group, custodian.name)]
        assert [(p.name, p.group, p.is_credit_institution) for p in s.deals.parties] == [(one.name, group, True), (other.name, None, None)]
        owed = sorted((int(s.deals.party[n]), s.currencies[s.deals.thing[n]], int(s.deals.amount[n])) for n in range(len(s.deals.amount)))
        assert owed == [(0, "EUR", 6_000_000), (0, "USD", -6_000_000), (1, "EUR", 50_000), (1, "USD", -50_000)]
        assert selectors.snapshot_as_held([firm.portfolios["P1"].pk], now).deals is None

    def test_shares_and_debt_come_with_what_is_known_of_them(self, firm, alpha):
        Issuer.objects.filter(pk=alpha.pk).update(
            is_affiliate=False, securities_revenue_pct=12, securities_revenue_source="10-K", securities_revenue_date=date(2025, 12, 31),
            debt_outstanding=5, debt_currency="EUR", debt_date=date(2025, 12, 31),
        )  # fmt: skip
        s = selectors.snapshot_as_held([firm.portfolios["P1"].pk], datetime.now(UTC))
        (i,) = [one for one in s.instruments if one.symbol == "CCC"]
        assert (i.body, i.body_name, i.issuer_group) == (alpha.pk, alpha.name, alpha.parent_id)
        assert (i.is_affiliate, i.securities_revenue_pct, i.debt_outstanding, i.debt_currency) == (False, 12, 5, "EUR")
        assert (i.is_covered, i.has_votes, i.is_ucits) == (None, None, None)

    def test_statements_do_not_grow_with_portfolios_or_dealers(self, firm, alpha, dealt):
        ids, now, asked = list(Portfolio.objects.values_list("pk", flat=True)), datetime.now(UTC), []

        def count(execute, sql, *args):
            asked.append(sql)
            return execute(sql, *args)

        def statements(of: list[int], *, deals: bool) -> int:
            asked.clear()
            with connection.execute_wrapper(count):
                selectors.snapshot_as_held(of, now, deals=deals)
            return len(asked)

        plain = statements(ids[:1], deals=False)
        assert statements(ids[:1], deals=True) == plain + 1
        Custodian.objects.update(issuer=alpha)
        for n, dealer in enumerate(Broker.objects.all()[:3]):
            dealt(dealer, "10", "-10", now.date() + timedelta(days=30), f"t:{n}")
        assert statements(ids, deals=True) == plain + 4  # Groups of custodians and of dealers, the deals and the dealers.

    def test_an_order_is_held_by_what_its_custodian_owes(self, firm, alpha, dealt, mira, by):
        """AAA is a quarter of P1, its daughter keeps the money: 35% of all that a body may be is nearer than it seems."""
        found = selectors.snapshot_as_held([firm.portfolios["P1"].pk], datetime.now(UTC), deals=True)
        limits = [shipped()[code].version for code in ("ucits_body_total_35", "ucits_deposits_20", "ucits_dealers_10")]
        assert {one.outcome for _, one in stand(found, limits[:1])} == {"INDETERMINATE"}
        Custodian.objects.update(issuer=alpha)
        Broker.objects.update(issuer=alpha)
        dealt(Broker.objects.first(), "4000000", "-1", datetime.now(UTC).date() + timedelta(days=90), "t:1")
        found = selectors.snapshot_as_held([firm.portfolios["P1"].pk], datetime.now(UTC), deals=True)
        said = {(rule.code, one.group): one.outcome for rule, one in stand(found, limits)}
        custodian = firm.portfolios["P1"].custodian.name
        assert said["ucits_body_total_35", "Alpha Group"] == "FAIL"
        assert said["ucits_dealers_10", Broker.objects.first().name] == "FAIL"
        assert said["ucits_deposits_20", custodian] in ("PASS", "FAIL")
        wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "100")
        ids = orders.create_orders(by(mira), [wish])
        s = selectors.snapshot_of(ids, datetime.now(UTC), firm_wide=False, deals=True).snapshot
        assert [v.outcome.tolist() for v in screen(s, limits).verdicts] == [[FAIL], [NOT_ASKED], [NOT_ASKED]]
