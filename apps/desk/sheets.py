"""The lists whose views can be saved, as a person sees them."""

from collections.abc import Callable

from apps.core.refusals import NotFound

from .blotter.sheet import blocks_sheet
from .lists.columns import Sheet
from .orders.sheet import orders_sheet

SHEETS: dict[str, Callable[..., Sheet]] = {"blocks": blocks_sheet, "orders": lambda user: orders_sheet()}


def get_sheet(name: str, user) -> Sheet:
    """:raises NotFound: where no list is called so"""
    if name not in SHEETS:
        raise NotFound(f"There is no list called “{name[:20]}”; there are {', '.join(SHEETS)}.")
    return SHEETS[name](user)
