"""
The live stream and nothing else: pages and API answer faster from WSGI workers.

A page of the demo stands on another port of the same host, so its origin is let in by CORS, and no other.
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_portal.settings.production")
get_asgi_application()  # Loads the settings and the apps; pages themselves are not served here.

from django.conf import settings  # noqa: E402
from django.http.request import split_domain_port, validate_host  # noqa: E402

from apps.desk.stream import application as stream  # noqa: E402


def _header(scope: dict, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _page_origin(scope: dict) -> str:
    """The origin of our own pages as seen from this request's host, where they stand on another port; else empty."""
    if settings.STREAM_PORT is None:
        return ""
    domain, _ = split_domain_port(_header(scope, b"host"))
    return f"http://{domain}:{settings.PORT}"


async def _answer(send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def application(scope, receive, send) -> None:
    """ASGI entry: refuses foreign hosts, foreign origins and every path but the stream's."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http" or not scope["path"].startswith(settings.STREAM_PATH):
        await _answer(send, 404, "Only the live stream is served here.")
        return
    domain, _ = split_domain_port(_header(scope, b"host"))
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        await _answer(send, 400, "This host name is not served here.")
        return
    origin, page = _header(scope, b"origin"), _page_origin(scope)
    if origin and page and origin != page:
        await _answer(send, 403, "This page may not read the stream.")
        return

    own = (b"access-control-allow-origin", page.encode()), (b"access-control-allow-credentials", b"true"), (b"vary", b"Origin")
    await stream(scope, receive, send, own if page and origin else ())


async def _lifespan(receive, send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
