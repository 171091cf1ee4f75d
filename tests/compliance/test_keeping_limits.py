"""Trading limits as officers keep them: set by one, ended by two, never edited, and nobody overwrites a colleague."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.models import LimitEnd, TradingLimit
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from tests.pages import send, visit, words
from tests.races import at_once

pytestmark = pytest.mark.django_db
D, DAY = Decimal, timedelta(days=1)
Text = compliance.LimitText


@pytest.fixture
def today(firm):
    return timezone.now().date()


@pytest.fixture
def limit(today, omar, by):
    """Of a hundred shares an order, since today."""
    (pk,) = compliance.set_limits(by(omar, "House rule."), [Text(today, max_qty=D(100))])
    return TradingLimit.objects.get(pk=pk)


def record_of(pk: int, subject: str = "limit") -> list[tuple[str, str]]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", "act__by__username"))


class TestSetting:
    def test_is_kept_with_who_and_why_and_binds_at_once(self, rules, limit, submit, check_of):
        assert (limit.max_qty, limit.reason, limit.history.get().history_user.username) == (100, "House rule.", "omar")
        assert record_of(limit.pk) == [("limit.set", "omar")]
        (pk,) = submit(("P1", "AAA", "SELL", "101"))
        assert any(f"TL-{limit.pk:04d}" in str(result) or "QUANTITY" in str(result) for result in check_of(pk).results)

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("max_qty", {"max_qty": None}), ("max_qty", {"max_qty": D(0)}), ("max_qty", {"max_qty": D("0.00001")}),
            ("max_notional", {"max_notional": D("NaN")}), ("asset_class", {"asset_class": "ART"}),
            ("asset_class", {"asset_class": "EQUITY", "instrument_id": 1}), ("user", {"user_id": 987654}),
            ("ends_on", {"ends_on": -1}), ("starts_on", {"starts_on": -1}),
        ],
    )  # fmt: skip
    def test_refuses_what_limits_nothing_or_cannot_be(self, today, omar, by, field, more):
        more = {name: today + value * DAY if isinstance(value, int) and name.endswith("_on") else value for name, value in more.items()}
        with pytest.raises(Invalid) as refusal:
            compliance.set_limits(by(omar, "So."), [Text(**{"starts_on": today, "max_qty": D(100)} | more)])
        assert refusal.value.facts["field"] == field and not TradingLimit.objects.exists()

    def test_asks_for_a_reason_and_an_officer(self, today, omar, mira, by):
        with pytest.raises(Invalid, match="reason"):
            compliance.set_limits(by(omar), [Text(today, max_qty=D(1))])
        with pytest.raises(NotAllowed):
            compliance.set_limits(by(mira, "Mine."), [Text(today, max_qty=D(1))])


def proposed(act, limit: TradingLimit, last_day) -> int:
    """An end of the limit, as it is seen first, that waits for another officer."""
    (pk,) = compliance.propose_limit_ends(act, last_day, seen={limit.pk: 2})
    return pk


class TestEnding:
    def test_takes_two_officers_and_holds_through_its_last_day(self, limit, today, omar, odile, by):
        end = proposed(by(odile, "Desk has changed."), limit, today)
        limit.refresh_from_db()
        assert limit.ends_on is None and record_of(limit.pk) == [("limit.set", "omar")]
        compliance.approve_limit_ends(by(omar), [end], seen={end: 1})
        limit.refresh_from_db()
        assert limit.ends_on == today and record_of(limit.pk) == [("limit.set", "omar"), ("limit.ended", "omar")]
        assert record_of(end, "limit_end") == [("limit_end.proposed", "odile"), ("limit_end.approved", "omar")]
        with pytest.raises(IllegalMove, match="already"):
            compliance.propose_limit_ends(by(odile, "Again."), today, seen={limit.pk: 3})

    def test_binds_until_another_officer_agrees(self, rules, limit, today, omar, odile, by, submit, check_of):
        TradingLimit.objects.update(starts_on=today - 9 * DAY)
        end = proposed(by(odile, "So."), limit, today - DAY)
        (held,) = submit(("P1", "AAA", "SELL", "101"))
        assert any("QUANTITY" in str(result) for result in check_of(held).results)
        compliance.approve_limit_ends(by(omar), [end], seen={end: 1})
        (free,) = submit(("P1", "AAA", "SELL", "101"))
        assert not any("QUANTITY" in str(result) for result in check_of(free).results)

    def test_nobody_decides_on_what_they_proposed_nor_drops_a_colleagues(self, limit, today, omar, odile, by):
        end = proposed(by(omar, "So."), limit, today)
        with pytest.raises(compliance.OwnLimitEnd):
            compliance.approve_limit_ends(by(omar), [end], seen={end: 1})
        with pytest.raises(compliance.OwnLimitEnd):
            compliance.refuse_limit_ends(by(omar, "No."), [end], seen={end: 1})
        with pytest.raises(compliance.OthersLimitEnd):
            compliance.drop_limit_ends(by(odile), [end], seen={end: 1})
        with pytest.raises(compliance.EndsAlready, match="waits for another officer"):
            proposed(by(odile, "So."), limit, today)
        assert record_of(end, "limit_end") == [("limit_end.proposed", "omar")]
        compliance.drop_limit_ends(by(omar), [end], seen={end: 1})
        again = proposed(by(omar, "So."), limit, today)
        compliance.refuse_limit_ends(by(odile, "It is needed."), [again], seen={again: 1})
        row = LimitEnd.objects.get(pk=again)
        limit.refresh_from_db()
        assert (row.status, row.answer, row.decided_by_id, limit.ends_on) == ("REFUSED", "It is needed.", odile.pk, None)

    def test_not_before_what_was_checked_by_it(self, limit, today, omar, odile, by):
        with pytest.raises(Invalid, match="earliest"):
            proposed(by(odile, "So."), limit, today - DAY)
        TradingLimit.objects.update(starts_on=today - 9 * DAY)
        end = proposed(by(odile, "So."), limit, today - DAY)
        LimitEnd.objects.update(ends_on=today - 5 * DAY)  # It waited for four days.
        compliance.approve_limit_ends(by(omar), [end], seen={end: 1})
        assert TradingLimit.objects.get().ends_on == today - DAY

    def test_of_a_colleagues_change_the_second_reads(self, limit, today, omar, odile, by):
        end = proposed(by(odile, "So."), limit, today + 9 * DAY)
        compliance.approve_limit_ends(by(omar), [end], seen={end: 1})
        with pytest.raises(compliance.StaleLimit) as refusal:
            proposed(by(omar, "So."), limit, today + 5 * DAY)
        said = refusal.value.in_words()[limit.ref]
        assert "changed by Omar" in said and f"ends on none → {today + 9 * DAY}" in said
        with pytest.raises(compliance.StaleLimitEnd) as refusal:
            compliance.refuse_limit_ends(by(omar, "No."), [end], seen={end: 1})
        assert "approved" in str(refusal.value.in_words())
        with pytest.raises(NotFound):
            compliance.propose_limit_ends(by(omar, "So."), today, seen={987654: 1})

    def test_one_that_was_put_there_ends_too(self, today, omar, odile, by):
        row = TradingLimit.objects.create(max_qty=D(5), starts_on=today, reason="Old")
        end = proposed(by(omar, "So."), row, today)
        compliance.approve_limit_ends(by(odile), [end], seen={end: 1})
        assert record_of(row.pk) == [("limit.ended", "odile")]

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_one_proposes_and_one_decides(self, limit, today, omar, odile, people, by):
        answers = at_once(*(lambda who=who: proposed(by(who, "So."), limit, today) for who in (omar, odile)))
        assert [one for one in answers if isinstance(one, str)] == ["EndsAlready"]
        end = LimitEnd.objects.get()
        other = odile if end.written_by_id == omar.pk else omar
        answers = at_once(
            lambda: compliance.approve_limit_ends(by(other), [end.pk], seen={end.pk: 1}),
            lambda: compliance.drop_limit_ends(by(end.written_by), [end.pk], seen={end.pk: 1}),
        )
        assert sorted(map(str, answers)) == ["None", "StaleLimitEnd"]
        limit.refresh_from_db()
        assert (limit.ends_on is not None) == (LimitEnd.objects.get().status == "APPROVED") == (limit.history.count() == 2)


class TestTheDatabase:
    """Whoever gets past the services loosens nothing alone."""

    @pytest.mark.parametrize("change", [
        {"ends_on": 0}, {"max_qty": D(101)}, {"max_qty": None, "stops_wrong_side": True}, {"starts_on": 1}, {"asset_class": "EQUITY"},
    ])  # fmt: skip
    def test_a_limit_is_not_loosened(self, limit, today, change):
        change = {name: today + value * DAY if name.endswith("_on") else value for name, value in change.items()}
        with pytest.raises(IntegrityError), transaction.atomic():
            TradingLimit.objects.update(**change)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM compliance_tradinglimit")

    def test_nobody_approves_their_own(self, limit, today, omar, by):
        proposed(by(omar, "So."), limit, today)
        with pytest.raises(IntegrityError, match="nobody_loosens_a_limit_alone"), transaction.atomic():
            LimitEnd.objects.update(status="APPROVED", decided_by=omar, decided_at=timezone.now())

    def test_a_longer_one_is_no_loosening(self, today, limit):
        TradingLimit.objects.update(starts_on=today - DAY)
        assert TradingLimit.objects.get().starts_on == today - DAY


class TestEdges:
    def test_an_officer_sets_and_ends_one_on_the_page(self, today, omar, ada):
        assert "Set a limit" in words(visit(omar, "compliance:trading_limits"))
        assert "Set a limit" not in words(visit(ada, "compliance:trading_limits"))
        bad = send(omar, "compliance:limit_set", {"starts_on": today, "reason": "So."})
        assert bad.status_code == 422 and "Limit something" in words(bad)
        assert send(omar, "compliance:limit_set", {"starts_on": today, "reason": "So.", "max_qty": "1000"}).status_code == 204
        one = TradingLimit.objects.get()
        assert f"{one.pk}:2" in words(visit(omar, "compliance:limit_end", one.pk, htmx=True))
        said = {"seen": f"{one.pk}:2", "ends_on": today, "reason": ""}
        assert send(omar, "compliance:limit_end", said, one.pk).status_code == 422
        assert send(omar, "compliance:limit_end", said | {"reason": "So."}, one.pk).status_code == 204
        assert send(omar, "compliance:limit_end", said | {"reason": "So."}, one.pk).status_code == 409

    def test_another_officer_ends_it_on_the_page(self, limit, today, omar, odile, ada, by):
        end = proposed(by(omar, "Not needed."), limit, today)
        assert "End it" not in words(visit(omar, "compliance:trading_limits")) and "Limits to end" not in words(visit(omar, "desk:home"))
        home = words(visit(odile, "desk:home"))
        assert "Limits to end" in home and f"The end of limit {limit.ref} waits for a second officer" in home
        shown = words(visit(odile, "compliance:trading_limits"))
        assert f"{end}:1" in shown and "Not needed." in shown and "end proposed" in shown
        assert f"{end}:1" not in words(visit(ada, "compliance:trading_limits"))
        said = {"seen": f"{end}:1", "reason": ""}
        assert send(omar, "compliance:limit_end_act", said | {"how": "approve"}, end).status_code == 403
        assert send(odile, "compliance:limit_end_act", said | {"how": "refuse"}, end).status_code == 422
        assert send(odile, "compliance:limit_end_act", said | {"how": "keep"}, end).status_code == 422
        assert send(odile, "compliance:limit_end_act", said | {"how": "approve"}, end).status_code == 204
        limit.refresh_from_db()
        assert limit.ends_on == today
        timeline = words(visit(ada, "desk:timeline", "limit_end", end))
        assert limit.ref in timeline and "Approved" in timeline

    def test_other_systems_too(self, today, omar, odile, mira, ask):
        made = ask(omar, "post", "/api/v1/trading-limits/", {"starts_on": f"{today}", "max_qty": "5", "user_id": mira.pk, "reason": "So."})
        assert (made.status_code, made.json()["user"], made.json()["version"]) == (201, mira.username, 2)
        path = f"/api/v1/trading-limits/{made.json()['id']}/end/"
        end = ask(omar, "post", path, {"version": 2, "ends_on": f"{today}", "reason": "So."})
        assert (end.status_code, end.json()["status"], end.json()["version"]) == (201, "PROPOSED", 1)
        path_of = f"/api/v1/trading-limits/ends/{end.json()['id']}/{{}}/"
        assert ask(omar, "post", path_of.format("approve"), {"version": 1, "reason": ""}).status_code == 403
        done = ask(odile, "post", path_of.format("approve"), {"version": 1, "reason": ""})
        assert (done.status_code, done.json()["status"], done.json()["decided_by"]) == (200, "APPROVED", "odile")
        assert ask(odile, "post", path_of.format("refuse"), {"version": 1, "reason": "No."}).status_code == 409
        assert [one["status"] for one in ask(omar, "get", "/api/v1/trading-limits/ends/").json()["results"]] == ["APPROVED"]
        stale = ask(omar, "post", path, {"version": 2, "ends_on": f"{today}", "reason": "So."})
        assert stale.status_code == 409 and stale.json()["facts"]["rows"][0]["changes"]
