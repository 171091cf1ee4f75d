"""Reading what only some rules ask for: attributes of the firm's own, and what is in benchmarks."""

from collections.abc import Sequence
from datetime import datetime

from apps.portfolios.benchmark_selectors import benchmark_weights
from apps.reference.own_selectors import own_values

from ..engine import columns as c
from ..engine.judgement import RuleVersion
from ..engine.rules import ask_benchmarks, own_asked


def followed(rules: Sequence[RuleVersion], portfolios: Sequence[c.Portfolio], at: datetime) -> dict[int, c.Benchmark]:
    """The benchmarks that the portfolios follow, where a rule measures against them."""
    if not ask_benchmarks(rules):
        return {}
    found = benchmark_weights({p.benchmark for p in portfolios if p.benchmark}, at.date())
    return {pk: c.Benchmark(*one) for pk, one in found.items()}


def said_of(rules: Sequence[RuleVersion], instruments: Sequence[c.Instrument]) -> dict[str, c.Own]:
    """What the firm itself says of the instruments, where a rule asks for it."""
    said = own_values(own_asked(rules), [i.id for i in instruments])
    return {code: c.Own("number" if kind == "number" else "text", values) for code, (kind, values) in sorted(said.items())}
