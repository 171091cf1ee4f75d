"""The demo on one machine: embedded servers, secrets of its own kept in ``OMS_HOME``, plain HTTP on this host."""

import contextlib
import json
import os
import secrets

from django.core.exceptions import ImproperlyConfigured

from oms_portal import embedded

from .base import *  # noqa: F403
from .base import OMS_HOME, broker_url, databases

if os.environ.get("OMS_ENVIRONMENT", "simulation") != "simulation":
    raise ImproperlyConfigured("The demo is a simulation; for a live session use oms_portal.settings.production.")
ENVIRONMENT = "simulation"
DEBUG = False

OMS_HOME.mkdir(parents=True, exist_ok=True)


def _secrets() -> dict[str, str]:
    """This demo's own keys, drawn once."""
    path = OMS_HOME / "secrets.json"
    if not path.exists():
        drawn = {"SECRET_KEY": secrets.token_urlsafe(64), "AUDIT_SIGNING_KEY": secrets.token_hex(32)}
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(drawn))
        with contextlib.suppress(FileExistsError):  # Unlike a rename, a link fails where another process was first.
            os.link(fresh, path)
        fresh.unlink()
    return json.loads(path.read_text())


_kept = _secrets()
SECRET_KEY = _kept["SECRET_KEY"]
AUDIT_SIGNING_KEY = _kept["AUDIT_SIGNING_KEY"]

_urls = embedded.urls()
DATABASES = databases(_urls.database)
REDIS_URL = _urls.redis
CELERY_BROKER_URL = broker_url(REDIS_URL)

BAR_SECONDS = float(os.environ.get("OMS_BAR_SECONDS", "2"))  # Four minutes of the street, whose days are short.
BARS_KEPT_DAYS = int(os.environ.get("OMS_BARS_KEPT_DAYS", "3"))

PORT = int(os.environ.get("PORT", "8000"))
STREAM_PORT = PORT + 1
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *filter(None, os.environ.get("OMS_HOSTS", "").split(","))]
CSRF_TRUSTED_ORIGINS = [f"http://{host}:{PORT}" for host in ALLOWED_HOSTS]

WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": OMS_HOME / "files"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = OMS_HOME / "static"  # Empty: the files are served from where they stand.
STATIC_ROOT.mkdir(exist_ok=True)

CROSS_TOLERANCE_BP = os.environ.get("OMS_CROSS_TOLERANCE_BP", "300")  # The simulated market moves a day's way in minutes.
