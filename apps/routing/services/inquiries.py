"""Dealer inquiries: asking, deciding when all have answered or the time is up, taking the best price."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.selectors import mids_of
from apps.compliance.services import Finding
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.core.tables import copy_in, next_ids, update_many
from apps.users.models import User
from apps.users.services import require

from .. import events, rules
from ..models import DealerQuote, Inquiry
from ..rules import orders
from ..states import INQUIRY_LIFE, Q
from .awarding import ask_of_many, ask_of_one
from .counterparties import NO_BARS, Bars, bars_of, refuse_barred
from .gate import halts_in_force, is_open_to, refuse_halted
from .locks import lock_blocks, lock_inquiry, terms_of
from .messages import Outgoing, queue_messages
from .planning import INQUIRY, LEAST_DEALERS, FewDealers, Plan
from .writing import NewRoute, as_json, write_routes

SECONDS = 30
LONGEST = 3600
R = DealerQuote.Result


class QuoteEnded(Conflict):
    """The quote is no longer good, or not for the whole quantity."""


class NotTheBest(Invalid):
    """Another price is better for us; taking this one asks for a reason."""


class OutsideLimit(Conflict):
    """The price is outside the block's limit."""


class Decision(NamedTuple):
    """An inquiry, its answers, and the one taken (None: nobody's, with the reason)."""

    inquiry: Inquiry
    block: Block
    quotes: Sequence[DealerQuote]
    winner: DealerQuote | None
    reason: str = ""


def open_inquiries(act: Act, plans: Sequence[Plan], mids: Mapping[int, Decimal]) -> list[int]:
    """
    Will ask the dealers of each plan, all at once. The blocks are locked and the quantities placed by the caller.

    :raises FewDealers: where fewer than three are asked and the act gives no reason
    """
    if not plans:
        return []
    few = {id(p): _why_few(act, p) for p in plans if len(p.broker_ids) < LEAST_DEALERS}
    if not all(few.values()):
        raise FewDealers(f"Ask at least {LEAST_DEALERS} dealers, or say why fewer.", field="reason")
    dues = [act.at + timedelta(seconds=_seconds(p)) for p in plans]
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_inquiry", len(plans))
        copy_in(
            cursor,
            "routing_inquiry",
            ("id", "block_id", "qty", "sent_at", "due_at", "mid_at_send", "few_dealers_reason", "trace", "environment",
             "status", "version"),
            (
                (pk, p.block.pk, p.qty, act.at, due, mids.get(p.block.pk),
                 few.get(id(p), ""),
                 as_json(p.trace | {"award": _award_by(p)}), settings.ENVIRONMENT, Q.COLLECTING, 1)
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
    record(act, [Fact(pk, 1, _sent(p, due, mids)) for pk, p, due in zip(ids, plans, dues, strict=True)])
    return ids


def _why_few(act: Act, plan: Plan) -> str:
    return act.reason.strip()[:300] or ("Directed by its clients" if plan.trace.get("directed") else "")


def _sent(plan: Plan, due, mids) -> events.InquirySent:
    mid = mids.get(plan.block.pk)
    return events.InquirySent(
        block_id=plan.block.pk,
        dealers=len(plan.broker_ids),
        due_at=due.isoformat(),
        mid=None if mid is None else rules.plain(mid),
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
    waiting = DealerQuote.objects.filter(inquiry=OuterRef("pk"), result=R.ASKED)
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
    answers = _quotes_of(inquiries)
    ready = [i for i in inquiries if i.due_at <= act.at or not any(q.result == R.ASKED for q in answers[i.pk])]
    bars = bars_of(act, found.values()) if ready else NO_BARS
    return _conclude(act, _let_out(act, [_best(act, i, found[i.block_id], answers[i.pk], standing, bars) for i in ready]))


def _let_out(act: Act, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions as far as they may go out now: nobody's price is taken for what rules stop, and what is busy is left for later."""
    towards: dict[int, set[int]] = {}
    for d in decisions:
        if d.winner:
            towards.setdefault(d.block.pk, set()).add(d.winner.dealer_id)
    said = ask_of_many(act, {d.block.pk: d.block for d in decisions if d.winner}, towards)
    return [
        d._replace(winner=None, reason=said.refused[d.block.pk]) if d.winner and d.block.pk in said.refused else d
        for d in decisions
        if not d.winner or d.block.pk not in said.busy
    ]


def _quotes_of(inquiries: Sequence[Inquiry]) -> dict[int, list[DealerQuote]]:
    answers: dict[int, list[DealerQuote]] = {i.pk: [] for i in inquiries}
    for quote in DealerQuote.objects.filter(inquiry__in=answers).order_by("pk"):
        answers[quote.inquiry_id].append(quote)
    return answers


def _best(act: Act, inquiry: Inquiry, block: Block, quotes: Sequence[DealerQuote], standing, bars: Bars) -> Decision:
    by_id = {q.pk: q for q in quotes}
    free = [q for q in quotes if not bars.of(block, q.dealer_id)]
    free = [q for q in free if is_open_to(act, standing, block, q.dealer_id)] if standing else free
    best = rules.best_of(block.side, inquiry.qty, answers_of(free), act.at)
    if best is None:
        return Decision(inquiry, block, quotes, None, "No dealer gave a price that is still good for the quantity.")
    problem = rules.outside_limit(block.side, best.price, block.limit_price)
    if problem:
        return Decision(inquiry, block, quotes, None, f"The best price is of no use. {problem}")
    return Decision(inquiry, block, quotes, by_id[best.id])


def answers_of(quotes: Sequence[DealerQuote]) -> list[rules.Answer]:
    """Quotes as the rules look at them; a late answer is no price."""
    return [
        rules.Answer(
            q.pk, None if q.result == R.LATE else q.price, q.qty, q.valid_until, q.answered_at, q.result == R.DECLINED
        )
        for q in quotes
    ]


@transaction.atomic
def award_inquiry(
    act: Act, inquiry_id: int, *, seen: Mapping[int, int], quote_id: int | None = None
) -> Sequence[Finding]:
    """
    Will take a dealer's price at once, for the trader: the best, or another with a reason. Where a rule that is asked at the
    route does not let an order out, no price is taken: the inquiry goes on, and compliance looks at the order.

    :returns: what keeps the price from being taken; ``stopped_at_route`` says it as a refusal, after the commit
    :raises StaleInquiry: where another answer came meanwhile; :raises IllegalMove: where it was decided
    :raises QuoteEnded: where the quote is no longer good; :raises NotTheBest: for another without a reason
    :raises OutsideLimit: where the price is outside the block's limit
    :raises BarredBroker: where a portfolio of the block does not trade with the dealer any more
    :raises RoutingHalted: where the kill switch is pressed for the block's desk, the dealer, the actor or the firm
    :raises NotChecked: where an order of the block is not what compliance let through
    :raises NoLocate, InPenaltyBox: where one sells short of what is not located, or not borrowed where that is needed
    """
    user = require(act, "routing.route")
    standing = halts_in_force()
    inquiry, block = lock_inquiry(user, inquiry_id, seen)
    blocks.refuse_owned_by_others(user, [block])
    INQUIRY_LIFE.after(inquiry.status, events.InquiryAwarded)
    quotes = _quotes_of([inquiry])[inquiry.pk]
    best = rules.best_of(block.side, inquiry.qty, answers_of(quotes), act.at)
    winner = next((q for q in quotes if q.pk == (best.id if quote_id is None and best else quote_id)), None)
    if winner is None:
        if quote_id is not None:
            raise NotFound("This quote is not an answer to the inquiry.")
        raise QuoteEnded("No dealer gave a price that is still good for the quantity. Ask again.")
    refuse_halted(act, standing, [(block, winner.dealer_id, "")])
    refuse_barred(bars_of(act, [block]), [(block, winner.dealer_id)])
    if rules.best_of(block.side, inquiry.qty, answers_of([winner]), act.at) is None:
        raise QuoteEnded("This quote has ended, or is not for the whole quantity. Take another, or ask again.")
    if best is not None and winner.price != best.price and not act.reason.strip():
        raise NotTheBest(f"The best price is {rules.plain(best.price)}. Say why you take another.", field="reason")
    problem = rules.outside_limit(block.side, winner.price, block.limit_price)
    if problem:
        raise OutsideLimit(problem)
    if stopped := ask_of_one(act, block, winner.dealer_id):
        return stopped
    _conclude(act, [Decision(inquiry, block, quotes, winner)])
    return ()


@transaction.atomic
def pass_inquiry(act: Act, inquiry_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will end an inquiry without taking a price, with the trader's reason; its quantity is free again.

    :raises Invalid: without a reason; :raises StaleInquiry, IllegalMove: as for an award
    """
    user: User = require(act, "routing.route")
    if not act.reason.strip():
        raise Invalid("Say why no price is taken.", field="reason")
    inquiry, block = lock_inquiry(user, inquiry_id, seen)
    _conclude(act, [Decision(inquiry, block, _quotes_of([inquiry])[inquiry.pk], None, act.reason)])


def pass_all(act: Act, block_of: Mapping[int, int], reason: str) -> int:
    """Will end inquiries without taking a price, whoever asked: inquiry id to its block. :returns: how many"""
    rows = Block.objects.filter(pk__in=set(block_of.values())).select_related("instrument__venue").order_by("pk")
    found = {block.pk: block for block in rows.select_for_update(of=("self",), no_key=True)}
    waiting = Inquiry.objects.filter(pk__in=block_of, status=Q.COLLECTING)
    inquiries = list(waiting.select_for_update(no_key=True).order_by("pk"))
    answers = _quotes_of(inquiries)
    return _conclude(act, [Decision(i, found[i.block_id], answers[i.pk], None, reason) for i in inquiries])


def _conclude(act: Act, decisions: Sequence[Decision]) -> int:
    """Will write the decisions: hits with their routes, what is said to the others, and the facts. Blocks are locked."""
    if not decisions:
        return 0
    for d in decisions:
        INQUIRY_LIFE.after(d.inquiry.status, events.InquiryAwarded if d.winner else events.InquiryPassed)
    mids = mids_of(d.block for d in decisions)
    hits = [d for d in decisions if d.winner]
    named = dict(zip((d.inquiry.pk for d in hits), _hit(act, hits, mids), strict=True))
    results = {d.inquiry.pk: _results(d) for d in decisions}
    _write_decisions(act, decisions, named, results, mids)
    messages = [m for d in decisions for m in _messages(act, d, results[d.inquiry.pk], named.get(d.inquiry.pk))]
    queue_messages(act, messages)
    facts = [Fact(d.inquiry.pk, d.inquiry.version + 1, _fact(d, results[d.inquiry.pk], named, mids)) for d in decisions]
    record(act, facts)
    free: dict[int, Decimal] = {}
    for d in decisions:
        if d.winner is None:
            free[d.block.pk] = free.get(d.block.pk, Decimal(0)) - d.inquiry.qty
    if free:
        blocks.mark_placed(act, free)
    return len(decisions)


def _hit(act: Act, hits: Sequence[Decision], mids: Mapping[int, Decimal]) -> list[tuple[int, str]]:
    if not hits:
        return []
    return write_routes(
        act,
        [
            NewRoute(
                d.block, d.winner.dealer_id, INQUIRY, "AJ", d.inquiry.qty, d.winner.price,
                mids.get(d.block.pk), "", {}, d.inquiry.trace | {"inquiry": d.inquiry.pk},
            )
            for d in hits
        ],
    )  # fmt: skip


def _results(d: Decision) -> dict[int, str]:
    winner = next((a for a in answers_of([d.winner])), None) if d.winner else None
    found = rules.outcomes(d.block.side, answers_of(d.quotes), winner)
    return {q.pk: R.LATE if q.result == R.LATE else str(found[q.pk]) for q in d.quotes}


def _write_decisions(act: Act, decisions, named, results, mids) -> None:
    ids = [d.inquiry.pk for d in decisions]
    with connection.cursor() as cursor:
        update_many(
            cursor,
            "routing_inquiry",
            ids,
            {
                "status": ("text", [Q.AWARDED if d.winner else Q.PASSED for d in decisions]),
                "decided_at": ("timestamptz", [act.at] * len(ids)),
                "mid_at_decision": ("numeric", [mids.get(d.block.pk) for d in decisions]),
                "route_id": ("bigint", [named[pk][0] if pk in named else None for pk in ids]),
            },
            bump=True,
        )
        flat = {pk: result for found in results.values() for pk, result in found.items()}
        update_many(cursor, "routing_dealerquote", list(flat), {"result": ("text", list(flat.values()))})


def _messages(act: Act, d: Decision, results: Mapping[int, str], name: tuple[int, str] | None) -> list[Outgoing]:
    """The hit to the winner; cover, done away or pass to whoever else quoted. Those who did not are told nothing."""
    terms = terms_of(d.block)
    out = []
    for quote in d.quotes:
        if not quote.quote_ref or quote.price is None:
            continue
        ref, hit = f"{quote.request_ref}-R", results[quote.pk] == R.WON
        kind = orders.HIT if hit else orders.COVER if results[quote.pk] == R.COVER else orders.DONE_AWAY
        kind = kind if d.winner else orders.PASS
        price = quote.price if hit else None
        fields = orders.quote_response(
            ref, quote.quote_ref, kind, terms, d.inquiry.qty, price, name[1] if hit else "", act.at
        )
        out.append(Outgoing(quote.dealer_id, "AJ", name[1] if hit else ref, fields))
    return out


def _fact(d: Decision, results: Mapping[int, str], named, mids):
    if d.winner is None:
        return events.InquiryPassed(reason=d.reason[:300])
    mid = mids.get(d.block.pk)
    cover = next((q.price for q in d.quotes if results[q.pk] in (R.TIED, R.COVER)), None)
    return events.InquiryAwarded(
        dealer_id=d.winner.dealer_id,
        price=rules.plain(d.winner.price),
        route_id=named[d.inquiry.pk][0],
        mid=None if mid is None else rules.plain(mid),
        cover=None if cover is None else rules.plain(cover),
    )
