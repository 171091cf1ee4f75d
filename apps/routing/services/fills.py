"""What a fill, a bust or a correction does to the executions of a route."""

from apps.core.events import Fact

from .. import events, rules
from ..states import X
from .batch import Batch
from .rows import ZERO, ExecutionRow, Heard, Request, RouteRow, Unbookable


class Fill:
    """What an F, G or H does to the route's executions; nothing, for any other report."""

    def __init__(self, batch: Batch, message: Heard, report: rules.Report, route: RouteRow, request: Request):
        self.batch, self.message, self.report, self.route = batch, message, report, route
        self.block = batch.blocks[route.block_id]
        self.qty = self.value = ZERO
        self.old: ExecutionRow | None = None
        self.is_known = False
        if report.exec_type not in ("F", "G", "H"):
            return
        if report.exec_type in ("F", "G"):
            self.is_known = (message.broker_id, report.trade_date, report.exec_id) in batch.known
        if report.exec_type in ("G", "H") and not self.is_known:
            self._find_old()
        if self.is_known:
            return
        if self.old is not None:
            self.qty, self.value = -self.old.qty, -self.old.qty * self.old.price
        if report.exec_type in ("F", "G"):
            self._judge(request)
            self.qty += report.last_qty
            self.value += report.last_qty * report.last_price

    @property
    def is_of_refused(self) -> bool:
        """Whether it takes back what we never booked: a person refused it."""
        return self.report.exec_type == "H" and self.report.exec_ref in self.batch.refused.get(self.route.id, {})

    def _find_old(self) -> None:
        mine = [e for e in self.batch.executions.values() if e.route_id == self.route.id]
        heirs = {e.corrects_id: e.id for e in mine if e.corrects_id is not None}
        found = rules.live_link(self.report.exec_ref, {e.exec_id: e.id for e in mine}, heirs)
        if found is None:
            if self.is_of_refused:
                return
            raise Unbookable(f"It means execution {self.report.exec_ref}, which this order does not have.", waits=True)
        self.old = self.batch.executions[found]
        if self.old.status != X.LIVE:
            if self.report.exec_type == "G":
                raise Unbookable(f"It corrects execution {self.old.exec_id}, which was busted.")
            self.is_known = True

    def _judge(self, request: Request) -> None:
        limit = request.limit_price if request.msg_type in ("D", "G", "AJ") else self.route.limit_price
        order = rules.Order(
            self.block.side, self.route.qty, self.route.cum_qty, limit, self.block.isin, self.block.currency,
            self.block.value_date,
        )  # fmt: skip
        replaces = self.old.qty if self.old else ZERO
        trusted = self.message.id in self.batch.trusted
        problem = rules.fill_problem(order, self.report, None if trusted else limit, replaces, may_grow=trusted)
        if problem:
            raise Unbookable(*problem)

    def book(self) -> None:
        report = self.report
        if report.exec_type in ("F", "G"):
            self._add()
        if self.old is not None:
            ended = events.ExecutionBusted if report.exec_type == "H" else events.ExecutionCorrected
            self.batch.execution_ends(self.old, ended(block_id=self.block.id, exec_id=self.old.exec_id))
        if self.qty > 0 or report.exec_type == "F":
            self.route.first_fill_at = min(self.route.first_fill_at or report.at, report.at)
            self.route.last_fill_at = max(self.route.last_fill_at or report.at, report.at)
        self.block.filled += self.qty
        self.block.value += self.value

    def why_reopened(self) -> str:
        if self.report.exec_type in ("G", "H") and self.old is not None:
            done = "busted" if self.report.exec_type == "H" else "corrected"
            return f"Execution {self.old.exec_id} was {done} by the broker."
        return f"Execution {self.report.exec_id} came after the block was done."

    def _add(self) -> None:
        batch, report, route, block = self.batch, self.report, self.route, self.block
        commission = rules.commission_amount(
            report, report.last_qty, report.last_price, block.price_factor, block.minor_units
        )
        row = ExecutionRow(
            id=batch.new_ids.pop(0),
            route_id=route.id,
            block_id=block.id,
            broker_id=route.broker_id,
            exec_id=report.exec_id,
            corrects_id=self.old.id if self.old else None,
            trade_date=report.trade_date,
            qty=report.last_qty,
            price=report.last_price,
            status=X.LIVE,
            version=1,
            rest=(
                commission, report.currency or block.currency, report.market, report.at, self.message.id, self.message.at,
            ),
        )  # fmt: skip
        batch.add_execution(row)
        booked = events.ExecutionBooked(
            route_id=route.id,
            block_id=block.id,
            exec_id=row.exec_id,
            qty=rules.plain(row.qty),
            price=rules.plain(row.price),
        )
        batch.facts.append(Fact(row.id, 1, booked))
