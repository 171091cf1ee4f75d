"""Packages: several legs as one order (35=AB), changed and cancelled as a whole, booked from the reports of their legs alone."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.core.acts import Act
from apps.core.refusals import Conflict, IllegalMove, Invalid
from apps.groups import page_selectors
from apps.groups import services as groups
from apps.groups.models import LinkedGroup, PackageBroker
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Execution, Message, Package, Reconciliation, Route, RouteRequest, Session
from tests.allocations.filling import keep_promises

from .conftest import at_brokers, legs_of, routes_of

D = Decimal
pytestmark = pytest.mark.django_db


def wire(kind: str) -> list[tuple[int, str]]:
    return rules.fields_of(Message.objects.filter(is_out=True, msg_type=kind).latest("pk").text)


@pytest.fixture
def package(a_block, firm, listed, tom, by, watched):
    """``package(300, 600)``: buys of AAA and sells of CCC as packages at Harbor, sent."""

    def make(*quantities, broker="HARBOR", takes=True, sent=True, reports="1", sides=("BUY", "SELL", "BUY"), **more) -> LinkedGroup:
        if takes:
            PackageBroker.objects.get_or_create(broker=firm.brokers[broker], defaults={"reports": reports})
        blocks = [a_block(symbol, side, qty) for symbol, side, qty in zip(("AAA", "CCC", "BOND"), sides, quantities, strict=False)]
        watched()
        pk = groups.compose_group(
            by(tom), "MULTILEG", [b.pk for b in blocks], seen={b.pk: b.version for b in blocks},
            brokers={b.pk: broker for b in blocks}, **more,
        )
        if sent:
            groups.send_group(by(tom), pk, seen={pk: 1})
        return LinkedGroup.objects.get(pk=pk)

    return make


class Harbor:
    """A broker that speaks of packages: their legs, and the whole."""

    def __init__(self, street, broker_id: int):
        self.street, self.broker_id, self.ids = street, broker_id, count(1)

    def say(self, kind: str, fields: dict, *, book=True) -> routing.Hearing | int:
        heard = self.street.hear(self.broker_id, kind, fields)
        if not book:
            return heard
        said = self.street.book(heard)
        keep_promises("groups.")
        return said

    def whole(self, name: str, kind: str, status: str, qty, cum, leaves, **more) -> routing.Hearing | int:
        at = rules.utc_text(self.street.start + self.step())
        fields = {37: "PKG1", 17: f"W{next(self.ids)}", 150: kind, 39: status, 11: name, 442: 3, 54: "B", 55: "[N/A]", 38: qty, 14: cum,
                  151: leaves, 60: at}  # fmt: skip
        tags = {"orig": 41, "last": 32, "price": 31, "avg": 6, "text": 58}
        book = more.pop("book", True)
        return self.say("8", fields | {tags.get(key, key): value for key, value in more.items()}, book=book)

    def leg(self, name: str, route: Route, qty, price, cum, *, book=True, **more) -> routing.Hearing | int:
        """A fill of a leg, named by its LegRefID unless ``ref`` says otherwise."""
        at = rules.utc_text(self.street.start + self.step())
        ref = more.pop("ref", route.package_leg.leg_ref)
        status = "2" if cum == route.qty else "1"
        fields = {
            37: "PKG1", 17: more.pop("exec_id", None) or f"L{next(self.ids)}", 150: "F", 39: status, 11: name, 442: 2,
            **({555: 1, 654: ref} if ref else {}), 38: route.qty, 32: qty, 31: price, 14: cum, 151: route.qty - cum, 60: at,
        }  # fmt: skip
        return self.say("8", fields | {int(tag): value for tag, value in more.items()}, book=book)

    def step(self):
        return timedelta(minutes=next(self.street.minutes))


@pytest.fixture
def harbor(street, firm) -> Harbor:
    return Harbor(street, firm.brokers["HARBOR"].pk)


def states(group) -> list[tuple]:
    return [(str(r.status), int(r.qty), int(r.cum_qty), int(r.leaves_qty)) for r in routes_of(group)]


def name_of(group) -> str:
    return rules.packages.package_of(routes_of(group)[0].cl_ord_id)


def last_asked(kind: str) -> str:
    return dict(wire(kind))[11]


class TestOnTheWire:
    def test_goes_as_one_order_whose_quantity_multiplies_the_ratios(self, package):
        group = package(300, 600, net_limit=D("-110.5"))
        said = wire("AB")
        first = dict(reversed(said))

        assert Message.objects.filter(is_out=True).count() == 1
        assert (first[38], first[40], first[44], first[54], first[563], first[583]) == ("300", "2", "-110.5", "B", "1", group.ref)
        assert [v for t, v in said if t in (600, 623, 624, 687)] == ["AAA", "1", "1", "300", "CCC", "2", "2", "600"]
        assert [v for t, v in said if t == 654] == [r.cl_ord_id for r in routes_of(group)]
        assert {rules.packages.package_of(r.cl_ord_id) for r in routes_of(group)} == {first[11]}
        assert at_brokers(group) == [300, 600]

    def test_fewer_packages_have_larger_ratios(self, package):
        package(300, 600, packages=D(100))

        assert [v for t, v in wire("AB") if t in (38, 623, 687)] == ["3", "300", "6", "600", "100"]

    @pytest.mark.parametrize(("more", "said"), [
        ({"packages": D(7)}, "not a whole|no whole|is not a whole multiple"),
        ({"packages": D("0.5")}, "whole and above zero"),
        ({"takes": False, "net_limit": D(1)}, "Single orders cannot keep to a net price"),
    ])  # fmt: skip
    def test_refuses_what_is_no_package_and_keeps_nothing(self, package, more, said):
        with pytest.raises(Invalid, match=said):
            package(300, 600, **more)
        assert not LinkedGroup.objects.exists()

    def test_refuses_legs_of_two_currencies_and_without_one_broker(self, a_block, tom, by, firm):
        one, other, third = a_block("AAA", "BUY", 300), a_block("BBB", "SELL", 600), a_block("CCC", "SELL", 600)

        def compose(*blocks, codes):
            return groups.compose_group(
                by(tom), "MULTILEG", [b.pk for b in blocks], seen={b.pk: 1 for b in blocks},
                brokers=dict(zip((b.pk for b in blocks), codes, strict=True)),
            )  # fmt: skip

        with pytest.raises(Invalid, match="one currency"):
            compose(one, other, codes=("HARBOR", "HARBOR"))
        with pytest.raises(Invalid, match="one broker"):
            compose(one, third, codes=("HARBOR", "NORTHGATE"))
        with pytest.raises(Invalid, match="one broker"):
            compose(one, third, codes=("HARBOR", ""))
        assert not LinkedGroup.objects.exists()

    def test_goes_as_linked_single_orders_where_the_broker_takes_no_packages(self, package):
        group = package(300, 600, takes=False)
        singles = [dict(rules.fields_of(m.text)) for m in Message.objects.filter(is_out=True).order_by("pk")]

        assert [(s[583], s[38]) for s in singles] == [(group.ref, "300"), (group.ref, "600")]
        assert not any(847 in s for s in singles)
        assert not Package.objects.exists()
        assert "not known to take" in page_selectors.package(group).way.why

    def test_fix_42_has_no_packages(self, package, firm):
        Session.objects.filter(broker=firm.brokers["HARBOR"]).update(begin_string="FIX.4.2")
        group = package(300, 600)

        assert Message.objects.filter(is_out=True, msg_type="D").count() == 2
        assert "FIX 4.2" in page_selectors.package(group).way.why


class TestReports:
    def test_legs_are_booked_and_the_package_is_only_kept(self, package, harbor):
        group = package(300, 600)
        one, two = routes_of(group)
        harbor.whole(name_of(group), "0", "0", 300, 0, 300)
        assert states(group) == [("NEW", 300, 0, 300), ("NEW", 600, 0, 600)]

        harbor.leg(name_of(group), one, 100, 50, 100)
        harbor.leg(name_of(group), two, 200, 100, 200)
        harbor.whole(name_of(group), "F", "1", 300, 100, 200, last=100, price=-150, avg=-150)

        assert states(group) == [("PARTLY_FILLED", 300, 100, 200), ("PARTLY_FILLED", 600, 200, 400)]
        assert sorted(int(e.qty) for e in Execution.objects.all()) == [100, 200]
        told = Package.objects.get()
        assert (told.told_qty, told.told_price) == (100, -150)
        assert page_selectors.package(group).net == -150

    def test_a_package_report_before_its_legs_waits_for_them(self, package, harbor):
        group = package(300, 600)
        one, two = routes_of(group)
        name = name_of(group)
        heard = harbor.whole(name, "F", "1", 300, 100, 200, last=100, price=-150, avg=-150)
        assert heard.quarantined == 1
        assert "so 100 of AAA, of which reports of the leg came to 0" in Message.objects.get(status="QUARANTINED").problem

        harbor.leg(name, one, 100, 50, 100)
        assert Message.objects.filter(status="QUARANTINED").exists()
        harbor.leg(name, two, 200, 100, 200)

        assert not Message.objects.filter(status="QUARANTINED").exists()
        assert Package.objects.get().told_qty == 100

    def test_a_leg_is_known_by_its_instrument_and_side_too(self, package, harbor):
        group = package(300, 600)
        two = routes_of(group)[1]

        harbor.leg(name_of(group), two, 50, 100, 50, ref="", **{"55": "CCC", "54": "2"})

        assert [int(r.cum_qty) for r in routes_of(group)] == [0, 50]

    @pytest.mark.parametrize(("fields", "said"), [
        ({442: 2, 55: "ZZZ", 54: 2}, "does not say of which"),
        ({442: 2, 654: "nobody's"}, "does not say of which"),
        ({55: "CCC", 54: 2}, "whether of a leg or of the whole"),
        ({442: 1, 55: "CCC", 54: 2}, "whether of a leg or of the whole"),
    ])  # fmt: skip
    def test_what_does_not_say_of_which_leg_is_put_before_a_person(self, package, harbor, fields, said):
        group = package(300, 600)
        heard = harbor.say("8", {
            37: "P", 17: "X1", 150: "F", 39: "1", 11: name_of(group), 38: 600, 32: 50, 31: 100, 14: 50, 151: 550,
            60: rules.utc_text(harbor.street.start),
        } | fields)  # fmt: skip

        assert heard.quarantined == 1
        assert said in Message.objects.get(status="QUARANTINED").problem
        assert not Execution.objects.exists()

    def test_more_of_a_leg_than_the_ratio_allows_and_a_net_price_beyond_the_limit_are_put_before_a_person(self, package, harbor):
        group = package(300, 600, net_limit=D(-149))
        one, two = routes_of(group)
        name = name_of(group)
        assert harbor.leg(name, two, 700, 100, 700).quarantined == 1

        harbor.leg(name, one, 100, 52, 100), harbor.leg(name, two, 200, 100, 200)
        heard = harbor.whole(name, "F", "1", 300, 100, 200, last=100, price=-148, avg=-148)

        assert heard.quarantined == 1
        assert "Its net price -148 is dearer than the limit -149" in Message.objects.filter(status="QUARANTINED").latest("pk").problem
        assert harbor.whole(name, "F", "1", 300, 301, 0, last=301, price=-150).quarantined == 1

    def test_another_brokers_word_is_put_before_a_person(self, package, harbor, firm):
        group = package(300, 600)
        harbor.broker_id = firm.brokers["MERIDIAN"].pk

        assert harbor.whole(name_of(group), "8", "8", 300, 0, 0).quarantined == 1
        assert {r.status for r in routes_of(group)} == {"PENDING_SEND"}

    def test_a_state_without_442_is_of_the_package(self, package, harbor):
        group = package(300, 600)
        harbor.say("8", {37: "P", 17: "A1", 150: "0", 39: "0", 11: name_of(group), 38: 300, 14: 0, 151: 300,
                         60: rules.utc_text(harbor.street.start)})  # fmt: skip

        assert states(group) == [("NEW", 300, 0, 300), ("NEW", 600, 0, 600)]

    def test_all_filled_the_group_is_done(self, package, harbor):
        group = package(300, 600)
        one, two = routes_of(group)
        name = name_of(group)
        harbor.leg(name, one, 300, 50, 300)
        harbor.leg(name, two, 600, 100, 600)
        harbor.whole(name, "F", "2", 300, 300, 0, last=300, price=-150, avg=-150)

        group.refresh_from_db()
        assert group.status == "DONE"
        assert Execution.objects.count() == 2

    def test_a_rejected_package_ends_both_legs_and_is_placed_again_as_one(self, package, harbor, tom, by):
        group = package(300, 600)
        harbor.whole(name_of(group), "8", "8", 300, 0, 0, text="no spreads today")

        assert {r.status for r in routes_of(group)} == {"REJECTED"}
        assert "no spreads today" in legs_of(group)[0].problem
        group.refresh_from_db()
        groups.place_again(by(tom), group.pk, seen={group.pk: group.version})
        assert Message.objects.filter(is_out=True, msg_type="AB").count() == 2
        assert at_brokers(group) == [300, 600]

    @pytest.mark.parametrize("kind", ["j", "3"])
    def test_a_reject_of_the_message_ends_both_legs(self, package, harbor, kind):
        group = package(300, 600)
        message = Message.objects.get(msg_type="AB")
        Message.objects.filter(pk=message.pk).update(seq_num=7)
        harbor.say(kind, {45: 7, 372: "AB", 58: "unsupported"} | ({379: message.ref, 380: 3} if kind == "j" else {373: 11}))

        assert {r.status for r in routes_of(group)} == {"REJECTED"}

    def test_a_broker_that_reports_legs_alone(self, package, harbor):
        group = package(300, 600, reports="2")
        assert dict(reversed(wire("AB")))[563] == "2"
        for route in routes_of(group):
            harbor.say("8", {37: "P", 17: f"A{route.pk}", 150: "0", 39: "0", 11: name_of(group), 442: 2, 654: route.package_leg.leg_ref,
                             38: route.qty, 14: 0, 151: route.qty, 60: rules.utc_text(harbor.street.start)})  # fmt: skip
            harbor.leg(name_of(group), route, route.qty, 50, route.qty)

        group.refresh_from_db()
        assert (states(group)[1][0], group.status) == ("FILLED", "DONE")


class TestChanges:
    @pytest.fixture
    def working(self, package, harbor):
        group = package(300, 600, net_limit=D(-140))
        harbor.whole(name_of(group), "0", "0", 300, 0, 300)
        group.refresh_from_db()
        return group

    def test_is_replaced_as_a_whole(self, working, harbor, tom, by):
        groups.change_package(by(tom), working.pk, packages=D(200), net_limit=D(-139), seen={working.pk: working.version})
        said = wire("AC")
        assert [v for t, v in said if t in (38, 44, 623, 687)] == ["1", "200", "2", "400", "200", "-139"]
        assert at_brokers(working) == [300, 600]

        orig = name_of(working)
        harbor.whole(last_asked("AC"), "E", "E", 300, 0, 300, orig=orig)
        harbor.whole(last_asked("AC"), "5", "0", 200, 0, 200, orig=orig)

        assert at_brokers(working) == [200, 400]
        told = Package.objects.get()
        assert (told.qty, told.net_limit, told.wanted_name) == (200, -139, "")
        assert name_of(working) == last_asked("AC")

    def test_an_acceptance_that_does_not_add_up_is_a_persons_to_look_at_and_changes_nothing(self, working, harbor, tom, by):
        groups.change_package(by(tom), working.pk, packages=D(200), net_limit=D(-139), seen={working.pk: working.version})
        harbor.whole(last_asked("AC"), "5", "0", 200, 0, 350, orig=name_of(working))

        assert Message.objects.filter(status="QUARANTINED").count() == 1
        told = Package.objects.get()
        assert (told.qty, told.wanted_qty, told.wanted_name) == (300, 200, last_asked("AC"))
        [heard] = Message.objects.filter(status="QUARANTINED")
        harbor.say("8", dict(rules.fields_of(heard.text)))  # The same again, as after a reconnect.
        assert Package.objects.get().qty == 300
        assert at_brokers(working) == [300, 600]

    def test_a_refused_change_leaves_it_as_it_was(self, working, harbor, tom, by):
        groups.change_package(by(tom), working.pk, packages=D(200), net_limit=D(-139), seen={working.pk: working.version})
        harbor.say("9", {37: "PKG1", 11: last_asked("AC"), 41: name_of(working), 39: "0", 434: 2, 102: 0, 58: "too late"})

        assert at_brokers(working) == [300, 600]
        assert (Package.objects.get().qty, Package.objects.get().wanted_name) == (300, "")
        assert {r.answer for r in RouteRequest.objects.filter(msg_type="G")} == {"REJECTED"}
        assert not Message.objects.filter(status="QUARANTINED").exists()

    def test_what_was_refused_is_not_sent_by_itself_when_the_rest_is_filled(self, working, harbor, tom, by):
        groups.change_package(by(tom), working.pk, packages=D(200), net_limit=D(-139), seen={working.pk: working.version})
        harbor.whole(last_asked("AC"), "5", "0", 200, 0, 200, orig=name_of(working))
        name = name_of(working)
        working.refresh_from_db()
        groups.change_package(by(tom), working.pk, packages=D(300), net_limit=D(-120), seen={working.pk: working.version})
        harbor.say("9", {37: "PKG1", 11: last_asked("AC"), 41: name, 39: "0", 434: 2, 102: 0, 58: "too late"})

        working.refresh_from_db()
        assert (working.packages, working.net_limit) == (200, -139)
        one, two = routes_of(working)
        harbor.leg(name, one, 200, 50, 200), harbor.leg(name, two, 400, 100, 400)
        working.refresh_from_db()
        assert (working.status, Message.objects.filter(is_out=True, msg_type="AB").count()) == ("DONE", 1)

    def test_a_second_change_waits_for_the_answer_to_the_first(self, working, harbor, tom, by, client):
        groups.change_package(by(tom), working.pk, packages=D(200), net_limit=D(-139), seen={working.pk: working.version})
        name = last_asked("AC")
        working.refresh_from_db()
        client.force_login(tom)
        said = {"packages": "250", "net_limit": "-138", "seen": f"{working.pk}:{working.version}"}
        told = client.post(reverse("groups:change", args=[working.pk]), said)

        assert told.status_code == 409 and "waits for the broker" in told.content.decode()
        assert Message.objects.filter(is_out=True, msg_type="AC").count() == 1
        harbor.whole(name, "5", "0", 200, 0, 200, orig=name_of(working))
        working.refresh_from_db()
        assert (Package.objects.get().qty, Package.objects.get().net_limit, working.packages) == (200, -139, 200)
        groups.change_package(by(tom), working.pk, packages=D(250), net_limit=D(-138), seen={working.pk: working.version})
        assert Message.objects.filter(is_out=True, msg_type="AC").count() == 2

    def test_a_fill_crosses_the_change_and_both_count(self, working, harbor, tom, by):
        one, two = routes_of(working)
        orig = name_of(working)
        groups.change_package(by(tom), working.pk, packages=D(200), net_limit=None, seen={working.pk: working.version})
        assert dict(wire("AC")).get(44) is None
        harbor.leg(orig, one, 100, 50, 100), harbor.leg(orig, two, 200, 100, 200)
        harbor.whole(last_asked("AC"), "5", "1", 200, 100, 100, orig=orig)

        assert states(working) == [("PARTLY_FILLED", 200, 100, 100), ("PARTLY_FILLED", 400, 200, 200)]

    def test_ends_by_one_cancel(self, working, harbor, tom, by):
        groups.end_group(by(tom), working.pk, seen={working.pk: working.version})
        assert Message.objects.filter(is_out=True, msg_type="F").count() == 1
        assert (dict(wire("F"))[41], dict(wire("F"))[54]) == (name_of(working), "B")
        harbor.whole(last_asked("F"), "4", "4", 300, 0, 0, orig=name_of(working))

        working.refresh_from_db()
        assert (working.status, {r.status for r in routes_of(working)}) == ("CANCELLED", {"CANCELED"})
        assert at_brokers(working) == [0, 0]
        assert {r.answer for r in RouteRequest.objects.filter(msg_type="F")} == {"ACCEPTED"}

    def test_a_cancel_that_counts_more_than_the_legs_reported_waits_for_them(self, working, harbor, tom, by):
        one, two = routes_of(working)
        orig = name_of(working)
        groups.end_group(by(tom), working.pk, seen={working.pk: working.version})
        harbor.leg(orig, one, 100, 50, 100)
        later = harbor.leg(orig, two, 200, 100, 200, book=False)
        cancelled = harbor.whole(last_asked("F"), "4", "4", 300, 100, 0, orig=orig, book=False)
        assert harbor.street.book(cancelled).quarantined == 1
        assert {r.status for r in routes_of(working)} == {"PARTLY_FILLED", "NEW"}  # Neither leg alone.
        harbor.street.book(later)

        assert states(working) == [("CANCELED", 300, 100, 0), ("CANCELED", 600, 200, 0)]

    def test_legs_are_not_changed_or_cancelled_alone(self, working, tom, by):
        one = routes_of(working)[0]
        with pytest.raises(routing.LegOfPackage, match="as a whole"):
            routing.cancel_routes(by(tom), [one.pk], seen={one.pk: one.version})
        with pytest.raises(routing.LegOfPackage):
            routing.replace_routes(by(tom), {one.pk: {"qty": D(10)}}, seen={one.pk: one.version})
        assert not Message.objects.filter(msg_type__in="FG").exists()

    def test_the_kill_switch_takes_back_what_is_not_sent(self, package, omar, by):
        group = package(300, 600)
        routing.set_halt(by(omar, "Stop."), "FIRM")

        assert list(Message.objects.values_list("msg_type", "status")) == [("AB", "WITHDRAWN")]
        assert at_brokers(group) == [0, 0]
        assert {r.leaves_qty for r in routes_of(group)} == {0}

    def test_the_kill_switch_cancels_it_by_one_message(self, working, omar, by):
        routing.set_halt(by(omar, "Stop."), "FIRM")

        assert Message.objects.filter(is_out=True, msg_type="F").count() == 1
        assert RouteRequest.objects.filter(msg_type="F").count() == 2

    @pytest.mark.parametrize("packages", [0, 301, "1.5"])
    def test_refuses_what_is_no_number_of_packages(self, working, tom, by, packages):
        with pytest.raises(Invalid):
            groups.change_package(by(tom), working.pk, packages=D(packages), net_limit=None, seen={working.pk: working.version})
        assert not Message.objects.filter(msg_type="AC").exists()

    def test_refuses_stale_readers_other_kinds_singles_and_what_is_over(self, working, package, grouped, harbor, tom, by):
        with pytest.raises(groups.StaleGroup):
            groups.change_package(by(tom), working.pk, packages=D(200), net_limit=None, seen={working.pk: 1})
        groups.end_group(by(tom), working.pk, seen={working.pk: working.version})
        working.refresh_from_db()
        with pytest.raises(IllegalMove):
            groups.change_package(by(tom), working.pk, packages=D(200), net_limit=None, seen={working.pk: working.version})
        PackageBroker.objects.all().delete()
        singles = package(300, 600, takes=False)
        with pytest.raises(Conflict, match="single orders"):
            groups.change_package(by(tom), singles.pk, packages=D(200), net_limit=None, seen={singles.pk: singles.version})

    def test_what_is_open_is_asked_for_once_as_its_session_comes_back(self, working, harbor, by, firm):
        Message.objects.filter(is_out=True).update(status="SENT")
        routing.begin_reconciliations(by("gateway", via="gateway"), [Session.objects.get(broker=firm.brokers["HARBOR"]).pk])
        assert Message.objects.filter(msg_type="H").count() == 1
        assert dict(wire("H"))[11] == name_of(working)
        harbor.whole(name_of(working), "I", "0", 300, 0, 300)

        assert Reconciliation.objects.get().status == "AGREED"


class TestEdges:
    def test_the_page_tells_how_it_goes_its_net_price_and_what_differs(self, package, harbor, client, tom):
        client.force_login(tom)
        group = package(300, 600, net_limit=D(-140), sent=False)
        url = reverse("groups:detail", args=[group.pk])
        assert "takes it as one order (35=AB)" in client.get(url).content.decode()
        groups.send_group(Act(by=tom.pk, at=timezone.now(), via="page"), group.pk, seen={group.pk: 1})
        one, two = routes_of(group)
        harbor.leg(name_of(group), one, 100, 50, 100), harbor.leg(name_of(group), two, 200, 100, 200)
        harbor.whole(name_of(group), "F", "1", 300, 100, 200, last=100, price=-151, avg=-151)

        page = client.get(url).content.decode()
        assert "the broker says a net price of -151, its legs come to -150" in page
        assert "−140.0000" in page and "Net of one package" in page
        assert client.get(reverse("groups:list")).status_code == 200

    def test_a_leg_says_where_it_is_changed_and_cancelled_while_others_go_with_it(self, package, harbor, client, tom):
        client.force_login(tom)
        group = package(300, 600)
        one, two = routes_of(group)
        here, cancel = reverse("groups:detail", args=[group.pk]), reverse("routing:cancel")

        def shown(route) -> str:
            return client.get(reverse("routing:route", args=[route.pk]), headers={"HX-Request": "true"}).content.decode()

        def in_block(route) -> str:
            url = reverse("blocks:detail", args=[route.block_id])
            return client.get(f"{url}?part=tab&tab=routes", headers={"HX-Request": "true"}).content.decode()

        for route in (one, two):
            assert f'<a href="{here}">{group.ref}</a>' in shown(route) and "as a whole" in shown(route)
            assert cancel not in shown(route)
            assert here in in_block(route) and "Cancel this route" not in in_block(route)
            said = client.get(f"/api/v1/routes/{route.pk}/").json()
            assert (said["package"], said["linked_group"]) == (route.package_leg.package.ref, group.ref)

        harbor.leg(name_of(group), one, 300, 50, 300)
        assert "as a whole" not in shown(one) and cancel not in shown(one)
        assert "as a whole" not in shown(two) and cancel in shown(two)
        assert "Cancel this route" in in_block(two)

    def test_an_order_of_its_own_is_cancelled_on_its_page(self, grouped, client, tom):
        client.force_login(tom)
        route = routes_of(grouped("OCO", 1_000, 500))[0]

        assert reverse("routing:cancel") in client.get(reverse("routing:route", args=[route.pk])).content.decode()
        said = client.get(f"/api/v1/routes/{route.pk}/").json()
        assert (said["package"], said["linked_group"]) == (None, None)

    def test_singles_say_why(self, package, client, tom):
        client.force_login(tom)
        group = package(300, 600, takes=False)

        assert "not known to take an order of several legs" in client.get(reverse("groups:detail", args=[group.pk])).content.decode()

    def test_is_changed_from_a_dialog_which_says_what_is_wrong(self, package, client, tom):
        client.force_login(tom)
        group = package(300, 600)
        url = reverse("groups:change", args=[group.pk])
        assert 'value="300"' in client.get(url).content.decode()
        seen = {"seen": f"{group.pk}:{group.version}"}
        refused = client.post(url, seen | {"packages": "301", "net_limit": ""})
        assert (refused.status_code, "up to the 300 of the blocks" in refused.content.decode()) == (422, True)
        assert client.post(url, seen | {"packages": "many"}).status_code == 422

        assert client.post(url, seen | {"packages": "200", "net_limit": "-139.5"}).status_code == 204
        assert dict(wire("AC"))[44] == "-139.5"

    def test_is_composed_read_and_changed_over_the_api(self, a_block, firm, watched, client, tom):
        client.force_login(tom)
        PackageBroker.objects.create(broker=firm.brokers["HARBOR"])
        blocks = [a_block("AAA", "BUY", 30), a_block("CCC", "SELL", 60)]
        rows = [{"id": block.pk, "version": 1, "broker_code": "HARBOR"} for block in blocks]
        watched()

        def post(name, data, *args):
            return client.post(reverse(name, args=args), data, content_type="application/json")

        refused = post("api-linked-groups", {"kind": "MULTILEG", "blocks": rows, "packages": "7"})
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "packages")
        made = post("api-linked-groups", {"kind": "MULTILEG", "blocks": rows, "packages": "30", "net_limit": "-140"})
        pk = made.json()["id"]
        assert [leg["ratio"] for leg in made.json()["legs"]] == ["1.0000", "2.0000"]
        sent = post("api-linked-group-send", {"version": 1}, pk)
        changed = post("api-linked-group-change", {"version": sent.json()["version"], "packages": "20", "net_limit": None}, pk)
        assert changed.status_code == 200

        said = client.get(reverse("api-linked-group-package", args=[pk])).json()
        assert (said["as_one_order"], said["orders"][0]["wanted_qty"], said["package_legs"][1]["weight"]) == (True, "20.0000", 2)
