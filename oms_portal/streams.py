"""Where a page finds its live stream, and leave for the browser to go there."""

from django.conf import settings
from django.http import HttpRequest


def _origin(host: str, port: int) -> str:
    """The stream's origin for a page asked at ``host``, which may carry the page's own port."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") and ":" in host else host
    return f"http://{name}:{port}"


def stream_url(request: HttpRequest) -> str:
    """
    The address an EventSource opens for this page (``withCredentials`` must be set: it may be another port).

    Cookies belong to a host, not to a port, so the session goes along; the host is the one the person typed.
    """
    if settings.STREAM_PORT is None:
        return settings.STREAM_PATH
    return _origin(request.get_host(), settings.STREAM_PORT) + settings.STREAM_PATH


def stream(request: HttpRequest) -> dict[str, str]:
    """Context processor: ``STREAM_URL`` in every template."""
    return {"STREAM_URL": stream_url(request)}


class StreamMiddleware:
    """Adds the stream's port to the Content-Security-Policy where it has one of its own."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        response = self.get_response(request)
        if settings.STREAM_PORT is not None:
            update = {"connect-src": [_origin(request.get_host(), settings.STREAM_PORT)]}
            response._csp_update = {**getattr(response, "_csp_update", {}), **update}
        return response
