"""Lifting what is on the restricted list takes two officers, in the services as in the database; the control room decides on its own."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.models import Restriction
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.orders.models import Order
from apps.users.models import User
from tests.races import at_once


@pytest.fixture
def listed(firm, omar, odile, by):
    """``listed("AAA", kind="GREY")``: the id of an entry on a list, by Omar; of the control room's lists by Odile."""

    def make(symbol: str = "AAA", **more) -> int:
        listing = compliance.Listing("A deal.", date.today(), instrument_id=firm.instruments[symbol].pk, **more)
        return compliance.restrict(by(odile if "kind" in more else omar), [listing])[0]

    return make


def facts(pk: int) -> list[str]:
    return list(Entry.objects.filter(subject__in=("restriction", "entry"), subject_id=pk).order_by("nth").values_list("event", flat=True))


def test_one_asks_and_another_lifts_it(rules, listed, submit, omar, odile, by):
    pk = listed()
    compliance.ask_to_lift(by(omar, "Off."), [pk], seen={pk: 1})
    (before,) = submit(("P1", "AAA", "SELL", "1"))
    compliance.lift(by(odile, "It is."), [pk], seen={pk: 2})
    (after,) = submit(("P1", "AAA", "SELL", "2"))
    assert [Order.objects.get(pk=order).status for order in (before, after)] == ["HELD", "CLEARED"]
    row = Restriction.objects.get()
    assert (row.status, row.version, row.lift_asked_by, row.lift_reason, row.lifted_by) == ("RETIRED", 3, omar, "Off.", odile)
    assert facts(pk) == ["restriction.added", "restriction.lift_asked", "restriction.lifted"]


def test_nobody_lifts_what_they_asked_for_nor_what_nobody_asked_for(listed, omar, odile, by):
    asked, other = listed(), listed("BBB")
    compliance.ask_to_lift(by(omar, "Off."), [asked], seen={asked: 1})
    with pytest.raises(compliance.OwnLift, match="You asked to lift"):
        compliance.lift(by(omar, "Off."), [asked], seen={asked: 2})
    with pytest.raises(compliance.LiftAsked, match="lifted by two officers"):
        compliance.lift(by(odile, "Off."), [asked, other], seen={asked: 2, other: 1})
    with pytest.raises(compliance.LiftAsked, match="already"):
        compliance.ask_to_lift(by(odile, "Off."), [asked], seen={asked: 2})
    with pytest.raises(compliance.LiftAsked, match="Nobody asked"):
        compliance.keep_listed(by(odile, "No."), [other], seen={other: 1})
    assert set(Restriction.objects.values_list("status", flat=True)) == {"ACTIVE"}
    assert (facts(asked), facts(other)) == (["restriction.added", "restriction.lift_asked"], ["restriction.added"])


@pytest.mark.parametrize("who", ["omar", "odile"])
def test_either_keeps_it_and_it_may_be_asked_for_again(listed, omar, odile, by, who):
    pk = listed()
    compliance.ask_to_lift(by(omar, "Off."), [pk], seen={pk: 1})
    compliance.keep_listed(by(User.objects.get(username=who), "Not yet."), [pk], seen={pk: 2})
    row = Restriction.objects.get()
    assert (row.status, row.lift_asked_by, row.lift_reason) == ("ACTIVE", None, "")
    compliance.ask_to_lift(by(odile, "Now."), [pk], seen={pk: 3})
    compliance.lift(by(omar, "Now."), [pk], seen={pk: 4})
    for again in (compliance.lift, compliance.keep_listed, compliance.ask_to_lift):
        with pytest.raises(IllegalMove):
            again(by(omar, "Again."), [pk], seen={pk: 5})


def test_bad_input_is_refused(listed, omar, mira, by):
    pk = listed()
    for act, field in ((by(omar), "reason"), (by(omar, "x" * 301), "reason")):
        with pytest.raises(Invalid) as refusal:
            compliance.ask_to_lift(act, [pk], seen={pk: 1})
        assert refusal.value.facts["field"] == field
    with pytest.raises(NotAllowed):
        compliance.ask_to_lift(by(mira, "Please."), [pk], seen={pk: 1})
    with pytest.raises(compliance.StaleRestriction):
        compliance.ask_to_lift(by(omar, "Off."), [pk], seen={pk: 2})
    assert facts(pk) == ["restriction.added"]


def test_the_control_room_lifts_its_own_by_itself(listed, odile, by):
    pk = listed(kind="GREY")
    with pytest.raises(compliance.LiftAsked, match="by itself"):
        compliance.ask_to_lift(by(odile, "Public."), [pk], seen={pk: 1})
    compliance.lift(by(odile, "Public."), [pk], seen={pk: 1})
    assert (Restriction.objects.get().status, facts(pk)) == ("RETIRED", ["entry.added", "entry.lifted"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"status": "RETIRED"}, "two officers"), ({"status": "RETIRED", "lifted_by": "omar"}, "two officers"),
        ({"status": "RETIRED", "lift_asked_by": "odile", "lifted_by": "omar", "lift_reason": "x"}, "two officers"),
        ({"direction": "BUY"}, "never edited"), ({"effective_to": date(2020, 1, 1)}, "never edited"), ({"kind": "WATCH"}, "never edited"),
        ({"lift_asked_by": None, "lifted_by": "odile"}, "nobody_lifts_a_restriction_alone"), ({"lift_reason": ""}, "says_why"),
    ],
)  # fmt: skip
def test_the_database_refuses_what_one_does_past_the_services(listed, omar, odile, by, change, says):
    pk = listed()
    compliance.ask_to_lift(by(omar, "Off."), [pk], seen={pk: 1})
    people = {"omar": omar, "odile": odile}
    said = {name: people.get(value, value) for name, value in change.items()}
    with pytest.raises(IntegrityError, match=says), transaction.atomic():
        Restriction.objects.filter(pk=pk).update(**said)
    with pytest.raises(IntegrityError, match="not deleted"), transaction.atomic():
        Restriction.objects.all().delete()
    assert Restriction.objects.get().status == "ACTIVE"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_is_told(listed, omar, odile, by):
    pk = listed()
    compliance.ask_to_lift(by(omar, "Off."), [pk], seen={pk: 1})
    answers = at_once(
        lambda: compliance.lift(by(odile, "Off."), [pk], seen={pk: 2}), lambda: compliance.keep_listed(by(omar, "No."), [pk], seen={pk: 2})
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "str"]
    lifted = Restriction.objects.get().status == "RETIRED"
    assert facts(pk) == ["restriction.added", "restriction.lift_asked", "restriction.lifted" if lifted else "restriction.kept"]


def test_over_the_api(listed, omar, odile, ada, ask):
    pk, path = listed(), "/api/v1/restrictions/"
    said = {"version": 1, "reason": "Off."}
    assert ask(ada, "post", f"{path}{pk}/ask-lift/", said).status_code == 403
    asked = ask(omar, "post", f"{path}{pk}/ask-lift/", said).json()
    assert (asked["status"], asked["lift_asked_by"], asked["lift_reason"], asked["lifted_by"]) == ("ACTIVE", "omar", "Off.", None)
    own = ask(omar, "post", f"{path}{pk}/lift/", said | {"version": 2})
    assert (own.status_code, own.json()["code"]) == (403, "own_lift")
    assert ask(odile, "post", f"{path}{pk}/keep/", said | {"version": 2}).json()["lift_asked_by"] is None
    alone = ask(odile, "post", f"{path}{pk}/lift/", said | {"version": 3})
    assert (alone.status_code, alone.json()["code"]) == (409, "lift_asked")
    ask(omar, "post", f"{path}{pk}/ask-lift/", said | {"version": 3})
    lifted = ask(odile, "post", f"{path}{pk}/lift/", said | {"version": 4}).json()
    assert (lifted["status"], lifted["lifted_by"]) == ("RETIRED", "odile")
