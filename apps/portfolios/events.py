"""What can happen to the terms on which a portfolio trades, and to what it is compared with."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class TermSet(Event, code="term.set"):
    """With whom a portfolio may trade, from a day on."""

    portfolio_id: int
    broker_id: int
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class TermEnded(Event, code="term.ended"):
    portfolio_id: int
    broker_id: int
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class BenchmarkNamed(Event, code="benchmark.named"):
    """A benchmark, by its code."""

    benchmark: str
    after: dict


@dataclass(frozen=True)
class BenchmarkRenamed(Event, code="benchmark.renamed"):
    benchmark: str
    before: dict
    after: dict


@dataclass(frozen=True)
class BenchmarkRemoved(Event, code="benchmark.removed"):
    benchmark: str
    before: dict


@dataclass(frozen=True)
class BenchmarkWeightSaid(Event, code="benchmark_weight.said"):
    """What an instrument, by its symbol, weighs in a benchmark from a day on."""

    benchmark: str
    as_of: str
    instrument: str
    after: dict


@dataclass(frozen=True)
class BenchmarkWeightChanged(Event, code="benchmark_weight.changed"):
    benchmark: str
    as_of: str
    instrument: str
    before: dict
    after: dict


@dataclass(frozen=True)
class BenchmarkWeightTakenAway(Event, code="benchmark_weight.taken_away"):
    benchmark: str
    as_of: str
    instrument: str
    before: dict


@dataclass(frozen=True)
class NamedIssuerAllowed(Event, code="named_issuer.allowed"):
    """A public issuer, by its code, of which a portfolio may hold all it has, from a day on (2009/65/EC Art. 54)."""

    portfolio: str
    issuer: str
    starts_on: str
    after: dict


@dataclass(frozen=True)
class NamedIssuerChanged(Event, code="named_issuer.changed"):
    """Also where it ends, or is said of another portfolio, issuer or first day: those are as they are now."""

    portfolio: str
    issuer: str
    starts_on: str
    before: dict
    after: dict


@dataclass(frozen=True)
class NamedIssuerRemoved(Event, code="named_issuer.removed"):
    portfolio: str
    issuer: str
    starts_on: str
    before: dict
