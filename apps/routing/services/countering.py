"""A trader answers a dealer's price with one of ours; the dealer quotes anew, at our price or another, or passes."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.reference.rules import is_multiple
from apps.users.services import require

from .. import rules
from ..inquiry_events import InquiryCountered
from ..models import Counter, DealerQuote, Inquiry
from ..rules import orders
from ..states import INQUIRY_LIFE
from .concluding import answers_of
from .counterparties import bars_of, refuse_barred
from .gate import halts_in_force, refuse_halted
from .locks import lock_inquiry, terms_of
from .messages import Outgoing, queue_messages
from .taking import OutsideLimit, QuoteEnded

R = DealerQuote.Result


class CounterWaits(Conflict):
    """The dealer has not answered our last price yet."""


class BadCounter(Invalid):
    """A price or quantity that a dealer's price cannot be answered with."""


@transaction.atomic
def counter_quote(
    act: Act, quote_id: int, *, price: Decimal, seen: Mapping[int, int], qty: Decimal | None = None
) -> Counter:
    """
    Will answer a dealer's price with ours (35=AJ, 694=2; 537=0: it binds nobody). The dealer's price is not taken from then on;
    what the dealer says next is: a new price, ours among them, or nothing.

    :param qty: of how much; all that was asked for where None
    :raises StaleInquiry: where another answer came meanwhile; :raises IllegalMove: where it was decided
    :raises CounterWaits: where the dealer owes an answer to the last one; :raises QuoteEnded: where the dealer's price has ended
    :raises BadCounter: where ours is no better for us than theirs, or off the instrument's steps
    :raises OutsideLimit: where even ours is outside the block's limit
    :raises RoutingHalted, BarredBroker: as for an award
    """
    user = require(act, "routing.route")
    standing = halts_in_force()
    inquiry_id = DealerQuote.objects.filter(pk=quote_id).values_list("inquiry_id", flat=True).first()
    if inquiry_id is None:
        raise NotFound("There is no such quote.")
    inquiry, block = lock_inquiry(user, inquiry_id, seen)
    blocks.refuse_owned_by_others(user, [block])
    inquiry.status = INQUIRY_LIFE.after(inquiry.status, InquiryCountered)
    quote = DealerQuote.objects.select_related("dealer").get(pk=quote_id)
    qty = inquiry.qty if qty is None else qty
    _refuse_unanswerable(act, quote)
    refuse_halted(act, standing, [(block, quote.dealer_id, "")])
    refuse_barred(bars_of(act, [block]), [(block, quote.dealer_id)])
    _refuse_bad(inquiry, block, quote, price, qty)
    count = quote.counters.count()
    made = Counter.objects.create(
        quote=quote, ref=f"{quote.request_ref}-C{count + 1}", quote_ref=quote.quote_ref, quoted_price=quote.price, price=price,
        qty=qty, at=act.at,
    )  # fmt: skip
    quote.result = R.COUNTER
    quote.save(update_fields=["result"])
    inquiry.version += 1
    inquiry.save(update_fields=["status", "version"])
    fields = orders.quote_response(made.ref, made.quote_ref, orders.COUNTER, terms_of(block), qty, price, made.ref, act.at)
    queue_messages(act, [Outgoing(quote.dealer_id, "AJ", made.ref, fields)])
    said = InquiryCountered(quote.dealer_id, rules.plain(price), rules.plain(qty), rules.plain(made.quoted_price))
    record(act, [Fact(inquiry.pk, inquiry.version, said)])
    return made


def _refuse_unanswerable(act: Act, quote: DealerQuote) -> None:
    if quote.result == R.COUNTER or quote.counters.filter(answer=Counter.Answer.WAITING).exists():
        raise CounterWaits(f"{quote.dealer.name} has not answered our last price yet.")
    (answer,) = answers_of([quote])
    if not rules.is_good(answer, act.at):
        raise QuoteEnded(f"{quote.dealer.name} has no price that is still good. Ask again.")


def _refuse_bad(inquiry: Inquiry, block: Block, quote: DealerQuote, price: Decimal, qty: Decimal) -> None:
    i = block.instrument
    if price <= 0 or not is_multiple(price, i.tick_size):
        raise BadCounter(f"The price must be a multiple of {rules.plain(i.tick_size)} above zero.", field="price")
    if not rules.is_worse(block.side, quote.price, price):
        raise BadCounter(
            f"{quote.dealer.name} gives {rules.plain(quote.price)}, which is as good for us: take it instead.", field="price"
        )
    if qty <= 0 or not is_multiple(qty, i.increment) or qty < min(i.min_piece, inquiry.qty):
        raise BadCounter(
            f"The quantity must be a multiple of {rules.plain(i.increment)}, {rules.plain(i.min_piece)} at least.", field="qty"
        )
    if qty > inquiry.qty or "cash_qty" in block.terms and qty != inquiry.qty:
        raise BadCounter(f"{rules.plain(inquiry.qty)} was asked for.", field="qty")
    if problem := rules.outside_limit(block.side, price, block.limit_price):
        raise OutsideLimit(problem)
