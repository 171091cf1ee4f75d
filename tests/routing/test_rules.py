"""Where a block goes, what a dealer's price is worth, what FIX text says."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import quickfix as fix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.routing import rules
from apps.routing.states import Rt

D = Decimal
AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def candidate(rank, **fields):
    given_fields = {"asset_class": "", "country": "", "min_volume_pct": None, "max_volume_pct": None} | fields
    return rules.Candidate(id=rank, rank=rank, name=f"rule {rank}", **given_fields)


class TestRoutingRules:
    large = candidate(10, asset_class="EQUITY", country="US", min_volume_pct=D(5))
    small = candidate(20, asset_class="EQUITY", country="US")
    bonds = candidate(30, asset_class="CORP")

    def choose(self, klass, country, pct):
        return rules.choose([self.bonds, self.small, self.large], rules.Wanted(klass, country, pct))

    @pytest.mark.parametrize(
        "klass, country, pct, rule",
        [
            ("EQUITY", "US", D(7), "rule 10"),
            ("EQUITY", "US", D(5), "rule 10"),
            ("EQUITY", "US", D("4.99"), "rule 20"),
            ("EQUITY", "US", None, "rule 20"),
            ("CORP", "US", None, "rule 30"),
            ("EQUITY", "DE", D(1), None),
        ],
    )
    def test_the_lowest_rank_that_matches_decides(self, klass, country, pct, rule):
        chosen, trace = self.choose(klass, country, pct)

        assert (chosen.name if chosen else None) == rule
        assert trace["rule"] == rule

    def test_the_trace_says_why_each_rule_was_passed_over(self):
        _, trace = self.choose("CORP", "US", D("2.5"))

        assert trace == {
            "asset_class": "CORP",
            "country": "US",
            "volume_pct": "2.5000",
            "passed_over": [
                {"rule": "rule 10", "because": "asset class is CORP, not EQUITY"},
                {"rule": "rule 20", "because": "asset class is CORP, not EQUITY"},
            ],
            "rule": "rule 30",
            "rule_id": 30,
        }

    def test_brokers_are_taken_in_turn(self):
        assert [rules.in_turn("ABC", turn) for turn in range(4)] == [["A"], ["B"], ["C"], ["A"]]
        assert [rules.in_turn("ABC", turn, 2) for turn in range(3)] == [["A", "B"], ["B", "C"], ["C", "A"]]
        assert rules.in_turn("ABC", 1, 9) == ["B", "C", "A"]


class TestSessions:
    def test_a_live_session_may_not_point_at_the_simulation(self):
        problems = rules.session_problems(
            "live",
            [
                ("simulation", "OMS-SIM", "HARBOR", "127.0.0.1", 9880),
                ("live", "OMS-SIM", "NORTHGATE", "fix.example.com", 9000),
                ("live", "OMS", "MERIDIAN", "127.0.0.1", 9880),
            ],
        )

        assert problems == [
            "OMS-SIM → NORTHGATE is live, but its SenderCompID is a simulation's.",
            "OMS → MERIDIAN is live, but 127.0.0.1:9880 is where simulated counterparties answer.",
        ]

    def test_a_simulation_says_so_in_its_name(self):
        assert rules.session_problems("simulation", [("simulation", "OMS", "HARBOR", "127.0.0.1", 9880)]) == [
            "OMS → HARBOR is a simulation, but its SenderCompID does not end in -SIM."
        ]
        assert rules.session_problems("simulation", [("simulation", "OMS-SIM", "HARBOR", "127.0.0.1", 9880)]) == []


def answer(pk, price, *, qty=None, seconds=10, answered=0, declined=False):
    return rules.Answer(
        id=pk,
        price=None if price is None else D(price),
        qty=qty,
        valid_until=AT + timedelta(seconds=seconds),
        answered_at=AT + timedelta(milliseconds=answered),
        declined=declined,
    )


class TestQuotes:
    def test_a_buyer_takes_the_lowest_offer_and_a_seller_the_highest_bid(self):
        quotes = [answer(1, "98.20"), answer(2, "98.10"), answer(3, "98.30")]

        assert rules.best_of("BUY", D(1000), quotes, AT).id == 2
        assert rules.best_of("SELL", D(1000), quotes, AT).id == 3

    def test_an_expired_or_too_small_quote_is_not_taken(self):
        quotes = [answer(1, "98.00", seconds=0), answer(2, "98.10", qty=D(999)), answer(3, "98.30", qty=D(1000))]

        assert rules.best_of("BUY", D(1000), quotes, AT).id == 3
        assert rules.best_of("BUY", D(1000), quotes[:2], AT) is None

    def test_the_earlier_of_two_equal_prices_wins_and_the_other_tied(self):
        quotes = [answer(1, "98", answered=20), answer(2, "98", answered=10), answer(3, "99"), answer(4, None)]
        winner = rules.best_of("BUY", D(1), quotes, AT)

        assert winner.id == 2
        assert rules.outcomes("BUY", quotes, [winner]) == {1: "TIED", 2: "WON", 3: "LOST", 4: "SILENT"}

    def test_the_cover_is_the_best_losing_price(self):
        quotes = [answer(1, "98.3"), answer(2, "98.1"), answer(3, "98.2"), answer(4, None, declined=True)]

        assert rules.outcomes("BUY", quotes, [quotes[1]]) == {1: "LOST", 2: "WON", 3: "COVER", 4: "DECLINED"}
        assert rules.outcomes("BUY", quotes, []) == {1: "LOST", 2: "LOST", 3: "LOST", 4: "DECLINED"}

    def test_the_best_parts_take_the_best_prices_first_each_for_as_much_as_it_is_good_for(self):
        quotes = [answer(1, "98.2"), answer(2, "98.1", qty=D(30_500)), answer(3, "98.0", qty=D(50_000), seconds=0), answer(4, None)]

        parts = rules.best_parts("BUY", D(100_000), quotes, AT, step=D(1000), least=D(2000))

        assert [(p.answer.id, p.qty) for p in parts] == [(2, 30_000), (1, 70_000)]

    def test_of_two_winners_the_cover_is_the_best_of_the_rest(self):
        quotes = [answer(1, "98.3"), answer(2, "98.1"), answer(3, "98.2"), answer(4, "98.2")]

        assert rules.outcomes("BUY", quotes, [quotes[1], quotes[2]]) == {1: "LOST", 2: "WON", 3: "WON", 4: "TIED"}
        assert rules.cover_of("BUY", quotes, [quotes[1], quotes[2]]) == D("98.2")

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        side=st.sampled_from(["BUY", "SELL"]), want=st.integers(1, 200), step=st.sampled_from([1, 5, 1000]),
        offers=st.lists(st.tuples(st.integers(90, 110), st.none() | st.integers(0, 90_000), st.booleans()), max_size=8),
    )  # fmt: skip
    def test_parts_never_come_to_more_nor_could_be_had_for_less(self, side, want, step, offers):
        qty = D(want * step)
        quotes = [answer(n, p, qty=None if q is None else D(q), seconds=10 if good else 0) for n, (p, q, good) in enumerate(offers)]

        parts = rules.best_parts(side, qty, quotes, AT, step=D(step))

        room = [qty if q is None else q // step * step for _, q, good in offers if good]
        assert sum(p.qty for p in parts) == min(qty, sum(room))
        assert all(p.qty > 0 and p.qty % step == 0 and (p.answer.qty is None or p.qty <= p.answer.qty) for p in parts)
        assert all(rules.is_good(p.answer, AT) for p in parts)
        units = [p for p, q, good in offers if good for _ in range(int((qty if q is None else min(qty, q)) // step))]
        least = sum(sorted(units, reverse=side == "SELL")[: int(sum(p.qty for p in parts)) // step]) * step
        assert rules.value_of(parts) == least

    def test_distance_to_mid_is_positive_where_the_price_is_better_for_us(self):
        assert rules.distance_bp("BUY", D("97.951"), D(98)) == D(5)
        assert rules.distance_bp("SELL", D("97.951"), D(98)) == D(-5)
        assert rules.distance_bp("BUY", None, D(98)) is None


WORDS = st.text(st.characters(blacklist_characters="\x00\x01\x02\x03", blacklist_categories=("Cs",)), min_size=1)


class TestWire:
    @given(st.lists(st.tuples(st.integers(1, 99_999), WORDS)))
    def test_kept_text_gives_back_every_field(self, fields):
        assert rules.fields_of(rules.text_of(fields)) == fields

    def test_a_frame_has_its_length_and_check_sum(self):
        framed = rules.frame("FIX.4.4", "0", [(112, "é")])

        assert framed.startswith("8=FIX.4.4\x019=12\x0135=0\x01")
        assert fix.Message(framed, True).getField(112) == "é"  # Validated: length and check sum are right.

    @pytest.mark.parametrize("value", ["1e5", "NaN", "Infinity", "--1", "1,000", "٣", "9" * 13, "0.00001", "", " 1"])
    def test_only_plain_numbers_that_can_be_kept_exactly_are_numbers(self, value):
        fields = rules.Fields(f"38={value}|")

        with pytest.raises(rules.Malformed, match="tag 38"):
            fields.decimal(38, 4)

    @pytest.mark.parametrize("value", ["20261323-10:00:00", "2026-11-23", "20261123-25:00:00", "20261123-10:00:00Z"])
    def test_only_utc_times_are_times(self, value):
        with pytest.raises(rules.Malformed, match="tag 60"):
            rules.Fields(f"60={value}|").time(60)

    def test_a_time_keeps_its_fraction(self):
        assert rules.Fields("60=20261123-14:30:00.123456|").time(60) == AT.replace(microsecond=123456)
        assert rules.utc_text(AT.replace(microsecond=123456)) == "20261123-14:30:00.123"

    @given(st.text(max_size=60))
    def test_any_text_is_read_or_refused(self, text):
        with contextlib.suppress(rules.Malformed):
            rules.read_report(rules.Fields(text))


def report(text):
    return rules.read_report(rules.Fields(text + "|17=E1|37=O1|60=20261123-14:30:00|"))


class TestReports:
    order = rules.Order("BUY", D(1000), D(400), D("50.10"), "US0378331005", "USD")

    @pytest.mark.parametrize(
        "text, problem",
        [
            ("150=F|39=1|54=1|32=100|31=50", None),
            ("150=F|39=1|54=2|32=100|31=50", "It is a SELL of an order to BUY."),
            ("150=F|39=1|54=1|32=601|31=50", "It would fill 1001 of an order for 1000."),
            ("150=F|39=1|54=1|32=100|31=50.11", "Its price 50.11 is outside the limit 50.1."),
            ("150=F|39=1|54=1|32=100|31=50|15=EUR", "It is in EUR, the order in USD."),
            ("150=F|39=1|54=1|32=1|31=50|48=US5949181045|22=4", "It is in US5949181045, the order in US0378331005."),
        ],
    )
    def test_a_fill_is_held_against_its_order(self, text, problem):
        found = rules.fill_problem(self.order, report(text), self.order.limit_price)
        assert (found.text if found else None) == problem

    @pytest.mark.parametrize(
        "text", ["150=F|39=1|32=0|31=5", "150=F|39=1|32=5", "150=2|39=2", "150=0|39=5", "150=H|39=1"]
    )
    def test_a_report_that_says_nothing_sensible_is_malformed(self, text):
        with pytest.raises(rules.Malformed):
            report(text)

    @pytest.mark.parametrize(
        "status, cum, reported, good_till, leaves",
        [
            (Rt.PARTLY_FILLED, 400, 400, False, 600),
            (Rt.PENDING_CANCEL, 400, 400, False, 600),
            (Rt.CANCELED, 400, 400, False, 0),
            (Rt.CANCELED, 400, 500, False, 100),
            (Rt.FILLED, 900, 1000, False, 100),
            (Rt.DONE_FOR_DAY, 400, 400, False, 0),
            (Rt.DONE_FOR_DAY, 400, 400, True, 600),
            (Rt.REJECTED, 0, 0, False, 0),
        ],
    )
    def test_what_is_left_follows_state_and_fills(self, status, cum, reported, good_till, leaves):
        assert rules.leaves_of(status, D(1000), D(cum), D(reported), good_till) == D(leaves)

    def test_a_bust_may_name_any_ancestor(self):
        chain = {"D": 1, "F": 2, "H": 3}

        assert [rules.live_link(x, chain, {1: 2, 2: 3}) for x in "DFHX"] == [3, 3, 3, None]

    @pytest.mark.parametrize(
        "kind, amount, expected", [("3", "7.25", "7.25"), ("1", "0.005", "0.50"), ("2", "0.02", "1.00")]
    )
    def test_commission_is_absolute_per_unit_or_percent(self, kind, amount, expected):
        fill = report(f"150=F|39=1|54=1|32=100|31=50|12={amount}|13={kind}")

        assert rules.commission_amount(fill, D(100), D(50), D(1), 2) == D(expected)

    def test_a_trade_date_is_its_own_or_that_of_the_transaction(self):
        assert report("150=0|39=0|75=20261124").trade_date == date(2026, 11, 24)
        assert report("150=0|39=0").trade_date == date(2026, 11, 23)


class TestStates:
    """FIX 5.0 SP2 vol. 4 app. D: of several states that hold at once the highest is told."""

    def after(self, before, said, kind="F", *, cum=400, late=False, fills=True, asked=False):
        return rules.status_after(before, said, kind, D(1000), D(cum), is_late=late, fills=fills, is_asked=asked)

    @pytest.mark.parametrize("pending", [Rt.PENDING_CANCEL, Rt.PENDING_REPLACE])
    @pytest.mark.parametrize("said", [Rt.NEW, Rt.PARTLY_FILLED, Rt.STOPPED, Rt.SUSPENDED])
    def test_what_is_pending_stays_so_until_it_is_answered(self, pending, said):
        assert self.after(pending, said, asked=True) == pending
        assert self.after(pending, said, asked=False) == said

    def test_a_pending_cancel_is_above_a_pending_replace(self):
        assert self.after(Rt.PENDING_CANCEL, Rt.PENDING_REPLACE, "E", asked=True) == Rt.PENDING_CANCEL
        assert self.after(Rt.PENDING_REPLACE, Rt.PENDING_CANCEL, "6", asked=True) == Rt.PENDING_CANCEL

    @pytest.mark.parametrize("over", [Rt.CANCELED, Rt.EXPIRED, Rt.REJECTED, Rt.DONE_FOR_DAY, Rt.CALCULATED])
    def test_an_order_that_is_over_is_over_whatever_waits(self, over):
        assert self.after(Rt.PENDING_CANCEL, over, "4", asked=True) == over

    @pytest.mark.parametrize("before", [s for s in Rt if s not in (Rt.PENDING_SEND, Rt.PENDING_NEW, Rt.NEW, Rt.REJECTED)])
    def test_an_acknowledgement_never_takes_an_order_back(self, before):
        assert self.after(before, Rt.NEW, "0", cum=0, fills=False) == before
        assert self.after(before, Rt.PENDING_NEW, "A", cum=0, fills=False) == before

    @pytest.mark.parametrize("before", list(Rt))
    def test_what_is_late_takes_nothing_back(self, before):
        if before in (Rt.PENDING_SEND, Rt.PENDING_NEW):
            assert self.after(before, Rt.PENDING_CANCEL, "6", cum=0, late=True, fills=False) == Rt.NEW
        else:
            assert self.after(before, Rt.NEW, "0", late=True, fills=False) == before

    @pytest.mark.parametrize(("cum", "is_now"), [(0, Rt.NEW), (400, Rt.PARTLY_FILLED), (1000, Rt.FILLED)])
    def test_a_late_fill_moves_what_follows_from_quantities(self, cum, is_now):
        for before in (Rt.PENDING_SEND, Rt.PENDING_NEW, Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED):
            assert self.after(before, Rt.NEW, cum=cum, late=True) == is_now
        for before in (Rt.PENDING_CANCEL, Rt.CANCELED, Rt.DONE_FOR_DAY, Rt.EXPIRED):
            assert self.after(before, Rt.NEW, cum=cum, late=True) == before

    @pytest.mark.parametrize(
        ("before", "said", "cum", "after"),
        [
            (Rt.PENDING_CANCEL, Rt.PARTLY_FILLED, 400, Rt.PARTLY_FILLED),
            (Rt.PENDING_CANCEL, Rt.PENDING_REPLACE, 400, Rt.PENDING_REPLACE),  # The replace before it still waits.
            (Rt.PENDING_CANCEL, None, 400, Rt.PARTLY_FILLED),
            (Rt.PENDING_REPLACE, Rt.FILLED, 1000, Rt.FILLED),
            (Rt.PENDING_REPLACE, Rt.FILLED, 400, Rt.PARTLY_FILLED),  # What filled it is not heard yet.
            (Rt.PENDING_CANCEL, Rt.CANCELED, 0, Rt.NEW),  # That it is over an execution report must say.
            (Rt.NEW, Rt.PENDING_CANCEL, 0, Rt.NEW),
            (Rt.FILLED, Rt.PARTLY_FILLED, 1000, Rt.FILLED),
        ],
    )
    def test_a_refused_request_gives_the_order_back(self, before, said, cum, after):
        assert rules.after_refusal(before, said, D(1000), D(cum)) == after

    def test_what_fix_does_not_show_is_unusual_and_no_more(self):
        assert rules.is_unusual(Rt.FILLED, Rt.NEW, "0") and rules.is_unusual(Rt.CANCELED, Rt.NEW, "0")
        assert not rules.is_unusual(Rt.FILLED, Rt.NEW, "H")  # All of it was taken back.
        assert not rules.is_unusual(Rt.DONE_FOR_DAY, Rt.NEW, "D")  # The next day of an order good till cancelled.
        assert not rules.is_unusual(Rt.NEW, Rt.EXPIRED, "C")


def old(text):
    return rules.read_report(rules.Fields("8=FIX.4.2|" + text + "|17=E1|37=O1|60=20261123-14:30:00|"))


class TestVersions:
    @pytest.mark.parametrize(
        ("text", "kind", "status"),
        [
            ("20=0|150=0|39=0", "0", Rt.NEW),
            ("20=0|150=1|39=1|32=1|31=5", "F", Rt.PARTLY_FILLED),
            ("20=0|150=2|39=2|32=1|31=5", "F", Rt.FILLED),
            ("150=1|39=6|32=1|31=5", "F", Rt.PENDING_CANCEL),
            ("20=1|150=1|39=0|19=E0", "H", Rt.NEW),
            ("20=2|150=1|39=1|19=E0|32=1|31=5", "G", Rt.PARTLY_FILLED),
            ("20=3|150=1|39=1", "I", Rt.PARTLY_FILLED),
            ("20=0|150=5|39=5|38=1000|14=0", "5", Rt.NEW),
            ("20=0|150=5|39=5|38=1000|14=400", "5", Rt.PARTLY_FILLED),
            ("20=0|150=5|39=5|38=1000|14=1000", "5", Rt.FILLED),
            ("20=0|150=D|39=1", "D", Rt.PARTLY_FILLED),
        ],
    )
    def test_a_report_of_fix_42_means_what_one_of_44_does(self, text, kind, status):
        read = old(text)

        assert (read.exec_type, read.status) == (kind, status)

    @pytest.mark.parametrize("text", ["20=4|150=0|39=0", "150=F|39=1|32=1|31=5", "150=I|39=1", "150=1|39=1", "20=1|150=1|39=0"])
    def test_what_fix_42_does_not_know_is_malformed(self, text):
        with pytest.raises(rules.Malformed):
            old(text)

    def test_a_newer_version_may_trigger_an_order(self):
        fields = rules.Fields("8=FIXT.1.1|150=L|39=0|17=E1|60=20261123-14:30:00|")

        assert rules.read_report(fields).status == Rt.NEW
        with pytest.raises(rules.Malformed):
            report("150=L|39=0")


class TestRepeats:
    def key(self, text):
        return rules.report_key(rules.Fields(text))

    def test_a_report_is_its_exec_id_of_a_day(self):
        assert self.key("17=E1|75=20261123|34=1") == self.key("17=E1|75=20261123|34=9|43=Y|97=Y") == "20261123/E1"
        assert self.key("17=E1|75=20261124") != self.key("17=E1|75=20261123")

    def test_what_has_none_is_what_it_says(self):
        assert self.key("35=9|34=1|52=1|11=Y|39=1") == self.key("35=9|34=7|43=Y|122=1|52=2|11=Y|39=1")
        assert self.key("35=9|11=Y|39=1") != self.key("35=9|11=Z|39=1")

    def test_the_same_name_for_something_else_is_seen(self):
        first = rules.Fields("150=F|11=X|32=100|31=50.0|54=1")

        assert rules.says_another(first, rules.Fields("150=F|11=X|32=100|31=50|54=1|97=Y|6=1")) == ""
        assert rules.says_another(first, rules.Fields("150=F|11=X|32=200|31=50|54=1")) == "LastQty (32) 200, not 100"
