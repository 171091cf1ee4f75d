"""The firm's lists on the database: who meets them, who learns of it, and files of entries."""

import json
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.lists import NOTES
from apps.compliance.models import ListHit, Restriction, Review
from apps.compliance.services import BadRows, Listing
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words

TODAY = date.today()
SECRET = "Project Falcon"


@pytest.fixture
def listed(firm, odile, by):
    """``listed("GREY", "AAA")``: an entry on a list, by an officer of the control room; its id."""

    def make(kind: str, symbol: str = "AAA", **more) -> int:
        listing = Listing(SECRET, TODAY, kind=kind, instrument_id=firm.instruments[symbol].pk, **more)
        return compliance.restrict(by(odile, SECRET), [listing])[0]

    return make


def client(person) -> Client:
    opened = Client()
    opened.force_login(person)
    return opened


class TestWhatBecomesOfAnOrder:
    @pytest.mark.parametrize(
        ("kind", "status", "severity"),
        [("RESTRICTED", "HELD", "HARD"), ("GREY", "HELD", "SOFT"), ("INSIDER", "HELD", "SOFT"), ("WATCH", "CLEARED", None)],
    )
    def test_it_stops_is_held_or_goes_on_and_the_control_room_learns_of_each(self, rules, listed, submit, odile, kind, status, severity):
        pk = listed(kind)

        (order,) = submit(("P2", "AAA", "SELL", "1"))

        assert Order.objects.get(pk=order).status == status
        assert list(Review.objects.values_list("severity", flat=True)) == ([severity] if severity else [])
        (hit,) = selectors.hits_seen_by(odile)
        assert (hit.entry_id, hit.order_id, hit.order_version, hit.via) == (pk, order, 2, "")

    def test_a_wall_crossing_holds_the_orders_of_who_crossed_it(self, rules, listed, submit, mira, paul):
        listed("WALL", person_id=paul.pk)
        assert Order.objects.get(pk=submit(("P2", "AAA", "SELL", "1"))[0]).status == "CLEARED"
        listed("WALL", person_id=mira.pk)
        assert Order.objects.get(pk=submit(("P2", "AAA", "SELL", "2"))[0]).status == "HELD"
        assert ListHit.objects.count() == 1

    def test_a_desk_of_its_own(self, rules, listed, submit, firm):
        listed("GREY", desk_id=firm.desk.pk)
        assert Order.objects.get(pk=submit(("P2", "AAA", "SELL", "1"))[0]).status == "HELD"

    def test_only_the_control_room_lets_through_what_met_its_lists(self, rules, listed, submit, omar, odile, by):
        listed("GREY")
        (order,) = submit(("P2", "AAA", "SELL", "1"))
        review = Review.objects.get(order=order)
        with pytest.raises(compliance.ForControlRoom):
            compliance.approve_reviews(by(omar, "Fine."), [review.pk], seen={review.pk: 1})
        theirs, others = (words(visit(who, "compliance:review", review.pk)) for who in (odile, omar))
        assert 'value="approve"' in theirs and "waits for an officer of the control room" not in theirs
        assert 'value="approve"' not in others and 'value="reject"' in others and "waits for an officer of the control room" in others
        compliance.approve_reviews(by(odile, "Fine."), [review.pk], seen={review.pk: 1})
        assert Order.objects.get(pk=order).status == "CLEARED"

    def test_what_is_lifted_or_ended_holds_nothing(self, rules, listed, submit, odile, by):
        pk = listed("GREY")
        compliance.lift(by(odile, "Public."), [pk], seen={pk: 1})
        (order,) = submit(("P2", "AAA", "SELL", "1"))
        assert (Order.objects.get(pk=order).status, ListHit.objects.count()) == ("CLEARED", 0)

    def test_statements_do_not_grow_with_the_orders(self, rules, listed, submit, django_assert_num_queries, by, odile):
        listed("WATCH")
        pks = submit(*[("P2", "AAA", "SELL", str(n)) for n in range(1, 9)])
        for some in (pks[:1], pks):
            with django_assert_num_queries(4):
                found = selectors.entries_met(some, timezone.now(), (NOTES,))
            assert len(found) == len(some)

    def test_a_hit_is_never_changed(self, rules, listed, submit):
        listed("WATCH")
        submit(("P2", "AAA", "SELL", "1"))
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            ListHit.objects.update(via="nothing")


class TestWhoLearnsOfIt:
    """An entry of the control room, its reason and its being met are read nowhere else."""

    PAGES = ("compliance:restrictions", "compliance:reviews", "compliance:rules", "desk:record", "desk:home")

    @pytest.fixture
    def met(self, rules, listed, submit):
        pk = listed("GREY")
        (order,) = submit(("P2", "AAA", "SELL", "1"))
        return pk, order

    @staticmethod
    def said_to(person, pk: int, order: int) -> str:
        review = Review.objects.get(order=order)
        opened = client(person)
        urls = [reverse(name) for name in TestWhoLearnsOfIt.PAGES]
        urls += [f"/api/v1/{path}" for path in (
            "restrictions/", f"orders/{order}/checks/", "reviews/", f"reviews/{review.pk}/", f"orders/{order}/", "events/?limit=1000",
            "list-hits/", f"record/?q={SECRET.replace(' ', '+')}", "record/?subject=entry",
        )]  # fmt: skip
        urls += [reverse("compliance:review", args=[review.pk]), reverse("compliance:order_checks", args=[order])]
        urls += [reverse("desk:record") + f"?q={SECRET.replace(' ', '+')}", reverse("desk:timeline", args=["entry", pk])]
        urls += [reverse("desk:timeline", args=["order", order]), reverse("orders:export")]
        answers = [opened.get(url) for url in urls]
        return " ".join(b"".join(a).decode("utf-8", "replace") if a.streaming else a.content.decode("utf-8", "replace")
                        for a in answers if a.status_code == 200).lower()  # fmt: skip

    @pytest.mark.parametrize("who", ["mira", "tom", "omar", "ada", "olga", "alan"])
    def test_nobody_outside_the_control_room(self, met, people, who):
        said = self.said_to(people[who], *met)
        said = said.replace('value="project falcon"', "")  # What they searched for themselves.
        assert not [word for word in ("falcon", "grey list", '"grey"', "insider", "wall crossing", "entry.added") if word in said]

    def test_the_control_room_does(self, met, odile):
        said = self.said_to(odile, *met)
        assert "project falcon" in said
        assert '"grey"' in said

    def test_a_manager_reads_the_same_of_a_grey_as_of_a_restricted_instrument(self, rules, listed, submit, mira):
        listed("GREY")
        listed("RESTRICTED", "BBB")
        orders = submit(("P2", "AAA", "SELL", "1"), ("P2", "BBB", "SELL", "1"))
        grey, restricted = (selectors.checks_of(mira, pk)[0].problems for pk in orders)
        assert grey == restricted
        assert grey[0]["text"] == "Compliance has to look at this order before it can go on."

    def test_a_manager_reads_one_line_however_many_lists_an_order_meets(self, rules, listed, submit, mira, by):
        put_in_force(by, "another", {}, kind="control_room", name="Another", severity="HARD")
        listed("GREY"), listed("RESTRICTED"), listed("INSIDER", "BBB")
        several, one = submit(("P2", "AAA", "SELL", "1"), ("P2", "BBB", "BUY", "1"))
        told = [client(mira).get(f"/api/v1/orders/{pk}/checks/").json()[0] for pk in (several, one)]
        assert [sum(r["rule"] == "compliance" for r in check["results"]) for check in told] == [1, 1]
        assert len({r["text"] for check in told for r in check["results"] if r["rule"] == "compliance"}) == 1

    @pytest.mark.parametrize("severity", ["INFO", "WARN"])
    def test_a_manager_learns_nothing_of_what_is_only_watched(self, firm, listed, submit, mira, omar, by, severity):
        put_in_force(by, "watched", {}, kind="control_room", name="Watched", severity=severity)
        listed("GREY")
        (order,) = submit(("P2", "AAA", "SELL", "1"))
        path = f"/api/v1/orders/{order}/checks/"
        (theirs,), (ours,) = (client(who).get(path).json() for who in (mira, omar))
        assert (theirs["outcome"], theirs["results"]) == ("PASS", [])
        assert [(r["rule"], r["outcome"]) for r in ours["results"]] == [("watched", "FAIL")]

    def test_entries_are_not_there_for_an_officer_without_the_room(self, listed, omar, ada, odile, by):
        pk = listed("WATCH")
        assert list(selectors.restrictions_seen_by(omar)) == []
        assert [r.pk for r in selectors.restrictions_seen_by(odile)] == [pk]
        with pytest.raises(NotFound):
            compliance.lift(by(omar, "Guess."), [pk], seen={pk: 1})
        with pytest.raises(NotFound):
            selectors.hits_seen_by(ada)
        with pytest.raises(NotAllowed):
            compliance.restrict(by(omar), [Listing("Deal.", TODAY, kind="WATCH", instrument_id=1)])
        assert Restriction.objects.get().status == "ACTIVE"

    def test_the_back_office_hides_them_too(self, listed, omar, odile, people):
        listed("WATCH")
        for person, seen in ((omar, False), (odile, True)):
            person.is_staff = True
            person.save()
            person.groups.add(Group.objects.get(name="operations"))
            answer = client(person).get(reverse("admin:compliance_restriction_changelist"))
            assert answer.status_code == 200
            assert ("Watch" in answer.content.decode()) is seen
        assert client(omar).get(reverse("admin:compliance_listhit_changelist")).status_code == 403

    def test_the_record_of_an_entry_is_kept_apart(self, listed):
        pk = listed("INSIDER")
        assert list(Entry.objects.filter(subject_id=pk, subject__in=["entry", "restriction"]).values_list("event")) == [("entry.added",)]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"kind": "BLACK"}, "kind"), ({"reach": "ALL"}, "reach"), ({"kind": "WALL"}, "person"), ({"person_id": 1}, "person"),
        ({"portfolio_id": 1, "desk_id": 1}, "desk"), ({"source": "x" * 121}, "source"), ({"authorised_by": "x" * 121}, "authorised_by"),
        ({"desk_id": 10**9}, "desk"), ({"effective_to": TODAY - timedelta(days=1)}, "effective_to"),
    ],
)  # fmt: skip
def test_refuses_what_makes_no_sense_beside_its_field(firm, odile, by, more, field):
    with pytest.raises(Invalid) as refusal:
        compliance.restrict(by(odile), [Listing("Deal.", TODAY, instrument_id=firm.instruments["AAA"].pk, **more)])
    assert refusal.value.facts["field"] == field
    assert not Restriction.objects.exists()


def test_the_database_refuses_a_wall_without_its_person(firm):
    with pytest.raises(IntegrityError, match="whoever_crosses_a_wall"), transaction.atomic():
        Restriction.objects.create(kind="WALL", instrument=firm.instruments["AAA"], reason="x", effective_from=TODAY)


class TestFiles:
    HEAD = "list,instrument,issuer,person,direction,from,to,reason,source,authorised_by\n"

    def test_a_file_is_listed_whole(self, firm, odile, by, mira):
        code = firm.instruments["BBB"].issuer.code
        text = self.HEAD + f"grey,AAA,,,buy,2026-01-31,,Deal,Deal team,Counsel\nWALL,,{code},mira,,2026-01-31,2026-02-28,Told,,\n"
        ids = compliance.import_listings(by(odile), text.encode())
        first, second = Restriction.objects.filter(pk__in=ids).order_by("pk")
        assert (first.kind, first.direction, first.source, first.authorised_by) == ("GREY", "BUY", "Deal team", "Counsel")
        assert (second.kind, second.person_id, second.reach, second.authorised_by) == ("WALL", mira.pk, "GROUP", "Odile Olsen")

    def test_every_bad_row_is_named_and_none_is_listed(self, firm, omar, by):
        text = self.HEAD + (
            "RESTRICTED,AAA,,,,2026-01-31,,Good,,\n"
            "RESTRICTED,ZZZZ,,,,31/01/2026,,No such,,\n"
            "\n"
            "GREY,AAA,,,,2026-01-31,,Not for Omar,,\n"
            "RESTRICTED,AAA,,,SIDEWAYS,2026-01-31,,Direction,,\n"
            "RESTRICTED,AAA,,,,,,No day,,\n"
            "RESTRICTED,AAA,,,,2026-01-31,2026-01-30,Ends early,,\n"
        )
        with pytest.raises(BadRows) as refusal:
            compliance.import_listings(by(omar), text.encode())
        named = [(one["row"], one["field"]) for one in refusal.value.facts["rows"]]
        assert named == [(3, "instrument"), (3, "from"), (5, "list"), (6, "direction"), (7, "from"), (8, "to")]
        assert not Restriction.objects.exists()

    def test_the_same_entry_twice_is_refused(self, firm, omar, by):
        row = "RESTRICTED,AAA,,,,2026-01-31,,Deal,,\n"
        with pytest.raises(BadRows, match="1 of 2 rows"):
            compliance.import_listings(by(omar), (self.HEAD + row + row).encode())
        (pk,) = compliance.import_listings(by(omar), (self.HEAD + row).encode())
        with pytest.raises(BadRows) as refusal:
            compliance.import_listings(by(omar), (self.HEAD + row).encode())
        assert f"entry {pk}" in refusal.value.facts["rows"][0]["message"]

    @pytest.mark.parametrize(
        "content", [b"", b"\xff\xfe\x00", b"list,from,reason\n", b"list,from,reason,colour\na,b,c,d\n", b"list,reason\na,b\n"]
    )
    def test_what_is_no_such_file_is_refused(self, firm, omar, by, content):
        with pytest.raises(Invalid) as refusal:
            compliance.import_listings(by(omar), content)
        assert refusal.value.facts["field"] == "file"

    def test_over_the_api_and_on_the_page(self, firm, omar):
        from django.core.files.uploadedfile import SimpleUploadedFile

        def sent(reason: str) -> SimpleUploadedFile:
            return SimpleUploadedFile("l.csv", (self.HEAD + f"RESTRICTED,AAA,,,,2026-01-31,,{reason},,\n").encode())

        opened = client(omar)
        bad = opened.post(reverse("compliance:import_listings"), {"file": sent("")})
        assert bad.status_code == 422
        assert "Give the reason why it is listed" in bad.content.decode()
        answer = opened.post("/api/v1/restrictions/import/", {"file": sent("")})
        assert (answer.status_code, answer.json()["code"], answer.json()["facts"]["rows"][0]["row"]) == (422, "bad_rows", 2)
        assert opened.post(reverse("compliance:import_listings"), {"file": sent("Deal")}).status_code == 204
        assert Restriction.objects.get().reason == "Deal"


class TestPages:
    def test_the_control_room_lists_reads_and_finds_who_met_it(self, rules, firm, odile, submit):
        opened = client(odile)
        said = {"kind": "WATCH", "reach": "GROUP", "issuer": firm.instruments["AAA"].issuer_id, "direction": "ALL", "reason": SECRET,
                "effective_from": "2026-01-31"}  # fmt: skip
        assert opened.post(reverse("compliance:restrict"), said).status_code == 204
        submit(("P2", "AAA", "SELL", "1"))
        assert SECRET in opened.get(reverse("compliance:restrictions") + "?list=WATCH").content.decode()
        assert SECRET not in opened.get(reverse("compliance:restrictions") + "?list=GREY").content.decode()
        shown = opened.get(reverse("compliance:list_hits")).content.decode()
        assert "O-0" in shown and "Watch" in shown
        (row,) = json.loads(opened.get("/api/v1/list-hits/").content)["results"]
        assert (row["kind"], row["symbol"], row["side"]) == ("WATCH", "AAA", "SELL")

    def test_an_officer_without_the_room_is_offered_the_restricted_list_alone(self, firm, omar):
        opened = client(omar)
        shown = opened.get(reverse("compliance:restrict")).content.decode()
        assert "Watch" not in shown and "crossed the wall" not in shown
        said = {"kind": "WATCH", "reach": "GROUP", "instrument": firm.instruments["AAA"].pk, "direction": "ALL", "reason": "x",
                "effective_from": "2026-01-31"}  # fmt: skip
        assert opened.post(reverse("compliance:restrict"), said).status_code == 422
        assert opened.post(reverse("compliance:restrict"), said | {"kind": ""}).status_code == 204
        assert Restriction.objects.get().kind == "RESTRICTED"
