"""Raw messages: found by tag, name, text, time and session, and read in their version's words."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.routing import wire_selectors as wire
from apps.routing.models import Message, Route, Session


def client_of(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def talked(a_route, street) -> Route:
    """An order, its acknowledgement and a fill."""
    route = a_route(1000)
    street.report(route, "0", "0", exec_id="E-100")
    return street.report(route, "F", "1", exec_id="E-101", last=(400, "50"), cum=400, leaves=600, text="a | b")


def found(**asked) -> list[str]:
    return [row.msg_type for row in wire.messages(**asked)]


class TestSearch:
    def test_by_tag_and_value_exactly(self, talked):
        assert found(text=f"11={talked.cl_ord_id}") == ["8", "8", "D"]
        assert found(text=f"11={talked.cl_ord_id[:-1]}") == []
        assert found(text="150=F") == ["8"]
        assert found(text="58=a | b") == ["8"]

    def test_by_words_anywhere(self, talked):
        assert found(text="e-101") == ["8"]
        assert found(text=talked.cl_ord_id) == ["8", "8", "D"]

    def test_by_way_session_and_time(self, talked):
        now, mine = timezone.now(), Session.objects.get(broker=talked.broker_id)

        assert found(way="out") == ["D"]
        assert found(session=mine.pk) == ["8", "8", "D"]
        assert found(session=Session.objects.exclude(pk=mine.pk).first().pk) == []
        assert found(since=now) == [] and found(until=now - timedelta(hours=1)) == []
        assert found(since=now - timedelta(hours=1), until=now) == ["8", "8", "D"]


class TestRead:
    @pytest.mark.parametrize(
        ("version", "appl", "means"),
        [("FIX.4.4", "", "trade"), ("FIX.4.2", "", ""), ("FIXT.1.1", "9", "trade")],
    )
    def test_in_the_words_of_its_version(self, talked, version, appl, means):
        Session.objects.update(begin_string=version, appl_ver_id=appl)
        row = wire.messages(text="150=F").get()

        fields = {field.tag: field for field in wire.read(row)}

        assert (fields[17].name, fields[17].value, fields[17].means) == ("ExecID", "E-101", "")
        assert means in fields[150].means and bool(fields[150].means) == bool(means)
        assert fields[39].means.startswith("partial")
        assert wire.listed([row])[0].kind == "execution report"

    def test_what_is_no_message_is_shown_as_it_is(self, talked):
        Message.objects.filter(msg_type="D").update(text="garbage")

        assert wire.read(wire.messages(way="out").get()) == []


class TestPages:
    def test_a_trader_searches_and_opens_one(self, talked, tom):
        client = client_of(tom)

        page = client.get(reverse("routing:messages"), {"q": "17=E-101"}).content.decode()
        assert page.count("data-row=") == 1 and "E-101" in page
        row = wire.messages(text="17=E-101").get()
        drawer = client.get(reverse("routing:message", args=[row.pk]), headers={"HX-Request": "true"}).content.decode()
        assert "LastPx" in drawer and "E-101" in drawer

    @pytest.mark.parametrize("asked", [{"since": "yesterday"}, {"way": "up"}, {"session": "x"}])
    def test_what_cannot_be_asked_is_refused(self, talked, tom, asked):
        assert client_of(tom).get(reverse("routing:messages"), asked).status_code == 422
        assert client_of(tom).get(reverse("api-fix-messages"), asked).status_code == 422

    def test_the_same_over_the_api(self, talked, omar):
        client = client_of(omar)

        (one,) = client.get(reverse("api-fix-messages"), {"q": "17=E-101"}).json()["results"]
        read = client.get(reverse("api-fix-message", args=[one["id"]])).json()

        assert {"tag": 17, "name": "ExecID", "value": "E-101", "means": ""} in read["fields_read"]
        assert client.get(reverse("api-fix-message", args=[10**9])).status_code == 404
