"""What officers let stand: to what it is bound, who has to agree, and how it ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.compliance import services as compliance
from apps.compliance.models import Check, Override, Review
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid
from apps.orders import events
from apps.orders import services as orders
from apps.orders.models import Order
from tests.compliance.ruling import put_in_force, take_out
from tests.pages import send, visit, words

D = Decimal


@pytest.fixture
def hard(rules, submit) -> Review:
    """More sold than is held, which is hard, and too much of a day's volume, which is not."""
    (pk,) = submit(("P1", "AAA", "SELL", "160000"))
    return Review.objects.get(order=pk)


@pytest.fixture
def approve(by):
    def do(person, review, reason="The client agreed.", **terms):
        review.refresh_from_db()
        asked = compliance.Terms(**terms)
        return compliance.approve_reviews(by(person, reason), [review.pk], seen={review.pk: review.version}, terms=asked)

    return do


def later(act: Act, **more) -> Act:
    act.at += timedelta(**more)
    return act


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


class TestSoft:
    def test_one_officer_binds_it_to_order_rule_value_and_limit(self, held, approve, omar):
        review = held()
        assert approve(omar, review, code="CLIENT", tolerance_pct=D("2")) == ([review.pk], [])

        made = Override.objects.get()
        found = next(one for one in review.verdict.results if one["outcome"] == "FAIL")
        assert (made.order_id, made.order_version, made.rule.code) == (review.order_id, review.verdict.order_version, found["rule"])
        assert (made.rule_version_id, made.value, made.limit) == (found["version"], D(found["after"]), D(found["limit"]))
        assert (made.code, made.reason, made.first_by, made.second_by, made.status) == (
            "CLIENT", "The client agreed.", omar, None, "LIVE",
        )  # fmt: skip
        told = Entry.objects.get(event="override.granted").payload
        assert (D(told["value"]), told["reason_code"], told["rule_version"]) == (made.value, "CLIENT", found["version"])

    def test_it_holds_through_the_firms_day(self, held, by, omar):
        review = held()
        act = by(omar, "Agreed.")
        act.at = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
        compliance.approve_reviews(act, [review.pk], seen={review.pk: 1})
        assert Override.objects.get().expires_at == datetime(2026, 12, 2, 5, 0, tzinfo=UTC)  # Midnight in New York.

    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            ({"code": ""}, "code"), ({"code": "WHIM"}, "code"), ({"tolerance_pct": D(11)}, "tolerance_pct"),
            ({"until": "long"}, "until"), ({"until": "past"}, "until"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_beside_the_field(self, held, approve, omar, terms, field):
        review = held()
        days = {"long": timedelta(days=32), "past": timedelta(days=-2)}
        if "until" in terms:
            terms = {"until": datetime.now(UTC).date() + days[terms["until"]]}
        with pytest.raises(Invalid) as refusal:
            approve(omar, review, **terms)
        assert refusal.value.facts["field"] == field
        assert (Override.objects.count(), Review.objects.get().status) == (0, "WAITING")

    def test_warnings_are_no_part_of_it(self, held, approve, omar, by):
        compliance.install_default_rules(by("loader"))
        put_in_force(by, "any", {"max_amount": "1"}, severity="WARN", name="Any", kind="order_value")
        review = held()
        assert "any" in {one["rule"] for one in review.verdict.results if one["outcome"] == "FAIL"}
        approve(omar, review)
        assert "any" not in set(Override.objects.values_list("rule__code", flat=True))


class TestHard:
    def test_one_asks_and_another_confirms(self, hard, approve, omar, odile):
        assert approve(omar, hard, code="CURE") == ([], [hard.pk])
        hard.refresh_from_db()
        assert (hard.status, hard.version, hard.order.status) == ("WAITING", 2, "HELD")
        assert set(Override.objects.values_list("status", flat=True)) == {"ASKED"}

        assert approve(odile, hard, "I looked too.") == ([hard.pk], [])
        hard.refresh_from_db()
        assert (hard.status, hard.decided_by, hard.order.status) == ("APPROVED", odile, "CLEARED")
        for made in Override.objects.all():
            assert (made.status, made.first_by, made.second_by, made.code) == ("LIVE", omar, odile, "CURE")
            assert (made.reason, made.second_reason) == ("The client agreed.", "I looked too.")
            assert record_of("override", made.pk) == ["override.asked", "override.confirmed"]
        assert record_of("review", hard.pk) == ["review.opened", "review.approval_asked", "review.approved"]

    def test_never_the_same_nor_who_amended(self, hard, approve, omar, odile, mira):
        from django.contrib.auth.models import Group

        approve(omar, hard)
        with pytest.raises(compliance.SameOfficer, match="another officer"):
            approve(omar, hard)
        mira.groups.add(Group.objects.get(name="compliance officer"))
        with pytest.raises(compliance.OwnOrder):
            approve(mira, hard)
        assert set(Override.objects.values_list("status", flat=True)) == {"ASKED"}

    @pytest.mark.parametrize("decide", [compliance.send_back_reviews, compliance.reject_reviews])
    def test_a_second_who_disagrees_drops_what_was_asked(self, hard, approve, by, omar, odile, decide):
        approve(omar, hard)
        decide(by(odile, "No."), [hard.pk], seen={hard.pk: 2})
        assert set(Override.objects.values_list("status", flat=True)) == {"DROPPED"}

    def test_an_amended_order_drops_it(self, hard, approve, by, omar, mira):
        approve(omar, hard)
        orders.amend_orders(by(mira), {hard.order_id: {"qty": "10"}}, seen={hard.order_id: 3})
        assert set(Override.objects.values_list("status", flat=True)) == {"DROPPED"}

    def test_what_nobody_confirmed_in_time_is_asked_anew(self, hard, approve, by, omar, odile):
        approve(omar, hard)
        late = later(by(odile, "Yes."), days=3)
        with pytest.raises(compliance.RequestOver):
            compliance.approve_reviews(late, [hard.pk], seen={hard.pk: 2})
        assert compliance.expire_overrides(later(by("scheduler"), days=3)) == 1
        assert set(Override.objects.values_list("status", flat=True)) == {"EXPIRED"}
        hard.refresh_from_db()
        assert (hard.status, hard.version, hard.order.status) == ("WAITING", 3, "HELD")
        assert approve(omar, hard).asked == [hard.pk]

    def test_the_database_holds_it(self, hard, approve, omar, odile):
        approve(omar, hard)
        one = Override.objects.filter(severity="HARD").first()
        for change in ({"second_by": omar}, {"status": "LIVE"}, {"code": "WHIM"}, {"expires_at": F("first_at")}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Override.objects.filter(pk=one.pk).update(**change)
        one.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            one.save()


class TestItsEnd:
    def gathered(self, by, pk: int) -> Block:
        blocks.gather_orders(by("worker"), [Fact(pk, 3, events.OrderCleared())])
        return Block.objects.get(pk=Member.objects.get(order=pk).block_id)

    def test_over_the_order_is_not_worked_and_leaves_its_block_to_be_screened(self, held, approve, by, omar, tom):
        review = held()
        approve(omar, review)
        block = self.gathered(by, review.order_id)
        with pytest.raises(compliance.OverrideOver, match="checked anew within a minute"):
            blocks.freeze_blocks(later(by(tom), days=2), [block.pk], seen={block.pk: 1}, arrival={})
        assert compliance.expire_overrides(by("scheduler")) == 0

        assert compliance.expire_overrides(later(by("scheduler"), days=2)) == 1

        assert Override.objects.get().status == "EXPIRED"
        assert Order.objects.get().status == "HELD"
        assert record_of("order", review.order_id)[-2:] == ["order.recalled", "order.held"]
        assert Review.objects.filter(status="WAITING").count() == 1
        assert not Member.objects.filter(order=review.order_id).exists()

    def test_one_that_passes_meanwhile_goes_back_to_the_desk(self, held, approve, by, omar):
        review = held()
        approve(omar, review)
        take_out(by)
        compliance.expire_overrides(later(by("scheduler"), days=2))
        assert Order.objects.get().status == "CLEARED"

    def test_it_ends_with_its_order(self, held, approve, by, omar, mira):
        review = held()
        approve(omar, review)
        version = Order.objects.get().version
        orders.cancel_orders(by(mira), [review.order_id], seen={review.order_id: version})
        assert Override.objects.get().status == "LAPSED"
        assert Entry.objects.get(event="override.lapsed").payload["why"] == "the order was cancelled"

    def test_statements_do_not_grow_with_orders(self, rules, submit, by, omar):
        def counted(work) -> int:
            asked = []
            with connection.execute_wrapper(lambda run, *said: asked.append(1) or run(*said)):
                work()
            return len(asked)

        counts = []
        for n in (2, 12):
            submit(*[("P1", "AAA", "BUY", str(100 * n + i)) for i in range(n)])
            waiting = dict(Review.objects.filter(status="WAITING").values_list("pk", "version"))
            approving, over = by(omar, "All."), later(by("scheduler"), days=2)
            counts.append((
                counted(lambda: compliance.approve_reviews(approving, list(waiting), seen=waiting)),  # noqa: B023
                counted(lambda: compliance.expire_overrides(over)),  # noqa: B023
            ))  # fmt: skip
            held = dict(Review.objects.filter(status="WAITING").values_list("pk", "version"))
            compliance.reject_reviews(by(omar, "No."), list(held), seen=held)
        assert counts[0] == counts[1]
        assert Check.objects.count() == 28


class TestPageAndApi:
    def test_the_page_asks_shows_and_confirms(self, hard, omar, odile):
        said = {"how": "approve", "reason": "Cured by a transfer.", "seen": f"{hard.pk}:1"}
        answer = send(omar, "compliance:decide", said, hard.pk)
        assert answer.status_code == 422 and "Say why by one of the codes" in words(answer)
        assert 'name="code" aria-invalid="true"' in words(answer)

        answer = send(omar, "compliance:decide", said | {"code": "CURE"}, hard.pk)
        assert answer.status_code == 200 and "Another officer has to confirm it" in answer["HX-Trigger"]
        page = words(answer)
        assert "asked to let it through" in page and 'data-key="a"' not in page and 'data-key="x"' in page

        page = words(visit(odile, "compliance:review", hard.pk, htmx=True))
        assert "Confirm <kbd>A</kbd>" in page and "Cured by a transfer." in page
        assert "needs a second officer" in words(visit(odile, "compliance:reviews"))
        done = send(odile, "compliance:decide", {"how": "approve", "reason": "Seen.", "seen": f"{hard.pk}:2"}, hard.pk)
        assert done.status_code == 200 and "by Omar Osei and Odile Olsen" in words(done)

    @pytest.mark.parametrize(("name", "value"), [("until", "soon"), ("until", "2020-01-01"), ("tolerance_pct", "NaN")])
    def test_a_term_that_cannot_be_is_refused_beside_it(self, held, omar, name, value):
        review = held()
        said = {"how": "approve", "code": "CLIENT", "reason": "x", "seen": f"{review.pk}:1", name: value}
        answer = send(omar, "compliance:decide", said, review.pk)
        assert answer.status_code == 422 and f'id="{name.split("_")[0]}" name="{name}"' in words(answer)
        assert Override.objects.count() == 0

    def test_other_systems_ask_confirm_and_list(self, hard, client, omar, odile, mira):
        def ask(person, method, path, data=None):
            client.force_login(person)
            return getattr(client, method)(path, data, content_type="application/json")

        path = f"/api/v1/reviews/{hard.pk}/approve/"
        first = ask(omar, "post", path, {"version": 1, "code": "CURE", "reason": "A transfer is booked.", "tolerance_pct": "1"})
        assert (first.status_code, first.json()["status"], first.json()["asked_by"]) == (200, "WAITING", "omar")
        same = ask(omar, "post", path, {"version": 2, "reason": "Again."})
        assert (same.status_code, same.json()["code"]) == (403, "same_officer")
        second = ask(odile, "post", path, {"version": 2, "reason": "Seen."}).json()
        assert (second["status"], second["decided_by"], second["asked_by"]) == ("APPROVED", "odile", None)
        listed = ask(omar, "get", f"/api/v1/overrides/?status=LIVE&order={hard.order_id}").json()["results"]
        assert {(one["first_by"], one["second_by"], one["code"]) for one in listed} == {("omar", "odile", "CURE")}
        detail = ask(omar, "get", f"/api/v1/reviews/{hard.pk}/").json()
        assert [one["id"] for one in detail["overrides"]] == [one["id"] for one in listed]
        assert ask(mira, "get", "/api/v1/overrides/").status_code == 403
