"""The door of the live stream: our own pages come in, on whatever port they stand, and nobody else's."""

import asyncio

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from oms_portal import asgi, streams


@pytest.fixture
def on_two_ports(settings):
    settings.PORT, settings.STREAM_PORT = 8000, 8001
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]


@pytest.fixture
def knock(monkeypatch):
    """Asks the stream's process for a path; the stream itself is a plain answer, for it is not what is tried here."""

    async def stream(scope, receive, send, own_headers) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*own_headers]})
        await send({"type": "http.response.body", "body": b"live"})

    monkeypatch.setattr(asgi, "stream", stream)

    def ask(path: str = "/stream/", **headers: str) -> tuple[int, dict[str, str]]:
        sent = []

        async def send(message) -> None:
            sent.append(message)

        headers = {"host": "127.0.0.1:8001", **headers}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "path": path, "headers": pairs}
        asyncio.run(asgi.application(scope, None, send))
        return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}

    return ask


def test_lets_in_the_page_of_the_same_host_and_no_other_origin(on_two_ports, knock):
    status, headers = knock(origin="http://127.0.0.1:8000")
    assert status == 200
    assert headers["access-control-allow-origin"] == "http://127.0.0.1:8000"
    assert headers["access-control-allow-credentials"] == "true"

    for foreign in ("http://127.0.0.1:9000", "http://evil.example", "https://127.0.0.1:8000", "null"):
        status, headers = knock(origin=foreign)
        assert status == 403
        assert "access-control-allow-origin" not in headers


def test_refuses_a_host_name_that_is_not_ours(on_two_ports, knock):
    assert knock(host="evil.example:8001", origin="http://evil.example:8000")[0] == 400


def test_serves_nothing_but_the_stream(on_two_ports, knock):
    assert knock("/")[0] == 404
    assert knock("/accounts/login/")[0] == 404


def test_says_nothing_of_origins_where_a_proxy_joins_the_two(settings, knock):
    settings.STREAM_PORT, settings.ALLOWED_HOSTS = None, ["oms.example.com"]

    status, headers = knock(host="oms.example.com", origin="https://oms.example.com")

    assert (status, headers) == (200, {})


@pytest.mark.parametrize(
    ("host", "stream"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8001"),
        ("localhost:8000", "http://localhost:8001"),
        ("localhost", "http://localhost:8001"),
        ("[::1]:8000", "http://[::1]:8001"),
        ("[::1]", "http://[::1]:8001"),
    ],
)
def test_a_page_is_told_the_stream_of_the_host_it_was_asked_at_and_may_go_there(on_two_ports, host, stream):
    request = RequestFactory().get("/", headers={"host": host})

    response = streams.StreamMiddleware(lambda _: HttpResponse())(request)

    assert streams.stream_url(request) == f"{stream}/stream/"
    assert response._csp_update == {"connect-src": [stream]}


def test_behind_a_proxy_the_stream_is_a_path_of_the_same_origin(settings):
    settings.STREAM_PORT = None
    request = RequestFactory().get("/", headers={"host": "testserver"})

    response = streams.StreamMiddleware(lambda _: HttpResponse())(request)

    assert streams.stream_url(request) == "/stream/"
    assert not hasattr(response, "_csp_update")
