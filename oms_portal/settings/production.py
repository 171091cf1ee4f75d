"""A firm's own servers. Everything comes from the environment, and nothing unsafe has a default."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "::1"}


def _is_local(host: str | None) -> bool:
    return (unquote(host or "")) in LOCAL_HOSTS or unquote(host or "").startswith("/")


def _database_problem(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        return "DATABASE_URL must read postgresql://user:password@host:5432/name."
    if parts.username == "postgres":
        return "DATABASE_URL signs in as postgres; use a role that owns the database and is no superuser."
    if not _is_local(parts.hostname):
        if not parts.password:
            return "DATABASE_URL has no password for a server on another host."
        if parse_qs(parts.query).get("sslmode", [""])[0] not in {"require", "verify-ca", "verify-full"}:
            return "DATABASE_URL reaches another host in clear; add ?sslmode=verify-full."
    return None


def _redis_problem(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        return "REDIS_URL must read redis://, rediss:// or unix://."
    if parts.scheme == "redis" and not _is_local(parts.hostname):
        return "REDIS_URL reaches another host in clear; use rediss://."
    return None


def problems(env: dict[str, str]) -> list[str]:
    """What keeps this environment from being safe, one line each that says what to set."""
    found = []
    for name, meaning in {
        "SECRET_KEY": "50 or more random characters",
        "AUDIT_SIGNING_KEY": "32 random bytes as 64 hex digits, kept outside the database",
        "DATABASE_URL": "postgresql://user:password@host:5432/name",
        "REDIS_URL": "rediss://:password@host:6379/0",
        "ALLOWED_HOSTS": "the host names people type, with commas between",
        "OMS_ENVIRONMENT": "live or simulation",
        "OMS_HOME": "an absolute folder for feeds, FIX stores, checkpoints and schedules",
    }.items():
        if not env.get(name, "").strip():
            found.append(f"{name} is not set; give {meaning}.")
    key = env.get("SECRET_KEY", "")
    if key and (len(key) < 50 or len(set(key)) < 10 or key.startswith("django-insecure")):
        found.append("SECRET_KEY is too easy to guess; give 50 or more random characters.")
    if (key := env.get("AUDIT_SIGNING_KEY", "")) and (not re.fullmatch(r"[0-9a-fA-F]{64}", key) or len(set(key)) < 6):
        found.append("AUDIT_SIGNING_KEY must be 32 random bytes as 64 hex digits.")
    if url := env.get("DATABASE_URL"):
        found.extend(filter(None, [_database_problem(url)]))
    if url := env.get("REDIS_URL"):
        found.extend(filter(None, [_redis_problem(url)]))
    if "*" in env.get("ALLOWED_HOSTS", ""):
        found.append("ALLOWED_HOSTS holds a *; name the hosts one by one.")
    if (value := env.get("OMS_ENVIRONMENT")) and value not in {"live", "simulation"}:
        found.append(f"OMS_ENVIRONMENT is {value!r}; it must be live or simulation.")
    if (value := env.get("OMS_OWNERSHIP_FILER")) and value not in {"QII", "PASSIVE", "EXEMPT", "13D"}:
        found.append(f"OMS_OWNERSHIP_FILER is {value!r}; it must be QII, PASSIVE, EXEMPT or 13D.")
    if (value := env.get("OMS_HOME")) and not Path(value).is_absolute():
        found.append("OMS_HOME must be an absolute path.")
    if env.get("DEBUG", "").lower() not in {"", "0", "false", "no"}:
        found.append("DEBUG is set; production never shows its inside. Unset it.")
    return found


if _found := problems(dict(os.environ)):
    raise ImproperlyConfigured("The environment is not safe to start with:\n  " + "\n  ".join(_found))

from oms_portal.logs import logging_config  # noqa: E402

from .base import *  # noqa: E402, F403
from .base import OMS_HOME  # noqa: E402

DEBUG = False
SECRET_KEY = os.environ["SECRET_KEY"]
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
AUDIT_SIGNING_KEY = os.environ["AUDIT_SIGNING_KEY"]
ALLOWED_HOSTS = [host.strip() for host in os.environ["ALLOWED_HOSTS"].split(",") if host.strip()]
CSRF_TRUSTED_ORIGINS = [f"https://{host.removeprefix('.')}" for host in ALLOWED_HOSTS]

# TLS ends at the reverse proxy, which must set (not pass on) the header named here.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if os.environ.get("OMS_BEHIND_PROXY") == "1" else None
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = int(os.environ.get("HSTS_SECONDS", "31536000"))
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-oms_session"
CSRF_COOKIE_NAME = "__Host-oms_csrf"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if os.environ.get("OMS_BEHIND_PROXY") == "1" else 0

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": OMS_HOME / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

if os.environ.get("EMAIL_HOST"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = os.environ["EMAIL_HOST"]
    EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
    EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
    EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
    EMAIL_USE_TLS = True
    EMAIL_TIMEOUT = 10

LOGGING = logging_config(style="json", level=os.environ.get("OMS_LOG_LEVEL", "INFO"))
