"""What an alert says."""

from decimal import Decimal

from .orders import plain

RENEWAL = "1"  # ExecRestatementReason (378): an open order is told anew for the day.
REASONS = {
    "0": "corporate action", "1": "renewal", "2": "verbal change", "3": "repricing", "4": "broker option",
    "5": "partial decline of the quantity", "6": "trading halt", "7": "system failure", "8": "market option",
    "9": "not the best", "10": "warehouse recap", "11": "peg refresh", "12": "connection lost", "13": "logged out",
    "99": "other",
}  # fmt: skip
UNASKED = {"3": "called it done for the day", "4": "cancelled it unasked", "5": "changed it unasked", "D": "restated it unasked"}


def unasked_words(exec_type: str, restated: str) -> str:
    """
    What a broker did that nobody asked for; empty for other reports.

    :param restated: ExecRestatementReason (378)
    """
    what = UNASKED.get(exec_type, "")
    why = REASONS.get(restated, f"reason {restated}" if restated else "")
    return f"{what} ({why})" if what and why else what


def alert_words(
    kind: str, side: str, symbol: str, broker: str, threshold: Decimal, value: Decimal, note: str = ""
) -> str:
    """
    The alert as a sentence with its arithmetic: what is so, and the threshold it passed; ``note`` says what a broker did, or which
    algorithm of ours does nothing and why.
    """
    what, limit = f"{side.replace('_', ' ').capitalize()} {symbol}", plain(threshold)
    return {
        "NO_ACK": f"{what}: no answer from {broker} for more than {limit} s",
        "LIMIT_AWAY": f"{what}: the market is {value:.0f} bp away from the limit (alert at {limit} bp)",
        "IDLE": f"{what}: working, but nothing has happened for more than {limit} min",
        "NEAR_CLOSE": f"{what}: not filled, {value:.0f} min before the close (alert at {limit} min)",
        "RECHECK": f"{what}: today's check would hold {value:.0f} order{'' if value == 1 else 's'} of it at a broker; cancelling"
        " is proposed",
        "UNASKED": f"{what}: {broker} {note}",
        "HELD": f"{what}: {value:.0f} report{'' if value == 1 else 's'} of {broker} not booked, waiting for a person: {note}",
        "STILL": f"{what}: {note}",
        "FILL_BURST": f"{what}: {value:.0f} fills in a short time (alert at {limit})",
    }[kind]
