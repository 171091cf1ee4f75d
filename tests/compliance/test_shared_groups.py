"""
Limits that the firm shares on groups of instruments: AAA and CCC are of one issuer's group, of which the firm holds 13.5 million:
two who buy different shares of it never both take the last room.
"""

from datetime import timedelta
from decimal import Decimal
from threading import Event

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.bench import read_version
from apps.compliance.models import Check, Reservation, Run, SharedLimit
from apps.compliance.selectors.firm_groups import firm_worth
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import Portfolio
from apps.reference.models import Instrument, InstrumentValue, Issuer, OwnAttribute
from tests.compliance.ruling import put_in_force, take_out
from tests.races import at_once

D = Decimal
PAGE, API = "/room/", "/api/v1/shared-room/"
MOST = {"across": "firm", "group": "issuer", "against": "nothing", "limit": "14000000"}  # Room for 500,000 USD.


@pytest.fixture
def most(firm, people, by):
    """``most()``: a rule across the firm by issuer, or by what is said."""

    def make(code="alpha", **params) -> None:
        put_in_force(by, code, MOST | params, severity="HARD", name="Most of an issuer", kind="measure")

    return make


@pytest.fixture
def draft(firm, by):
    def make(person, qty, portfolio="P1", symbol="AAA", side="BUY") -> int:
        wish = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, side, str(qty))
        return orders.create_orders(by(person), [wish])[0]

    return make


def submit(act, *ids) -> list[str]:
    orders.submit_orders(act, ids, seen=dict(Order.objects.filter(pk__in=ids).values_list("pk", "version")))
    return [Order.objects.get(pk=pk).status for pk in ids]


def reserve(act, *ids, minutes=60) -> list[int]:
    seen = dict(Order.objects.filter(pk__in=ids).values_list("pk", "version"))
    return compliance.reserve_room(act, ids, seen=seen, until=act.at + timedelta(minutes=minutes))


def statements(work) -> int:
    asked = []

    def count(execute, sql, *args):
        asked.append(sql)
        return execute(sql, *args)

    with connection.execute_wrapper(count):
        work()
    return len(asked)


def statuses(*ids) -> list[str]:
    return sorted(Order.objects.filter(pk__in=ids).values_list("status", flat=True))


@pytest.mark.django_db
class TestJudged:
    def test_lines_of_one_group_add_up_whoever_holds_them(self, most, draft, mira, paul, by):
        most()
        assert submit(by(mira), draft(mira, 3_000, symbol="CCC")) == ["CLEARED"]
        assert submit(by(paul), draft(paul, 4_001, "P3")) == ["HELD"]  # 200,050 where 200,000 are left, and it takes them all the same.
        said = Check.objects.latest("pk").results[0]
        assert (said["max_qty"], said["unit"]) == ("4000", "USD")
        assert said["text"].startswith("Alpha Group across the firm would be USD 14,000,050.00; the limit is USD 14,000,000.00.")

    def test_a_basket_across_portfolios_counts_one_after_the_other(self, most, draft, mira, by):
        most()
        basket = draft(mira, 2_500, symbol="CCC"), draft(mira, 5_000, "P2"), draft(mira, 1, "P3", "CCC"), draft(mira, 10, "P3", "BBB")
        assert submit(by(mira), *basket) == ["CLEARED", "CLEARED", "HELD", "CLEARED"]

    def test_part_of_what_all_portfolios_are_worth(self, most, draft, mira, by):
        most(against="nav", limit="50")
        worth = submit(by(mira), draft(mira, 1)) and _firm_worth()
        held, code = D(13_500_000), "alpha"
        for limit, status in ((held + 50 + 50, "CLEARED"), (held + 50, "HELD")):
            take_out(by, code)
            code = f"alpha_{status.lower()}"
            most(code, against="nav", limit=f"{limit * 100 / worth + D('1e-9'):.12f}")
            pk = draft(mira, 1)
            assert submit(by(mira), pk) == [status]

    def test_what_some_portfolio_holds_without_a_price_cannot_be_told(self, most, draft, firm, mira, by):
        most()
        connection.cursor().execute("DELETE FROM marketdata_quote WHERE instrument_id = %s", [firm.instruments["CCC"].pk])
        assert submit(by(mira), draft(mira, 1), draft(mira, 1, symbol="BBB")) == ["HELD", "CLEARED"]
        results = Check.objects.order_by("pk").first().results
        assert [(one["outcome"], one["text"]) for one in results] == [("INDETERMINATE", "Cannot tell: no price or rate for CCC.")]

    def test_by_an_attribute_of_the_firms_own(self, most, draft, firm, mira, by):
        theme = OwnAttribute.objects.create(code="theme", title="Theme", kind="text")
        for symbol, value in (("AAA", "Water"), ("BBB", "Water"), ("CCC", "Land"), ("BOND", "Land")):
            InstrumentValue.objects.create(attribute=theme, instrument=firm.instruments[symbol], value=value)
        most(group="own.theme", limit="10140050")  # 7,500,000 of AAA and 2,640,000 of BBB.
        assert submit(by(mira), draft(mira, 1)) == ["HELD"]  # Of TSY nobody says it.
        InstrumentValue.objects.create(attribute=theme, instrument=firm.instruments["TSY"], value="None")
        take_out(by)
        most("theme", group="own.theme", limit="10140100")
        assert submit(by(mira), draft(mira, 1), draft(mira, 1)) == ["CLEARED", "HELD"]

    def test_of_a_least_open_sells_count(self, most, draft, mira, paul, by):
        most(bound="min", limit="13000000")
        assert submit(by(mira), draft(mira, 6_000, side="SELL")) == ["CLEARED"]
        assert submit(by(paul), draft(paul, 2_001, "P3", "CCC", "SELL")) == ["HELD"]

    def test_is_replayed_to_the_same(self, most, draft, mira, by):
        most()
        submit(by(mira), draft(mira, 3_000, symbol="CCC"), draft(mira, 10_000))
        today = Run.objects.latest("pk").at.date()
        report = selectors.replay_day(today)
        assert (report.runs, report.differences, report.faults) == (1, [], [])
        rules = [read_version(code, code, "measure", "SOFT", MOST | more) for code, more in (("same", {}), ("other", {"group": "sector"}))]
        asked = selectors.replay_rules(rules, today, today)
        assert asked.unasked == {"other": 1} and asked.differences == []  # Its inputs were read for groups of issuers alone.

    def test_where_no_rule_asks_it_is_not_read(self, most, draft, mira, by, people):
        def cost(*symbols) -> int:
            ids = [draft(mira, 1, symbol=symbol) for symbol in symbols]
            seen = dict(Order.objects.filter(pk__in=ids).values_list("pk", "version"))
            return statements(lambda: orders.submit_orders(by(mira), ids, seen=seen))

        put_in_force(by, "own", {"max_pct": "90"}, severity="HARD", name="Own", kind="issue_ownership")
        before = cost("AAA")
        most()
        assert before < cost("AAA") == cost("AAA", "CCC", "BBB", "AAA")
        most(group="all", limit="900000000")
        assert cost("AAA") == cost("AAA", "CCC", "BBB", "AAA")
        take_out(by, "alpha")
        assert cost("AAA") == before


def _firm_worth() -> D:
    with connection.cursor() as cursor:
        worth = firm_worth(cursor, timezone.now())
    assert not worth.missing
    s = selectors.snapshot_as_held(list(Portfolio.objects.values_list("pk", flat=True)), timezone.now())
    homes = range(len(s.portfolios))
    assert (worth.nav, worth.total_assets) == (sum(map(s.exact_nav, homes)), sum(map(s.exact_total_assets, homes)))
    return D(worth.nav.numerator) / worth.nav.denominator


@pytest.mark.django_db
class TestReserving:
    def test_what_a_draft_keeps_nobody_takes_by_another_line(self, most, draft, mira, paul, by):
        most()
        mine = draft(mira, 4_000, symbol="CCC")
        reserve(by(mira), mine)
        assert submit(by(paul), draft(paul, 2_001, "P3")) == ["HELD"]
        assert submit(by(mira), mine) == ["CLEARED"]  # What was held since took nothing of what was kept.
        assert Reservation.objects.get().status == "ENDED"

    def test_no_more_is_kept_than_there_is(self, most, draft, mira, paul, by):
        most()
        reserve(by(paul), draft(paul, 10_000, "P3"))
        with pytest.raises(compliance.NoRoom, match="takes more of Alpha Group than “Most of an issuer” leaves.*room for 0"):
            reserve(by(mira), draft(mira, 1, symbol="CCC"))
        assert Reservation.objects.count() == 1

    def test_beside_a_limit_on_the_instrument_it_is_one_draft(self, most, draft, mira, by):
        most()
        put_in_force(by, "own", {"max_pct": "4.9"}, severity="HARD", name="Own", kind="issue_ownership")
        mine = draft(mira, 5_000)
        assert len(reserve(by(mira), mine)) == 2
        assert {one.limit.group_key or one.limit.instrument.symbol for one in Reservation.objects.all()} == {
            f"issuer:{Issuer.objects.get(code='ALPHA').pk}", "AAA",
        }  # fmt: skip
        assert submit(by(mira), draft(mira, 2_500, symbol="CCC")) == ["CLEARED"]
        assert submit(by(mira), draft(mira, 1, symbol="CCC")) == ["HELD"]


@pytest.mark.django_db
class TestShown:
    def test_groups_with_what_is_used_kept_and_left_and_by_whom(self, most, draft, mira, paul, omar, by):
        most()
        kept, taken = draft(mira, 2_000, symbol="CCC"), draft(paul, 1_000, "P3")
        reserve(by(mira), kept)
        submit(by(paul), taken)
        (limit,) = selectors.shared_limits(omar, timezone.now())
        assert (limit.symbol, limit.unit, limit.is_group, limit.cap, limit.held, limit.promised, limit.reserved, limit.left) == (
            "Alpha Group", "USD", True, 14_000_000, 13_500_000, 50_000, 200_000, 250_000,
        )  # fmt: skip
        assert {(h.order_id, h.by, h.symbol, h.qty, h.takes, h.reservation_id is None) for h in limit.holders} == {
            (kept, str(mira), "CCC", 2_000, 200_000, False), (taken, str(paul), "AAA", 1_000, 50_000, True),
        }  # fmt: skip

    def test_of_a_least_sales_take_the_room(self, most, draft, mira, omar, by):
        most(bound="min", limit="13000000")
        pk = draft(mira, 1_000, side="SELL")
        submit(by(mira), pk, draft(mira, 10))
        (limit,) = selectors.shared_limits(omar, timezone.now())
        assert (limit.is_least, limit.promised, limit.left, [h.order_id for h in limit.holders]) == (True, 50_000, 450_000, [pk])

    def test_without_a_price_nothing_is_told(self, most, draft, firm, mira, omar, by):
        most()
        submit(by(mira), draft(mira, 10))
        connection.cursor().execute("DELETE FROM marketdata_quote WHERE instrument_id = %s", [firm.instruments["CCC"].pk])
        (limit,) = selectors.shared_limits(omar, timezone.now())
        assert (limit.cap, limit.held, limit.left) == (14_000_000, None, None)

    def test_on_the_page_and_in_the_api(self, most, draft, mira, by):
        most()
        client, pk = Client(), draft(mira, 1_000, symbol="CCC")
        client.force_login(mira)
        assert client.post(f"{PAGE}reserve/", {"seen": f"{pk}:1", "minutes": "30"}).status_code == 200
        text = client.get(PAGE).content.decode()
        assert "Alpha Group" in text and "group, in USD" in text and "1,000 CCC" in text and "400,000" in text
        other = draft(mira, 8_001)
        refused = client.post(f"{PAGE}reserve/", {"seen": f"{other}:1", "minutes": "30"})
        assert refused.status_code == 409 and "takes more of Alpha Group" in refused.content.decode()
        (told,) = client.get(API).json()
        assert (told["symbol"], told["unit"], told["is_group"], told["left"]) == ("Alpha Group", "USD", True, "400000.0000")
        assert (told["holders"][0]["symbol"], told["holders"][0]["takes"]) == ("CCC", "100000.0000")

    def test_the_number_of_statements_does_not_grow(self, most, draft, mira, omar, by):
        most()
        counts, _ = [], selectors.shared_limits(omar, timezone.now())
        for symbols in (("AAA",), ("AAA", "BBB", "CCC", "TSY")):
            submit(by(mira), *(draft(mira, 1000, symbol=symbol) for symbol in symbols))
            counts.append(statements(lambda: selectors.shared_limits(omar, timezone.now())))
        assert counts[0] == counts[1] and len(selectors.shared_limits(omar, timezone.now())) == 3


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_who_buy_different_lines_cannot_both_take_the_last_room(self, most, draft, mira, paul, by):
        most()
        for n in range(4):
            mine, theirs = draft(mira, 9_000 - n), draft(paul, 4_500 - n, "P3", "CCC")
            at_once(lambda mine=mine: submit(by(mira), mine), lambda theirs=theirs: submit(by(paul), theirs))
            assert statuses(mine, theirs) == ["CLEARED", "HELD"]
            orders.cancel_orders(
                by(mira), [mine, theirs], seen=dict(Order.objects.filter(pk__in=[mine, theirs]).values_list("pk", "version"))
            )

    def test_nor_both_keep_it(self, most, draft, mira, paul, by):
        most()
        for n in range(3):
            mine, theirs = draft(mira, 9_000 - n), draft(paul, 4_500 - n, "P3", "CCC")
            answers = at_once(lambda mine=mine: reserve(by(mira), mine), lambda theirs=theirs: reserve(by(paul), theirs))
            assert sorted(a if isinstance(a, str) else "kept" for a in answers) == ["NoRoom", "kept"]
            late = by(mira)
            late.at += timedelta(days=2)
            compliance.expire_reservations(late)

    def test_baskets_that_cross_under_rules_on_groups_and_instruments_do_not_wait_for_ever(self, most, firm, draft, mira, paul, by):
        most(limit="900000000")
        for code, group in (("sectors", "sector"), ("countries", "country"), ("all", "all")):
            most(code, group=group, limit="900000000")
        put_in_force(by, "own", {"max_pct": "90"}, severity="HARD", name="Own", kind="issue_ownership")
        for n in range(4):
            mine = [draft(mira, 10 + n, "P1", symbol) for symbol in ("AAA", "CCC", "BBB")]
            theirs = [draft(paul, 20 + n, "P3", symbol) for symbol in ("BBB", "CCC", "AAA")]
            answers = at_once(lambda ids=mine: submit(by(mira), *ids), lambda ids=theirs: submit(by(paul), *ids))
            assert answers == [["CLEARED"] * 3] * 2
        assert SharedLimit.objects.exclude(group_key="").count() == 2 + 2 + 2 + 1

    def test_screenings_of_another_group_do_not_wait(self, most, draft, mira, paul, by):
        most()
        mine, theirs = draft(mira, 10), draft(paul, 20, "P3", "BBB")
        with transaction.atomic():
            submit(by(mira), mine)
            (answer,) = at_once(lambda: submit(by(paul), theirs))
        assert answer == ["CLEARED"]

    @pytest.mark.parametrize("how", ["issuer", "parent"])
    def test_whose_an_instrument_is_stays_until_it_is_answered_for(self, most, draft, firm, mira, by, how):
        """CCC leaves Alpha for Beta while an order of it is judged: the change waits, and whoever judges Beta next finds the order."""
        most()
        pk, begun = draft(mira, 1_000, symbol="CCC"), Event()
        beta, ccc = Issuer.objects.get(code="BETA"), firm.instruments["CCC"]
        done = []

        def move():
            begun.wait(10)
            with transaction.atomic():
                connection.cursor().execute("SET LOCAL lock_timeout = '5s'")
                if how == "issuer":
                    Instrument.objects.filter(pk=ccc.pk).update(issuer=beta)
                else:
                    Issuer.objects.filter(pk=ccc.issuer_id).update(parent=beta)
                done.append(Order.objects.get(pk=pk).status)

        def judge():
            with transaction.atomic():
                submit(by(mira), pk)
                begun.set()
                connection.cursor().execute("SELECT pg_sleep(0.3)")
                assert not done

        at_once(judge, move)
        assert done == ["CLEARED"]  # It saw what was answered: it came after.
