"""Room under limits that the firm shares: who holds it, kept for drafts, and never taken twice."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.models import Reservation
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force
from tests.races import at_once

PAGE, API = "/room/", "/api/v1/shared-room/"
CAP = 490_000  # 4.9% of AAA's ten million shares, of which the firm holds 150,000.
HELD = 150_000


def soon(minutes: int = 60):
    return timezone.now() + timedelta(minutes=minutes)


@pytest.fixture
def own(people, by):
    """One rule that the firm shares: 4.9% of an issue."""
    put_in_force(by, "own", {"max_pct": "4.9"}, severity="HARD", name="Own", kind="issue_ownership")


@pytest.fixture
def draft(firm, by):
    def make(person, qty, portfolio="P1", symbol="AAA", side="BUY") -> int:
        wish = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, side, str(qty))
        return orders.create_orders(by(person), [wish])[0]

    return make


def version(pk: int) -> dict[int, int]:
    return {pk: Order.objects.values_list("version", flat=True).get(pk=pk)}


def reserve(act, *ids, minutes=60) -> list[int]:
    seen = {pk: n for one in ids for pk, n in version(one).items()}
    return compliance.reserve_room(act, ids, seen=seen, until=act.at + timedelta(minutes=minutes))


def submit(act, pk) -> str:
    orders.submit_orders(act, [pk], seen=version(pk))
    return Order.objects.get(pk=pk).status


def live() -> dict[int, tuple[str, str]]:
    return {r.order_id: (r.status, r.ended) for r in Reservation.objects.order_by("pk")}


@pytest.mark.django_db
class TestReserving:
    def test_what_a_draft_holds_nobody_else_can_take(self, own, draft, mira, paul, by):
        mine, theirs = draft(mira, 300_000), draft(paul, 40_001, "P3")
        reserve(by(mira), mine)
        assert submit(by(paul), theirs) == "HELD"  # It takes none of what was kept before it.
        assert submit(by(mira), mine) == "CLEARED" and live() == {mine: ("ENDED", "submitted")}

    def test_what_was_held_before_room_was_kept_counts(self, own, draft, mira, paul, by):
        first = draft(paul, 340_001, "P3")
        assert submit(by(paul), first) == "HELD"
        with pytest.raises(compliance.NoRoom):
            reserve(by(mira), draft(mira, 1_000))

    def test_and_all_of_the_rest_can(self, own, draft, mira, paul, by):
        reserve(by(mira), draft(mira, 300_000))
        assert submit(by(paul), draft(paul, 40_000, "P3")) == "CLEARED"

    def test_no_more_is_kept_than_there_is(self, own, draft, mira, paul, by):
        reserve(by(paul), draft(paul, 340_000, "P3"))
        with pytest.raises(compliance.NoRoom, match="AAA than “Own” leaves to the firm. There is room for 0") as refused:
            reserve(by(mira), draft(mira, 1))
        assert refused.value.facts["rule"] == "own" and len(live()) == 1

    def test_several_are_kept_together_or_none(self, own, draft, mira, by):
        first, second = draft(mira, 200_000), draft(mira, 140_001, "P2")
        with pytest.raises(compliance.NoRoom, match=f"O-{second:06d}.*room for 140,?000"):
            reserve(by(mira), first, second)
        assert live() == {}

    def test_a_second_reservation_takes_the_place_of_the_first(self, own, draft, mira, by):
        pk = draft(mira, 340_000)
        reserve(by(mira), pk)
        (again,) = reserve(by(mira), pk)
        assert [(r.pk == again, r.status, r.ended) for r in Reservation.objects.order_by("pk")] == [
            (False, "ENDED", "renewed"), (True, "HELD", ""),
        ]  # fmt: skip

    @pytest.mark.parametrize("how", ["amended", "cancelled"])
    def test_it_ends_with_the_draft_it_was_for(self, own, draft, mira, paul, by, how):
        pk = draft(mira, 340_000)
        reserve(by(mira), pk)
        if how == "amended":
            orders.amend_orders(by(mira), {pk: {"qty": "339999"}}, seen=version(pk))
        else:
            orders.cancel_orders(by(mira), [pk], seen=version(pk))
        assert live() == {pk: ("ENDED", how)}
        assert submit(by(paul), draft(paul, 340_000, "P3")) == "CLEARED"

    def test_and_with_its_time(self, own, draft, mira, paul, by):
        pk = draft(mira, 340_000)
        reserve(by(mira), pk, minutes=5)
        later = by(paul)
        later.at += timedelta(minutes=6)
        assert submit(later, draft(paul, 340_000, "P3")) == "CLEARED"  # Even before anybody has swept it.
        assert live() == {pk: ("HELD", "")}
        assert compliance.expire_reservations(later) == 1 and compliance.expire_reservations(later) == 0
        assert live() == {pk: ("ENDED", "expired")}

    def test_who_reserved_it_or_an_officer_gives_it_back(self, own, draft, mira, paul, omar, by):
        (pk,) = reserve(by(mira), draft(mira, 100))
        with pytest.raises(NotAllowed, match="Only who reserved it"):
            compliance.release_room(by(paul), [pk], seen={pk: 1})
        with pytest.raises(compliance.StaleReservation):
            compliance.release_room(by(mira), [pk], seen={pk: 2})
        compliance.release_room(by(omar), [pk], seen={pk: 1})
        with pytest.raises(IllegalMove):
            compliance.release_room(by(mira), [pk], seen={pk: 2})
        with pytest.raises(NotFound):
            compliance.release_room(by(mira), [pk + 1], seen={})

    def test_what_takes_no_shared_room_is_refused(self, own, draft, mira, paul, by, firm):
        for pk, words in ((draft(mira, 10, side="SELL"), "no draft to buy"), (draft(mira, 1_000, symbol="TSY"), "no room")):
            with pytest.raises(Invalid, match=words):
                reserve(by(mira), pk)
        pk = draft(mira, 10)
        for minutes in (0, 1441):
            with pytest.raises(Invalid, match="at most a day"):
                reserve(by(mira), pk, minutes=minutes)
        with pytest.raises(NotFound):
            compliance.reserve_room(by(mira), [], seen={}, until=soon())
        submit(by(mira), pk)
        with pytest.raises(Invalid, match="no draft to buy"):
            reserve(by(mira), pk)


@pytest.mark.django_db
class TestShown:
    def test_who_holds_the_room(self, own, draft, mira, paul, omar, by):
        kept, taken = draft(mira, 300_000), draft(paul, 30_000, "P3")
        reserve(by(mira), kept)
        submit(by(paul), taken)
        (limit,) = selectors.shared_limits(omar, timezone.now())
        assert (limit.symbol, limit.cap, limit.held, limit.promised, limit.reserved, limit.left) == (
            "AAA", CAP, HELD, 30_000, 300_000, CAP - HELD - 330_000,
        )  # fmt: skip
        assert {(h.order_id, h.by, h.qty, h.reservation_id is None) for h in limit.holders} == {
            (kept, str(mira), 300_000, False), (taken, str(paul), 30_000, True),
        }  # fmt: skip

    def test_on_a_page(self, own, draft, mira, omar, by):
        pk, client = draft(mira, 340_000), Client()
        client.force_login(mira)
        assert f"O-{pk:06d}" in client.get(PAGE).content.decode()
        assert client.post(f"{PAGE}reserve/", {"seen": f"{pk}:1", "minutes": "30"}).status_code == 200
        assert live() == {pk: ("HELD", "")}
        other = draft(mira, 1)
        refused = client.post(f"{PAGE}reserve/", {"seen": f"{other}:1", "minutes": "30"})
        assert refused.status_code == 409 and "leaves to the firm" in refused.content.decode()
        assert client.post(f"{PAGE}reserve/", {"seen": f"{other}:1", "minutes": "x"}).status_code == 422
        officer = Client()
        officer.force_login(omar)
        reservation = Reservation.objects.get()
        assert "Give back" in officer.get(PAGE).content.decode()
        assert officer.post(f"{PAGE}release/", {"seen": f"{reservation.pk}:1"}).status_code == 200
        assert officer.post(f"{PAGE}release/", {"seen": f"{reservation.pk}:1"}).status_code == 409

    def test_in_the_api(self, own, draft, mira, by):
        pk, client = draft(mira, 340_000), Client()
        client.force_login(mira)
        said = {"orders": [{"id": pk, "version": 1}], "until": soon().isoformat()}
        made = client.post(f"{API}reserve", said, content_type="application/json")
        assert made.status_code == 201
        (told,) = client.get(API).json()
        assert (told["left"], told["holders"][0]["order_id"]) == ("0.0000", pk)
        (reservation,) = made.json()["reservations"]
        assert client.post(f"{API}{reservation}/release", {"version": 1}, content_type="application/json").status_code == 204
        assert client.get(API).json() == []


def three_rules(by) -> None:
    for n in range(3):
        put_in_force(by, f"own{n}", {"max_pct": "4.9"}, severity="HARD", name=f"Own {n}", kind="issue_ownership")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_managers_cannot_both_keep_the_last_room(self, own, draft, mira, paul, by):
        for n in range(4):
            mine, theirs = draft(mira, 340_000 - n), draft(paul, 339_000 - n, "P3")
            answers = at_once(lambda mine=mine: reserve(by(mira), mine), lambda theirs=theirs: reserve(by(paul), theirs))
            assert sorted(a if isinstance(a, str) else "kept" for a in answers) == ["NoRoom", "kept"]
            compliance.expire_reservations(_late(by(mira)))

    def test_nor_one_keep_what_the_other_takes(self, own, draft, mira, paul, by):
        mine, theirs = draft(mira, 340_000), draft(paul, 340_000, "P3")
        answers = at_once(lambda: reserve(by(mira), mine), lambda: submit(by(paul), theirs))
        kept = isinstance(answers[0], list)
        assert (Order.objects.get(pk=theirs).status, len(live())) == (("HELD", 1) if kept else ("CLEARED", 0))

    def test_baskets_that_cross_under_three_rules_do_not_wait_for_ever(self, firm, people, draft, mira, paul, by):
        three_rules(by)
        for n in range(4):
            mine = [draft(mira, 10 + n, "P1", symbol) for symbol in ("AAA", "CCC", "BBB")]
            theirs = [draft(paul, 20 + n, "P3", symbol) for symbol in ("BBB", "AAA", "CCC")]
            answers = at_once(
                lambda ids=mine: orders.submit_orders(by(mira), ids, seen=dict.fromkeys(ids, 1)),
                lambda ids=theirs: orders.submit_orders(by(paul), ids, seen=dict.fromkeys(ids, 1)),
            )
            assert answers == [None, None]
            assert set(Order.objects.filter(pk__in=mine + theirs).values_list("status", flat=True)) == {"CLEARED"}

    def test_screenings_of_other_instruments_do_not_wait(self, own, draft, mira, paul, by):
        """While one screening holds AAA's limit, another of CCC goes through in its own transaction."""
        mine, theirs = draft(mira, 10), draft(paul, 20, "P3", "CCC")
        with transaction.atomic():
            submit(by(mira), mine)
            (answer,) = at_once(lambda: submit(by(paul), theirs))
        assert answer == "CLEARED"


def _late(act):
    act.at += timedelta(days=2)
    return act
