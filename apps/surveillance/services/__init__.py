"""Every change to days, incidents and filings."""

from .days import StaleDay, Unowned, report_day, sign_day
from .filings import StaleFiling, filing_made, filing_not_needed
from .fills import Filled, ask_after_fills
from .incidents import StaleIncident, assign_incidents, close_incidents, give_time, note_incident

__all__ = [
    "Filled",
    "StaleDay",
    "StaleFiling",
    "StaleIncident",
    "Unowned",
    "ask_after_fills",
    "assign_incidents",
    "close_incidents",
    "filing_made",
    "filing_not_needed",
    "give_time",
    "note_incident",
    "report_day",
    "sign_day",
]
