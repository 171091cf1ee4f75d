"""How an inquiry ends: the parts that are taken, each with its route; what each dealer is told; what is free again."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.selectors import mids_of
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.tables import copy_in, update_many

from .. import events, rules
from ..inquiry_selectors import benchmarks_for, yield_at
from ..models import Award, Counter, DealerQuote, Inquiry
from ..rules import orders
from ..states import DEAD, INQUIRY_LIFE, Q
from .locks import terms_of
from .messages import Outgoing, queue_messages
from .planning import INQUIRY
from .writing import NewRoute, write_routes

R = DealerQuote.Result
NO_PRICE = (R.LATE, R.COUNTER)  # Nor is a price that we answered with another.
ZERO = Decimal(0)


class Take(NamedTuple):
    """So much, at a dealer's price."""

    quote: DealerQuote
    qty: Decimal


class Decision(NamedTuple):
    """An inquiry, its answers, and what is taken of them; where nothing is, the reason."""

    inquiry: Inquiry
    block: Block
    quotes: Sequence[DealerQuote]
    takes: Sequence[Take] = ()
    reason: str = ""

    @property
    def rest(self) -> Decimal:
        """What nobody's price is taken for."""
        return self.inquiry.qty - sum((take.qty for take in self.takes), ZERO)


class Placed(NamedTuple):
    """The route of a part that was taken, and its ClOrdID."""

    route_id: int
    cl_ord_id: str


def answers_of(quotes: Sequence[DealerQuote]) -> list[rules.Answer]:
    """Quotes as the rules look at them; a late answer is no price, nor is one that was countered."""
    return [
        rules.Answer(
            q.pk, None if q.result in NO_PRICE else q.price, q.qty, q.valid_until, q.answered_at, q.result == R.DECLINED
        )
        for q in quotes
    ]


def quotes_of(inquiries: Sequence[Inquiry]) -> dict[int, list[DealerQuote]]:
    """Inquiry id to its quotes, in the order of asking. One query."""
    answers: dict[int, list[DealerQuote]] = {i.pk: [] for i in inquiries}
    for quote in DealerQuote.objects.filter(inquiry__in=answers).order_by("pk"):
        answers[quote.inquiry_id].append(quote)
    return answers


def conclude(act: Act, decisions: Sequence[Decision]) -> int:
    """Will write the decisions: hits with their routes, what is said to the others, and the facts. Blocks are locked."""
    if not decisions:
        return 0
    for d in decisions:
        INQUIRY_LIFE.after(d.inquiry.status, events.InquiryAwarded if d.takes else events.InquiryPassed)
    mids = mids_of(d.block for d in decisions)
    placed = _hit(act, [(d, take) for d in decisions for take in d.takes], mids)
    results = {d.inquiry.pk: _results(d) for d in decisions}
    _write_decisions(act, decisions, results, mids)
    _write_awards(act, decisions, placed, results)
    queue_messages(act, [m for d in decisions for m in _messages(act, d, results[d.inquiry.pk], placed)])
    record(
        act,
        [Fact(d.inquiry.pk, d.inquiry.version + 1, _fact(d, results[d.inquiry.pk], placed, mids)) for d in decisions],
    )
    free: dict[int, Decimal] = {}
    for d in decisions:
        if d.rest:
            free[d.block.pk] = free.get(d.block.pk, ZERO) - d.rest
    if free:
        blocks.mark_placed(act, free)
    return len(decisions)


def _hit(act: Act, takes: Sequence[tuple[Decision, Take]], mids: Mapping[int, Decimal]) -> dict[int, Placed]:
    """Quote id to what was placed."""
    if not takes:
        return {}
    named = write_routes(
        act,
        [
            NewRoute(
                d.block, take.quote.dealer_id, INQUIRY, "AJ", take.qty, take.quote.price,
                mids.get(d.block.pk), "", {}, d.inquiry.trace | {"inquiry": d.inquiry.pk},
            )
            for d, take in takes
        ],
    )  # fmt: skip
    return {take.quote.pk: Placed(*name) for (_, take), name in zip(takes, named, strict=True)}


def _won(d: Decision) -> list[rules.Answer]:
    return answers_of([take.quote for take in d.takes])


def _results(d: Decision) -> dict[int, str]:
    found = rules.outcomes(d.block.side, answers_of(d.quotes), _won(d))
    return {q.pk: str(q.result if q.result in NO_PRICE else found[q.pk]) for q in d.quotes}


def _write_decisions(act: Act, decisions, results, mids) -> None:
    ids = [d.inquiry.pk for d in decisions]
    with connection.cursor() as cursor:
        update_many(
            cursor,
            "routing_inquiry",
            ids,
            {
                "status": ("text", [Q.AWARDED if d.takes else Q.PASSED for d in decisions]),
                "decided_at": ("timestamptz", [act.at] * len(ids)),
                "mid_at_decision": ("numeric", [mids.get(d.block.pk) for d in decisions]),
            },
            bump=True,
        )
        flat = {pk: result for found in results.values() for pk, result in found.items()}
        update_many(cursor, "routing_dealerquote", list(flat), {"result": ("text", list(flat.values()))})
    Counter.objects.filter(quote__inquiry__in=ids, answer=Counter.Answer.WAITING).update(
        answer=Counter.Answer.LAPSED, answered_at=act.at
    )


def _write_awards(act: Act, decisions: Sequence[Decision], placed: Mapping[int, Placed], results) -> None:
    """Each part with what it was compared with: the cover, and the benchmark as it was at that moment."""
    if not placed:
        return
    rows, against = [], benchmarks_for([d.block for d in decisions if d.takes], act.at)
    for d in decisions:
        tied = {q.price for q in d.quotes if results[d.inquiry.pk][q.pk] == R.TIED}
        cover = rules.cover_of(d.block.side, answers_of(d.quotes), _won(d))
        benchmark = against[d.block.pk].benchmark if d.block.pk in against else None
        kept = (benchmark.pk, benchmark.yield_pct) if benchmark else (None, None)
        rows += [
            (d.inquiry.pk, q.pk, placed[q.pk].route_id, qty, q.price, cover, q.price in tied, yield_at(d.block, q.price), *kept)
            for q, qty in d.takes
        ]
    with connection.cursor() as cursor:
        copy_in(
            cursor, "routing_award",
            ("inquiry_id", "quote_id", "route_id", "qty", "price", "cover_price", "is_tied", "yield_pct", "benchmark_id",
             "benchmark_yield_pct"),
            rows,
        )  # fmt: skip


def _messages(act: Act, d: Decision, results: Mapping[int, str], placed: Mapping[int, Placed]) -> list[Outgoing]:
    """A hit to each who won; cover, done away or pass to whoever else quoted. Those who did not are told nothing."""
    terms = terms_of(d.block)
    taken = {take.quote.pk: take.qty for take in d.takes}
    out = []
    for quote in d.quotes:
        if not quote.quote_ref or quote.price is None:
            continue
        ref, name = f"{quote.request_ref}-R", placed[quote.pk].cl_ord_id if quote.pk in placed else ""
        kind = orders.HIT if name else orders.COVER if results[quote.pk] == R.COVER else orders.DONE_AWAY
        kind = kind if d.takes else orders.PASS
        fields = orders.quote_response(
            ref, quote.quote_ref, kind, terms, taken.get(quote.pk, d.inquiry.qty), quote.price if name else None, name, act.at
        )
        out.append(Outgoing(quote.dealer_id, "AJ", name or ref, fields))
    return out


def _fact(d: Decision, results: Mapping[int, str], placed: Mapping[int, Placed], mids):
    if not d.takes:
        return events.InquiryPassed(reason=d.reason[:300])
    mid = mids.get(d.block.pk)
    tied = {q.price for q in d.quotes if results[q.pk] == R.TIED}
    cover = rules.cover_of(d.block.side, answers_of(d.quotes), _won(d))
    first = d.takes[0].quote
    return events.InquiryAwarded(
        dealer_id=first.dealer_id,
        price=rules.plain(first.price),
        route_id=placed[first.pk].route_id,
        mid=None if mid is None else rules.plain(mid),
        cover=None if cover is None else rules.plain(cover),
        parts=[
            {
                "dealer_id": q.dealer_id, "qty": rules.plain(qty), "price": rules.plain(q.price),
                "route_id": placed[q.pk].route_id, "is_tied": q.price in tied,
            }
            for q, qty in d.takes
        ],
        rest=rules.plain(d.rest) if d.rest else "",
    )  # fmt: skip


def end_awarded(act: Act, route_ids: Collection[int], why: str) -> None:
    """
    Will end the inquiries of hits that came to nothing elsewhere than by what their dealers said, once all their hits are over:
    traded where one of them was, else failed.
    """
    found = Award.objects.filter(route__in=route_ids).values("inquiry")
    rows = Inquiry.objects.filter(pk__in=found, status=Q.AWARDED).select_for_update(no_key=True).order_by("pk")
    ended = {i.pk: i for i in rows}
    traded: set[int] = set()
    for pk, status, cum in Award.objects.filter(inquiry__in=ended).values_list("inquiry", "route__status", "route__cum_qty"):
        if status not in DEAD:
            ended.pop(pk, None)
        elif cum:
            traded.add(pk)
    told = {
        pk: events.InquiryTraded() if pk in traded else events.InquiryFailed(reason=why) for pk in ended
    }
    statuses = [str(INQUIRY_LIFE.after(i.status, type(told[pk]))) for pk, i in ended.items()]
    with connection.cursor() as cursor:
        update_many(cursor, "routing_inquiry", list(ended), {"status": ("text", statuses)}, bump=True)
    record(act, [Fact(pk, i.version + 1, told[pk]) for pk, i in ended.items()])
