"""What a counterparty says to a confirmation of a trade it is told to have done (35=AK, answered by 35=AU)."""

from decimal import Decimal

from .book import Book
from .universe import Universe
from .wire import Message

CANCELLATION = "2"
FUND_SIDES = {"D": "1", "E": "2"}  # A subscription is confirmed as bought, a redemption as sold.
GROSS_TOLERANCE = (Decimal("0.05"), Decimal("0.000001"))  # Absolute and relative: the average price is rounded.


def objection(asked: Message, book: Book, universe: Universe) -> str:
    """
    Compares a confirmation with the counterparty's own executions.

    :returns: what is wrong with it, empty if it is affirmed
    """
    if asked.get(666) == CANCELLATION:
        return ""
    instrument = universe.find(asked.get(48), asked.get(55)) or universe.find_fund(asked.get(48), asked.get(55))
    if instrument is None:
        return f"{asked.get(48) or asked.get(55)} is not traded here."
    side, quantity, price = asked.get(54), asked.decimal(80), asked.decimal(6)
    executions = [
        execution
        for order in book.orders.values()
        if order.instrument is instrument and FUND_SIDES.get(order.terms.side, order.terms.side) == side
        for execution in order.live.values()
    ]
    if not executions:
        return f"{book.party.code} has executed no {instrument.symbol} on side {side}."
    if not quantity or quantity > sum(execution.qty for execution in executions):
        return f"Quantity {quantity} is more than was executed."
    lowest, highest = min(e.price for e in executions), max(e.price for e in executions)
    if not lowest - instrument.tick <= price <= highest + instrument.tick:
        return f"Average price {price} lies outside the executions, {lowest} to {highest}."
    gross, told = instrument.notional(quantity, price), asked.decimal(381)
    if abs(gross - told) > max(GROSS_TOLERANCE[0], gross * GROSS_TOLERANCE[1]):
        return f"Gross amount {told} is not {quantity} at {price}, which is {gross:.2f}."
    costs = (asked.decimal(12) or 0) + sum(Decimal(fee[137]) for fee in asked.groups(136, 137))
    paid = 0 if instrument.asset_class == "FUTURE" else told  # A future is margined: nothing but its costs is paid.
    net = paid + (asked.decimal(159) or 0) + (costs if side == "1" else -costs)
    if asked.decimal(118) != net:
        return f"Net money {asked.decimal(118)} is not what is paid, accrued interest and costs together, which is {net}."
    return ""
