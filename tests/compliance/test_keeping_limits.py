"""Trading limits as officers keep them: set and ended, never edited, and nobody overwrites a colleague."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance import services as compliance
from apps.compliance.models import TradingLimit
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


def record_of(pk: int) -> list[tuple[str, str]]:
    return list(Entry.objects.filter(subject="limit", subject_id=pk).order_by("nth").values_list("event", "act__by__username"))


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


class TestEnding:
    def test_holds_through_its_last_day(self, limit, today, odile, by):
        compliance.end_limits(by(odile, "Desk has changed."), today, seen={limit.pk: 2})
        limit.refresh_from_db()
        assert limit.ends_on == today and record_of(limit.pk) == [("limit.set", "omar"), ("limit.ended", "odile")]
        with pytest.raises(IllegalMove, match="already"):
            compliance.end_limits(by(odile, "Again."), today, seen={limit.pk: 3})

    def test_not_before_what_was_checked_by_it(self, limit, today, odile, by):
        with pytest.raises(Invalid, match="earliest"):
            compliance.end_limits(by(odile, "So."), today - DAY, seen={limit.pk: 2})
        TradingLimit.objects.update(starts_on=today - 9 * DAY)
        compliance.end_limits(by(odile, "So."), today - DAY, seen={limit.pk: 2})
        assert TradingLimit.objects.get().ends_on == today - DAY

    def test_of_a_colleagues_change_the_second_reads(self, limit, today, omar, odile, by):
        compliance.end_limits(by(odile, "So."), today + 9 * DAY, seen={limit.pk: 2})
        with pytest.raises(compliance.StaleLimit) as refusal:
            compliance.end_limits(by(omar, "So."), today + 5 * DAY, seen={limit.pk: 2})
        said = refusal.value.in_words()[limit.ref]
        assert "changed by Odile" in said and f"ends on none → {today + 9 * DAY}" in said
        with pytest.raises(NotFound):
            compliance.end_limits(by(omar, "So."), today, seen={987654: 1})

    def test_one_that_the_back_office_set_ends_too(self, today, omar, by):
        row = TradingLimit.objects.create(max_qty=D(5), starts_on=today, reason="Old")
        compliance.end_limits(by(omar, "So."), today, seen={row.pk: 2})
        assert record_of(row.pk) == [("limit.ended", "omar")]

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_one_ends_it(self, limit, today, omar, odile, by):
        answers = at_once(
            *(lambda who=who: compliance.end_limits(by(who, "So."), today, seen={limit.pk: 2}) for who in (omar, odile))
        )
        assert sorted(map(str, answers)) == ["None", "StaleLimit"] and limit.history.count() == 2


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

    def test_other_systems_too(self, today, omar, mira, ask):
        made = ask(omar, "post", "/api/v1/trading-limits/", {"starts_on": f"{today}", "max_qty": "5", "user_id": mira.pk, "reason": "So."})
        assert (made.status_code, made.json()["user"], made.json()["version"]) == (201, mira.username, 2)
        path = f"/api/v1/trading-limits/{made.json()['id']}/end/"
        ended = ask(omar, "post", path, {"version": 2, "ends_on": f"{today}", "reason": "So."})
        assert (ended.status_code, ended.json()["ends_on"], ended.json()["version"]) == (200, f"{today}", 3)
        stale = ask(omar, "post", path, {"version": 2, "ends_on": f"{today}", "reason": "So."})
        assert stale.status_code == 409 and stale.json()["facts"]["rows"][0]["changes"]
