"""A trader takes dealers' prices: the best or another, all of it or in parts, of one inquiry or of a list of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction

from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.compliance.services import Finding
from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.reference.rules import is_multiple
from apps.users.services import require

from .. import events, rules
from ..models import DealerQuote, Inquiry
from ..states import INQUIRY_LIFE
from .awarding import ask_of
from .concluding import ZERO, Decision, Take, answers_of, conclude, quotes_of
from .controls import refuse_beyond_limits
from .counterparties import bars_of, refuse_barred
from .gate import halts_in_force, refuse_halted
from .locks import lock_inquiries

Shares = Mapping[int, Decimal | None]
"""Quote id to how much is taken of it; None: all that was asked for."""


class QuoteEnded(Conflict):
    """The quote is no longer good, or not for the quantity."""


class NotTheBest(Invalid):
    """Other prices are better for us; taking these asks for a reason."""


class OutsideLimit(Conflict):
    """The price is outside the block's limit."""


class BadShare(Invalid):
    """A part that cannot be taken: not a multiple of the instrument's step, too small, or together more than was asked for."""


def award_inquiry(
    act: Act, inquiry_id: int, *, seen: Mapping[int, int], quote_id: int | None = None, shares: Shares | None = None
) -> Sequence[Finding]:
    """Will take a dealer's price at once, or several in parts: ``award_inquiries`` of one."""
    return award_inquiries(act, {inquiry_id: shares or ({quote_id: None} if quote_id is not None else None)}, seen=seen)


class Awarded(NamedTuple):
    """
    What became of a list.

    :param taken: ids of the inquiries of which the best price was taken; :param left: of the others why not
    :param stopped: as ``award_inquiries`` returns; then nothing was taken
    """

    taken: list[int]
    left: dict[int, str]
    stopped: Sequence[Finding] = ()


@transaction.atomic
def award_at_best(act: Act, inquiry_ids: Sequence[int], *, seen: Mapping[int, int]) -> Awarded:
    """
    Will take of each inquiry the best price that is good for all of it, and leave those without one, or with none inside the
    block's limit, as they are. The number of statements does not grow with them.

    :raises StaleInquiry, IllegalMove, BeyondLimit, BarredBroker, RoutingHalted, NotChecked, NoLocate, InPenaltyBox: as
        ``award_inquiries``
    :raises QuoteEnded: where none of them has a price to take
    """
    user = require(act, "routing.route")
    halts_in_force()  # Before anything is locked, or whoever presses the kill switch waits for us and we for them.
    inquiries, found = lock_inquiries(user, inquiry_ids, seen)
    answers = quotes_of(list(inquiries.values()))
    left = {}
    for pk, inquiry in inquiries.items():
        block = found[inquiry.block_id]
        best = rules.best_of(block.side, inquiry.qty, answers_of(answers[pk]), act.at)
        problem = rules.outside_limit(block.side, best.price, block.limit_price) if best else "No price is good for all of it."
        if problem:
            left[pk] = problem
    taken = [pk for pk in inquiries if pk not in left]
    if not taken:
        raise QuoteEnded("None of these has a price that can be taken. Ask again.")
    return Awarded(taken, left, award_inquiries(act, dict.fromkeys(taken), seen=seen))


@transaction.atomic
def award_inquiries(
    act: Act, wanted: Mapping[int, Shares | None], *, seen: Mapping[int, int]
) -> Sequence[Finding]:
    """
    Will take dealers' prices at once, for the trader, all of the inquiries or none: of each the best price, or others with a
    reason, whole or in parts. What is left of one is free again. Where a rule that is asked at the route does not let an order out,
    no price is taken: the inquiries go on, and compliance looks at the order. The number of statements does not grow with them.

    :param wanted: of each inquiry what is taken; None: all of it at the best price
    :returns: what keeps the prices from being taken; ``stopped_at_route`` says it as a refusal, after the commit
    :raises StaleInquiry: where another answer came meanwhile; :raises IllegalMove: where one was decided
    :raises QuoteEnded: where a quote is no longer good, or not for its part; :raises BadShare: for parts that cannot be
    :raises NotTheBest: for others than the best without a reason
    :raises OutsideLimit: where a price is outside the block's limit; :raises BeyondLimit: where it is beyond a trading limit
    :raises BarredBroker: where a portfolio of a block does not trade with the dealer any more
    :raises RoutingHalted: where the kill switch is pressed for a block's desk, the dealer, the actor or the firm
    :raises NotChecked: where an order of a block is not what compliance let through
    :raises NoLocate, InPenaltyBox: where one sells short of what is not located, or not borrowed where that is needed
    """
    user = require(act, "routing.route")
    standing = halts_in_force()
    inquiries, found = lock_inquiries(user, list(wanted), seen)
    blocks.refuse_owned_by_others(user, found.values())
    for inquiry in inquiries.values():
        INQUIRY_LIFE.after(inquiry.status, events.InquiryAwarded)
    answers = quotes_of(list(inquiries.values()))
    decisions = [
        Decision(i, found[i.block_id], answers[pk], _takes(act, i, found[i.block_id], answers[pk], wanted[pk]))
        for pk, i in inquiries.items()
    ]
    towards = [(d.block, take.quote.dealer_id) for d in decisions for take in d.takes]
    refuse_halted(act, standing, [(block, dealer, "") for block, dealer in towards])
    refuse_barred(bars_of(act, found.values()), towards)
    for decision in decisions:
        _refuse_poor(act, decision)
    refuse_beyond_limits(act, [(d.block, take.qty, take.quote.price) for d in decisions for take in d.takes])
    dealers: dict[int, set[int]] = {}
    for block, dealer in towards:
        dealers.setdefault(block.pk, set()).add(dealer)
    if stopped := ask_of(act, found, dealers):
        return stopped
    conclude(act, decisions)
    return ()


def _takes(act: Act, inquiry: Inquiry, block: Block, quotes: Sequence[DealerQuote], shares: Shares | None) -> list[Take]:
    """
    What is wished, the best price first.

    :raises NotFound, QuoteEnded, BadShare: where there is no such quote, no price at all, or the parts cannot be
    """
    by_id = {q.pk: q for q in quotes}
    if shares is None:
        best = rules.best_of(block.side, inquiry.qty, answers_of(quotes), act.at)
        if best is None:
            raise QuoteEnded(f"No dealer gave a price for {inquiry.ref} that is still good for the quantity. Ask again.")
        return [Take(by_id[best.id], inquiry.qty)]
    if not shares.keys() <= by_id.keys():
        raise NotFound("This quote is not an answer to the inquiry.")
    takes = [Take(by_id[pk], inquiry.qty if qty is None else qty) for pk, qty in shares.items()]
    _refuse_bad_shares(inquiry, block, takes)
    order = {a.id: n for n, a in enumerate(rules.ranked(block.side, answers_of([t.quote for t in takes])))}
    return sorted(takes, key=lambda t: order.get(t.quote.pk, len(order)))


def _refuse_bad_shares(inquiry: Inquiry, block: Block, takes: Sequence[Take]) -> None:
    i = block.instrument
    total = sum((t.qty for t in takes), ZERO)
    if total > inquiry.qty:
        raise BadShare(
            f"The parts come to {rules.plain(total)}, more than the {rules.plain(inquiry.qty)} that was asked for.", field="shares"
        )
    if "cash_qty" in block.terms and total != inquiry.qty:
        raise BadShare(f"{block.ref} is by amount, which is dealt as a whole with one dealer.", field="shares")
    for take in takes:
        if take.qty <= 0 or not is_multiple(take.qty, i.increment):
            raise BadShare(f"A part must be a multiple of {rules.plain(i.increment)} above zero.", field="shares")
        if take.qty < min(i.min_piece, inquiry.qty):
            raise BadShare(f"The smallest piece of {i.symbol} is {rules.plain(i.min_piece)}.", field="shares")


def _refuse_poor(act: Act, d: Decision) -> None:
    """:raises QuoteEnded, NotTheBest, OutsideLimit: where a price cannot be taken, or better ones are there and no reason is"""
    side, answers = d.block.side, answers_of(d.quotes)
    parts = [rules.Part(a, t.qty) for t, a in zip(d.takes, answers_of([t.quote for t in d.takes]), strict=True)]
    for part in parts:
        if not rules.is_good(part.answer, act.at) or part.answer.qty is not None and part.answer.qty < part.qty:
            raise QuoteEnded("This quote has ended, or is not for the whole quantity. Take another, or ask again.")
    if not act.reason.strip():
        _refuse_worse(side, d, parts, answers, act)
    for take in d.takes:
        if problem := rules.outside_limit(side, take.quote.price, d.block.limit_price):
            raise OutsideLimit(problem)


def _refuse_worse(side: str, d: Decision, parts: Sequence[rules.Part], answers: Sequence[rules.Answer], act: Act) -> None:
    """Of one dealer the price is compared with whoever is good for the whole; of parts their value with that of the best parts."""
    i, total = d.block.instrument, sum((part.qty for part in parts), ZERO)
    if len(parts) == 1:
        best = rules.best_of(side, total, answers, act.at)
        if best is not None and rules.is_worse(side, parts[0].answer.price, best.price):
            raise NotTheBest(f"The best price is {rules.plain(best.price)}. Say why you take another.", field="reason")
        return
    best_parts = rules.best_parts(side, total, answers, act.at, step=i.increment, least=i.min_piece)
    if sum((part.qty for part in best_parts), ZERO) == total and rules.is_worse(
        side, rules.value_of(parts), rules.value_of(best_parts)
    ):
        said = ", ".join(f"{rules.plain(p.qty)} at {rules.plain(p.answer.price)}" for p in best_parts)
        raise NotTheBest(f"The best prices for it are {said}. Say why you take others.", field="reason")
