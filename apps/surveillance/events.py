"""What can happen to a day's report, an incident and a report to an authority."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class DayReported(Event, code="day.reported"):
    """The rules were asked of every portfolio for the first time that day; SHA-256 of what was looked at and of the rules."""

    run_id: int
    portfolios: int
    breaches: int
    unsure: int
    inputs_hash: str = ""
    rules_hash: str = ""


@dataclass(frozen=True)
class DayReportedAgain(Event, code="day.reported_again"):
    """Asked again, on newer positions or prices: who signed the report before signs it anew."""

    run_id: int
    portfolios: int
    breaches: int
    unsure: int
    inputs_hash: str = ""
    rules_hash: str = ""


@dataclass(frozen=True)
class StandingKept(Event, code="standing.kept"):
    """Fills broke a rule: SHA-256 of what was looked at and of the rules that were asked."""

    portfolios: int
    breaches: int
    inputs_hash: str
    rules_hash: str


@dataclass(frozen=True)
class DaySigned(Event, code="day.signed"):
    """An officer looked at the report and put their name to it."""

    run_id: int


@dataclass(frozen=True)
class IncidentOpened(Event, code="incident.opened"):
    """
    A rule is broken by a portfolio as it stands, or by all together (None), and was not before; by fills of orders where it
    names some.
    """

    rule: str
    portfolio_id: int | None
    group: str
    cause: str
    value: str
    limit: str
    cure_by: str
    order_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class IncidentTurnedActive(Event, code="incident.turned_active"):
    """What prices or flows had broken, a fill made worse."""

    order_ids: list[int]
    value: str
    limit: str
    cure_by: str


@dataclass(frozen=True)
class IncidentAssigned(Event, code="incident.assigned"):
    """Somebody answers for it from here on."""

    owner_id: int


@dataclass(frozen=True)
class IncidentNoted(Event, code="incident.noted"):
    """A note on it; the words are the act's reason."""


@dataclass(frozen=True)
class IncidentGivenTime(Event, code="incident.given_time"):
    """Another day by which it is to be cured, for the act's reason."""

    before: str
    after: str


@dataclass(frozen=True)
class IncidentCured(Event, code="incident.cured"):
    """At the end of a day the rule passes again."""

    run_id: int


@dataclass(frozen=True)
class IncidentLeftScope(Event, code="incident.left_scope"):
    """At the end of a day the rule is not asked of the portfolio any more (``why``): nobody says that it passes."""

    run_id: int
    why: str


@dataclass(frozen=True)
class IncidentClosed(Event, code="incident.closed"):
    """An officer ended it, for the act's reason: wrong data, a waiver, a rule that is no more."""


@dataclass(frozen=True)
class FilingDue(Event, code="filing.due"):
    """What the firm holds started the clock of a report."""

    form: str
    instrument_id: int | None
    pct: str
    due_on: str


@dataclass(frozen=True)
class FilingMade(Event, code="filing.made"):
    """It was sent; ``reference`` is what the authority answered by."""

    reference: str


@dataclass(frozen=True)
class FilingNotNeeded(Event, code="filing.not_needed"):
    """An officer found that none is to be made, for the act's reason."""
