"""The pipeline's steps and its yardstick. Imported once Django is set up on the benchmark's servers."""

import random
import time
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
from django.apps import apps
from django.db import connection
from django.utils import timezone
from psycopg import sql

from apps.audit import deliveries, seals
from apps.audit.models import Delivery
from apps.audit.selectors import automated_id
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.compliance.models import Review
from apps.core.acts import Act
from apps.orders import services as orders
from apps.orders.models import Import
from apps.reporting.invariants import broken_invariants
from apps.routing import services as routing
from apps.routing.models import Message, Session
from apps.settlement import services as settlement
from apps.users.models import User
from benchmarks.pipeline import FILLS
from street import sese

UTC_FORMAT = "%Y%m%d-%H:%M:%S.000"


def one(query: str, parameters=()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


class Pipeline:
    """Each step does for the whole basket what a person or a worker does, and is timed."""

    def __init__(self, home: Path, steps):
        self.home, self.steps = home, steps
        self.people = {u.username: u.pk for u in User.objects.all()}
        Session.objects.update(is_up=True)
        self.exec_ids = 0
        self.draw = random.Random(1)

    def act(self, who: str, reason: str = "") -> Act:
        return Act(by=self.people[who], at=timezone.now(), via="command", reason=reason)

    def orders(self) -> int:
        return one("SELECT count(*) FROM orders_order")

    def keep_promises(self, prefix: str) -> None:
        """What a worker does for the listeners of one app, here in this process."""
        while ids := list(
            Delivery.objects.filter(status="OPEN", listener__startswith=prefix)
            .order_by("pk")
            .values_list("pk", flat=True)
        ):
            for pk in ids:
                if not deliveries.deliver(pk):
                    raise RuntimeError(Delivery.objects.get(pk=pk).error)

    def to_blocks(self) -> None:
        """From the file to blocks that nobody has routed."""
        content = (self.home / "demo" / "rebalance.csv").read_bytes()
        with self.steps.step("stage"):
            pk = orders.upload_import(self.act("mira"), "rebalance.csv", content)
            self.keep_promises("orders.")
        staged = Import.objects.get(pk=pk)
        with self.steps.step("submit and screen"):
            orders.commit_import(self.act("mira"), pk, seen={pk: staged.version}, group_name="Transition", submit=True)
        with self.steps.step("review"):
            for officer in ("omar", "odile"):  # The second confirms what a hard rule holds.
                waiting = dict(Review.objects.filter(status="WAITING").values_list("pk", "version"))
                if waiting:
                    act = self.act(officer, "Within the client's consent.")
                    compliance.approve_reviews(act, list(waiting), seen=waiting, terms=compliance.Terms("CLIENT"))
        with self.steps.step("block"):
            self.keep_promises("blocks.")

    def to_routes(self) -> None:
        """From the file to orders that wait to be sent."""
        self.to_blocks()
        with self.steps.step("route"):
            ready = dict(Block.objects.filter(status="OPEN").values_list("pk", "version"))
            routing.route_blocks(self.act("tom"), list(ready), seen=ready)

    def whole(self) -> None:
        self.to_routes()
        self._execute()
        with self.steps.step("finish"):
            left = dict(Block.objects.filter(status="WORKING").values_list("pk", "version"))
            if left:
                blocks.finish_blocks(self.act("tom", "The rest is given up."), list(left), seen=left)
        with self.steps.step("allocate"):
            self.keep_promises("allocations.")
        with self.steps.step("confirm"):
            self.keep_promises("settlement.confirm")
        self._affirm()
        with self.steps.step("instruct"):
            self.keep_promises("settlement.")
        with self.steps.step("write files"):
            settlement.write_instructions(lambda: self.act("custodian"))
        self._custodians_answer()
        with self.steps.step("read statuses"):
            settlement.read_statuses(lambda: self.act("custodian"))
        with self.steps.step("seal"):
            while seals.make_seal():
                continue

    def check(self) -> None:
        """The figures would be worth nothing if the work were not whole."""
        broken = {name: lines for name, lines in broken_invariants().items() if lines}
        settled = one("SELECT count(*) FROM settlement_instruction WHERE status = 'SETTLED'")
        shares = one("SELECT count(*) FROM allocations_allocation WHERE status = 'BOOKED'")
        if broken or not shares or settled != shares:
            raise RuntimeError(f"{settled} settled of {shares} shares; broken: {broken}")

    # --- the street's part: generated outside the clock, taken in by the same doors -------------------------------

    def _hear(self, messages: list[tuple[int, str, str]], step: str) -> None:
        """Keeps the messages as the gateway does, then books them as it does, in its own batches."""
        now = timezone.now()
        Message.objects.bulk_create(
            [
                Message(session_id=s, is_out=False, msg_type=kind, seq_num=n, text=text, at=now, status="HEARD")
                for n, (s, kind, text) in enumerate(messages, 1)
            ],
            batch_size=1000,
        )
        with self.steps.step(step):
            while ids := routing.heard_ids():
                act = Act(by=automated_id("gateway"), at=timezone.now(), via="gateway")
                routing.hear_messages(act, ids)

    def _sent(self, msg_type: str) -> list[tuple[int, dict[str, str]]]:
        """Our messages of a type that nobody has answered, by session; marked as sent."""
        rows = list(Message.objects.filter(is_out=True, msg_type=msg_type, status="QUEUED").order_by("pk"))
        Message.objects.filter(pk__in=[r.pk for r in rows]).update(status="SENT", sent_at=timezone.now())
        return [(r.session_id, dict(part.split("=", 1) for part in r.text.strip("|").split("|"))) for r in rows]

    def _exec_id(self) -> str:
        self.exec_ids += 1
        return f"X{self.exec_ids:09d}"

    def _report(self, order: dict[str, str], kind: str, status: str, cum, leaves, value, last=None) -> str:
        text = (
            f"35=8|37=B{order['11']}|17={self._exec_id()}|11={order['11']}|150={kind}|39={status}|54={order['54']}"
            f"|55={order['55']}|48={order.get('48', '')}|38={order['38']}|14={cum}|151={leaves}"
            f"|6={(value / cum if cum else Decimal(0)):.8f}|60={timezone.now():{UTC_FORMAT}}|75={timezone.now():%Y%m%d}"
            f"|15={order['15']}|"
        )
        return text + (f"32={last[0]}|31={last[1]}|30=XNAS|12=1.25|13=3|" if last else "")

    def _execute(self) -> None:
        reports = []
        mids = self._mids()
        for session, order in self._sent("D"):
            reports.append((session, "8", self._report(order, "0", "0", Decimal(0), Decimal(order["38"]), Decimal(0))))
            reports += [(session, "8", text) for text in self._fills(order, mids[order["48"]])]
        self._hear(reports, "book executions")
        quotes = []
        for session, asked in self._sent("R"):
            price = mids[asked["48"]] * Decimal(self.draw.uniform(0.9994, 1.0004))
            side = "133" if asked["54"] == "1" else "132"
            size = "135" if asked["54"] == "1" else "134"
            until = timezone.now() + timedelta(minutes=5)
            quotes.append(
                (session, "S", f"35=S|117=Q{session}-{asked['131']}|131={asked['131']}|55={asked['55']}|48={asked['48']}"
                 f"|{side}={price:.5f}|{size}={asked['38']}|62={until:{UTC_FORMAT}}|60={timezone.now():{UTC_FORMAT}}|")
            )  # fmt: skip
        self._hear(quotes, "book quotes")
        with self.steps.step("decide inquiries"):
            self.keep_promises("routing.")
            routing.decide_due_inquiries(self.act("worker"))
        hits = []
        for session, hit in self._sent("AJ"):
            if hit.get("694") == "1":
                order = {**hit, "15": hit.get("15", "USD")}
                qty, px = Decimal(hit["38"]), Decimal(hit["44"])
                hits.append((session, "8", self._report(order, "F", "2", qty, Decimal(0), qty * px, (qty, px))))
        self._hear(hits, "book hits")

    def _mids(self) -> dict[str, Decimal]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.isin, (q.bid + q.ask) / 2 FROM reference_instrument i JOIN marketdata_quote q ON q.instrument_id = i.id"
            )
            return dict(cursor.fetchall())

    def _fills(self, order: dict[str, str], mid: Decimal):
        qty, cum, value = Decimal(order["38"]), Decimal(0), Decimal(0)
        done = int(qty * Decimal("0.985"))
        for n in range(FILLS):
            part = Decimal(done // FILLS if n < FILLS - 1 else done - done // FILLS * (FILLS - 1))
            if not part:
                continue
            px = (mid * Decimal(self.draw.uniform(0.999, 1.001))).quantize(Decimal("0.0001"))
            cum, value = cum + part, value + part * px
            yield self._report(order, "F", "1", cum, qty - cum, value, (part, px))
        yield self._report(order, "4", "4", cum, Decimal(0), value)

    def _affirm(self) -> None:
        answers = [
            (session, "AU", f"35=AU|664={sent['664']}|75={sent['75']}|60={timezone.now():{UTC_FORMAT}}|940=3|")
            for session, sent in self._sent("AK")
        ]
        self._hear(answers, "book affirmations")
        with self.steps.step("affirm"):
            self.keep_promises("settlement.hear")

    def _custodians_answer(self) -> None:
        """Both answers to every instruction, in files as large as the ones they answer."""
        for asked in sorted(self.home.glob("custodian/*/in/*.xml")):
            out = asked.parent.parent / "out"
            out.mkdir(exist_ok=True)
            held = list(sese.read_batch(asked))
            for name, documents in (
                ("status", (sese.status_advice(h, f"C{h.tx_id}", sese.matched(), timezone.now()) for h in held)),
                ("confirm", (sese.confirmation(h, f"C{h.tx_id}", date.fromisoformat(h.settlement_date)) for h in held)),
            ):
                with (out / f"{asked.stem}-{name}.xml").open("w") as file:
                    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<Batch>\n')
                    file.writelines(documents)
                    file.write("</Batch>\n")


@dataclass
class Bare:
    rows: int
    seconds: float


class Yardstick:
    """Remembers the database as it is now; later copies into it, table by table, what was added since."""

    def __init__(self, home: Path):
        self.home = home
        self.folder = home / "yardstick"
        self.folder.mkdir()
        tables = [m._meta.db_table for m in apps.get_models(include_auto_created=True) if m._meta.managed]
        self.marks = {t: one(f'SELECT coalesce(max(id), 0) FROM "{t}"') for t in tables if _has_number(t)}
        self.order = [t for t in _foreign_keys_first() if t in self.marks]
        self.url = connection.get_connection_params()
        connection.close()
        self._snapshot("CREATE DATABASE bare TEMPLATE oms OWNER oms")

    def _snapshot(self, statement: str) -> None:
        from oms_portal import embedded

        with psycopg.connect(embedded.Servers(self.home).postgres.admin_url, autocommit=True) as admin:
            admin.execute(statement)

    def measure(self) -> Bare:
        """One COPY a table, committed; the files are written before the clock starts."""
        rows, files = 0, []
        with psycopg.connect(dbname="oms", **self._where()) as source:
            for table in self.order:
                path = self.folder / table
                query = sql.SQL("COPY (SELECT {} FROM {} WHERE id > {} ORDER BY id) TO STDOUT")
                columns = _columns(source, table)
                with (
                    path.open("wb") as out,
                    source.cursor().copy(
                        query.format(columns, sql.Identifier(table), sql.Literal(self.marks[table]))
                    ) as copy,
                ):
                    for data in copy:
                        out.write(data)
                if path.stat().st_size:
                    files.append((table, columns, path))
        with psycopg.connect(dbname="bare", autocommit=True, **self._where()) as target:
            began = time.perf_counter()
            for table, columns, path in files:
                into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
                with target.cursor() as cursor:
                    with cursor.copy(into) as copy, path.open("rb") as data:
                        while chunk := data.read(1 << 20):
                            copy.write(chunk)
                    rows += cursor.rowcount
            seconds = time.perf_counter() - began
        return Bare(rows, seconds)

    def _where(self) -> dict:
        return {k: self.url[k] for k in ("host", "port", "user", "password") if self.url.get(k)}


def _columns(source, table: str) -> sql.Composable:
    names = source.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position", [table]
    ).fetchall()
    return sql.SQL(", ").join(sql.Identifier(n) for (n,) in names)


def _has_number(table: str) -> bool:
    return one(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = %s AND column_name = 'id'"
        " AND data_type IN ('bigint', 'integer')",
        [table],
    ) > 0  # fmt: skip


def _foreign_keys_first() -> list[str]:
    """Every table after those it points at."""
    models = apps.get_models(include_auto_created=True)
    ordered, seen = [], set()

    def visit(model) -> None:
        if model in seen:
            return
        seen.add(model)
        for field in model._meta.concrete_fields:
            if field.is_relation:
                visit(field.related_model)
        ordered.append(model._meta.db_table)

    for model in models:
        visit(model)
    return ordered
