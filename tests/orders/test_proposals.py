"""Wishes that are no orders: kept, changed, promoted in sets, discarded; nothing is promised by them."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.models import Check, Review
from apps.core.refusals import IllegalMove, NotAllowed, NotFound
from apps.orders import selectors
from apps.orders import services as orders
from apps.orders.models import Order, OrderGroup, Proposal
from apps.users.models import User
from tests.compliance.ruling import put_in_force
from tests.pages import send, visit, words
from tests.races import at_once

URL = "/api/v1/proposals/"


@pytest.fixture
def proposed(wish, mira, by):
    def make(*wishes) -> list[Proposal]:
        ids = orders.propose_orders(by(mira), wishes or [wish()])
        return [Proposal.objects.get(pk=pk) for pk in ids]

    return make


@pytest.fixture
def colleague(mira):
    """Another manager of mira's team."""
    moe = User.objects.create(username="moe", first_name="Moe")
    moe.groups.set(mira.groups.all())
    return moe


def seen(*proposals: Proposal) -> dict[int, int]:
    return {p.pk: p.version for p in proposals}


def events() -> list[str]:
    return list(Entry.objects.filter(subject="proposal").order_by("pk").values_list("event", flat=True))


class TestPropose:
    def test_keeps_a_wish_that_is_no_order(self, proposed, wish):
        [one] = proposed(wish(order_type="LIMIT", limit_price="50.5", rationale="Cheap"))
        assert (one.status, one.qty, one.limit_price, one.rationale) == ("PROPOSED", Decimal(100), Decimal("50.5"), "Cheap")
        assert events() == ["proposal.made"] and Order.objects.count() == Check.objects.count() == 0

    def test_another_for_the_same_instrument_of_the_portfolio_takes_its_place(self, proposed, wish):
        proposed(wish(), wish("P2"))
        [again] = proposed(wish(side="SELL", qty="50"))
        assert (again.side, again.qty, again.version) == ("SELL", Decimal(50), 2)
        assert Proposal.objects.count() == 2 and events() == ["proposal.made"] * 2 + ["proposal.changed"]
        told = Entry.objects.get(event="proposal.changed").payload
        assert (told["before"], told["after"]) == ({"side": "BUY", "qty": "100"}, {"side": "SELL", "qty": "50"})

    def test_never_takes_the_place_of_a_colleagues(self, proposed, wish, mira, colleague, by):
        [one] = proposed(wish(rationale="Mine"))
        with pytest.raises(orders.BadWishes, match="Mira Mehta proposes to buy 100 AAA for P1") as refused:
            orders.propose_orders(by(colleague), [wish("P2"), wish(qty="7")])
        assert [(row["index"], row["field"]) for row in refused.value.facts["rows"]] == [(1, "instrument")]
        assert list(Proposal.objects.values_list("pk", "qty", "version")) == [(one.pk, Decimal(100), 1)]
        orders.discard_proposals(by(colleague), [one.pk], seen=seen(one))
        assert orders.propose_orders(by(colleague), [wish(qty="7")]) != [one.pk]

    def test_refuses_bad_wishes_and_two_for_one_and_keeps_none(self, wish, mira, by):
        for wishes, index in (([wish(), wish(symbol="BBB", qty="0")], 1), ([wish(), wish(qty="5")], 1)):
            with pytest.raises(orders.BadWishes) as refused:
                orders.propose_orders(by(mira), wishes)
            assert [row["index"] for row in refused.value.facts["rows"]] == [index]
        assert Proposal.objects.count() == 0 and events() == []

    def test_refuses_what_it_would_not_keep(self, wish, mira, by):
        for more in ({"tif": "GTC"}, {"instructions": "Care"}, {"client_ref": "r-1"}):
            with pytest.raises(orders.BadWishes, match="market or limit order for the day"):
                orders.propose_orders(by(mira), [wish(**more)])
        assert Proposal.objects.count() == 0

    def test_is_for_who_runs_the_portfolio(self, wish, paul, tom, by):
        with pytest.raises(orders.BadWishes):
            orders.propose_orders(by(paul), [wish("P1")])
        with pytest.raises(NotAllowed):
            orders.propose_orders(by(tom), [wish()])

    def test_needs_as_many_statements_for_many_as_for_few(self, wish, mira, by, firm):
        symbols = ["AAA", "BBB", "CCC", "BOND", "TSY"]
        pairs = [(portfolio, symbol) for portfolio in ("P1", "P2", "P3") for symbol in symbols]
        orders.propose_orders(by(mira), [wish(*pairs[0], qty="1000"), wish(*pairs[1], qty="1000")])
        counts = []
        for n in (4, 15):
            with CaptureQueriesContext(connection) as asked:
                orders.propose_orders(by(mira), [wish(*pair, qty="2000") for pair in pairs[:n]])
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestPromote:
    def test_makes_orders_that_the_proposals_keep(self, proposed, wish, mira, by):
        one, two = proposed(wish(rationale="Why"), wish("P2", side="SELL"))
        ids = orders.promote_proposals(by(mira), [two.pk, one.pk], seen=seen(one, two), group_name="Ideas")
        one.refresh_from_db()
        two.refresh_from_db()
        assert (one.status, two.status, [two.order_id, one.order_id]) == ("PROMOTED", "PROMOTED", ids)
        assert (one.order.rationale, one.order.status, one.order.group.name) == ("Why", "DRAFT", "Ideas")
        assert selectors.proposal_of(one.order) == one
        assert OrderGroup.objects.count() == 1 and events()[-2:] == ["proposal.promoted"] * 2

    def test_makes_room_for_another(self, proposed, wish, mira, by):
        [one] = proposed()
        orders.promote_proposals(by(mira), [one.pk], seen=seen(one), submit=True)
        [two] = proposed()
        assert two.pk != one.pk and Order.objects.get().status != "DRAFT"

    def test_all_or_none_when_one_can_be_no_order_any_more(self, proposed, wish, mira, by, firm):
        one, two = proposed(wish(), wish(symbol="BBB"))
        firm.instruments["BBB"].is_active = False
        firm.instruments["BBB"].save()
        with pytest.raises(orders.BadWishes):
            orders.promote_proposals(by(mira), [one.pk, two.pk], seen=seen(one, two))
        assert Order.objects.count() == 0 and selectors.open_proposals(mira).count() == 2

    def test_refuses_the_stale_the_hidden_the_gone_and_nothing(self, proposed, wish, mira, paul, by):
        [one] = proposed()
        with pytest.raises(orders.StaleProposal):
            orders.promote_proposals(by(mira), [one.pk], seen={one.pk: 9})
        with pytest.raises(NotFound):
            orders.promote_proposals(by(paul), [one.pk], seen=seen(one))
        with pytest.raises(orders.NoProposals):
            orders.promote_proposals(by(mira), [], seen={})
        orders.discard_proposals(by(mira), [one.pk], seen=seen(one))
        with pytest.raises(orders.StaleProposal) as late:
            orders.promote_proposals(by(mira), [one.pk], seen=seen(one))
        assert [change["event"] for change in late.value.facts["proposals"][0]["changes"]] == ["proposal.discarded"]
        with pytest.raises(IllegalMove):
            orders.promote_proposals(by(mira), [one.pk], seen={one.pk: 2})
        assert Order.objects.count() == 0


def test_discarding_leaves_a_row_and_its_reason_on_the_record(proposed, mira, by):
    [one] = proposed()
    orders.discard_proposals(by(mira, reason="Too dear"), [one.pk], seen=seen(one))
    entry = Entry.objects.get(event="proposal.discarded")
    assert (entry.act.reason, entry.subject_id) == ("Too dear", one.pk)
    assert Proposal.objects.get().status == "DISCARDED" and not selectors.open_proposals(mira).exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_promote_it_once_and_propose_one(proposed, wish, mira, by):
    [one] = proposed()
    job = lambda: len(orders.promote_proposals(by(mira), [one.pk], seen=seen(one)))  # noqa: E731
    assert sorted(map(str, at_once(job, job, job))) == ["1", "StaleProposal", "StaleProposal"]
    at_once(*[lambda: orders.propose_orders(by(mira), [wish()])] * 4)
    assert (Order.objects.count(), Proposal.objects.filter(status="PROPOSED").count()) == (1, 1)


class TestWhatIf:
    def test_screens_them_as_orders_and_keeps_nothing(self, proposed, wish, mira, by):
        one, two = proposed(wish(side="SELL"), wish("P2", qty="90000000"))
        before = Entry.objects.count()
        tried = compliance.try_proposals(by(mira), [one.pk, two.pk])
        assert [t.proposal for t in tried] == [one, two]
        assert (Entry.objects.count(), Order.objects.count(), Check.objects.count()) == (before, 0, 0)

    def test_says_what_order_time_says(self, proposed, wish, mira, by, rules_in_force):
        good, bad = proposed(wish(side="SELL"), wish("P2", qty="90000000"))
        tried = {t.proposal: t for t in compliance.try_proposals(by(mira), [good.pk, bad.pk])}
        orders.promote_proposals(by(mira), [good.pk, bad.pk], seen=seen(good, bad), submit=True)
        good.refresh_from_db()
        bad.refresh_from_db()
        checks = {c.order_id: c for c in Check.objects.all()}
        assert [tried[p].outcome for p in (good, bad)] == [checks[p.order_id].outcome for p in (good, bad)]
        assert tried[bad].outcome == "FAIL" and tried[bad].rule and Review.objects.count() == 1
        assert tried[bad].max_qty == checks[bad.order_id].max_passing_qty

    @pytest.mark.parametrize(("severity", "outcome", "rule"), [("WARN", "PASS", ""), ("SOFT", "FAIL", "Compliance")])
    def test_nobody_finds_out_by_trying_whom_the_control_room_watches(self, firm, proposed, wish, mira, odile, by, severity, outcome, rule):
        put_in_force(by, "room", {}, kind="control_room", name="Room", severity=severity)
        [one] = proposed(wish(side="SELL"))
        compliance.restrict(by(odile), [compliance.Listing("Deal.", date.today(), kind="GREY", instrument_id=one.instrument_id)])
        [tried] = compliance.try_proposals(by(mira), [one.pk])
        assert (tried.outcome, tried.rule) == (outcome, rule)

    def test_refuses_what_is_open_no_more(self, proposed, mira, paul, by):
        [one] = proposed()
        with pytest.raises(NotFound):
            compliance.try_proposals(by(paul), [one.pk])
        orders.discard_proposals(by(mira), [one.pk], seen=seen(one))
        with pytest.raises(NotFound):
            compliance.try_proposals(by(mira), [one.pk])


@pytest.fixture
def rules_in_force(by, omar):
    compliance.install_default_rules(by(omar))


class TestPages:
    @pytest.fixture
    def at(self):
        def page(person) -> Client:
            client = Client()
            client.force_login(person)
            return client

        return page

    def terms(self, firm, **more) -> dict:
        return {
            "portfolio": firm.portfolios["P1"].pk, "instrument": "AAA", "side": "BUY", "qty": "100", "order_type": "MARKET",
        } | more  # fmt: skip

    def test_keeps_tries_promotes_and_discards(self, at, firm, mira):
        where = reverse("orders:proposals")
        assert at(mira).post(where, self.terms(firm)).status_code == 302
        assert at(mira).post(where, self.terms(firm, instrument="BBB")).status_code == 302
        one, two = Proposal.objects.order_by("pk")
        shown = at(mira).get(where).content.decode()
        assert f'value="{one.pk}:1"' in shown and f'value="{two.pk}:1"' in shown
        tried = at(mira).post(reverse("compliance:try_proposals"), {"seen": [f"{one.pk}:1", f"{two.pk}:1"]})
        assert "If they were submitted now" in tried.content.decode()
        promoted = at(mira).post(reverse("orders:promote_proposals"), {"seen": [f"{one.pk}:1"]})
        order = Order.objects.get()
        assert promoted["Location"] == reverse("orders:detail", args=[order.pk])
        assert f"P-{one.pk:06d}" in at(mira).get(reverse("orders:detail", args=[order.pk])).content.decode()
        at(mira).post(reverse("orders:discard_proposals"), {"seen": [f"{two.pk}:1"], "reason": "Dear"})
        assert "No proposal" in at(mira).get(where).content.decode()

    def test_says_when_one_took_the_place_of_ones_own_and_whose_stands_in_the_way(self, at, firm, mira, colleague):
        where = reverse("orders:proposals")
        assert "took the place" not in at(mira).post(where, self.terms(firm), follow=True).content.decode()
        assert "took the place" in at(mira).post(where, self.terms(firm, qty="7"), follow=True).content.decode()
        told = at(colleague).post(where, self.terms(firm))
        assert told.status_code == 422 and "Mira Mehta proposes to buy 7 AAA for P1" in told.content.decode()

    def test_says_what_is_wrong_and_keeps_nothing(self, at, firm, mira, paul):
        answer = at(mira).post(reverse("orders:proposals"), self.terms(firm, qty="0"))
        assert answer.status_code == 422 and "must be above zero" in answer.content.decode()
        answer = at(mira).post(reverse("orders:promote_proposals"), {}, follow=True)
        assert "selected" in answer.content.decode()
        assert Proposal.objects.count() == 0


def test_the_api_keeps_promotes_and_discards(firm, mira, paul):
    api = APIClient()
    api.force_authenticate(mira)
    asked = [
        {"portfolio": "P1", "instrument": "AAA", "side": "BUY", "qty": "100"},
        {"portfolio": "P2", "instrument": "AAA", "side": "SELL", "qty": "50"},
    ]
    made = api.post(URL, asked, format="json", headers={"Idempotency-Key": "k"})
    again = api.post(URL, asked, format="json", headers={"Idempotency-Key": "k"})
    assert (made.status_code, again.status_code, again.json()) == (201, 200, made.json())
    one, two = (row["id"] for row in made.json())
    tried = api.post(f"{URL}try", {"proposals": [one, two]}, format="json").json()
    assert [row["proposal_id"] for row in tried] == [one, two]
    [order] = api.post(f"{URL}promote", {"seen": {one: 1}}, format="json").json()["order_ids"]
    assert api.get(URL, {"status": "PROMOTED"}).json()["results"][0]["order_id"] == order
    assert api.post(f"{URL}discard", {"seen": {two: 2}}, format="json").json()["code"] == "stale_proposal"
    assert api.post(f"{URL}discard", {"seen": {two: 1}}, format="json").json()[0]["status"] == "DISCARDED"
    assert api.post(f"{URL}discard", {"seen": {"x": 1}}, format="json").status_code in (400, 422)
    other = APIClient()
    other.force_authenticate(paul)
    assert other.get(URL).json()["results"] == []


def test_promoting_shows_money_and_portfolios_before_it_acts(proposed, mira):
    [one] = proposed()
    asked = visit(mira, "orders:promote_proposals", query=f"?seen={one.pk}:1&group_name=Ideas&submit=1", htmx=True)
    assert "1 portfolio" in words(asked) and "linked as “Ideas”" in words(asked) and "Submit 1 order" in words(asked)
    assert Order.objects.count() == 0
    led = send(mira, "orders:promote_proposals", {"seen": f"{one.pk}:1"})
    assert (led.status_code, Order.objects.count()) == (204, 1) and "HX-Redirect" in led.headers


def test_discarding_asks_first_and_leaves_its_reason_on_the_record(proposed, wish, mira):
    one, two = proposed(wish(), wish("P2"))
    asked = words(visit(mira, "orders:discard_proposals", query=f"?seen={one.pk}:1&seen={two.pk}:1", htmx=True))
    assert "Discard 2 proposals" in asked and "2 portfolios" in asked and "$10,000" in asked.replace("$10.0K", "$10,000")
    assert not Proposal.objects.filter(status="DISCARDED").exists()

    led = send(mira, "orders:discard_proposals", {"seen": [f"{one.pk}:1", f"{two.pk}:1"], "reason": "Too dear"})
    assert led.status_code == 204 and "HX-Redirect" in led.headers
    entries = Entry.objects.filter(event="proposal.discarded")
    assert [(e.act.by_id, e.act.reason) for e in entries] == [(mira.pk, "Too dear")] * 2
    again = visit(mira, "orders:discard_proposals", query=f"?seen={one.pk}:1", htmx=True)
    assert again.status_code == 409
