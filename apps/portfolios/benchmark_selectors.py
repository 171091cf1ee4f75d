"""Questions to benchmarks."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, OuterRef, QuerySet, Subquery

from apps.core.refusals import NotFound

from .models import Benchmark, BenchmarkWeight


class Weighed(NamedTuple):
    """A benchmark's newest weights: instrument's id to percent."""

    code: str
    as_of: date
    weights: dict[int, Decimal]


def benchmarks() -> QuerySet[Benchmark]:
    """By code, each with the day of its newest weights."""
    of_it = BenchmarkWeight.objects.filter(benchmark=OuterRef("pk")).order_by().values("benchmark").annotate(last=Max("as_of"))
    return Benchmark.objects.annotate(as_of=Subquery(of_it.values("last"))).order_by("code")


def weights_of(code: str, on: date) -> QuerySet[BenchmarkWeight]:
    """The weights that stand on a day, the largest first. :raises NotFound: where there is no such benchmark"""
    benchmark = Benchmark.objects.filter(code=code).first()
    if benchmark is None:
        raise NotFound("There is no such benchmark.")
    rows = BenchmarkWeight.objects.filter(benchmark=benchmark, as_of__lte=on)
    last = rows.aggregate(last=Max("as_of"))["last"]
    return rows.filter(as_of=last).select_related("instrument").order_by("-weight_pct", "instrument__symbol")


def benchmark_weights(ids: Collection[int], on: date) -> dict[int, Weighed]:
    """Of benchmarks the weights that stand on a day; those without any are left out. One query, none without a benchmark."""
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id, b.code, w.as_of, w.instrument_id, w.weight_pct FROM portfolios_benchmark b"
            " JOIN LATERAL (SELECT max(as_of) AS as_of FROM portfolios_benchmarkweight WHERE benchmark_id = b.id AND as_of <= %s) l ON true"
            " JOIN portfolios_benchmarkweight w ON w.benchmark_id = b.id AND w.as_of = l.as_of WHERE b.id = ANY(%s)"
            " ORDER BY b.id, w.instrument_id",
            [on, list(ids)],
        )
        found: dict[int, Weighed] = {}
        for pk, code, as_of, instrument, weight in cursor.fetchall():
            found.setdefault(pk, Weighed(code, as_of, {})).weights[instrument] = weight
    return found
