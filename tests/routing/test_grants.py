"""Whose orders an upstream system may enter: asked by one, confirmed by another, held by the database; on page and API."""

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Grant, Session
from tests.pages import send, visit, words
from tests.races import at_once

pytestmark = pytest.mark.django_db
SETTINGS = {"target_comp_id": "PMS", "host": "127.0.0.1", "port": 9890}


@pytest.fixture
def session(firm, alan, by) -> Session:
    return Session.objects.get(pk=routing.add_staging_session(by(alan), **SETTINGS))


def asked(session, by, olga, person="mira", **more) -> Grant:
    return Grant.objects.get(pk=routing.ask_grant(by(olga, "Model orders"), session.pk, person, **({"every": True} | more)))


def confirmed(grant, by, omar) -> Grant:
    routing.confirm_grant(by(omar), grant.pk, seen={grant.pk: grant.version})
    return Grant.objects.get(pk=grant.pk)


class TestWhoMay:
    def test_one_asks_and_another_confirms(self, session, by, olga, omar):
        grant = asked(session, by, olga)
        with pytest.raises(routing.OwnGrant):
            routing.confirm_grant(by(olga), grant.pk, seen={grant.pk: 1})
        assert (Grant.objects.get().status, Grant.objects.get().version) == ("ASKED", 1)

        grant = confirmed(grant, by, omar)

        assert (grant.status, grant.asked_by, grant.confirmed_by) == ("GRANTED", olga, omar)
        record = Entry.objects.filter(subject="grant").order_by("nth").values_list("event", flat=True)
        assert list(record) == ["grant.asked", "grant.confirmed"]

    def test_the_database_holds_it_too(self, session, by, olga):
        grant = asked(session, by, olga)
        for who in (olga, grant.acts_for):
            with pytest.raises(IntegrityError, match="another_person_confirms_a_grant"), transaction.atomic():
                Grant.objects.filter(pk=grant.pk).update(status="GRANTED", confirmed_by=who)
        with pytest.raises(IntegrityError, match="a_grant_in_force_was_confirmed"), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(status="GRANTED")

    def test_who_keeps_reference_data_alone_points_a_session_at_nobody(self, session, by, alan):
        with pytest.raises(NotAllowed):
            routing.ask_grant(by(alan, "Mine"), session.pk, "mira", every=True)
        assert not Grant.objects.exists()

    def test_two_who_confirm_at_once_confirm_once(self, session, by, olga, omar, odile):
        grant = asked(session, by, olga)
        with pytest.raises(routing.StaleGrant):
            for officer in (omar, odile):
                routing.confirm_grant(by(officer), grant.pk, seen={grant.pk: 1})
        assert Entry.objects.filter(event="grant.confirmed").count() == 1

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"person": "tom"}, "person"), ({"every": False}, "portfolios"), ({"portfolios": ["P1"]}, "portfolios"),
            ({"every": False, "portfolios": ["P9"]}, "portfolios"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_granted_is_refused_beside_its_field(self, session, by, olga, said, field):
        with pytest.raises(Invalid) as refusal:
            asked(session, by, olga, **said)
        assert refusal.value.facts["field"] == field
        assert not Grant.objects.exists()


class TestWhatItCovers:
    def test_a_wider_one_takes_its_place_and_one_person_speaks_without_limit(self, session, by, olga, omar):
        narrow = confirmed(asked(session, by, olga, every=False, portfolios=["P1"]), by, omar)
        assert narrow.scope == "P1"
        wide = confirmed(asked(session, by, olga), by, omar)
        assert set(Grant.objects.values_list("pk", "status")) == {(narrow.pk, "ENDED"), (wide.pk, "GRANTED")}

        other = asked(session, by, olga, person="paul")
        with pytest.raises(routing.SpokenFor):
            confirmed(other, by, omar)
        named = asked(session, by, olga, person="mira", every=False, portfolios=["P3"])
        confirmed(named, by, omar)
        confirmed(other, by, omar)
        with pytest.raises(routing.SpokenFor, match="P3"):
            routing.decline_grant(by(omar), (last := asked(session, by, olga, person="paul")).pk, seen={last.pk: 1})
            confirmed(asked(session, by, olga, person="paul", every=False, portfolios=["P3"]), by, omar)

    def test_what_is_over_is_not_ended_again(self, session, by, olga, omar):
        grant = confirmed(asked(session, by, olga), by, omar)
        routing.end_grant(by(olga), grant.pk, seen={grant.pk: 2})
        with pytest.raises(IllegalMove):
            routing.end_grant(by(olga), grant.pk, seen={grant.pk: 3})

    def test_a_session_that_leads_elsewhere_speaks_for_nobody(self, session, by, olga, omar, alan):
        confirmed(asked(session, by, olga), by, omar)
        waiting = asked(session, by, olga, person="paul", every=False, portfolios=["P3"])

        with pytest.raises(routing.StaleSession):
            routing.change_staging_session(by(alan), session.pk, {"port": 1}, seen={session.pk: 7})
        assert routing.change_staging_session(by(alan), session.pk, {"port": 9891}, seen={session.pk: 1}) == 0
        ended = routing.change_staging_session(by(alan), session.pk, {"target_comp_id": "OTHER"}, seen={session.pk: 2})

        assert ended == 2
        assert Grant.objects.get(pk=waiting.pk).status == "DECLINED"
        assert not Grant.objects.filter(status="GRANTED").exists()
        assert Entry.objects.filter(event="session.changed").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_askers_at_once_ask_once(session, by, olga, omar):
    def ask(person):
        return lambda: routing.ask_grant(by(person, "Now"), session.pk, "mira", every=True)

    answers = at_once(ask(olga), ask(omar))

    assert Grant.objects.count() == 1
    assert answers.count("GrantAskedAlready") == 1


class TestOverTheApi:
    def post(self, client, url, said):
        return client.post(f"/api/v1/{url}", said, content_type="application/json")

    def test_a_session_is_kept_changed_granted_and_ended(self, client, firm, alan, olga, omar):
        client.force_login(alan)
        made = self.post(client, "staging-sessions/", SETTINGS)
        assert (made.status_code, made.json()["version"], made.json()["grants"]) == (201, 1, [])
        here = f"staging-sessions/{made.json()['id']}/"
        bad = client.patch(f"/api/v1/{here}", {"version": 1, "target_comp_id": "a b"}, content_type="application/json")
        assert (bad.status_code, bad.json()["facts"]["field"]) == (422, "target_comp_id")
        changed = client.patch(f"/api/v1/{here}", {"version": 1, "port": 9900}, content_type="application/json")
        assert (changed.json()["port"], changed.json()["version"]) == (9900, 2)
        assert client.patch(f"/api/v1/{here}", {"version": 1, "port": 1}, content_type="application/json").status_code == 409
        said = {"person": "mira", "portfolios": ["P1", "P2"], "reason": "Model orders"}
        assert self.post(client, f"{here}grants", said).status_code == 403

        client.force_login(olga)
        asked = self.post(client, f"{here}grants", said).json()
        assert (asked["status"], asked["portfolios"], asked["asked_by"]) == ("ASKED", ["P1", "P2"], "olga")
        own = self.post(client, f"staging-grants/{asked['id']}/confirm", {"version": 1})
        assert (own.status_code, own.json()["code"]) == (403, "own_grant")
        client.force_login(omar)
        assert self.post(client, f"staging-grants/{asked['id']}/confirm", {"version": 1}).json()["confirmed_by"] == "omar"
        assert [g["status"] for g in client.get(f"/api/v1/{here}").json()["grants"]] == ["GRANTED"]
        assert self.post(client, f"staging-grants/{asked['id']}/end", {"version": 2}).json()["status"] == "ENDED"

    def test_two_sessions_of_one_name_and_a_live_one_where_a_simulated_answers_are_refused(self, client, session, alan):
        client.force_login(alan)
        assert self.post(client, "staging-sessions/", SETTINGS).json()["code"] == "comp_id_taken"
        live = SETTINGS | {"target_comp_id": "X", "sender_comp_id": "OMS", "environment": "live"}
        assert self.post(client, "staging-sessions/", live).json()["code"] == "mixed_sessions"
        assert Session.objects.count() == 1


class TestOnPages:
    def test_is_asked_for_and_confirmed_in_dialogs(self, session, olga, omar):
        assert "It speaks for nobody" in words(visit(olga, "routing:sessions"))
        dialog = words(visit(olga, "routing:grant_ask", session.pk, htmx=True))
        assert '<option value="mira"' in dialog and '<option value="tom"' not in dialog
        said = {"person": "mira", "portfolios": ["P1"], "reason": "Model orders"}
        refused = send(olga, "routing:grant_ask", said | {"every": "on"}, session.pk)
        assert refused.status_code == 422 and "not both" in words(refused) and "Model orders" in words(refused)
        assert send(olga, "routing:grant_ask", said, session.pk).status_code == 204

        grant = Grant.objects.get()
        assert "Take back" in words(visit(olga, "routing:sessions"))
        assert "Confirm" in words(visit(omar, "routing:sessions", query="?part=grants", htmx=True))
        assert "PMS speaks for Mira" in words(visit(omar, "routing:grant_confirm", grant.pk, htmx=True))
        assert send(omar, "routing:grant_confirm", {"seen": f"{grant.pk}:1"}, grant.pk).status_code == 204
        assert "In force" in words(visit(omar, "routing:sessions"))
        assert send(olga, "routing:grant_end", {"seen": f"{grant.pk}:2"}, grant.pk).status_code == 204
        assert Grant.objects.get().status == "ENDED" and not Order.objects.exists()

    def test_who_may_look_only_finds_no_acts(self, session, by, olga, ada, tom):
        asked(session, by, olga)
        for person in (ada, tom):
            assert "Model orders" in (page := words(visit(person, "routing:sessions")))
            assert "grants/" not in page.replace("?part=grants", "")
