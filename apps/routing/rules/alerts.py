"""What an alert says."""

from decimal import Decimal

from .orders import plain


def alert_words(kind: str, side: str, symbol: str, broker: str, threshold: Decimal, value: Decimal) -> str:
    """The alert as a sentence with its arithmetic: what is so, and the threshold it passed."""
    what, limit = f"{side.replace('_', ' ').capitalize()} {symbol}", plain(threshold)
    return {
        "NO_ACK": f"{what}: no answer from {broker} for more than {limit} s",
        "LIMIT_AWAY": f"{what}: the market is {value:.0f} bp away from the limit (alert at {limit} bp)",
        "IDLE": f"{what}: working, but nothing has happened for more than {limit} min",
        "NEAR_CLOSE": f"{what}: not filled, {value:.0f} min before the close (alert at {limit} min)",
        "RECHECK": f"{what}: today's check would hold {value:.0f} order{'' if value == 1 else 's'} of it at a broker; cancelling"
        " is proposed",
        "FILL_BURST": f"{what}: {value:.0f} fills in a short time (alert at {limit})",
    }[kind]
