"""The ground a benchmark stands on: servers of its own, a loaded firm, and a report in one shape."""

import json
import os
import resource
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

from oms_portal import embedded


@contextmanager
def servers():
    """A durable PostgreSQL and a Redis in a temporary home; sets this process up as a Django process on them."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # What ends a benchmark ends its servers too.
    home = Path(tempfile.mkdtemp(prefix="oms-bench-"))
    home.chmod(0o711)
    running = embedded.Servers(home)
    running.start()
    os.environ.update(
        running.environment()
        | {"OMS_HOME": str(home), "DJANGO_SETTINGS_MODULE": "oms_portal.settings.demo", "OMS_LOG_LEVEL": "ERROR"}
        | {"OMS_DB_POOL": "0"}  # One connection; a pool would keep the database from being copied.
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    try:
        yield home
    finally:
        from django.db import connections

        connections.close_all()
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


def empty_tables() -> None:
    """Empties every table but the migrations' own, as the owner: the record's triggers are switched off for it."""
    from django.db import connection

    from apps.audit.selectors import automated_id
    from apps.users.demo import AUTOMATED
    from apps.users.models import User

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN"
            " ('django_migrations', 'django_content_type', 'auth_permission')"
        )
        tables = [row[0] for row in cursor.fetchall()]
        for table in ("audit_act", "audit_entry", "audit_seal"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("TRUNCATE " + ", ".join(f'"{t}"' for t in tables) + " RESTART IDENTITY")
        for table in ("audit_act", "audit_entry", "audit_seal"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    User.objects.bulk_create([User(username=n, is_automated=True, password="!") for n in AUTOMATED])
    automated_id.cache_clear()


def peak_memory_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def report(name: str, figures: dict, ratio: float, target: float | None, reached: bool) -> None:
    """The last line of a benchmark. A target not reached is said, and is no failure of the run; None: there is none."""
    print(
        json.dumps({"name": name, "figures": figures, "ratio": round(ratio, 2), "target": target, "reached": reached})
    )
