"""Days and incidents on pages and over the API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.surveillance import tasks
from apps.surveillance.models import Day, Incident


@pytest.fixture
def at(people):
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(people[name])
        return client

    return sign_in


@pytest.fixture
def day(aaa, report) -> Day:
    aaa("25")
    return report()


def url(name: str, *args) -> str:
    return reverse(f"surveillance:{name}", args=args)


class TestPages:
    def test_an_officer_works_a_day_to_its_signature(self, day, at, people):
        omar = at("omar")
        listed = omar.get(url("days")).content.decode()
        assert "1 unsigned" in listed and listed.count("Nobody") == 3

        refused = omar.post(url("sign", day.date.isoformat()), {"seen": f"{day.pk}:1", "note": "Seen"})
        assert refused.status_code == 409
        assert "3 breaches have no owner yet" in refused.content.decode() and 'value="Seen"' in refused.content.decode()

        rows = [f"{row.pk}:{row.version}" for row in Incident.objects.all()]
        assert omar.post(url("assign"), {"seen": rows, "owner": people["mira"].pk}).status_code == 302
        report = omar.get(url("day", day.date.isoformat())).content.decode()
        assert "<b>3</b> breaches" in report and "Together is 25.1256% of net asset value" in report
        signed = omar.post(url("sign", day.date.isoformat()), {"seen": f"{day.pk}:1", "note": "Seen"}, follow=True)
        assert "Signed by Omar" in signed.content.decode()

    def test_an_incident_is_noted_given_time_and_closed(self, day, at):
        omar, row = at("omar"), Incident.objects.order_by("pk").first()
        later = (timezone.now().date() + timedelta(days=9)).isoformat()
        acts = (
            {"how": "note", "reason": "Asked Mira."},
            {"how": "time", "reason": "Illiquid.", "cure_by": later},
            {"how": "close", "reason": "Waived."},
        )
        for n, said in enumerate(acts, start=1):
            assert omar.post(url("work", row.pk), {"seen": f"{row.pk}:{n}", **said}).status_code == 302, said
        page = omar.get(url("incident", row.pk)).content.decode()
        assert "Asked Mira." in page and f"to {later}" in page and "closed by Omar" in page
        row.refresh_from_db()
        assert (row.status, row.version) == ("CLOSED", 4)

    @pytest.mark.parametrize(
        ("said", "why", "status"),
        [
            ({"how": "note", "reason": " "}, "Say why", 422),
            ({"how": "close"}, "Say why", 422),
            ({"how": "time", "reason": "x", "cure_by": "soon"}, "A day is written as", 422),
            ({"how": "time", "reason": "x", "cure_by": "2020-01-01"}, "That day is over", 422),
            ({"how": "assign", "owner": "x"}, "must be a whole number", 422),
            ({"how": "assign", "owner": "999999999"}, "Choose an active colleague", 422),
            ({"how": "dance"}, "Choose what to do", 422),
            ({"how": "note", "reason": "x", "seen": "nonsense"}, "without the version you saw", 422),
        ],
    )
    def test_a_bad_one_is_refused_on_the_page_with_what_was_typed(self, day, at, said, why, status):
        row = Incident.objects.order_by("pk").first()
        answer = at("omar").post(url("work", row.pk), {"seen": f"{row.pk}:1", **said})
        assert (answer.status_code, why in answer.content.decode()) == (status, True)
        row.refresh_from_db()
        assert row.version == 1

    def test_a_manager_sees_those_of_own_portfolios_only(self, day, at):
        paul = at("paul")
        mine, others = Incident.objects.get(portfolio__code="P3"), Incident.objects.get(portfolio__code="P1")
        assert paul.get(url("incident", mine.pk)).status_code == 200
        assert paul.get(url("incident", others.pk)).status_code == 404
        assert [r["portfolio"] for r in paul.get("/api/v1/incidents/").json()["results"]] == ["P3"]

    def test_nonsense_days_and_missing_reports(self, day, at):
        omar = at("omar")
        assert omar.get(url("day", "yesterday")).status_code == 422
        assert omar.get(url("day", "2020-01-01")).status_code == 404
        assert omar.post(url("assign"), {"owner": "1"}).status_code == 422

    def test_an_officer_makes_the_report(self, aaa, at):
        aaa("25")
        answer = at("omar").post(url("report"), follow=True)
        assert "<b>3</b> breaches" in answer.content.decode()

    def test_costs_the_same_for_any_number_of_incidents(self, aaa, report, at, django_assert_max_num_queries):
        aaa("5", filter="", group="instrument")
        day = report()
        omar = at("omar")
        omar.get(url("days"))
        assert Incident.objects.count() == 15
        for page in (url("days"), url("day", day.date.isoformat())):
            with django_assert_max_num_queries(40):
                omar.get(page)


class TestApi:
    def test_a_day_and_its_findings(self, day, at):
        ada = at("ada")
        (listed,) = ada.get("/api/v1/surveillance/days/").json()["results"]
        assert (listed["status"], listed["breaches"], listed["portfolios"]) == ("REPORTED", 3, 3)
        whole = ada.get(f"/api/v1/surveillance/days/{day.date}/").json()
        assert [(f["rule"], f["outcome"], f["limit"]) for f in whole["findings"]] == [("aaa", "FAIL", "25.000000")] * 3
        again = ada.get(f"/api/v1/surveillance/days/{day.date}/again/").json()
        assert again == {"is_whole": True, "differences": []}
        assert ada.post("/api/v1/surveillance/days/").status_code == 403

    def test_the_same_key_reports_once(self, aaa, at):
        aaa("25")
        omar = at("omar")
        answers = [omar.post("/api/v1/surveillance/days/", headers={"Idempotency-Key": "k"}).json() for _ in range(2)]
        assert answers[0] == answers[1]
        assert Day.objects.get().version == 1

    def test_incidents_are_given_owners_and_the_day_signed(self, day, at, people):
        omar = at("omar")
        rows = omar.get("/api/v1/incidents/?status=OPEN").json()["results"]
        said = {"incidents": [{"id": r["id"], "version": r["version"]} for r in rows], "owner": people["mira"].pk}
        done = omar.post("/api/v1/incidents/assign/", said, content_type="application/json").json()
        assert {r["owner"] for r in done} == {"mira"}
        signed = omar.post(f"/api/v1/surveillance/days/{day.date}/sign/", {"version": 1, "note": "ok"}, content_type="application/json")
        assert (signed.status_code, signed.json()["signed_by"]) == (200, "omar")
        twice = omar.post("/api/v1/incidents/close/", said | {"reason": "x"}, content_type="application/json")
        assert (twice.status_code, twice.json()["code"]) == (409, "stale_incident")

    @pytest.mark.parametrize(
        ("path", "said", "status"),
        [
            ("incidents/assign/", {"incidents": [], "owner": 1}, 422), ("incidents/close/", {"incidents": [{"id": 1, "version": 1}]}, 422),
            ("incidents/999999/note/", {"version": 1, "reason": "x"}, 404), ("surveillance/days/2020-01-01/sign/", {"version": 1}, 404),
        ],
    )  # fmt: skip
    def test_refuses_bad_input(self, day, at, path, said, status):
        answer = at("omar").post(f"/api/v1/{path}", said, content_type="application/json")
        assert answer.status_code == status, answer.content


class TestEvening:
    @pytest.mark.parametrize(("hour", "days"), [(0, 1), (24, 0)])
    def test_the_scheduler_reports_once_from_its_hour_on(self, aaa, people, settings, hour, days, monkeypatch):
        monkeypatch.setattr(tasks.timezone, "now", lambda: datetime(2026, 11, 30, 22, 5, tzinfo=UTC))
        settings.SURVEILLANCE_HOUR = hour
        aaa("25", max_age="525600")
        tasks.report_day()
        tasks.report_day()

        assert Day.objects.count() == days
        assert all(day.version == 1 for day in Day.objects.all())
