"""Dealer inquiries: asking, and deciding by rule when all have answered or the time is up. What a trader takes: ``taking``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from apps.audit.services import record
from apps.blocks.models import Block
from apps.compliance.services.controls import BeyondLimit
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Invalid
from apps.core.tables import copy_in, next_ids
from apps.users.models import User
from apps.users.services import require

from .. import events, rules
from ..models import DealerQuote, Inquiry, InquiryList
from ..rules import orders
from ..states import Q
from .awarding import LONGEST_REASON, ask_of_many
from .concluding import Decision, Take, answers_of, conclude, quotes_of
from .controls import refuse_beyond_limits
from .counterparties import NO_BARS, Bars, bars_of
from .gate import halts_in_force, is_open_to
from .locks import lock_blocks, lock_inquiries, terms_of
from .messages import Outgoing, queue_messages
from .planning import LEAST_DEALERS, FewDealers, Plan
from .writing import as_json

SECONDS = 30
LONGEST = 3600
R = DealerQuote.Result
WAITED_FOR = (R.ASKED, R.COUNTER)


def open_inquiries(act: Act, plans: Sequence[Plan], mids: Mapping[int, Decimal], *, as_list: bool = False) -> list[int]:
    """
    Will ask the dealers of each plan, all at once. The blocks are locked and the quantities placed by the caller.

    :param as_list: whether they are one list, where they are several
    :raises FewDealers: where fewer than three are asked and the act gives no reason
    """
    if not plans:
        return []
    few = {id(p): _why_few(act, p) for p in plans if len(p.broker_ids) < LEAST_DEALERS}
    if not all(few.values()):
        raise FewDealers(f"Ask at least {LEAST_DEALERS} dealers, or say why fewer.", field="reason")
    dues = [act.at + timedelta(seconds=_seconds(p)) for p in plans]
    asked_in = InquiryList.objects.create(at=act.at, due_at=max(dues)).pk if as_list and len(plans) > 1 else None
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_inquiry", len(plans))
        copy_in(
            cursor,
            "routing_inquiry",
            ("id", "block_id", "qty", "sent_at", "due_at", "mid_at_send", "few_dealers_reason", "trace", "asked_in_id",
             "environment", "status", "version"),
            (
                (pk, p.block.pk, p.qty, act.at, due, mids.get(p.block.pk),
                 few.get(id(p), ""),
                 as_json(p.trace | {"award": _award_by(p), "asked_by": act.by}), asked_in, settings.ENVIRONMENT, Q.COLLECTING, 1)
                for pk, p, due in zip(ids, plans, dues, strict=True)
            ),
        )  # fmt: skip
        asked = [(pk, p, due, dealer) for pk, p, due in zip(ids, plans, dues, strict=True) for dealer in p.broker_ids]
        refs = [f"{act.at:%y%m%d}-Q{pk}-{dealer}" for pk, _, _, dealer in asked]
        copy_in(
            cursor,
            "routing_dealerquote",
            ("inquiry_id", "dealer_id", "request_ref", "quote_ref", "text", "result"),
            ((pk, dealer, ref, "", "", R.ASKED) for ref, (pk, _, _, dealer) in zip(refs, asked, strict=True)),
        )
    queue_messages(
        act,
        [
            Outgoing(dealer, "R", ref, orders.quote_request(ref, terms_of(p.block), p.qty, due, act.at))
            for ref, (_, p, due, dealer) in zip(refs, asked, strict=True)
        ],
    )
    record(act, [Fact(pk, 1, _sent(p, due, mids, asked_in)) for pk, p, due in zip(ids, plans, dues, strict=True)])
    return ids


def _why_few(act: Act, plan: Plan) -> str:
    return act.reason.strip()[:300] or ("Directed by its clients" if plan.trace.get("directed") else "")


def _sent(plan: Plan, due, mids, asked_in: int | None) -> events.InquirySent:
    mid = mids.get(plan.block.pk)
    return events.InquirySent(
        block_id=plan.block.pk,
        dealers=len(plan.broker_ids),
        due_at=due.isoformat(),
        mid=None if mid is None else rules.plain(mid),
        asked_in=asked_in,
    )


def _seconds(plan: Plan) -> float:
    seconds = plan.params.get("seconds", SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= LONGEST:
        raise Invalid(f"An inquiry collects for 1 to {LONGEST} seconds; got “{seconds}”.", field="seconds")
    return seconds


def _award_by(plan: Plan) -> str:
    award = plan.params.get("award", "auto")
    if award not in ("auto", "person"):
        raise Invalid(f"An inquiry is awarded by “auto” or “person”; got “{award}”.", field="award")
    return award


# --- deciding -------------------------------------------------------------------------------------------------------


@listens("routing.decide_inquiries")
def decide_inquiries(act: Act, facts: Sequence[Fact]) -> None:
    """Will decide the inquiries a dealer just answered, where that was the last answer wanted."""
    _decide(act, {fact.subject_id for fact in facts})


@transaction.atomic
def decide_due_inquiries(act: Act) -> int:
    """
    Will decide every inquiry whose dealers have all answered or whose time is up: the best price that is still good for
    the whole quantity and within the block's limit is taken, with the mid at that moment kept; else nobody's is.
    """
    waiting = DealerQuote.objects.filter(inquiry=OuterRef("pk"), result__in=WAITED_FOR)
    rows = Inquiry.objects.filter(status=Q.COLLECTING, environment=settings.ENVIRONMENT, trace__award="auto")
    due = rows.filter(due_at__lte=act.at) | rows.filter(~Exists(waiting))
    return _decide(act, set(due.values_list("pk", flat=True)))


@transaction.atomic
def _decide(act: Act, ids: set[int]) -> int:
    user = require(act, "routing.route")
    block_ids = dict(Inquiry.objects.filter(pk__in=ids, status=Q.COLLECTING).values_list("pk", "block_id"))
    if not block_ids:
        return 0
    standing = halts_in_force()
    found = lock_blocks(user, set(block_ids.values()))
    inquiries = Inquiry.objects.filter(pk__in=block_ids, status=Q.COLLECTING, trace__award="auto")
    inquiries = list(inquiries.select_for_update(no_key=True).order_by("pk"))
    answers = quotes_of(inquiries)
    ready = [i for i in inquiries if i.due_at <= act.at or not any(q.result in WAITED_FOR for q in answers[i.pk])]
    bars = bars_of(act, found.values()) if ready else NO_BARS
    best = [_best(act, i, found[i.block_id], answers[i.pk], standing, bars) for i in ready]
    return conclude(act, _let_out(act, _within_limits(act, best)))


def _within_limits(act: Act, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions; nobody's price is taken where the best is beyond a trading limit of who asked, or of the desk or instrument."""
    by_asker: dict[int, list[Decision]] = {}
    for d in decisions:
        if d.takes:
            by_asker.setdefault(d.inquiry.trace.get("asked_by", act.by), []).append(d)
    beyond: dict[int, str] = {}
    for asker, some in by_asker.items():
        beyond |= _beyond_limits(replace(act, by=asker), some)
    return [d._replace(takes=(), reason=beyond[d.inquiry.pk]) if d.inquiry.pk in beyond else d for d in decisions]


def _beyond_limits(act: Act, some: Sequence[Decision]) -> dict[int, str]:
    """Inquiry id to why its best price is beyond a limit. As many statements as for one, but where one is: then of each apart."""
    try:
        refuse_beyond_limits(act, [(d.block, take.qty, take.quote.price) for d in some for take in d.takes])
    except BeyondLimit as refusal:
        if len(some) == 1:
            return {some[0].inquiry.pk: refusal.message[:LONGEST_REASON]}
        return {pk: why for d in some for pk, why in _beyond_limits(act, [d]).items()}
    return {}


def _let_out(act: Act, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions as far as they may go out now: nobody's price is taken for what rules stop, and what is busy is left for later."""
    towards: dict[int, set[int]] = {}
    for d in decisions:
        for take in d.takes:
            towards.setdefault(d.block.pk, set()).add(take.quote.dealer_id)
    said = ask_of_many(act, {d.block.pk: d.block for d in decisions if d.takes}, towards)
    return [
        d._replace(takes=(), reason=said.refused[d.block.pk]) if d.takes and d.block.pk in said.refused else d
        for d in decisions
        if not d.takes or d.block.pk not in said.busy
    ]


def _best(act: Act, inquiry: Inquiry, block: Block, quotes: Sequence[DealerQuote], standing, bars: Bars) -> Decision:
    by_id = {q.pk: q for q in quotes}
    free = [q for q in quotes if not bars.of(block, q.dealer_id)]
    free = [q for q in free if is_open_to(act, standing, block, q.dealer_id)] if standing else free
    best = rules.best_of(block.side, inquiry.qty, answers_of(free), act.at)
    if best is None:
        return Decision(inquiry, block, quotes, (), "No dealer gave a price that is still good for the quantity.")
    problem = rules.outside_limit(block.side, best.price, block.limit_price)
    if problem:
        return Decision(inquiry, block, quotes, (), f"The best price is of no use. {problem}")
    return Decision(inquiry, block, quotes, [Take(by_id[best.id], inquiry.qty)])


def pass_inquiry(act: Act, inquiry_id: int, *, seen: Mapping[int, int]) -> None:
    """Will end an inquiry without taking a price: ``pass_inquiries`` of one."""
    pass_inquiries(act, [inquiry_id], seen=seen)


@transaction.atomic
def pass_inquiries(act: Act, inquiry_ids: Sequence[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end inquiries without taking a price, with the trader's reason; their quantities are free again.

    :raises Invalid: without a reason; :raises StaleInquiry, IllegalMove: as for an award
    """
    user: User = require(act, "routing.route")
    if not act.reason.strip():
        raise Invalid("Say why no price is taken.", field="reason")
    inquiries, found = lock_inquiries(user, inquiry_ids, seen)
    answers = quotes_of(list(inquiries.values()))
    conclude(act, [Decision(i, found[i.block_id], answers[pk], (), act.reason) for pk, i in inquiries.items()])


def pass_all(act: Act, block_of: Mapping[int, int], reason: str) -> int:
    """Will end inquiries without taking a price, whoever asked: inquiry id to its block. :returns: how many"""
    rows = Block.objects.filter(pk__in=set(block_of.values())).select_related("instrument__venue").order_by("pk")
    found = {block.pk: block for block in rows.select_for_update(of=("self",), no_key=True)}
    waiting = Inquiry.objects.filter(pk__in=block_of, status=Q.COLLECTING)
    inquiries = list(waiting.select_for_update(no_key=True).order_by("pk"))
    answers = quotes_of(inquiries)
    return conclude(act, [Decision(i, found[i.block_id], answers[i.pk], (), reason) for i in inquiries])
