"""Several at once, on a real PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from apps.core.refusals import Refusal


def at_once(*jobs: Callable[[], Any]) -> list:
    """Runs the jobs in threads from one starting gun; their answers, or their refusals' names, in order."""
    gun = Barrier(len(jobs))

    def run(job):
        gun.wait()
        try:
            return job()
        except Refusal as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))
