"""Reading what only some rules ask for: attributes of the firm's own, what is in benchmarks and funds, and what bodies have issued."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from apps.portfolios.benchmark_selectors import benchmark_weights
from apps.reference import selectors as reference
from apps.reference.models import Instrument
from apps.reference.own_selectors import own_values

from ..engine import columns as c
from ..engine.funds import DEEPEST
from ..engine.issued import IssuedLine, issued
from ..engine.judgement import RuleVersion
from ..engine.rules import ask_benchmarks, ask_issued, look_through_funds, own_asked


def followed(rules: Sequence[RuleVersion], portfolios: Sequence[c.Portfolio], at: datetime) -> dict[int, c.Benchmark]:
    """The benchmarks that the portfolios follow, where a rule measures against them."""
    if not ask_benchmarks(rules):
        return {}
    found = benchmark_weights({p.benchmark for p in portfolios if p.benchmark}, at.date())
    return {pk: c.Benchmark(*one) for pk, one in found.items()}


def held_by_funds(rules: Sequence[RuleVersion], instrument_ids: Iterable[int], at: datetime) -> dict[int, c.Constituents]:
    """
    What the funds among instruments held last, and the funds in them, a level at a time, where a rule looks through funds. One
    query a level.
    """
    found: dict[int, c.Constituents] = {}
    wanted, asked = set(instrument_ids), set()
    for _ in range(DEEPEST if look_through_funds(rules) else 0):
        held = reference.constituents(wanted, at.date())
        found |= {pk: c.Constituents(one.as_of, one.weights) for pk, one in held.items()}
        asked |= wanted
        wanted = {pk for one in held.values() for pk in one.weights} - asked
        if not wanted:
            break
    return found


def said_of(rules: Sequence[RuleVersion], instruments: Sequence[c.Instrument]) -> dict[str, c.Own]:
    """What the firm itself says of the instruments, where a rule asks for it."""
    said = own_values(own_asked(rules), [i.id for i in instruments])
    return {code: c.Own("number" if kind == "number" else "text", values) for code, (kind, values) in sorted(said.items())}


def issued_of(rules: Sequence[RuleVersion], instruments: Sequence[c.Instrument]) -> dict[int, Decimal]:
    """What bodies of the instruments have issued of their kind, in all lines in use, where a rule asks for it. One query then."""
    if not ask_issued(rules):
        return {}
    lines = Instrument.objects.filter(issuer__in={i.body for i in instruments}, is_active=True).order_by("pk")
    rows = lines.values_list("pk", "issuer", "asset_class", "has_votes", "isin", "shares_outstanding")
    found = issued(IssuedLine(*row) for row in rows)
    return {i.id: found[i.id] for i in instruments if i.id in found}
