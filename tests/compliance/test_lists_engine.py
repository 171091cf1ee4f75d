"""Which orders meet which entries, without a database: at the edges of dates, directions, groups and scopes."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from orjson import loads

from apps.compliance.engine.judgement import FAIL, INDETERMINATE, PASS
from apps.compliance.engine.lists import (
    KINDS,
    Entry,
    Family,
    Holding,
    How,
    Met,
    Part,
    Thing,
    Wanted,
    looked_through,
    met,
    named,
)  # fmt: skip
from apps.compliance.engine.rules.restricted import NEUTRAL
from apps.compliance.engine.screening import screen

from .books import NEXT, TODAY, book, rule, share

# The group: 1 owns 2 and 3, 2 owns 4; 9 is by itself.
FAMILY = Family({1: None, 2: 1, 3: 1, 4: 2, 9: None})


def entry(pk: int = 5, **more) -> Entry:
    given = {"name": "Alpha", "direction": "ALL", "reason": "Deal.", "effective_from": TODAY, "effective_to": None}
    return Entry(pk, **(given | more))


def hits(one: Entry, thing: Thing, sells: bool = False, **more) -> list[str]:
    """How an order in the thing meets the entry; empty where it does not."""
    scope = {"portfolio_id": 11, "desk_id": 21, "person_id": 31} | more
    wanted = Wanted(1, thing.id, sells=sells, **scope)
    return [found.how.via or "itself" for found in met(named([one], [thing]), [wanted])]


SHARE = Thing(100, "AAA", 1, TODAY)
HOW = How("A is on B")
OPTION = Thing(101, "AAA C100", 9, TODAY, 100, "AAA", 1)


@pytest.mark.parametrize(
    ("issuer", "how", "expected"),
    [
        (2, "ISSUER", {2}), (2, "DAUGHTERS", {2, 4}), (2, "PARENTS", {1, 2, 4}), (2, "GROUP", {1, 2, 3, 4}),
        (1, "DAUGHTERS", {1, 2, 3, 4}), (4, "PARENTS", {1, 2, 4}), (9, "GROUP", {9}),
    ],
)  # fmt: skip
def test_an_issuer_stands_for_as_much_of_its_group_as_it_says(issuer, how, expected):
    assert FAMILY.reach(issuer, how) == expected


def test_a_group_that_owns_itself_is_a_fault():
    with pytest.raises(ValueError, match="its own ancestor"):
        Family({1: 2, 2: 1}).reach(1, "GROUP")


class TestWhatIsNamed:
    def test_an_issuer_is_met_by_what_it_issued_and_by_what_is_on_that(self):
        one = entry(issuers=frozenset([1]))
        assert hits(one, SHARE) == ["itself"]
        assert hits(one, OPTION) == ["AAA C100 is on AAA"]
        assert hits(one, SHARE._replace(issuer_id=9)) == []

    def test_listed_today_holds_also_where_it_is_still_yesterday(self):
        there, tomorrow = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
        late = SHARE._replace(trade_date=there, asked_on=TODAY)
        assert hits(entry(instrument_id=100), late) == ["itself"]
        assert hits(entry(instrument_id=100), SHARE._replace(trade_date=there)) == []
        assert hits(entry(instrument_id=100, effective_from=tomorrow), late) == []
        assert hits(entry(instrument_id=100, effective_from=there, effective_to=there), late) == ["itself"]
        assert hits(entry(instrument_id=100, effective_from=there, effective_to=TODAY), SHARE._replace(trade_date=tomorrow)) == []
        assert hits(entry(instrument_id=100), SHARE._replace(trade_date=tomorrow, asked_on=TODAY)) == ["itself"]

    def test_an_instrument_is_met_by_itself_and_by_what_is_on_it(self):
        one = entry(instrument_id=100)
        assert hits(one, SHARE) == ["itself"]
        assert hits(one, OPTION) == ["AAA C100 is on AAA"]
        assert hits(one, SHARE._replace(id=102)) == []

    def test_what_is_on_it_does_not_name_what_it_is_on(self):
        assert hits(entry(instrument_id=101), SHARE) == []

    def test_an_entry_is_met_once_though_it_names_both(self):
        assert hits(entry(issuers=frozenset([1])), OPTION._replace(issuer_id=1)) == ["itself"]


@pytest.mark.parametrize(
    ("start", "end", "is_met"),
    [
        (TODAY, TODAY, True), (TODAY, None, True), (NEXT, None, False), (date(2026, 1, 1), date(2026, 3, 3), False),
        (date(2026, 1, 1), TODAY, True),
    ],
)  # fmt: skip
def test_both_dates_are_inclusive_and_are_those_of_the_trade(start, end, is_met):
    assert bool(hits(entry(instrument_id=100, effective_from=start, effective_to=end), SHARE)) is is_met


def test_what_would_trade_tomorrow_is_held_against_tomorrow():
    assert hits(entry(instrument_id=100, effective_from=NEXT), SHARE._replace(trade_date=NEXT)) == ["itself"]
    assert hits(entry(instrument_id=100, effective_to=TODAY), SHARE._replace(trade_date=NEXT)) == []


@pytest.mark.parametrize(("direction", "buys", "sells"), [("ALL", 1, 1), ("BUY", 1, 0), ("SELL", 0, 1)])
def test_direction_counts(direction, buys, sells):
    one = entry(instrument_id=100, direction=direction)
    assert (len(hits(one, SHARE)), len(hits(one, SHARE, sells=True))) == (buys, sells)


@pytest.mark.parametrize("name", ["portfolio_id", "desk_id", "person_id"])
def test_it_may_be_about_one_portfolio_desk_or_person(name):
    one = entry(instrument_id=100, **{name: 77})
    assert hits(one, SHARE) == []
    assert hits(one, SHARE, **{name: 77}) == ["itself"]


class TestTheRules:
    stops, holds = rule("restricted_list", "HARD"), rule("control_room")

    def screened(self, *entries: Entry, how: How = HOW):
        s = book([share(1, "A")], [(0, "A", "BUY", 9), (0, "A", "SELL", 9)], positions=[(0, "A", 9)],
                 met=[Met(1, one, how) for one in entries])  # fmt: skip
        found = screen(s, [self.stops, self.holds])
        return [v.outcome.tolist() for v in found.verdicts], found, s

    def test_each_kind_stops_holds_or_goes_on(self):
        expected = {"RESTRICTED": (FAIL, PASS), "WATCH": (PASS, PASS), "GREY": (PASS, FAIL), "INSIDER": (PASS, FAIL),
                    "WALL": (PASS, FAIL)}  # fmt: skip
        for kind in KINDS:
            outcomes, _, _ = self.screened(entry(kind=kind))
            assert tuple(outcome[0] for outcome in outcomes) == expected[kind], kind
            assert [outcome[1] for outcome in outcomes] == [PASS, PASS]

    def test_the_evidence_of_what_is_the_control_rooms_says_nothing_of_it(self):
        _, found, s = self.screened(entry(kind="GREY", reason="Project Falcon", name="Alpha"))
        said = found.results(s)[0]
        assert NEUTRAL in said
        assert not [word for word in ("Falcon", "Alpha", "grey", "A is on B", "Entry") if word.lower() in said.lower()]

    def test_the_evidence_of_the_restricted_list_says_all(self):
        _, found, s = self.screened(entry(effective_to=NEXT))
        said = found.results(s)[0]
        assert "Alpha is on the restricted list: no trading from 2026-03-04 to 2026-03-05. A is on B. Deal." in said

    def test_no_quantity_passes(self):
        _, found, _ = self.screened(entry())
        assert found.max_qty.tolist()[0] == 0

    @pytest.mark.parametrize(
        ("weight", "as_of", "age", "outcome"),
        [
            (D("7.02"), TODAY, 0, FAIL), (D(0), TODAY, 0, PASS), (D("7.02"), TODAY, 45, FAIL), (D(0), TODAY, 45, PASS),
            (D("7.02"), TODAY, 46, INDETERMINATE), (D(0), TODAY, 46, INDETERMINATE), (D(0), None, 0, INDETERMINATE),
        ],
    )  # fmt: skip
    def test_what_a_fund_holds_counts_while_it_is_known(self, weight, as_of, age, outcome):
        how = How("VFIAX held 7% of what is named", weight, as_of and as_of - timedelta(days=age))
        for kind, place in (("RESTRICTED", 0), ("GREY", 1)):
            outcomes, _, _ = self.screened(entry(kind=kind, look_through=True), how=how)
            assert outcomes[place][0] == outcome

    def test_what_stops_is_told_before_what_cannot_be_told(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 9)],
                 met=[Met(1, entry(1, name="Maybe"), How("", D(0), None)), Met(1, entry(2, name="Surely"))])  # fmt: skip
        found = screen(s, [self.stops])
        assert "Surely is on the restricted list" in found.results(s)[0]


class TestLookingThrough:
    """Fund 200 holds AAA (issuer 1) at 7% and fund 300 at 10%; fund 300 holds AAA at 50%, as of a day before."""

    EARLIER = TODAY - timedelta(days=1)
    FUND = Thing(200, "FFF", 9, TODAY, fund_id=200)
    HOLDS = {
        200: Holding(TODAY, [Part(SHARE, D(7)), Part(Thing(300, "GGG", 9, TODAY), D(10), True)]),
        300: Holding(EARLIER, [Part(SHARE, D(50)), Part(Thing(400, "ZZZ", 8, TODAY), D(50))]),
    }

    def how(self, one: Entry, thing: Thing = FUND, holdings=HOLDS) -> How | None:
        found = named([one], [thing], holdings).get(thing.id, [])
        return found[0][1] if found else None

    def test_what_it_holds_itself_and_by_funds_is_added_up(self):
        how = self.how(entry(issuers=frozenset([1]), look_through=True))
        assert (how.weight_pct, how.as_of) == (D(12), self.EARLIER)
        assert how.via == "FFF held 12% of what is named as of 2026-03-03"

    def test_only_an_entry_that_says_so_looks_through(self):
        assert self.how(entry(issuers=frozenset([1]))) is None

    def test_an_option_on_a_fund_is_looked_through_too(self):
        option = Thing(201, "FFF C1", 9, TODAY, 200, "FFF", 9, fund_id=200)
        assert self.how(entry(instrument_id=100, look_through=True), option).weight_pct == D(12)

    def test_nothing_of_it_is_said_with_its_day(self):
        how = self.how(entry(instrument_id=999, look_through=True))
        assert how == How("FFF held nothing of what is named as of 2026-03-03", D(0), self.EARLIER)

    @pytest.mark.parametrize("holdings", [{}, {200: HOLDS[200]}])
    def test_what_is_not_on_file_is_not_known(self, holdings):
        how = self.how(entry(instrument_id=999, look_through=True), holdings=holdings)
        assert (how.as_of, how.is_known(TODAY, 3_660)) == (None, False)

    def test_the_fund_itself_is_named_outright(self):
        assert self.how(entry(instrument_id=200, look_through=True)) == How()

    def test_funds_that_hold_each_other_are_not_known(self):
        circle = {200: Holding(TODAY, [Part(Thing(300, "GGG", 9, TODAY), D(10), True)]),
                  300: Holding(TODAY, [Part(self.FUND, D(10), True)])}  # fmt: skip
        assert looked_through(200, circle).as_of is None


def told(*entries, kind="control_room", order=1):
    s = book([share(1, "A")], [(0, "A", "BUY", 1)], cash=[(0, "USD", 10**6)], met=[Met(1, one) for one in entries])
    s.orders.id[0] = order
    s.met = [found._replace(order_id=order) for found in s.met]
    (result,) = loads(screen(s, [rule(kind)]).results(s)[0])
    return result


def test_what_is_held_says_for_that_order_alone_by_which_entries():
    one, other = (told(entry(pk, kind="GREY"))["met"] for pk in (5, 6))
    both = told(entry(5, kind="GREY"), entry(6, kind="GREY"))
    assert len(one) == 1 and one != other and both["met"] == sorted(one + other)
    assert told(entry(5, kind="GREY"), order=2)["met"] != one
    assert both["text"] == NEUTRAL and not both["data"]
    assert told(entry(5), kind="restricted_list")["met"] == one
