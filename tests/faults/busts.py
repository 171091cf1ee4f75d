"""
Brokers and dealers take executions back while their blocks settle: ``python -m tests.faults.busts SEED``.

The scenario runs until a third of it has settled; then an execution of each of several blocks is busted. What is left of
those blocks is allocated, confirmed, instructed and settled again. Prints the scenario's JSON object with what the busts
left behind.
"""

import json
import sys
import time

from tests import prepared
from tests.faults.people import tell_street

EACH = 3  # Blocks of equity, and blocks of bonds.


def settle_in_part(run) -> None:
    from oms_portal.rebalance import count

    run.wait(
        "a third to settle",
        lambda: count("settlement_instruction", "status = 'SETTLED'") * 3 > count("allocations_allocation"),
        lambda: [count("settlement_instruction", f"status = '{s}'") for s in ("SENT", "MATCHED", "SETTLED")],
    )


def bust_some(run) -> list[int]:
    """The largest execution of each of several blocks, equity and bonds. :returns: the blocks, all open again"""
    from django.db import connection

    from oms_portal.rebalance import count

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT block_id, exec_id FROM (SELECT x.block_id, x.exec_id,"
            "  row_number() OVER (PARTITION BY x.block_id ORDER BY x.qty DESC) AS nth,"
            "  dense_rank() OVER (PARTITION BY i.asset_class = 'EQUITY' ORDER BY x.block_id) AS place"
            "  FROM routing_execution x JOIN blocks_block b ON b.id = x.block_id"
            "  JOIN reference_instrument i ON i.id = b.instrument_id) e WHERE nth = 1 AND place <= %s",
            [EACH],
        )
        chosen = dict(cursor.fetchall())
    for exec_id in chosen.values():
        tell_street(run.house.home, "bust", exec_id=exec_id)
    run.wait(
        "busts",
        lambda: count("routing_execution", "status = 'BUSTED'") == len(chosen),
        lambda: count("routing_execution", "status = 'BUSTED'"),
    )
    return list(chosen)


def left_behind() -> dict:
    from apps.settlement import page_selectors, selectors
    from apps.settlement.models import FeedFile, Instruction
    from apps.users.models import User
    from oms_portal.rebalance import count

    olga = User.objects.get(username="olga")
    taken_back = Instruction.objects.filter(status="CANCELLED")
    return {
        "allocated_again": count("allocations_allocation", "status = 'BOOKED' AND wave = 2"),
        "reversed": count("allocations_allocation", "status = 'REVERSED'"),
        "cancelled": taken_back.count(),
        "unanswered": taken_back.filter(cancel_file__isnull=False, processing_status="").count(),
        "settled_in_vain": taken_back.filter(settled_date__isnull=False).count(),
        "shown_to_operations": page_selectors.instructions(olga, "ATTENTION").count(),
        "stuck": selectors.strip(olga).stuck,
        "file_problems": [p for problems in FeedFile.objects.values_list("problems", flat=True) for p in problems],
    }


def main() -> int:
    began = time.monotonic()
    house = prepared.house(seed=int(sys.argv[1]), speed=1500)
    try:
        house.open()
        from apps.settlement.models import Instruction
        from oms_portal.rebalance import Rebalance

        run = Rebalance(house)
        for step in (run.connect, run.import_orders, run.review, run.gather, run.route, run.execute, run.allocate):
            step()
        settle_in_part(run)
        blocks = bust_some(run)
        for step in (run.execute, run.allocate, run.confirm, run.settle):
            step()
        asked = Instruction.objects.filter(status="CANCELLED", file__isnull=False)
        run.wait(
            "answers to cancellations", lambda: not asked.filter(processing_status="").exists(),
            lambda: asked.filter(processing_status="").count(),
        )  # fmt: skip
        run.verify()
        answer = run.answer(round(time.monotonic() - began, 1)) | {"busted_blocks": len(blocks)} | left_behind()
        answer["broken"] = {name: lines for name, lines in run.broken.items() if lines}
        run.print_tables()
    finally:
        house.close()
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
