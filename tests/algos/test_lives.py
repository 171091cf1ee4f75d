"""Who may do what with an algorithm, what is refused, and what is on the record."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.algos import services as algos
from apps.algos.models import Algo
from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.compliance import services as compliance
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.routing import services as routing
from apps.routing.models import Route, RouteRequest, Session
from apps.users.models import Desk
from tests.compliance.ruling import put_in_force

from .conftest import last_route

D = Decimal
pytestmark = pytest.mark.django_db


def told(algo: Algo) -> list[str]:
    return list(Entry.objects.filter(subject="algo", subject_id=algo.pk).order_by("nth").values_list("event", flat=True))


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("qty", {"part": D(1_100)}), ("qty", {"part": D(0)}), ("qty", {"part": D("0.5")}), ("ends_at", {"minutes": 0}),
            ("ends_at", {"minutes": 1_441}), ("interval_seconds", {"interval_seconds": 5}), ("interval_seconds", {"interval_seconds": 0}),
            ("limit_price", {"limit_price": D("50.01")}), ("participation_pct", {"kind": "POV", "participation_pct": D(0)}),
            ("participation_pct", {"kind": "POV", "participation_pct": D("100.01")}), ("risk_aversion", {"risk_aversion": D(-1)}),
            ("kind", {"kind": "MAGIC"}),
        ],
    )  # fmt: skip
    def test_what_cannot_be_planned_says_where(self, an_algo, field, more):
        with pytest.raises(algos.BadAlgo) as refused:
            an_algo(**({"kind": "TWAP", "qty": 1_000, "terms": {"order_type": "LIMIT", "limit_price": "50"}} | more))
        assert refused.value.facts["field"] == field and not Algo.objects.exists()

    def test_a_limit_at_the_blocks_is_not_beyond_it(self, an_algo):
        assert an_algo("TWAP", 1_000, limit_price=D(50), terms={"order_type": "LIMIT", "limit_price": "50"}).limit_price == 50

    @pytest.mark.parametrize("terms", [{"tif": "IOC"}, {"flags": "CARE"}])
    def test_orders_that_say_themselves_how_they_trade(self, an_algo, terms):
        with pytest.raises(algos.BadAlgo, match="says itself"):
            an_algo("TWAP", 1_000, terms=terms)

    def test_a_bond(self, an_algo, a_block):
        with pytest.raises(algos.BadAlgo, match="no share"):
            an_algo("TWAP", block=a_block("BOND", "BUY", 100_000))

    def test_what_other_algorithms_are_to_send(self, an_algo, by, tom):
        first = an_algo("TWAP", 1_000)
        with pytest.raises(algos.SpokenFor):
            an_algo("TWAP", block=first.block)

    def test_who_may_not_route(self, an_algo, by, omar, tess, a_block):
        algo = an_algo("TWAP", 1_000)
        with pytest.raises(NotAllowed):
            algos.pause_algo(by(omar), algo.pk, seen={algo.pk: 2})
        tess.desks.set([Desk.objects.create(code="OTHER", name="Other")])
        with pytest.raises(NotFound):
            algos.pause_algo(by(tess), algo.pk, seen={algo.pk: 2})

    def test_a_stop_has_a_reason_and_an_end_is_one(self, an_algo, by, tom):
        algo = an_algo("TWAP", 1_000)
        with pytest.raises(Invalid):
            algos.stop_algo(by(tom), algo.pk, seen={algo.pk: 2})
        algos.stop_algo(by(tom, "Enough."), algo.pk, seen={algo.pk: 2})
        with pytest.raises(IllegalMove):
            algos.resume_algo(by(tom), algo.pk, seen={algo.pk: 3})


class TestWhoItWorksFor:
    def test_it_sends_in_the_name_of_who_started_it(self, an_algo, beat, tom):
        an_algo("TWAP", 1_000)
        beat()
        entry = Entry.objects.select_related("act").get(subject="route", event="route.requested")
        assert (entry.act.by_id, entry.act.via, entry.act.reason) == (tom.pk, "worker", f"By {Algo.objects.get().ref}, TWAP")

    def test_a_halt_of_that_person_stops_it_and_no_other(self, an_algo, beat, by, theo, tom):
        algo = an_algo("TWAP", 1_000)
        routing.set_halt(by(theo, "Stop."), scope="USER", subject="tess")
        assert beat() == [100]
        routing.set_halt(by(theo, "Stop."), scope="USER", subject="tom")
        beat(1)
        algo.refresh_from_db()
        assert algo.status == "PAUSED" and "Tom" in algo.text

    def test_who_may_route_no_more_sends_nothing(self, an_algo, beat, tom, tess, by):
        algo = an_algo("TWAP", 1_000)
        tom.groups.clear()
        assert beat() == []
        algo.refresh_from_db()
        assert algo.status == "PAUSED" and algo.text
        act = by(tess)
        algos.resume_algo(act, algo.pk, seen={algo.pk: algo.version})
        algo.refresh_from_db()
        assert algo.works_for == tess
        assert algos.work_algos(act.at) == 1

    def test_a_restricted_broker_makes_it_stand(self, an_algo, beat, firm, omar, by):
        algo = an_algo("TWAP", 1_000)
        entry = compliance.Listing("Conflict.", timezone.now().date(), broker_id=firm.brokers["HARBOR"].pk)
        compliance.restrict(by(omar), [entry])
        assert beat() == []
        algo.refresh_from_db()
        assert algo.status == "PAUSED" and "Compliance restricted Harbor" in algo.text

    def test_a_broker_that_one_of_its_portfolios_bars(self, an_algo, beat, firm, omar, by, a_block):
        algo = an_algo("TWAP", block=a_block("AAA", "BUY", 600, 400))
        portfolio = firm.portfolios["P2"].pk
        compliance.restrict(
            by(omar), [compliance.Listing("No.", timezone.now().date(), broker_id=firm.brokers["HARBOR"].pk, portfolio_id=portfolio)]
        )
        assert beat() == []
        algo.refresh_from_db()
        assert algo.status == "PAUSED" and not Route.objects.exists()

    def test_a_throttle_makes_it_wait_and_it_goes_on_by_itself(self, an_algo, beat, omar, by):
        one = Session.objects.get(broker__code="HARBOR")
        pk = routing.set_throttle(by(omar, "Slow."), routing.ThrottleText(per_day=1), session_id=one.pk)
        algo = an_algo("TWAP", 1_000)
        assert beat() == [100]
        assert beat(5) == []
        algo.refresh_from_db()
        assert algo.status == "WORKING" and algo.text.startswith("RATE_LIMIT_PER_DAY")
        routing.end_throttle(by(omar, "Enough."), pk, seen=2)
        assert beat(6) == [100]


def test_an_order_that_a_rule_does_not_let_out_makes_it_stand(an_algo, beat, by, people):
    algo = an_algo("TWAP", 100_000)
    beat()
    group = {"group": "instrument", "basis": "units", "across": "firm", "against": "shares_outstanding", "limit": "1.4"}
    put_in_force(by, "issue", group, kind="measure", name="Part of an issue", severity="HARD", moments=["route"])
    assert beat(5) == []
    algo.refresh_from_db()
    assert algo.status == "PAUSED" and "does not pass “Part of an issue”" in algo.text
    assert Route.objects.count() == 1


def test_its_life_is_on_the_record(an_algo, beat, by, tom, fills):
    algo = an_algo("TWAP", 200, minutes=10)
    beat()
    fills(last_route())
    beat(5)
    fills(last_route())
    beat(6)
    assert told(algo) == ["algo.planned", "algo.started", "algo.finished"]
    slices = Entry.objects.filter(subject="slice").order_by("pk")
    assert [(e.event, e.payload["nth"], e.payload["qty"]) for e in slices] == [
        ("slice.sent", 1, "100.0000"), ("slice.sent", 2, "100.0000"),
    ]  # fmt: skip
    assert RouteRequest.objects.filter(msg_type="F").count() == 0


def test_what_is_open_of_a_colleagues_block_is_theirs(an_algo, by, tess, tom):
    algo = an_algo("TWAP", 1_000)
    blocks.pick_up_blocks(by(tom), [algo.block_id], seen={algo.block_id: 1})
    with pytest.raises(blocks.OwnedByAnother):
        algos.stop_algo(by(tess, "x"), algo.pk, seen={algo.pk: 2})


def test_a_plan_that_is_started_late_is_planned_anew(an_algo, tom, now, by):
    algo = an_algo("TWAP", 1_000, start=False)
    act = by(tom)
    act.at = now + timedelta(minutes=40)
    algos.start_algo(act, algo.pk, seen={algo.pk: 1})
    algo.refresh_from_db()
    assert [D(q) for _, _, q, _ in algo.plan] == [500, 500] and algo.starts_at == act.at

