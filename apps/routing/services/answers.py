"""Booking what dealers and counterparties answer: quotes (35=S), declines (35=AG), confirmation acks (35=AU)."""

from .. import events, rules
from ..models import DealerQuote
from ..states import DEAD
from .batch import Batch
from .rows import Heard, InquiryRow, QuoteRow, RouteRow, Unbookable

R = DealerQuote.Result
DECLINES = {
    "1": "unknown instrument", "2": "market closed", "3": "too large", "4": "too late", "5": "price not valid",
    "6": "not authorised", "7": "no match", "8": "no market", "9": "no inventory", "10": "pass", "99": "other",
}  # fmt: skip


def book_quote(batch: Batch, message: Heard) -> None:
    """Will keep a dealer's price for our side; after the inquiry was decided it is kept as late."""
    fields = batch.fields[message.id]
    quote, inquiry = _asked(batch, message, fields.text(131))
    quote_ref = fields.text(117, 40)
    if quote.quote_ref == quote_ref:
        batch.repeats[message.id] = "The same quote was heard before."
        return
    price_tag, size_tag = (133, 135) if inquiry.side == "BUY" else (132, 134)
    price, size = fields.decimal(price_tag, 8), fields.find_decimal(size_tag, 4)
    if price <= 0:
        raise Unbookable(f"Its price (tag {price_tag}) is not above zero.")
    quote.quote_ref, quote.price, quote.qty = quote_ref, price, size or None
    quote.valid_until, quote.text = fields.find_time(62), fields.find(58)[:200]
    _answered(batch, message, quote, inquiry, R.QUOTED)


def book_decline(batch: Batch, message: Heard) -> None:
    """Will keep that a dealer gives no price, and why."""
    fields = batch.fields[message.id]
    why = DECLINES.get(fields.find(658), "")
    decline(batch, message, fields.text(131), ": ".join(filter(None, (why, fields.find(58))))[:200])


def decline(batch: Batch, message: Heard, request_ref: str, text: str) -> None:
    quote, inquiry = _asked(batch, message, request_ref)
    if quote.result == R.DECLINED:
        batch.repeats[message.id] = "The dealer declined before."
        return
    quote.price, quote.qty, quote.text = None, None, text
    _answered(batch, message, quote, inquiry, R.DECLINED)


def _asked(batch: Batch, message: Heard, request_ref: str) -> tuple[QuoteRow, InquiryRow]:
    quote = batch.quotes.get(request_ref)
    if quote is None:
        raise Unbookable(f"No inquiry of ours has QuoteReqID {request_ref}.")
    if quote.dealer_id != message.broker_id:
        raise Unbookable(f"QuoteReqID {request_ref} was sent to another dealer.")
    return quote, batch.inquiries[quote.inquiry_id]


def _answered(batch: Batch, message: Heard, quote: QuoteRow, inquiry: InquiryRow, result: str) -> None:
    is_open = inquiry.status == "COLLECTING"
    if is_open or quote.result in (R.ASKED, R.SILENT):
        quote.result = result if is_open else R.LATE
    quote.answered_at = batch.act.at
    quote.is_changed = True
    price = rules.plain(quote.price) if quote.price is not None else None
    batch.inquiry_happens(inquiry, events.InquiryQuoted(dealer_id=quote.dealer_id, price=price))


def book_post_trade(batch: Batch, message: Heard) -> None:
    """Will tell settlement what a counterparty answered to a confirmation (35=AU)."""
    fields = batch.fields[message.id]
    reason = fields.find(774)
    answer = events.PostTradeHeard(
        broker_id=message.broker_id,
        msg_type=message.msg_type,
        ref=fields.text(664),
        answer=fields.text(940),
        text=": ".join(filter(None, (reason, fields.find(58))))[:200],
    )
    batch.message_happens(message, answer)


def settle_inquiry(batch: Batch, route: RouteRow) -> None:
    """Will end the inquiry whose hit this route is, once the dealer has answered it: traded, or failed."""
    inquiry = batch.inquiry_of_route.get(route.id)
    if inquiry is None or inquiry.status != "AWARDED" or route.status not in DEAD:
        return
    if route.cum_qty:
        batch.inquiry_happens(inquiry, events.InquiryTraded())
    else:
        batch.inquiry_happens(inquiry, events.InquiryFailed(reason=route.text))
