"""
A funds' transfer agent: takes subscriptions and redemptions by units or by amount, and deals all of them at the valuation
point, which here is the end of the simulated session: at one net asset value, whole steps of a unit rounded down.
"""

from dataclasses import replace
from decimal import ROUND_DOWN

from .book import Book
from .clock import SESSION_SECONDS
from .market import Market
from .orders import OTHER_REJECT, UNKNOWN_SYMBOL, UNKNOWN_TO_CANCEL, ZERO, CancelReject, Order, Report, Terms

SIDES = frozenset({"D", "E"})


class Agent:
    """One agent, whose funds' values the market tells everybody."""

    def __init__(self, book: Book, market: Market):
        self.book = book
        self.market = market
        self._due: dict[str, float] = {}

    @property
    def code(self) -> str:
        return self.book.party.code

    def new_order(self, terms: Terms, *, poss_resend: bool = False) -> list[Report]:
        """Will take an order for the next valuation point, or say why not. A known ClOrdID never makes a second one."""
        if terms.cl_ord_id in self.book.by_cl_ord_id:
            return self.book.again(terms, poss_resend)
        fund = self.market.universe.find_fund(terms.isin, terms.symbol)
        if fund is None:
            return [self.book.refuse(terms, UNKNOWN_SYMBOL, f"No fund {terms.isin or terms.symbol} is dealt here.")]
        if terms.side not in SIDES or terms.ord_type != "M":
            text = "Send a subscription (54=D) or redemption (54=E) at the next valuation point (40=M)."
            return [self.book.refuse(terms, OTHER_REJECT, text)]
        if (terms.qty > 0) == (terms.cash is not None) or terms.qty % fund.increment or (terms.cash or 1) <= 0:
            return [self.book.refuse(terms, OTHER_REJECT, "Send units (38) in whole steps, or an amount (152).")]
        due = (self.market.now // SESSION_SECONDS + 1) * SESSION_SECONDS
        order = self.book.open(terms, fund, due=due)
        self._due[order.order_id] = due
        return [self.book.report(order, "0")]

    def step(self) -> list[Report]:
        """What is due is dealt."""
        told = []
        for order_id, due in list(self._due.items()):
            order = self.book.orders[order_id]
            if order.closed or self.market.now >= due:
                del self._due[order_id]
                told += [] if order.closed else self._deal(order, due)
        return told

    def _deal(self, order: Order, due: float) -> list[Report]:
        fund, nav = order.instrument, self.market.values.at(order.instrument, due)
        if order.terms.cash is not None:
            units = (order.terms.cash / nav / fund.increment).to_integral_value(ROUND_DOWN) * fund.increment
            if not units:
                return [self.book.close(order, f"The amount is less than one step at {nav}.")]
            order.terms = replace(order.terms, qty=units)
        return [self.book.fill(order, order.terms.qty, nav)]

    def cancel(self, cl_ord_id: str, orig_cl_ord_id: str, *, poss_resend: bool = False) -> list[Report | CancelReject]:
        """Will cancel what has not come to its valuation point."""
        order = self.book.by_cl_ord_id.get(orig_cl_ord_id)
        if order is None or not self._due.get(order.order_id):
            return [
                CancelReject(
                    broker=self.code, order_id=order.order_id if order else "NONE", cl_ord_id=cl_ord_id,
                    orig_cl_ord_id=orig_cl_ord_id, status=order.status if order else "8", responds_to="1",
                    reason=UNKNOWN_TO_CANCEL, text="No order that waits for its valuation point has this name.",
                    at=self.book.utc(),
                )
            ]  # fmt: skip
        self.book.by_cl_ord_id[cl_ord_id] = order
        del self._due[order.order_id]
        report = self.book.close(order, "cancelled on request")
        return [replace(report, cl_ord_id=cl_ord_id, orig_cl_ord_id=orig_cl_ord_id)]

    def status(self, terms: Terms) -> Report:
        order = self.book.by_cl_ord_id.get(terms.cl_ord_id)
        return self.book.state(order) if order else self.book.unknown_state(terms)

    def recover(self) -> None:
        """Will go on with what the journal says had not been dealt."""
        kept = self.book.recover(self.market.universe.find_fund)
        for order_id, row in kept.items():
            order = self.book.orders[order_id]
            if "due" in row and not order.closed and order.cum == ZERO:
                self._due[order_id] = row["due"]
