"""Sessions and routing rules in the back office, under the role map."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.routing import services as routing
from apps.routing.models import AlertRule, RoutingRule, Session
from apps.users.back_office import ByRole
from apps.users.models import User
from tests.back_office import save


@pytest.fixture
def at_desk(counterparties):
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def change(session: Session) -> str:
    return reverse("admin:routing_session_change", args=[session.pk])


def as_is(session: Session, **changes) -> dict:
    form = {
        "purpose": session.purpose, "broker": session.broker_id, "begin_string": session.begin_string,
        "sender_comp_id": session.sender_comp_id,
        "target_comp_id": session.target_comp_id, "host": session.host, "port": session.port,
        "environment": session.environment, "is_enabled": "on", "opens_at": session.opens_at, "closes_at": session.closes_at,
        "time_zone": session.time_zone, "days": session.days, "open_day": session.open_day, "close_day": session.close_day,
        "heartbeat_seconds": session.heartbeat_seconds, "reconnect_seconds": session.reconnect_seconds,
    }  # fmt: skip
    return {name: value for name, value in (form | changes).items() if value is not None}


def test_every_page_of_the_back_office_asks_the_role_map():
    assert [model._meta.label for model, page in admin.site._registry.items() if not isinstance(page, ByRole)] == []


@pytest.mark.parametrize("name", ["olga", "alan"])
def test_who_keeps_reference_data_keeps_sessions_and_rules(at_desk, people, name):
    client, session = at_desk(people[name]), Session.objects.order_by("pk").first()

    assert save(client, change(session), as_is(session, host="fix.example.com", is_enabled=None)).status_code == 302

    kept = Session.objects.get(pk=session.pk)
    assert (kept.host, kept.is_enabled) == ("fix.example.com", False)
    assert kept.changed_at > session.changed_at
    rule = RoutingRule.objects.order_by("pk").first()
    assert client.get(reverse("admin:routing_routingrule_change", args=[rule.pk])).status_code == 200


def test_every_change_of_a_rule_is_kept_with_who_and_when(at_desk, olga, by):
    routing.install_default_alerts(by("loader"))
    client, alert = at_desk(olga), AlertRule.objects.get(kind="IDLE")
    form = {"name": alert.name, "kind": "IDLE", "threshold": "20", "is_active": "on"}
    assert save(client, reverse("admin:routing_alertrule_change", args=[alert.pk]), form).status_code == 302

    now, before = alert.history.all()
    assert (before.threshold, now.threshold, now.history_user) == (15, 20, olga)
    assert "20" in client.get(reverse("admin:routing_alertrule_history", args=[alert.pk])).content.decode()


def test_routing_rules_are_looked_at_and_change_on_their_page_alone(at_desk, olga):
    client, rule = at_desk(olga), RoutingRule.objects.order_by("rank").first()
    url = reverse("admin:routing_routingrule_change", args=[rule.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"rank": rule.rank, "name": "Mine"}).status_code == 403
    assert RoutingRule.objects.get(pk=rule.pk).name == rule.name


@pytest.mark.parametrize("name", ["mira", "tom", "omar", "ada"])
def test_others_do_not_even_as_staff(at_desk, people, name):
    User.objects.filter(username=name).update(is_staff=True, is_superuser=True)
    client, session = at_desk(User.objects.get(username=name)), Session.objects.order_by("pk").first()

    assert client.get(change(session)).status_code == 403
    assert client.post(change(session), as_is(session, host="elsewhere")).status_code == 403
    assert Session.objects.get(pk=session.pk).host == session.host


def test_a_live_session_is_refused_where_a_simulated_one_answers(at_desk, olga):
    session = Session.objects.order_by("pk").first()

    answer = save(at_desk(olga), change(session), as_is(session, environment="live", sender_comp_id="OMS"))

    assert "where simulated counterparties answer" in str(answer.context["adminform"].errors)
    assert Session.objects.get(pk=session.pk).environment == "simulation"


def test_a_session_is_disabled_and_never_deleted(at_desk, olga):
    session = Session.objects.order_by("pk").first()

    assert (
        at_desk(olga).post(reverse("admin:routing_session_delete", args=[session.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert Session.objects.filter(pk=session.pk).exists()
