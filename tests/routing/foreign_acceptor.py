"""
A broker whose FIX engine is neither ours nor QuickFIX: asyncfix, with its own session, codec, journal and order arithmetic. It checks all
it hears against the published dictionary of FIX 4.4. It runs on a thread with a loop of its own, for the journal is of one thread.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime

from asyncfix import FIXMessage, FMsg
from asyncfix.connection import ConnectionState
from asyncfix.connection_server import AsyncFIXDummyServer
from asyncfix.errors import FIXError
from asyncfix.fix_tester import FIXTester
from asyncfix.journaler import Journaler
from asyncfix.message import MessageDirection
from asyncfix.protocol import FIXProtocol44, FIXSchema
from asyncfix.protocol.order_single import FIXNewOrderSingle

from apps.routing.gateway.settings import dictionary_of_quickfix
from tests.street.conftest import free_port

QUIET = logging.getLogger("asyncfix under test")
QUIET.setLevel(logging.CRITICAL)


class Acceptor(AsyncFIXDummyServer):
    """asyncfix's acceptor, which keeps what it hears and says in its Logon that it is a simulation."""

    def __init__(self, us: str, them: str, port: int, schema: FIXSchema):
        super().__init__(
            FIXProtocol44(), sender_comp_id=us, target_comp_id=them, journaler=Journaler(), host="127.0.0.1", port=port, logger=QUIET,
        )  # fmt: skip
        self.schema = schema
        self.heard: list[FIXMessage] = []
        self.wrong: list[str] = []
        self.logons = 0

    async def on_connect(self) -> None:
        self._msg_buffer = b""  # Of a connection that was cut in the middle of a message it keeps the half.

    async def on_logon(self, is_healthy: bool) -> None:
        self.logons += 1

    async def on_message(self, msg: FIXMessage) -> None:
        try:
            self.schema.validate(msg)
        except FIXError as error:
            self.wrong.append(f"{msg}: {error}")
        self.heard.append(msg)

    async def send_msg(self, msg: FIXMessage) -> None:
        if msg.msg_type == FMsg.LOGON:
            msg.set(464, "Y")
        await super().send_msg(msg)

    async def lose(self, msg: FIXMessage) -> None:
        """Numbers and journals a message that the network swallows."""
        raw = self._codec.encode(msg, self._session).encode()
        self._journaler.persist_msg(raw, self._session, MessageDirection.OUTBOUND)

    async def forget_from(self, number: int) -> None:
        """As if what they sent from this number on had never come."""
        self._journaler.set_seq_num(self._session, next_num_in=number)

    async def cut(self) -> None:
        """Drops the connection without a word."""
        await self.disconnect(ConnectionState.DISCONNECTED_BROKEN_CONN)


class ForeignBroker:
    """The acceptor on its thread, and one order at a time as asyncfix reckons it."""

    def __init__(self, us: str, them: str = "OMS-SIM"):
        self.port = free_port()
        schema = FIXSchema(str(dictionary_of_quickfix("FIX44")))
        self.tester = FIXTester(schema)
        self.loop = asyncio.new_event_loop()
        made: Future[None] = Future()
        self.thread = threading.Thread(target=self._run, args=(us, them, schema, made), daemon=True)
        self.thread.start()
        made.result(10)

    def _run(self, us: str, them: str, schema: FIXSchema, made: Future) -> None:
        asyncio.set_event_loop(self.loop)
        self.acceptor = Acceptor(us, them, self.port, schema)
        made.set_result(None)
        self.loop.run_until_complete(self._until_closed())
        self.loop.close()

    async def _until_closed(self) -> None:
        self.closing = asyncio.Event()
        self.serving = asyncio.create_task(self.acceptor.connect())
        await self.closing.wait()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=5)

    def do(self, what: Coroutine):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(30)

    def send(self, *messages: FIXMessage) -> None:
        for message in messages:
            self.do(self.acceptor.send_msg(message))

    def wait_for(self, msg_type: str, nth: int = 1, seconds: float = 60) -> FIXMessage:
        deadline = time.monotonic() + seconds
        while True:
            found = [m for m in list(self.acceptor.heard) if m.msg_type == msg_type]
            if len(found) >= nth:
                return found[nth - 1]
            assert time.monotonic() < deadline, f"no {msg_type} number {nth}; heard {[m.msg_type for m in self.acceptor.heard]}"
            time.sleep(0.02)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.closing.set)
        self.thread.join(10)

    # --- what it says -------------------------------------------------------------------------------------------------

    def order_of(self, new: FIXMessage) -> FIXNewOrderSingle:
        order = FIXNewOrderSingle(new[11], new[55], new[54], float(new[44]), float(new[38]), new[40])
        order.status, order.leaves_qty = "A", order.qty
        self.tester.order_register_single(order)
        return order

    def asked_for(self, order: FIXNewOrderSingle, request: FIXMessage) -> None:
        """The order goes by the name of the request from here on."""
        order.orig_clord_id, order.clord_id = request[41], request[11]
        self.tester.order_register_single(order)

    def report(self, order: FIXNewOrderSingle, kind: str, status: str, *, last: float = 0, price: float = 50, **more):
        """
        An execution report with asyncfix's own sums, taken in by its own order.

        :param last: quantity of a trade
        """
        cum = order.cum_qty + last
        qty = more.get("order_qty", order.qty)
        over = status in ("2", "4", "8", "C")
        sums = {"cum_qty": cum, "leaves_qty": 0 if over else qty - cum}
        if last:
            sums["last_qty"] = last
        message = self.tester.fix_exec_report_msg(order, order.clord_id, kind, status, **sums, **more)
        message[60] = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"[:-3]
        if last:
            message[31] = price
        before = getattr(order, "value", 0)
        order.value = before + last * price
        message.set(6, order.value / cum if cum else 0, replace=True)
        order.cum_qty, order.qty, order.leaves_qty, order.order_id = cum, qty, sums["leaves_qty"], message[37]
        return message
