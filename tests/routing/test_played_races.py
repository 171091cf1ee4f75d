"""Races, played by the real street over TCP through the gateway: each ends as its matrix says, and our own steps are done once."""

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.certification import rules, selectors, services
from apps.certification.models import Play
from apps.core.refusals import NotAllowed
from apps.routing.models import AlertRule, Message, Route, RouteRequest, Session

from .test_gateway import all_up, data, gateway, market, wait_until

__all__ = ["data", "gateway", "market"]
D = Decimal
NAMES = [v.name for v in rules.VECTORS]


def played(block, session, by_whom, names) -> list[Play]:
    ids = services.play_matrices(by_whom, block.pk, session.pk, names, seen={block.pk: block.version})
    return list(Play.objects.filter(pk__in=ids).order_by("pk"))


@pytest.fixture
def harbor(counterparties, firm) -> Session:
    Session.objects.filter(broker=firm.brokers["HARBOR"]).update(is_up=True)
    return Session.objects.select_related("broker").get(broker=firm.brokers["HARBOR"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(400)
def test_every_race_that_can_be_played_ends_as_its_matrix_says(gateway, market, a_block, tom, by, firm):
    for kind, threshold in (("UNASKED", 60), ("HELD", 1)):
        AlertRule.objects.create(name=kind, kind=kind, threshold=threshold)
    gateway.start()
    wait_until("sessions up", all_up)
    session = Session.objects.select_related("broker").get(broker=firm.brokers["HARBOR"])
    block = a_block("AAA", "BUY", 20_000)
    offers = [one for group in selectors.offers(tom, block, session).values() for one in group]
    names = [one.vector.name for one in offers if not one.obstacle]
    assert len(names) >= 50

    plays = played(block, session, by(tom), names)

    def over() -> bool:
        services.advance_plays(timezone.now())
        return not Play.objects.filter(status="PLAYING").exists()

    wait_until("all played", over, 200)
    failed = {p.matrix: p.found for p in Play.objects.exclude(status="PASSED")}
    assert failed == {}
    asked = {v.name: len(rules.asks(v)) for v in rules.VECTORS}
    for play in plays:
        assert RouteRequest.objects.filter(route=play.route_id).count() == 1 + asked[play.matrix]
    events = Entry.objects.filter(subject="play").values_list("event", flat=True)
    assert sorted(set(events)) == ["play.passed", "play.started"]
    client = Client()
    client.force_login(tom)
    told = client.get(reverse("api-matrix-report", args=[session.pk])).json()
    assert told["counted"]["PASSED"] == len(names) and told["counted"]["FAILED"] == 0


class TestWhatIsRefused:
    def test_a_matrix_that_the_block_is_not_for_is_named_and_nothing_is_sent(self, harbor, a_block, tom, by):
        block = a_block("AAA", "BUY", 20_000)
        with pytest.raises(services.CannotPlay, match=r"I\.1\.a cannot be played on B-\d+: it is for an order that is FOK"):
            played(block, harbor, by(tom), ["A.1.a", "I.1.a"])
        assert not Route.objects.exists() and not Play.objects.exists() and not Message.objects.exists()

    @pytest.mark.parametrize(
        ("names", "why"), [([], "Choose 1 to 100"), (["A.9"], "There is no matrix “A.9”"), (["43=Y"], "retransmits messages")]
    )
    def test_names_that_are_none(self, harbor, a_block, tom, by, names, why):
        with pytest.raises(services.CannotPlay, match=why):
            played(a_block("AAA", "BUY", 20_000), harbor, by(tom), names)

    def test_a_block_with_too_little_left(self, harbor, a_block, tom, by):
        with pytest.raises(services.CannotPlay, match="it needs 100 that are not placed, and 99 are left"):
            played(a_block("AAA", "BUY", 99), harbor, by(tom), ["A.1.a"])

    def test_where_orders_are_real(self, harbor, a_block, tom, by, settings):
        settings.ENVIRONMENT = "live"
        with pytest.raises(services.LiveHere, match="This installation is live"):
            played(a_block("AAA", "BUY", 20_000), harbor, by(tom), ["A.1.a"])

    def test_whoever_does_not_trade(self, harbor, a_block, mira, by):
        with pytest.raises(NotAllowed):
            played(a_block("AAA", "BUY", 20_000), harbor, by(mira), ["A.1.a"])

    def test_a_block_that_changed(self, harbor, a_block, tom):
        block = a_block("AAA", "BUY", 20_000)
        client = Client()
        client.force_login(tom)
        said = {"block": block.pk, "session": harbor.pk, "names": ["A.1.a"], "seen": f"{block.pk}:{block.version + 1}"}
        assert client.post(reverse("certification:matrices"), said).status_code == 409
        told = {"block": block.pk, "version": block.version + 1, "session": harbor.pk, "names": ["A.1.a"]}
        assert client.post(reverse("api-plays"), told, content_type="application/json").status_code == 409
        assert not Play.objects.exists()


class TestOwnSteps:
    @pytest.fixture
    def play(self, harbor, a_block, tom, by) -> Play:
        return played(a_block("AAA", "BUY", 20_000), harbor, by(tom), ["B.1.e"])[0]

    def test_wait_until_the_order_is_sent(self, play):
        services.advance_plays(timezone.now())
        assert Message.objects.filter(is_out=True).count() == 1
        Message.objects.update(status="SENT")
        services.advance_plays(timezone.now())
        services.advance_plays(timezone.now())
        assert list(Message.objects.filter(is_out=True).order_by("pk").values_list("msg_type", flat=True)) == ["D", "F"]

    def test_a_broker_that_does_not_play_fails_it(self, play):
        Message.objects.update(status="SENT")
        services.advance_plays(timezone.now())
        services.advance_plays(timezone.now() + services.QUIET * 2)
        play.refresh_from_db()
        assert (play.status, play.found) == ("FAILED", "Nothing more was heard for 60 s, after 0 of its steps.")
        assert Entry.objects.get(event="play.failed").payload == {"found": play.found}

    def test_go_out_with_the_script_in_the_order(self, play):
        text = Message.objects.get(is_out=True).text
        steps = rules.script(rules.BY_NAME["B.1.e"], selectors.scale_of(play), "")
        assert f"|{rules.SCRIPT_TAG}=[" in text and text.count('"k":') == steps.count('"k":') == 4


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_a_step_once(harbor, a_block, tom, by):
    played(a_block("AAA", "BUY", 20_000), harbor, by(tom), ["B.1.e"])
    Message.objects.update(status="SENT")
    gate = threading.Barrier(4)

    def advance() -> None:
        gate.wait()
        services.advance_plays(timezone.now())
        connection.close()

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert Message.objects.filter(is_out=True, msg_type="F").count() == 1


def test_pages_show_what_can_be_played_and_what_came_of_it(harbor, a_block, tom, by):
    block = a_block("AAA", "BUY", 20_000)
    client = Client()
    client.force_login(tom)
    page = client.get(reverse("certification:matrices")).content.decode()
    assert "B.1.b" in page and "Cancel while it is being filled" in page
    assert "it is for an order that is GTC, and the block&#x27;s are DAY" in page
    said = {"block": block.pk, "session": harbor.pk, "names": ["A.1.a", "B.1.b"], "seen": f"{block.pk}:{block.version}"}
    answer = client.post(reverse("certification:matrices"), said)
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert page.count("Playing") == 4  # In the list and in its group.
    refused = client.post(reverse("certification:matrices"), said | {"names": ["I.1.a"], "seen": f"{block.pk}:{block.version + 2}"})
    assert refused.status_code in (409, 422)
    report = client.get(reverse("certification:report", args=[harbor.pk])).content.decode()
    assert "Not played" in report and "Certification of Harbor" in report
    told = client.get(reverse("certification:report", args=[harbor.pk]), {"format": "json"})
    assert told.json()["counted"] == {"PLAYING": 2, "PASSED": 0, "FAILED": 0, "NOT_PLAYED": len(NAMES) - 2}
