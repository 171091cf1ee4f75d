"""The lists whose views can be saved."""

from apps.core.refusals import NotFound

from .lists.columns import Sheet
from .orders.sheet import ORDERS

SHEETS: dict[str, Sheet] = {sheet.name: sheet for sheet in (ORDERS,)}


def get_sheet(name: str) -> Sheet:
    """:raises NotFound: where no list is called so"""
    if name not in SHEETS:
        raise NotFound(f"There is no list called “{name[:20]}”; there are {', '.join(SHEETS)}.")
    return SHEETS[name]
