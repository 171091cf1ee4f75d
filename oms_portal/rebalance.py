"""The rebalance, person by person, against running parts. Imported only in a process that Django was set up in."""

import time
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.utils import timezone

from apps.audit import seals
from apps.audit.selectors import open_promises, parked_promises
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance import services as compliance
from apps.compliance.models import Review
from apps.core.acts import Act
from apps.orders import services as orders
from apps.orders.models import Import
from apps.reporting import selectors as reporting
from apps.reporting.invariants import broken_invariants
from apps.routing import services as routing
from apps.users.models import User
from oms_portal.scenario import House, wait_for

# What no venue has quoted yet; a fund's price is its administrator's.
UNQUOTED = "source = 'opening' AND instrument_id IN (SELECT id FROM reference_instrument WHERE asset_class <> 'FUND')"


def count(table: str, where: str = "true") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {where}")
        return cursor.fetchone()[0]


class Rebalance:
    """Each step is what one person does on a page, then a wait for what the parts do."""

    def __init__(self, house: House):
        self.house = house
        self.people = {u.username: u for u in User.objects.filter(is_automated=False)}
        self.steps: list[tuple[str, int, float]] = []
        self.result: reporting.Result | None = None

    def act(self, who: str, reason: str = "") -> Act:
        return Act(by=self.people[who].pk, at=timezone.now(), via="command", reason=reason)

    @contextmanager
    def step(self, name: str):
        began, rows = time.monotonic(), []
        yield rows.append
        self.steps.append((name, rows[-1] if rows else 0, time.monotonic() - began))
        print(f"{name:<12}{self.steps[-1][1]:>12,}{self.steps[-1][2]:>10.2f} s", flush=True)

    def wait(self, what: str, done, progress) -> None:
        wait_for(what, done, progress, self.house.parts)

    def whole(self) -> None:
        for step in (
            self.connect, self.import_orders, self.review, self.gather, self.route, self.execute, self.allocate,
            self.confirm, self.settle, self.verify,
        ):  # fmt: skip
            step()

    def connect(self) -> None:
        with self.step("connect") as rows:
            enabled = count("routing_session", "is_enabled")
            self.wait(
                "FIX sessions", lambda: count("routing_session", "is_enabled AND is_up") == enabled,
                lambda: count("routing_session", "is_up"),
            )  # fmt: skip
            self.wait(
                "quotes", lambda: count("marketdata_quote", UNQUOTED) == 0, lambda: count("marketdata_quote", UNQUOTED)
            )
            rows(enabled)

    def import_orders(self) -> None:
        content = (Path(self.house.home) / "demo" / "rebalance.csv").read_bytes()
        with self.step("stage") as rows:
            pk = orders.upload_import(self.act("mira"), "rebalance.csv", content)
            self.wait(
                "staging", lambda: Import.objects.get(pk=pk).status != "UPLOADED",
                lambda: Import.objects.get(pk=pk).rows_read,
            )  # fmt: skip
            staged = Import.objects.get(pk=pk)
            if staged.status != "STAGED" or staged.bad_rows:
                raise RuntimeError(
                    f"the file did not stage: {staged.status}, {staged.bad_rows} bad rows {staged.error}"
                )
            rows(staged.rows)
        with self.step("submit") as rows:
            orders.commit_import(
                self.act("mira"), pk, seen={pk: staged.version}, group_name="Equity to fixed income", submit=True
            )
            rows(count("orders_order"))

    def review(self) -> None:
        with self.step("review") as rows:
            held = Review.objects.filter(status="WAITING")
            rows(held.count())
            for officer in ("omar", "odile"):  # The second confirms what a hard rule holds.
                waiting = dict(held.values_list("pk", "version"))
                if waiting:
                    act = self.act(officer, "Within the client's written consent to the transition.")
                    compliance.approve_reviews(act, list(waiting), seen=waiting, terms=compliance.Terms("CLIENT"))

    def gather(self) -> None:
        with self.step("block") as rows:
            self.wait(
                "blocking",
                lambda: (
                    count("orders_order", "status = 'CLEARED'") == count("blocks_member")
                    and not open_promises().filter(listener="blocks.gather_orders").exists()
                ),
                lambda: count("blocks_member"),
            )
            rows(count("blocks_block"))

    def route(self) -> None:
        with self.step("route") as rows:
            waiting = dict(Block.objects.filter(status="OPEN").values_list("pk", "version"))
            routing.route_blocks(self.act("tom"), list(waiting), seen=waiting)
            rows(len(waiting))

    def execute(self) -> None:
        with self.step("execute") as rows:
            live = "status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED', 'CALCULATED', 'DONE_FOR_DAY')"
            self.wait(
                "executions",
                lambda: (
                    count("routing_route", live) == 0
                    and count("routing_inquiry", "status IN ('COLLECTING', 'AWARDED')") == 0
                    and count("routing_message", "status IN ('QUEUED', 'SENDING', 'HEARD')") == 0
                ),
                lambda: (count("routing_execution"), count("routing_message")),
            )
            rows(count("routing_execution"))

    def allocate(self) -> None:
        with self.step("allocate") as rows:
            left = dict(Block.objects.filter(status="WORKING").values_list("pk", "version"))
            if left:
                blocks.finish_blocks(self.act("tom", "End of schedule: the rest is given up."), list(left), seen=left)
            self.wait(
                "allocation", lambda: not Block.objects.filter(status__in=["WORKING", "DONE"]).exists(),
                lambda: count("allocations_allocation"),
            )  # fmt: skip
            rows(count("allocations_allocation"))

    def confirm(self) -> None:
        with self.step("confirm") as rows:
            wanted = count("allocations_allocation", "status = 'BOOKED'")
            self.wait(
                "affirmation", lambda: count("settlement_confirmation", "status = 'AFFIRMED'") == wanted,
                lambda: (count("settlement_confirmation"), count("settlement_confirmation", "status = 'AFFIRMED'")),
            )  # fmt: skip
            rows(wanted)

    def settle(self) -> None:
        with self.step("settle") as rows:
            wanted = count("allocations_allocation", "status = 'BOOKED'")
            self.wait(
                "settlement", lambda: count("settlement_instruction", "status = 'SETTLED'") == wanted,
                lambda: [count("settlement_instruction", f"status = '{s}'") for s in ("SENT", "MATCHED", "SETTLED")],
            )  # fmt: skip
            self.wait("promises", lambda: not open_promises().exists(), lambda: open_promises().count())
            rows(wanted)

    def verify(self) -> None:
        with self.step("verify") as rows:
            while seals.make_seal():
                continue
            self.verdict = seals.verify()
            self.broken = broken_invariants(Path(self.house.home) / "street")
            self.result = reporting.result()
            rows(self.verdict.entries)

    def answer(self, seconds: float) -> dict:
        """The run as one JSON object; money as text, exact."""
        shown = reporting.figures(self.result)
        return {
            "scenario": "rebalance",
            "scale": self.house.scale,
            "seed": self.house.seed,
            "accounts": count("portfolios_portfolio"),
            "orders": count("orders_order"),
            "groups": count("orders_ordergroup"),
            "held": self.result.held,
            "overridden": self.result.overridden,
            "violations": self.result.violations,
            "blocks": count("blocks_block"),
            "routes": count("routing_route"),
            "inquiries": count("routing_inquiry"),
            "executions": count("routing_execution"),
            "allocations": count("allocations_allocation", "status = 'BOOKED'"),
            "confirmations": count("settlement_confirmation", "status <> 'CANCELLED'"),
            "instructions": count("settlement_instruction", "status <> 'CANCELLED'"),
            "settled": count("settlement_instruction", "status = 'SETTLED'"),
            "parked": parked_promises().count(),
            "quarantined": count("routing_message", "status = 'QUARANTINED'"),
            "audit_entries": self.verdict.entries,
            "audit_verified": self.verdict.whole,
            **{k: (float(v) if k.endswith(("pct", "bp")) and v is not None else v) for k, v in shown.items()},
            "money_sums": self.money_sums(),
            "invariants": {name: not broken for name, broken in self.broken.items()},
            "seconds": seconds,
        }

    def money_sums(self) -> bool:
        """Whether every currency's cash moved by exactly the net amounts allocated, to the cent."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT currency_id, sum(m) FROM (SELECT currency_id, amount AS m FROM portfolios_movement"
                "  WHERE currency_id IS NOT NULL AND kind <> 'OPENING'"
                " UNION ALL SELECT currency_id, CASE side WHEN 'BUY' THEN net_amount ELSE -net_amount END"
                "  FROM allocations_allocation WHERE status = 'BOOKED') x GROUP BY 1 HAVING sum(m) <> 0"
            )
            return cursor.fetchall() == []

    def print_tables(self) -> None:
        print(f"\n{'Step':<12}{'Rows':>12}{'Seconds':>10}")
        for name, rows, seconds in self.steps:
            print(f"{name:<12}{rows:>12,}{seconds:>10.2f}")
        for name, broken in self.broken.items():
            for line in broken:
                print(f"BROKEN {name}: {line}")
        for fault in self.verdict.faults:
            print(f"RECORD {fault}")
        shown = reporting.figures(self.result)
        print()
        for label, value in (
            ("Equity filled by VWAP", f"{shown['equity_filled_pct']} %"),
            ("Equity against interval VWAP", f"{shown['equity_improvement_bp']} bp, ${shown['equity_saved_usd']:,}"),
            ("Bonds against mid", f"{shown['bond_improvement_bp']} bp, ${shown['bond_saved_usd']:,}"),
            ("Saved", f"${shown['saved_usd']:,}"),
            ("Violations", shown["violations"]),
        ):
            print(f"{label:<32}{value}")
        print()
