"""Step-outs: agreed and withdrawn by people, and taken into account as a block is booked."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Sum

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.orders import selectors as orders
from apps.reference.models import Broker
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Execution, Route
from apps.routing.states import DEAD
from apps.users.services import require

from .. import rules, selectors
from ..events import StepOutAgreed, StepOutBooked, StepOutWithdrawn
from ..models import StepOut
from ..selectors import Seen
from ..states import STEP_OUT_LIFE, So


class StaleStepOut(Stale):
    """It changed after the person looked at it."""


class MoreThanExecuted(Conflict):
    """A broker steps out of no more than it executed and has not given already."""


class BookedAlready(Conflict):
    """The block is shared out, confirmed and instructed as it was."""


class StepsInAndExecutes(Conflict):
    """One broker would be both: its price would no longer be that of what it executed."""


class AgreedAlready(Conflict):
    """The two brokers have one step-out a block."""


@transaction.atomic
def agree_step_out(
    act: Act, block_id: int, from_code: str, to_code: str, qty: Decimal, *, gives_commission: bool, seen: int
) -> int:
    """
    Will have one broker step out of a part of what it executed of a block, and another step in, for the reason the act gives.
    The other confirms and settles it at the same average price once the block is booked.

    :param gives_commission: the part's commission goes to who steps in; else all of it stays with who executed
    :param seen: the version of the block the person was looking at
    :returns: its id
    :raises Invalid: beside the field; :raises NotFound: where there is no such block
    :raises MoreThanExecuted, BookedAlready, AgreedAlready, StepsInAndExecutes:
    :raises BarredBroker: where a portfolio does not trade with it
    :raises blocks.StaleBlock: if the block changed since
    """
    require(act, "allocations.step_out")
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")
    block = _lock_block(block_id)
    if block.version != seen:
        missed = orders.missed("block", {block.pk: (block.ref, seen, block.version)})
        raise blocks.StaleBlock(f"{block.ref} changed since you looked. Reload and decide again.", stale=missed)
    if block.status not in (B.WORKING, B.DONE):
        raise BookedAlready(f"{block.ref} is {block.status.lower()}: a broker steps out of it while it is worked.", block=block.pk)
    giver, taker = _broker(from_code, "from_broker"), _broker(to_code, "to_broker")
    if giver == taker:
        raise Invalid("It steps out of it for another broker.", field="to_broker")
    if not taker.is_active or taker.kind in Broker.NOT_ROUTED:
        raise Invalid(f"{taker.name} takes no trades of ours.", field="to_broker")
    _refuse_quantity(block, giver, qty, gives_commission)
    executes = Execution.objects.filter(block=block, broker=taker, status="LIVE").exists()
    if executes or Route.objects.filter(block=block, broker=taker).exclude(status__in=DEAD).exists():
        raise StepsInAndExecutes(f"{taker.name} works {block.ref} itself. Have another broker step in.", block=block.pk)
    before = StepOut.objects.filter(block=block, from_broker=giver, to_broker=taker, status=So.AGREED).first()
    if before is not None:
        raise AgreedAlready(
            f"{giver.name} steps out of {before.qty.normalize():f} for {taker.name} already ({before.ref}). Withdraw that, and agree"
            " on all of it.",
            step_out=before.pk,
        )  # fmt: skip
    routing.refuse_barred_broker(act, block, taker.pk)
    row = StepOut.objects.create(
        block=block, from_broker=giver, to_broker=taker, qty=qty, gives_commission=gives_commission, reason=act.reason.strip(),
        by_id=act.by, at=act.at,
    )  # fmt: skip
    record(act, [Fact(row.pk, 1, StepOutAgreed(block.pk, giver.code, taker.code, f"{qty:f}", gives_commission))])
    return row.pk


@transaction.atomic
def withdraw_step_out(act: Act, step_out_id: int, *, seen: Mapping[int, int]) -> None:
    """Will undo what was agreed, until the block is booked. :raises BookedAlready, StaleStepOut, IllegalMove, NotFound:"""
    require(act, "allocations.step_out")
    block_id = StepOut.objects.filter(pk=step_out_id).values_list("block_id", flat=True).first()
    if block_id is None:
        raise NotFound("There is no such step-out.")
    block = _lock_block(block_id)
    row = StepOut.objects.select_for_update().get(pk=step_out_id)
    if seen.get(row.pk) != row.version:
        missed = orders.missed("step_out", {row.pk: (row.ref, seen.get(row.pk), row.version)})
        raise StaleStepOut(f"{row.ref} changed since you looked. Reload and decide again.", stale=missed)
    if block.status not in (B.WORKING, B.DONE):
        raise BookedAlready(f"{block.ref} is booked with {row.ref}.", block=block.pk)
    row.status, row.version = STEP_OUT_LIFE.after(row.status, StepOutWithdrawn), row.version + 1
    row.save(update_fields=["status", "version"])
    record(act, [Fact(row.pk, row.version, StepOutWithdrawn())])


def _lock_block(block_id: int) -> Block:
    block = Block.objects.select_for_update(no_key=True, of=("self",)).select_related("instrument").filter(pk=block_id).first()
    if block is None:
        raise NotFound("There is no such block.")
    return block


def _broker(code: str, field: str) -> Broker:
    found = Broker.objects.filter(code=code).first()
    if found is None:
        raise Invalid(f"There is no broker “{code}”.", field=field)
    return found


def _refuse_quantity(block: Block, giver: Broker, qty: Decimal, gives_commission: bool) -> None:
    lot, *_ = selectors.terms_of(_statement(block.pk))
    if not qty.is_finite() or qty <= 0 or qty % lot:
        raise Invalid(f"Give a quantity above zero, in multiples of {lot.normalize():f}.", field="qty")
    executed = Execution.objects.filter(block=block, broker=giver, status="LIVE").aggregate(n=Sum("qty"))["n"] or Decimal(0)
    given = StepOut.objects.filter(block=block, from_broker=giver, status=So.AGREED).aggregate(n=Sum("qty"))["n"] or Decimal(0)
    if given + qty > executed:
        raise MoreThanExecuted(
            f"{giver.name} executed {executed.normalize():f} of {block.ref}"
            f"{f' and stepped out of {given.normalize():f}' if given else ''}; it cannot step out of {qty.normalize():f} more.",
            field="qty", executed=str(executed), given=str(given),
        )  # fmt: skip
    if given + qty == executed and not gives_commission and block.status == B.DONE:
        raise Invalid("All it executed is given up, so its commission goes along.", field="gives_commission")


def _statement(block_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT content::text FROM blocks_statement WHERE block_id = %s", [block_id])
        return cursor.fetchone()[0]


def keep_step_ins(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will let nobody send a part of a block to a broker that is to step into it: what it executed and what it stepped into would be
    one trade at neither price. One query.

    :raises StepsInAndExecutes: naming the block and the broker
    """
    if facts[0].event.subject == "inquiry":
        asked = DealerQuote.objects.filter(inquiry__in=[fact.subject_id for fact in facts])
        towards = set(asked.values_list("inquiry__block_id", "dealer_id"))
    else:
        towards = {(fact.event.block_id, fact.event.broker_id) for fact in facts}
    agreed = StepOut.objects.filter(block__in={block for block, _ in towards}, status=So.AGREED).select_related("block", "to_broker")
    for row in agreed.order_by("pk"):
        if (row.block_id, row.to_broker_id) in towards:
            raise StepsInAndExecutes(
                f"{row.to_broker.name} steps into a part of {row.block.ref} ({row.ref}). Send it to another broker, or withdraw that.",
                block=row.block_id, step_out=row.pk,
            )  # fmt: skip


class Steps:
    """What was stepped out of, of blocks that are booked now: their facts after it, and what is to be recorded."""

    def __init__(self, seen: Sequence[Seen]):
        rows = StepOut.objects.filter(block__in=[s.facts.block_id for s in seen], status=So.AGREED)
        self.rows = list(rows.select_for_update().order_by("pk"))
        self.booked: dict[int, Decimal] = {}
        self.given: dict[int, Decimal] = {}
        self.stepped_in: dict[int, frozenset[int]] = {}
        parts: dict[int, list[rules.Part]] = {}
        for row in self.rows:
            part = rules.Part(row.pk, row.from_broker_id, row.to_broker_id, row.qty, row.gives_commission)
            parts.setdefault(row.block_id, []).append(part)
        self.seen = [self._stepped(s, parts[s.facts.block_id]) if s.facts.block_id in parts else s for s in seen]

    def _stepped(self, seen: Seen, parts: Sequence[rules.Part]) -> Seen:
        facts = seen.facts
        made = rules.step_out(facts.fills, parts, facts.price_factor, facts.minor_units)
        self.booked |= made.booked
        self.given |= made.given
        self.stepped_in[facts.block_id] = made.stepped_in
        return seen._replace(facts=facts._replace(fills=made.fills))

    def given_of(self) -> dict[tuple[int, int], list[tuple[int, Decimal]]]:
        """Block and who executed to who stepped in, each with the commission that went along."""
        found: dict[tuple[int, int], list[tuple[int, Decimal]]] = {}
        for row in self.rows:
            if self.given[row.pk]:
                found.setdefault((row.block_id, row.from_broker_id), []).append((row.to_broker_id, self.given[row.pk]))
        return found

    def process_code(self, block_id: int, broker_id: int, is_soft: bool) -> str:
        """ProcessCode (FIX 4.4 tag 81) of a broker's part of a block, as it is told."""
        if broker_id in self.stepped_in.get(block_id, ()):
            return "4" if is_soft else "2"
        return "1" if is_soft else "0"

    def is_soft(self, soft: Collection[tuple[int, int]], block_id: int, broker_id: int) -> bool:
        """Whether a part of its commission is put by for research, of who steps in that of who executed."""
        givers = (r.from_broker_id for r in self.rows if r.block_id == block_id and r.to_broker_id == broker_id and r.gives_commission)
        return (block_id, broker_id) in soft or any((block_id, giver) in soft for giver in givers)

    def keep(self, act: Act) -> None:
        """Will record how much of each was booked."""
        if not self.rows:
            return
        for row in self.rows:
            row.version += 1
        StepOut.objects.bulk_update(self.rows, ["version"])
        record(act, [Fact(row.pk, row.version, StepOutBooked(f"{self.booked[row.pk]:f}")) for row in self.rows])
