"""Loading the weights of a benchmark, each a fact; and how the record tells of benchmarks and weights, whoever changes them."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from simple_history.utils import bulk_create_with_history

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.core.tables import hold_against_all
from apps.reference import telling
from apps.reference.models import Instrument
from apps.reference.telling import TOLD, Change, Told, said_of
from apps.users.models import User
from apps.users.services import require

from . import events, rules
from .models import Benchmark, BenchmarkWeight

MOST_ROWS = 20_000

TOLD[Benchmark] = Told({"benchmark": "code"}, {"name": "name"}, events.BenchmarkNamed, events.BenchmarkRenamed, events.BenchmarkRemoved)
TOLD[BenchmarkWeight] = Told(
    {"benchmark": "benchmark.code", "as_of": "as_of", "instrument": "instrument.symbol"}, {"weight_pct": "weight_pct"},
    events.BenchmarkWeightSaid, events.BenchmarkWeightChanged, events.BenchmarkWeightTakenAway,
)  # fmt: skip


class Weight(NamedTuple):
    symbol: str
    weight_pct: Decimal


class DayStands(Conflict):
    """The benchmark has weights of that day."""


class BadWeights(Invalid):
    """Weights that cannot be taken; ``rows`` says of each, counted from 1, what is wrong with it."""


@transaction.atomic
def load_weights(act: Act, code: str, as_of: date, weights: Sequence[Weight]) -> int:
    """
    Will keep all weights of a benchmark as of a day: all or none. They replace those of earlier days from that day on.

    :returns: how many there are
    :raises BadWeights: naming every row that cannot be taken
    :raises DayStands: where there are weights of that day; the back office corrects those
    """
    require(act, "reference.write")
    if not weights or len(weights) > MOST_ROWS:
        raise Invalid(f"Send 1 to {MOST_ROWS:,} weights.", field="weights")
    benchmark = Benchmark.objects.filter(code=code).first()
    if benchmark is None:
        raise NotFound("There is no such benchmark. Add it under Reference data first.")
    with connection.cursor() as cursor:
        hold_against_all(cursor, BenchmarkWeight._meta.db_table)
    if BenchmarkWeight.objects.filter(benchmark=benchmark, as_of=as_of).exists():
        raise DayStands(f"{code} has weights of {as_of} already. Send those of another day, or correct them under Reference data.")
    known = dict(Instrument.objects.filter(symbol__in={w.symbol for w in weights}).values_list("symbol", "pk"))
    twice = {symbol for symbol, times in Counter(w.symbol for w in weights).items() if times > 1}
    problems = {
        n: why
        for n, w in enumerate(weights, start=1)
        if (why := _problem(w, known, twice))
    }
    if problems:
        first = "; ".join(f"row {n}: {why}" for n, why in list(problems.items())[:5])
        raise BadWeights(f"{len(problems)} of {len(weights)} rows cannot be taken, so none was: {first}.", rows=problems)
    if problem := rules.weights_of_day_problem(w.weight_pct for w in weights):
        raise Invalid(problem, field="weights")
    made = bulk_create_with_history(
        [BenchmarkWeight(benchmark=benchmark, as_of=as_of, instrument_id=known[w.symbol], weight_pct=w.weight_pct) for w in weights],
        BenchmarkWeight, default_user=User.objects.get(pk=act.by), default_date=act.at,
        default_change_reason=(act.reason or f"Sent by {act.via}")[:100],
    )  # fmt: skip
    said = [{"benchmark": code, "as_of": as_of.isoformat(), "instrument": w.symbol} for w in weights]
    telling.tell(act, BenchmarkWeight, [Change(row.pk, None, one | said_of(row)) for row, one in zip(made, said, strict=True)])
    return len(weights)


def _problem(w: Weight, known: dict[str, int], twice: set[str]) -> str:
    if w.symbol not in known:
        return f"there is no instrument “{w.symbol}”"
    if w.symbol in twice:
        return f"{w.symbol} is there more than once"
    return f"the weight {why}" if (why := rules.benchmark_problems({"weight_pct": w.weight_pct}).get("weight_pct", "")) else ""
