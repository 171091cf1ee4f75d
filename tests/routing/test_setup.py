"""Sessions follow the simulated street, and never lead a live one there."""

import pytest

from apps.core.refusals import NotAllowed
from apps.routing import services as routing
from apps.routing.models import Session


def where() -> set[tuple[str, str, int]]:
    return set(Session.objects.values_list("environment", "host", "port"))


def test_simulated_sessions_follow_the_street(counterparties, by):
    moved = routing.point_sessions(by("loader"), host="127.0.0.1", port=8802)

    assert moved == Session.objects.count()
    assert where() == {("simulation", "127.0.0.1", 8802)}
    assert routing.point_sessions(by("loader"), host="127.0.0.1", port=8802) == 0


def test_live_ones_stay_where_they_are(counterparties, by):
    live = Session.objects.order_by("pk").first()
    Session.objects.filter(pk=live.pk).update(
        environment="live", sender_comp_id="OMS", host="fix.example.com", port=443
    )

    routing.point_sessions(by("loader"), host="127.0.0.1", port=8802)

    assert where() == {("live", "fix.example.com", 443), ("simulation", "127.0.0.1", 8802)}


def test_refuses_to_meet_a_live_one_and_moves_nothing(counterparties, by):
    live = Session.objects.order_by("pk").first()
    Session.objects.filter(pk=live.pk).update(environment="live", sender_comp_id="OMS", port=8802)
    before = where()

    with pytest.raises(routing.MixedSessions, match="is live, but 127.0.0.1:8802"):
        routing.point_sessions(by("loader"), host="127.0.0.1", port=8802)

    assert where() == before


def test_is_for_who_keeps_reference_data(counterparties, by, tom):
    before = where()

    with pytest.raises(NotAllowed):
        routing.point_sessions(by(tom), host="127.0.0.1", port=8802)

    assert where() == before
