"""Message throttles as officers keep them: who was slow is told what was done, and what was used stays used."""

import pytest

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.routing import services as routing
from apps.routing.models import Throttle, ThrottleUse
from tests.pages import send, visit, words
from tests.races import at_once

pytestmark = pytest.mark.django_db
Text = routing.ThrottleText


@pytest.fixture
def throttle(firm, omar, by) -> Throttle:
    return Throttle.objects.get(pk=routing.set_throttle(by(omar, "House rule."), Text(per_day=100), strategy="VWAP"))


def record_of(pk: int) -> list[tuple[str, str]]:
    return list(Entry.objects.filter(subject="throttle", subject_id=pk).order_by("nth").values_list("event", "act__by__username"))


def test_is_changed_in_place_so_that_what_was_used_stays_used(throttle, odile, by):
    ThrottleUse.objects.create(throttle=throttle, at=by(odile).at, messages=7)
    routing.change_throttle(by(odile, "Quiet day."), throttle.pk, Text(per_day=50, most_repeats=3), seen=2)
    throttle.refresh_from_db()
    assert (throttle.per_day, throttle.most_repeats, ThrottleUse.objects.get().throttle_id) == (50, 3, throttle.pk)
    routing.end_throttle(by(odile, "Over."), throttle.pk, seen=3)
    assert record_of(throttle.pk) == [("throttle.set", "omar"), ("throttle.changed", "odile"), ("throttle.ended", "odile")]
    with pytest.raises(IllegalMove):
        routing.change_throttle(by(odile, "Again."), throttle.pk, Text(per_day=5), seen=4)
    assert [one.history_user.username for one in throttle.history.order_by("history_id")] == ["omar", "odile", "odile"]


@pytest.mark.parametrize(
    ("field", "said", "of"),
    [
        ("session", Text(), {"strategy": "VWAP"}), ("session", Text(per_day=1), {}), ("per_day", Text(per_day=0), {"strategy": "VWAP"}),
        ("per_second", Text(per_second=2**31), {"strategy": "VWAP"}), ("over", Text(per_second=1, over="QUEUE"), {"strategy": "VWAP"}),
        ("over", Text(per_second=1, over="WISH"), {"strategy": "VWAP"}), ("strategy", Text(per_day=1), {"strategy": "MAGIC"}),
        ("session", Text(per_day=1), {"session_id": 987654}),
    ],
)  # fmt: skip
def test_refuses_what_limits_nothing_or_cannot_be(firm, omar, by, field, said, of):
    with pytest.raises(Invalid) as refusal:
        routing.set_throttle(by(omar, "So."), said, **of)
    assert refusal.value.facts["field"] == field and not Throttle.objects.exists()


def test_of_a_strategy_there_is_one_and_officers_alone_keep_it_for_a_reason(throttle, omar, tom, by):
    with pytest.raises(routing.ThrottledAlready):
        routing.set_throttle(by(omar, "So."), Text(per_day=1), strategy="VWAP")
    with pytest.raises(NotAllowed):
        routing.set_throttle(by(tom, "So."), Text(per_day=1), strategy="TWAP")
    with pytest.raises(Invalid, match="reason"):
        routing.end_throttle(by(omar), throttle.pk, seen=2)
    assert Throttle.objects.get().is_active


def test_who_was_slow_reads_what_a_colleague_did_here_or_in_the_back_office(throttle, omar, odile, by):
    throttle.per_day = 70
    throttle.save()  # As the back office does.
    with pytest.raises(routing.StaleThrottle) as refusal:
        routing.end_throttle(by(omar, "So."), throttle.pk, seen=2)
    assert "per day 100 → 70" in " ".join(refusal.value.in_words().values())


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_changes_it(throttle, omar, odile, by):
    answers = at_once(
        *(lambda who=who: routing.change_throttle(by(who, "So."), throttle.pk, Text(per_day=9), seen=2) for who in (omar, odile))
    )
    assert sorted(map(str, answers)) == ["None", "StaleThrottle"]


def test_an_officer_keeps_it_on_the_page(firm, omar, tom):
    said = {"strategy": "VWAP", "most_repeats": "3", "over": "REFUSE", "repeat_seconds": "60", "reason": "So."}
    assert send(omar, "routing:throttle_set", said | {"most_repeats": ""}).status_code == 422
    assert send(omar, "routing:throttle_set", said).status_code == 204
    one = Throttle.objects.get()
    assert 'name="seen" value="2"' in words(visit(omar, "routing:throttle_change", one.pk, htmx=True))
    assert send(omar, "routing:throttle_change", said | {"seen": "2", "per_day": "9"}, one.pk).status_code == 204
    assert send(omar, "routing:throttle_change", said | {"seen": "2", "per_day": "8"}, one.pk).status_code == 409
    page = words(visit(omar, "routing:throttles"))
    assert "Change the throttle of strategy VWAP" in page and "Change the throttle" not in words(visit(tom, "routing:throttles"))
    assert send(omar, "routing:throttle_end", {"seen": f"{one.pk}:3", "reason": ""}, one.pk).status_code == 422
    assert send(omar, "routing:throttle_end", {"seen": f"{one.pk}:3", "reason": "So."}, one.pk).status_code == 204


def test_so_do_other_systems(firm, omar, client):
    client.force_login(omar)

    def post(path, **said):
        return client.post(f"/api/v1/throttles/{path}", {"reason": "So."} | said, content_type="application/json")

    made = post("", strategy="TWAP", per_day=5)
    assert (made.status_code, made.json()[0]["version"]) == (201, 2)
    pk = made.json()[0]["id"]
    assert post(f"{pk}/change/", version=2, per_day=6).json()[0]["per_day"] == 6
    assert post(f"{pk}/end/", version=2).status_code == 409
    assert post(f"{pk}/end/", version=3).json() == []
