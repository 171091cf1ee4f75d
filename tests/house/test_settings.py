"""Production starts on a safe environment or not at all."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from oms_portal.settings.base import broker_url

CHECKOUT = Path(__file__).resolve().parents[2]


def a_safe_environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "oms_portal.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "AUDIT_SIGNING_KEY": secrets.token_hex(32),
        "DATABASE_URL": "postgresql://oms:secret@db.example.com:5432/oms?sslmode=verify-full",
        "REDIS_URL": "rediss://:secret@redis.example.com:6379/0",
        "ALLOWED_HOSTS": "oms.example.com",
        "OMS_ENVIRONMENT": "live",
        "OMS_HOME": str(tmp_path),
    }


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=120
    )


def test_a_safe_environment_passes_the_deployment_check_without_a_warning(tmp_path):
    done = manage(a_safe_environment(tmp_path), "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", None, "SECRET_KEY is not set"),
        ("SECRET_KEY", "a" * 60, "SECRET_KEY is too easy to guess"),
        ("AUDIT_SIGNING_KEY", None, "AUDIT_SIGNING_KEY is not set"),
        ("AUDIT_SIGNING_KEY", "00" * 32, "AUDIT_SIGNING_KEY must be 32 random bytes"),
        ("DATABASE_URL", None, "DATABASE_URL is not set"),
        ("DATABASE_URL", "sqlite:///db.sqlite3", "DATABASE_URL must read postgresql://"),
        ("DATABASE_URL", "postgresql://postgres:x@localhost/oms", "DATABASE_URL signs in as postgres"),
        ("DATABASE_URL", "postgresql://oms@db.example.com/oms?sslmode=require", "DATABASE_URL has no password"),
        ("DATABASE_URL", "postgresql://oms:x@db.example.com/oms", "DATABASE_URL reaches another host in clear"),
        ("REDIS_URL", None, "REDIS_URL is not set"),
        ("REDIS_URL", "redis://redis.example.com/0", "REDIS_URL reaches another host in clear"),
        ("ALLOWED_HOSTS", None, "ALLOWED_HOSTS is not set"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS holds a *"),
        ("OMS_ENVIRONMENT", None, "OMS_ENVIRONMENT is not set"),
        ("OMS_ENVIRONMENT", "prod", "OMS_ENVIRONMENT is 'prod'"),
        ("OMS_HOME", "somewhere", "OMS_HOME must be an absolute path"),
        ("DEBUG", "1", "DEBUG is set"),
    ],
)
def test_an_unsafe_environment_is_refused_with_one_line_that_says_what_to_set(tmp_path, name, value, said, monkeypatch):
    env = a_safe_environment(tmp_path)
    if value is None:
        del env[name]
    else:
        env[name] = value

    lines = _problems(env, monkeypatch)

    assert [said in line for line in lines] == [True]


def _problems(env: dict[str, str], monkeypatch) -> list[str]:
    """What production says of an environment, asked of its own function without leaving its settings behind."""
    import importlib

    for name, value in a_safe_environment(Path("/")).items():
        monkeypatch.setenv(name, value)
    production = importlib.import_module("oms_portal.settings.production")
    return production.problems(env)


def test_an_empty_environment_is_refused_by_the_process_itself_and_names_every_problem():
    done = manage({"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "oms_portal.settings.production"}, "check")

    assert done.returncode != 0
    named = [line.split()[0] for line in done.stderr.splitlines() if line.endswith(".") and " is not set;" in line]
    assert named == [
        "SECRET_KEY", "AUDIT_SIGNING_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "OMS_ENVIRONMENT", "OMS_HOME",
    ]  # fmt: skip


def test_the_demo_never_runs_live(tmp_path):
    done = manage(
        {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "oms_portal.settings.demo",
            "OMS_HOME": str(tmp_path),
            "OMS_ENVIRONMENT": "live",
        },
        "check",
    )

    assert done.returncode != 0
    assert "The demo is a simulation" in done.stderr


def test_celery_finds_the_same_redis():
    assert broker_url("unix:///a/b/redis.sock?db=2") == "redis+socket:///a/b/redis.sock?virtual_host=2"
    assert broker_url("unix:///a/b/redis.sock") == "redis+socket:///a/b/redis.sock?virtual_host=0"
    assert broker_url("rediss://:x@host/1") == "rediss://:x@host/1"
