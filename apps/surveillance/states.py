"""The lives of a day's report, an incident and a report to an authority."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class Dy(StrEnum):
    REPORTED = "REPORTED"
    SIGNED = "SIGNED"


DAY_LIFE = Lifecycle(
    "day",
    born={e.DayReported: Dy.REPORTED},
    moves={(Dy.REPORTED, e.DaySigned): Dy.SIGNED, (Dy.SIGNED, e.DayReportedAgain): Dy.REPORTED},
    stays={e.DayReportedAgain: [Dy.REPORTED]},
)


class In(StrEnum):
    OPEN = "OPEN"
    CURED = "CURED"
    CLOSED = "CLOSED"


INCIDENT_LIFE = Lifecycle(
    "incident",
    born={e.IncidentOpened: In.OPEN},
    moves={
        (In.OPEN, e.IncidentCured): In.CURED, (In.OPEN, e.IncidentClosed): In.CLOSED, (In.OPEN, e.IncidentLeftScope): In.CLOSED,
    },  # fmt: skip
    stays=dict.fromkeys((e.IncidentAssigned, e.IncidentNoted, e.IncidentGivenTime, e.IncidentTurnedActive), [In.OPEN]),
)


class Fi(StrEnum):
    DUE = "DUE"
    MADE = "MADE"
    NOT_NEEDED = "NOT_NEEDED"


FILING_LIFE = Lifecycle(
    "filing",
    born={e.FilingDue: Fi.DUE},
    moves={(Fi.DUE, e.FilingMade): Fi.MADE, (Fi.DUE, e.FilingNotNeeded): Fi.NOT_NEEDED},
)
