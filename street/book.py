"""
A counterparty's order book: its orders, their executions, and the reports it sends about them.

Pure but for the journal it writes. Order states follow FIX 4.4 volume 4 appendix D: a report carries the state of
highest precedence, leaves are order quantity less executed while the order works and zero once it is over, and a
bust or correction names the execution it takes back or replaces.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .clock import trade_date_at
from .journal import Journal
from .orders import (
    CANCELED,
    DUPLICATE_ORDER,
    REJECTED,
    UNKNOWN_ORDER,
    ZERO,
    Execution,
    Order,
    Report,
    Request,
    Terms,
    row_terms,
    terms_row,
)
from .universe import Counterparty, Instrument

CONTRACT_COMMISSION = Decimal("0.85")  # A contract of an option or a future, at every broker.


class CommandRefused(Exception):
    """An operator's command that cannot be done; its text says why."""


class Book:
    """
    :param ids: makes a fresh id at each call, unique for the street's whole life
    :param utc: the time of day for reports
    """

    def __init__(
        self,
        party: Counterparty,
        journal: Journal,
        ids: Callable[[], str],
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.party = party
        self.journal = journal
        self.ids = ids
        self.utc = utc
        self.orders: dict[str, Order] = {}
        self.by_cl_ord_id: dict[str, Order] = {}
        self.by_exec_id: dict[str, Order] = {}
        self._root: dict[str, str] = {}

    def open(self, terms: Terms, instrument: Instrument | None, **kept: Any) -> Order:
        """Will create an order. :param kept: what its keeper must know again after a restart"""
        order = Order(self.ids(), terms, instrument, terms.trade_date or trade_date_at(self.utc()))
        self._hold(order)
        self._log("accepted", order, **(terms_row(terms) | {"trade_date": order.trade_date} | kept))
        return order

    def refuse(self, terms: Terms, reason: int, text: str) -> Report:
        """Will remember the ClOrdID as rejected and say so."""
        order = Order(self.ids(), terms, None, terms.trade_date or trade_date_at(self.utc()), REJECTED, text)
        self._hold(order)
        self._log("rejected", order, **(terms_row(terms) | {"trade_date": order.trade_date, "text": text}))
        return self.report(order, REJECTED, reject_reason=reason, text=text)

    def again(self, terms: Terms, poss_resend: bool) -> list[Report]:
        """The answer to a ClOrdID that is known already: its state if it says it may be a repeat, else a rejection."""
        order = self.by_cl_ord_id[terms.cl_ord_id]
        if poss_resend:
            return [self.state(order, terms.cl_ord_id)]
        text = f"ClOrdID {terms.cl_ord_id} has been used before. Send 97=Y to ask for its state, or a new ClOrdID."
        nothing = Order("NONE", terms, order.instrument, order.trade_date, REJECTED)
        return [self.report(nothing, REJECTED, reject_reason=DUPLICATE_ORDER, text=text)]

    def state(self, order: Order, cl_ord_id: str = "", text: str = "") -> Report:
        return self.report(order, "I", cl_ord_id=cl_ord_id, text=text or order.text)

    def unknown_state(self, terms: Terms) -> Report:
        """The answer to a status request for an order never seen (39=8, 103=5)."""
        nobody = Order("NONE", terms, None, trade_date_at(self.utc()), REJECTED)
        return self.report(nobody, "I", reject_reason=UNKNOWN_ORDER, text=f"No order {terms.cl_ord_id} is known here.")

    def report(self, order: Order, exec_type: str, *, cl_ord_id: str = "", **values: Any) -> Report:
        return Report(
            broker=self.party.code,
            order=order,
            exec_id=values.pop("exec_id", "") or self.ids(),
            exec_type=exec_type,
            status=order.status,
            cl_ord_id=cl_ord_id or order.terms.cl_ord_id,
            order_qty=order.terms.qty,
            cum=order.cum,
            leaves=order.leaves,
            avg_px=order.avg_px,
            at=self.utc(),
            **values,
        )

    def fill(self, order: Order, qty: Decimal, price: Decimal) -> Report:
        if qty <= 0 or qty > order.leaves:
            raise ValueError(f"A fill of {qty} does not fit the {order.leaves} that {order.order_id} leaves.")
        exec_id = self.ids()
        execution = Execution(exec_id, exec_id, qty, price, self.commission(order, qty, price))
        order.add(execution)
        return self._tell(order, "F", execution)

    def commission(self, order: Order, qty: Decimal, price: Decimal) -> Decimal:
        """Money in the order's currency, half-up to 0.01."""
        rate = self.party.commission_rate
        if order.instrument is None or self.party.commission_kind == "none" or order.instrument.is_bond:
            return Decimal("0.00")
        if order.instrument.is_listed:
            return (qty * CONTRACT_COMMISSION).quantize(Decimal("0.01"), ROUND_HALF_UP)
        per_share = self.party.commission_kind == "per_share"
        amount = qty * rate if per_share else order.instrument.notional(qty, price) * rate / 10000
        return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)

    def close(
        self, order: Order, text: str, *, restatement: int | None = None, request: Request | None = None
    ) -> Report:
        """Will cancel what is left, on a request or of the broker's own accord."""
        order.closed, order.text, order.pending = CANCELED, text, None
        self._log("closed", order, cum_qty=order.cum, text=text)
        return self.report(
            order,
            CANCELED,
            cl_ord_id=request.cl_ord_id if request else "",
            orig_cl_ord_id=request.orig_cl_ord_id if request else "",
            restatement=restatement,
            text=text,
        )

    def note_pending(self, order: Order) -> None:
        request = order.pending
        terms = terms_row(request.terms) if request.terms else None
        asked = {"cl_ord_id": request.cl_ord_id, "orig_cl_ord_id": request.orig_cl_ord_id}
        self._log("pending", order, kind=request.kind, due=request.due, terms=terms, **asked)

    def note_refused(self, order: Order, request: Request) -> None:
        asked = {"cl_ord_id": request.cl_ord_id, "orig_cl_ord_id": request.orig_cl_ord_id}
        self._log("request_refused", order, kind=request.kind, **asked)

    def note_replaced(self, order: Order, request: Request) -> None:
        row = terms_row(order.terms) | {"orig_cl_ord_id": request.orig_cl_ord_id}
        self._log("replaced", order, **row)

    def note_not_known(self, exec_id: str, reason: str, text: str) -> None:
        """Will keep that the client does not know a trade (35=Q)."""
        order = self.by_exec_id.get(exec_id)
        name = order.terms.cl_ord_id if order else ""
        self.journal.order("not_known", broker=self.party.code, cl_ord_id=name, exec_id=exec_id, reason=reason, text=text)

    def bust(self, exec_id: str) -> Report:
        """:raises CommandRefused: if the execution is not known here or was busted before"""
        order, execution = self._live(exec_id)
        order.drop(execution.exec_id)
        return self._tell(order, "H", Execution(self.ids(), execution.root, ZERO, ZERO, ZERO), execution.exec_id)

    def correct(self, exec_id: str, *, qty: Decimal | None = None, price: Decimal | None = None) -> Report:
        """:raises CommandRefused: if it is not known, was busted, or would execute more than was ordered"""
        order, execution = self._live(exec_id)
        qty, price = qty or execution.qty, price or execution.price
        if order.cum - execution.qty + qty > order.terms.qty:
            raise CommandRefused(f"{qty} would execute more than the {order.terms.qty} ordered.")
        order.drop(execution.exec_id)
        better = Execution(self.ids(), execution.root, qty, price, self.commission(order, qty, price))
        order.add(better)
        return self._tell(order, "G", better, execution.exec_id)

    def recover(self, find: Callable[[str, str], Instrument | None]) -> dict[str, dict[str, Any]]:
        """
        Will rebuild the book from the journal.

        :returns: the `accepted` row of each order by its id, with what its keeper kept in it
        """
        accepted: dict[str, dict[str, Any]] = {}
        for row in self.journal.orders:
            if row["broker"] != self.party.code or row["event"] in ("received", "not_known"):
                continue
            if row["event"] in ("accepted", "rejected"):
                terms = row_terms(row)
                when = date.fromisoformat(row.get("trade_date") or row["at"][:10])
                order = Order(row["order_id"], terms, find(terms.isin, terms.symbol), when)
                self._hold(order)
                accepted[order.order_id] = row
            self._replay(self.orders[row["order_id"]], row)
        for row in self.journal.executions:
            if row["broker"] == self.party.code:
                self._recall(self.orders[row["order_id"]], row)
        return accepted

    def lately(self, seconds: float) -> tuple[list[Order], list[Report]]:
        """The orders touched in the journal's last seconds, and the executions among it as they were reported."""
        mine = [row for row in self.journal.orders if row["broker"] == self.party.code and row.get("order_id")]
        done = [row for row in self.journal.executions if row["broker"] == self.party.code]
        if not mine:
            return [], []
        last = max(row["at"] for row in mine + done)
        since = (datetime.fromisoformat(last) - timedelta(seconds=seconds)).isoformat(timespec="microseconds")
        touched = dict.fromkeys(row["order_id"] for row in mine + done if row["at"] >= since)
        return [self.orders[order_id] for order_id in touched], [_told(self, row) for row in done if row["at"] >= since]

    def _replay(self, order: Order, row: dict[str, Any]) -> None:
        if row["event"] == "rejected":
            order.closed, order.text = REJECTED, row["text"]
        elif row["event"] == "closed":
            order.closed, order.text, order.pending = CANCELED, row["text"], None
        elif row["event"] == "pending":
            new = row_terms(row["terms"]) if row["terms"] else None
            order.pending = Request(row["kind"], row["cl_ord_id"], row["orig_cl_ord_id"], row["due"], new)
            self.by_cl_ord_id[row["cl_ord_id"]] = order
        elif row["event"] == "replaced":
            order.terms, order.pending = row_terms(row), None
        elif row["event"] == "request_refused":
            order.pending = None

    def _recall(self, order: Order, row: dict[str, Any]) -> None:
        self._know(order, row["exec_id"], row["root"])
        if row["ref"]:
            order.drop(row["ref"])
        if row["exec_type"] != "H":
            amounts = (Decimal(row[name]) for name in ("qty", "price", "commission"))
            order.add(Execution(row["exec_id"], row["root"], *amounts))

    def _hold(self, order: Order) -> None:
        self.orders[order.order_id] = order
        self.by_cl_ord_id[order.terms.cl_ord_id] = order

    def _know(self, order: Order, exec_id: str, root: str) -> None:
        self.by_exec_id[exec_id] = order
        self._root[exec_id] = root

    def _live(self, exec_id: str) -> tuple[Order, Execution]:
        """The order and the execution that now stands for this ExecID or any it was corrected from."""
        order = self.by_exec_id.get(exec_id)
        if order is None:
            raise CommandRefused(f"{self.party.code} knows no execution {exec_id}.")
        for execution in order.live.values():
            if execution.root == self._root[exec_id]:
                return order, execution
        raise CommandRefused(f"Execution {exec_id} was busted before.")

    def _tell(self, order: Order, exec_type: str, execution: Execution, ref: str = "") -> Report:
        self._know(order, execution.exec_id, execution.root)
        told = self.report(
            order,
            exec_type,
            exec_id=execution.exec_id,
            last_qty=execution.qty,
            last_px=execution.price,
            commission=None if exec_type == "H" else execution.commission,
            ref=ref,
        )
        self.journal.execution(
            exec_id=execution.exec_id,
            cl_ord_id=told.cl_ord_id,
            order_id=order.order_id,
            broker=self.party.code,
            side=order.terms.side,
            isin=order.terms.isin,
            symbol=order.terms.symbol,
            currency=order.terms.currency,
            qty=execution.qty,
            price=execution.price,
            exec_type=exec_type,
            ref=ref,
            root=execution.root,
            commission=execution.commission,
            trade_date=order.trade_date,
            order_qty=told.order_qty,
            cum_qty=told.cum,
            leaves_qty=told.leaves,
            avg_px=told.avg_px,
            status=told.status,
        )
        return told

    def _log(self, event: str, order: Order, **values: Any) -> None:
        row = {"broker": self.party.code, "cl_ord_id": order.terms.cl_ord_id, "order_id": order.order_id}
        self.journal.order(event, **(row | values))


def _told(book: Book, row: dict[str, Any]) -> Report:
    """The report that a row of the log of executions was written for."""
    order = book.orders[row["order_id"]]
    return Report(
        broker=row["broker"],
        order=order,
        exec_id=row["exec_id"],
        exec_type=row["exec_type"],
        status=row["status"],
        cl_ord_id=row["cl_ord_id"],
        order_qty=Decimal(row["order_qty"]),
        cum=Decimal(row["cum_qty"]),
        leaves=Decimal(row["leaves_qty"]),
        avg_px=Decimal(row["avg_px"]),
        at=datetime.fromisoformat(row["at"]),
        last_qty=Decimal(row["qty"]),
        last_px=Decimal(row["price"]),
        commission=None if row["exec_type"] == "H" else Decimal(row["commission"]),
        ref=row["ref"],
    )
