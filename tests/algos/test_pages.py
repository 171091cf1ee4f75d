"""Algorithms on pages and over the API."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.algos import services as algos
from apps.algos.forms import AlgoForm, first_said
from apps.algos.models import Algo
from apps.routing.models import Route
from tests.pages import send, visit, words

D = Decimal
pytestmark = pytest.mark.django_db
SAID = {"filled": "1", "kind": "TWAP", "broker_code": "HARBOR", "interval_seconds": "60"}


class TestTicket:
    def test_shows_the_fields_of_its_algorithm(self, a_block, tom):
        block = a_block("AAA", "BUY", 1_000)
        assert "Percent of volume" not in words(visit(tom, "algos:ticket", block.pk))
        assert "Percent of volume" in words(visit(tom, "algos:ticket", block.pk, query="?kind=POV"))

    def test_shows_the_plan_before_anything_is_kept(self, a_block, tom):
        block = a_block("AAA", "BUY", 1_000)
        query = "?" + "&".join(f"{k}={v}" for k, v in SAID.items()) + "&qty=600"
        shown = words(visit(tom, "algos:ticket", block.pk, query=query, htmx=True))
        assert "<polyline" in shown and "Evenly over" in shown and "style=" not in shown
        assert not Algo.objects.exists()

    def test_says_what_is_wrong_beside_its_field(self, a_block, tom):
        block = a_block("AAA", "BUY", 1_000)
        answer = send(tom, "algos:ticket", SAID | {"qty": "1100", "seen": f"{block.pk}:1"}, block.pk)
        assert answer.status_code == 422 and "Only 1000 of" in words(answer) and not Algo.objects.exists()

    @pytest.mark.parametrize(("do", "status"), [("plan", "PLANNED"), ("start", "WORKING")])
    def test_is_kept_or_started(self, a_block, tom, do, status):
        block = a_block("AAA", "BUY", 1_000)
        answer = send(tom, "algos:ticket", SAID | {"qty": "600", "seen": f"{block.pk}:1", "do": do}, block.pk, htmx=False)
        algo = Algo.objects.get()
        assert answer["Location"] == reverse("algos:algo", args=[algo.pk])
        assert (algo.status, algo.qty, algo.works_for) == (status, 600, tom)


class TestPages:
    def test_one_with_plan_and_actual(self, an_algo, beat, fills, tom, ada):
        algo = an_algo("TWAP", 1_000)
        beat()
        fills(Route.objects.get(), 40)
        for person, may in ((tom, True), (ada, False)):
            shown = words(visit(person, "algos:algo", algo.pk))
            assert shown.count("<polyline") == 3 and 'class="target"' in shown and "R-" in shown
            assert ("Pause" in shown) == may

    def test_its_routes_lead_back_to_it(self, an_algo, beat, tom):
        algo = an_algo("TWAP", 1_000)
        beat()
        shown = words(visit(tom, "routing:route", Route.objects.get().pk))
        assert reverse("algos:algo", args=[algo.pk]) in shown and "slice 1" in shown

    def test_the_list_and_the_blocks_panel(self, an_algo, tom):
        algo = an_algo("POV", 1_000)
        assert algo.ref in words(visit(tom, "algos:list")) and algo.ref in words(visit(tom, "algos:list", query="?status=LIVE"))
        assert algo.ref not in words(visit(tom, "algos:list", query="?status=STOPPED"))
        assert algo.ref in words(visit(tom, "algos:of_block", algo.block_id, htmx=True))
        assert reverse("algos:ticket", args=[algo.block_id]) in words(visit(tom, "blocks:detail", algo.block_id))

    def test_a_change_is_previewed_and_made(self, an_algo, tom):
        algo = an_algo("TWAP", 1_000)
        assert "The rest is planned anew" in words(visit(tom, "algos:change", algo.pk, htmx=True))
        query = f"?filled=1&seen={algo.pk}:2&qty=800&interval_seconds=240"
        assert "Evenly over" in words(visit(tom, "algos:change", algo.pk, query=query, htmx=True))
        said = {"seen": f"{algo.pk}:2", "qty": "800", "interval_seconds": "240", "filled": "1"}
        assert send(tom, "algos:change", said, algo.pk).status_code == 204
        algo.refresh_from_db()
        assert (algo.qty, algo.interval_seconds, algo.version) == (800, 240, 3)

    def test_a_plan_whose_time_to_begin_went_by_stays_todays_when_it_is_changed(self, an_algo, now):
        algo = an_algo("TWAP", 1_000, start=False)
        form = AlgoForm(first_said(algo) | {"qty": "800"}, kind="TWAP", now=now + timedelta(minutes=1), algo=algo)

        assert form.is_valid() and form.ask().starts_at == algo.starts_at

    def test_without_times_it_is_of_the_session(self, a_block, tom):
        block = a_block("AAA", "BUY", 1_000)
        for day_at, begins in (("2026-11-30T10:00", "14:30"), ("2026-11-30T15:00", "15:00")):
            at = datetime.fromisoformat(f"{day_at}+00:00")
            said = algos.sketch_algo(algos.Ask("TWAP", "HARBOR", interval_seconds=600), block, at).ask
            assert (f"{said.starts_at:%H:%M}", f"{said.ends_at.astimezone(UTC):%H:%M}") == (begins, "21:00")

    @pytest.mark.parametrize("act", ["pause", "stop"])
    def test_acts_ask_first(self, an_algo, tom, act):
        algo = an_algo("TWAP", 1_000)
        assert algo.ref in words(visit(tom, f"algos:{act}", algo.pk, htmx=True))
        assert send(tom, f"algos:{act}", {"seen": f"{algo.pk}:2", "reason": "Enough."}, algo.pk).status_code == 204
        algo.refresh_from_db()
        assert algo.status == {"pause": "PAUSED", "stop": "STOPPED"}[act]

    def test_its_timeline(self, an_algo, tom):
        algo = an_algo("TWAP", 1_000)
        assert "Planned" in words(visit(tom, "desk:timeline", "algo", algo.pk))


class TestApi:
    @pytest.fixture
    def client(self, tom) -> Client:
        client = Client()
        client.force_login(tom)
        return client

    def post(self, client, name, pk, said, **headers):
        return client.post(reverse(name, args=[pk]), said, content_type="application/json", headers=headers)

    def test_from_preview_to_stop(self, client, a_block, now):
        block = a_block("AAA", "BUY", 1_000)
        said = {"algorithm": "TWAP", "broker": "HARBOR", "ends_at": (now + timedelta(minutes=50)).isoformat()}
        plan = self.post(client, "api-block-algos-preview", block.pk, said).json()
        assert sum(D(s["qty"]) for s in plan["slices"]) == 1_000 and not Algo.objects.exists()
        made = self.post(client, "api-block-algos", block.pk, said | {"version": 1, "start": True}, **{"Idempotency-Key": "k"})
        again = self.post(client, "api-block-algos", block.pk, said | {"version": 1, "start": True}, **{"Idempotency-Key": "k"})
        assert (made.status_code, again.status_code, Algo.objects.count()) == (201, 200, 1)
        pk = made.json()["id"]
        algos.work_algos(Algo.objects.get().starts_at)
        one = client.get(reverse("api-algo", args=[pk])).json()
        assert (one["status"], [s["n"] for s in one["sent"]], one["version"]) == ("WORKING", [1], 2)
        for act, more, after in (
            ("pause", {}, "PAUSED"), ("resume", {}, "WORKING"), ("change", {"qty": "900"}, "WORKING"), ("stop", {"reason": "x"}, "STOPPED"),
        ):  # fmt: skip
            one = self.post(client, f"api-algo-{act}", pk, {"version": one["version"]} | more).json()
            assert one["status"] == after, one
        assert client.get(reverse("api-algos"), {"status": "STOPPED"}).json()["results"][0]["id"] == pk

    def test_refusals_say_where(self, client, a_block):
        block = a_block("AAA", "BUY", 1_000)
        said = {"algorithm": "POV", "broker": "HARBOR", "participation_pct": "101", "version": 1}
        answer = self.post(client, "api-block-algos", block.pk, said)
        assert (answer.status_code, answer.json()["facts"]["field"]) == (422, "participation_pct")

    def test_one_of_another_desk_is_not_there(self, client, an_algo, tom):
        algo = an_algo("TWAP", 1_000)
        tom.desks.clear()
        assert client.get(reverse("api-algo", args=[algo.pk])).status_code == 404
        assert client.get(reverse("api-algos")).json()["results"] == []


def test_the_list_asks_as_often_for_many_as_for_one(an_algo, tom, django_assert_max_num_queries):
    an_algo("TWAP", 1_000)
    with CaptureQueriesContext(connection) as one:
        visit(tom, "algos:list")
    for side in ("SELL", "SELL", "SELL"):
        an_algo("TWAP", 1_000, side=side, part=D(100))
    assert Algo.objects.count() == 4
    with django_assert_max_num_queries(len(one)):
        visit(tom, "algos:list")


def test_statements_do_not_grow_with_what_has_nothing_to_do(an_algo, beat, django_assert_num_queries, now):
    for _ in range(3):
        an_algo("TWAP", 1_000)
    beat()
    with django_assert_num_queries(3):
        algos.work_algos(now + timedelta(minutes=1))
