"""Every change to days, incidents and filings."""

from .days import StaleDay, Unowned, report_day, sign_day
from .filings import StaleFiling, filing_made, filing_not_needed
from .incidents import StaleIncident, assign_incidents, close_incidents, give_time, note_incident

__all__ = [
    "StaleDay",
    "StaleFiling",
    "StaleIncident",
    "Unowned",
    "assign_incidents",
    "close_incidents",
    "filing_made",
    "filing_not_needed",
    "give_time",
    "note_incident",
    "report_day",
    "sign_day",
]
