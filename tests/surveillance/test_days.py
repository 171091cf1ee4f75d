"""A day's report, what it opens and ends, who signs it, and that it can be asked again."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.audit import selectors as audit
from apps.compliance.models import RuleVersion
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.marketdata.models import Quote
from apps.surveillance import selectors, services
from apps.surveillance.models import Day, Finding, Incident, Run
from tests.compliance.test_services import _counting as counting
from tests.races import at_once

NOW = timezone.now


class TestReport:
    def test_opens_an_incident_for_each_breach_once(self, aaa, report):
        aaa("25")
        day = report()

        assert (day.status, day.run.portfolios, day.run.breaches, day.run.unsure) == ("REPORTED", 3, 3, 0)
        rows = list(Incident.objects.select_related("portfolio").order_by("portfolio__code"))
        assert [(r.portfolio.code, r.group, r.cause, r.status, r.opened_on, r.seen_on) for r in rows] == [
            (code, "Together", "UNKNOWN", "OPEN", day.date, day.date) for code in ("P1", "P2", "P3")
        ]
        assert (rows[0].limit, round(float(rows[0].value), 2), rows[0].over_amount) == (25, 25.13, 12_500)
        assert set(Finding.objects.values_list("outcome", "incident")) == {("FAIL", row.pk) for row in rows}
        assert [e.event for e in audit.timeline("incident", rows[0].pk)] == ["incident.opened"]

    def test_asked_again_nothing_is_opened_twice(self, aaa, report):
        aaa("25")
        first = report()
        again = report()

        assert (again.pk, again.version, again.run.breaches) == (first.pk, 2, 3)
        assert (Incident.objects.count(), Run.objects.count()) == (3, 2)
        assert [e.event for e in audit.timeline("day", first.pk)] == ["day.reported", "day.reported_again"]

    def test_the_next_day_goes_on_with_it_and_says_who_caused_new_ones(self, aaa, report, trade, firm):
        aaa("25.2")
        first = report()
        assert (first.run.breaches, first.run.asked) == (0, 3)
        trade("P1", "AAA", 300)
        firm.quote("BBB", "40")  # What is left weighs more for everybody.
        second = report(NOW() + timedelta(days=1))

        found = {r.portfolio.code: r for r in Incident.objects.select_related("portfolio")}
        assert {code: row.cause for code, row in found.items()} == {"P1": "ACTIVE", "P2": "PASSIVE", "P3": "PASSIVE"}
        assert found["P1"].cure_by < found["P2"].cure_by
        assert second.run.breaches == 3

    def test_what_passes_again_is_cured(self, aaa, report, trade):
        aaa("25")
        report()
        trade("P1", "AAA", -1_000)
        next_day = report(NOW() + timedelta(days=1))

        row = Incident.objects.get(portfolio__code="P1")
        assert (row.status, row.ended_on, row.version) == ("CURED", next_day.date, 2)
        assert [e.event for e in audit.timeline("incident", row.pk)] == ["incident.opened", "incident.cured"]
        assert Incident.objects.filter(status="OPEN", seen_on=next_day.date).count() == 2

    def test_what_cannot_be_told_keeps_its_incident(self, aaa, report):
        aaa("25", max_age="60")
        report(NOW() - timedelta(minutes=1))
        Quote.objects.update(at=NOW() - timedelta(hours=3))
        day = report()

        assert (day.run.breaches, day.run.unsure) == (0, 3)
        assert set(Incident.objects.values_list("status", flat=True)) == {"OPEN"}
        assert set(Finding.objects.filter(run=day.run).values_list("outcome", "value")) == {("INDETERMINATE", None)}

    def test_warns_without_an_incident(self, aaa, report):
        aaa("26", warning="25")
        day = report()

        assert (day.run.breaches, day.run.warnings) == (0, 3)
        assert not Incident.objects.exists()
        assert set(Finding.objects.values_list("outcome", flat=True)) == {"WARNING"}

    def test_a_day_of_the_past_is_not_reported_after_a_later_one(self, aaa, report):
        report()
        with pytest.raises(Invalid, match="A later day"):
            report(NOW() - timedelta(days=1))

    def test_costs_the_same_for_any_number_of_breaches(self, aaa, report):
        aaa("99", filter="", group="instrument", max_age="525600")
        costs = {}
        for days, limit in enumerate(("99", "25", "99", "5")):
            at_limit(limit)
            with counting() as counted:
                day = report(NOW() + timedelta(days=days))
            costs[day.run.breaches] = counted[0]
        assert costs.keys() == {0, 3, 15}
        assert costs[15] == costs[3]

    @pytest.mark.django_db(transaction=True)
    def test_two_at_the_same_moment_make_one_day_and_one_incident_each(self, aaa, report):
        aaa("25")
        days = at_once(report, report)

        assert days[0].pk == days[1].pk
        assert (Day.objects.count(), Run.objects.count(), Incident.objects.count()) == (1, 2, 3)


def at_limit(limit: str) -> None:
    """The rule with another limit, in force at once."""
    old = RuleVersion.objects.filter(rule__code="aaa").latest("number")
    old.pk, old.number, old.params = None, old.number + 1, {**old.params, "limit": limit}
    old.save(force_insert=True)


class TestAskedAgain:
    def test_says_the_same_whatever_became_of_the_firm(self, aaa, report, trade, firm):
        aaa("25")
        day = report()
        trade("P1", "AAA", 20_000)
        firm.quote("AAA", "70")

        assert selectors.ask_again(day.run) == (True, [])

    def test_finds_what_was_changed_behind_it(self, aaa, report):
        aaa("25")
        day = report()
        day.run.inputs_hash = "0" * 64

        again = selectors.ask_again(day.run)

        assert (again.is_whole, again.differences) == (False, ["The stored inputs are not those that the report was made of."])

    def test_the_database_lets_nobody_change_a_run_or_what_it_found(self, aaa, report):
        aaa("25")
        report()
        for model in (Run, Finding):
            with pytest.raises(DatabaseError), transaction.atomic():
                model.objects.all().delete()


class TestSigning:
    @pytest.fixture
    def day(self, aaa, report, people, by) -> Day:
        aaa("25")
        day = report()
        rows = Incident.objects.all()
        services.assign_incidents(by(people["omar"]), [r.pk for r in rows], people["mira"].pk, seen={r.pk: r.version for r in rows})
        return day

    def test_an_officer_signs_what_they_saw(self, day, omar, by):
        services.sign_day(by(omar), day.pk, seen={day.pk: 1}, note="Looked at all three.")

        day.refresh_from_db()
        assert (day.status, day.signed_by, day.note) == ("SIGNED", omar, "Looked at all three.")
        with pytest.raises(IllegalMove):
            services.sign_day(by(omar), day.pk, seen={day.pk: day.version})

    def test_a_report_made_anew_is_signed_anew(self, day, report, omar, by):
        services.sign_day(by(omar), day.pk, seen={day.pk: 1})
        again = report()

        assert (again.status, again.signed_by, again.note) == ("REPORTED", None, "")
        with pytest.raises(services.StaleDay) as stale:
            services.sign_day(by(omar), day.pk, seen={day.pk: 1})
        assert "reported again" in str(stale.value.in_words())

    def test_a_breach_that_nobody_answers_for_stands_in_the_way(self, aaa, report, omar, by):
        aaa("25")
        day = report()
        with pytest.raises(services.Unowned, match="3 breaches have no owner yet"):
            services.sign_day(by(omar), day.pk, seen={day.pk: 1})

    @pytest.mark.parametrize("name", ["mira", "tom", "olga", "ada", "alan"])
    def test_others_do_not_sign_report_or_work(self, day, people, by, name):
        act = by(people[name])
        for wrong in (
            lambda: services.sign_day(act, day.pk, seen={day.pk: 1}),
            lambda: services.report_day(act),
            lambda: services.close_incidents(act.because("x"), [1], seen={1: 1}),
        ):
            with pytest.raises(NotAllowed):
                wrong()

    def test_weekdays_without_a_signed_report_are_red(self, day, omar):
        Day.objects.filter(pk=day.pk).update(date=day.date - timedelta(days=7))
        listed = selectors.weekdays(omar, day.date)

        assert all(not one.is_signed for one in listed)
        missing = [one.date for one in listed if one.day is None]
        assert len(missing) >= 4 and all(on.weekday() < 5 for on in missing)

    @pytest.mark.django_db(transaction=True)
    def test_two_officers_at_the_same_moment_sign_once(self, day, omar, people, by):
        odile = people.get("odile", omar)
        answers = at_once(
            lambda: services.sign_day(by(omar), day.pk, seen={day.pk: 1}), lambda: services.sign_day(by(odile), day.pk, seen={day.pk: 1})
        )
        assert sorted(map(str, answers)) == ["None", "StaleDay"]
