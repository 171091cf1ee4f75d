"""Booking what dealers and counterparties answer: quotes (35=S), declines (35=AG), their end (35=AI), confirmation acks (35=AU)."""

from decimal import Decimal

from .. import events, rules
from ..models import Counter, DealerQuote
from ..states import DEAD
from .batch import Batch
from .dealing import CounterRow, Hit, Said
from .rows import Heard, InquiryRow, QuoteRow, RouteRow, Unbookable

R = DealerQuote.Result
DECLINES = {
    "1": "unknown instrument", "2": "market closed", "3": "too large", "4": "too late", "5": "price not valid",
    "6": "not authorised", "7": "no match", "8": "no market", "9": "no inventory", "10": "pass", "99": "other",
}  # fmt: skip
ENDED = {"5": "rejected", "7": "expired", "9": "not found", "11": "passed", "17": "cancelled"}
"""QuoteStatus (297) of a price that cannot be taken any more."""


def book_quote(batch: Batch, message: Heard) -> None:
    """
    Will keep a dealer's price for our side, and the answer to a counter that it is; after the inquiry was decided it is kept as late.
    """
    fields = batch.fields[message.id]
    quote, inquiry = _asked(batch, message, fields.text(131))
    quote_ref = fields.text(117, 40)
    if (quote.id, quote_ref) in batch.dealing.said:
        batch.repeats[message.id] = "The same quote was heard before."
        return
    price_tag, size_tag = (133, 135) if inquiry.side == "BUY" else (132, 134)
    price, size = fields.decimal(price_tag, 8), fields.find_decimal(size_tag, 4)
    if price <= 0:
        raise Unbookable(f"Its price (tag {price_tag}) is not above zero.")
    said = Said(quote_ref, price, size or None, fields.find_time(62), fields.find(58)[:200])
    _answered(batch, message, quote, inquiry, R.QUOTED, said)


def book_decline(batch: Batch, message: Heard) -> None:
    """Will keep that a dealer gives no price, and why."""
    fields = batch.fields[message.id]
    why = DECLINES.get(fields.find(658), "")
    decline(batch, message, ": ".join(filter(None, (why, fields.find(58))))[:200], fields.text(131))


def book_quote_status(batch: Batch, message: Heard) -> None:
    """Will keep that a dealer's price is no more (35=AI): passed on our counter, rejected, expired, cancelled."""
    fields = batch.fields[message.id]
    why = ENDED.get(fields.text(297))
    if why is None:
        _asked(batch, message, fields.find(131), fields.find(693))
        batch.repeats[message.id] = "It says nothing of a quote that is not known."
        return
    decline(batch, message, ": ".join(filter(None, (why, fields.find(58))))[:200], fields.find(131), fields.find(693))


def decline(batch: Batch, message: Heard, text: str, *refs: str) -> None:
    """
    :param refs: by which the quote may be named: QuoteReqID, or the QuoteRespID of a counter to it
    """
    quote, inquiry = _asked(batch, message, *refs)
    if quote.result == R.DECLINED:
        batch.repeats[message.id] = "The dealer declined before."
        return
    _answered(batch, message, quote, inquiry, R.DECLINED, Said(quote.quote_ref, None, None, quote.valid_until, text))


def _asked(batch: Batch, message: Heard, *refs: str) -> tuple[QuoteRow, InquiryRow]:
    quote = batch.dealing.quote_named(*refs)
    if quote is None:
        raise Unbookable(f"No inquiry of ours has QuoteReqID {next(filter(None, refs), '(none)')}.")
    if quote.dealer_id != message.broker_id:
        raise Unbookable(f"QuoteReqID {quote.request_ref} was sent to another dealer.")
    return quote, batch.dealing.inquiries[quote.inquiry_id]


def _answered(batch: Batch, message: Heard, quote: QuoteRow, inquiry: InquiryRow, result: str, said: Said) -> None:
    """Every answer is kept. What an inquiry was decided by is not changed any more: of those who owed an answer it is late."""
    batch.dealing.keep_level(quote.id, said, message.at)
    is_open = inquiry.status == "COLLECTING"
    if is_open or quote.result in (R.ASKED, R.SILENT, R.COUNTER):
        quote.result = result if is_open else R.LATE
        quote.quote_ref, quote.price, quote.qty, quote.valid_until, quote.text = said
        quote.answered_at = batch.act.at
        quote.is_changed = True
    if counter := batch.dealing.counter_answered(quote, batch.fields[message.id].find(693)):
        counter.answered(_answer_to(counter, said.price, inquiry.side), batch.act.at)
    price = rules.plain(said.price) if said.price is not None else None
    batch.inquiry_happens(inquiry, events.InquiryQuoted(dealer_id=quote.dealer_id, price=price))


def _answer_to(counter: CounterRow, price: Decimal | None, side: str) -> str:
    if price is None:
        return Counter.Answer.PASSED
    return Counter.Answer.REQUOTED if rules.is_worse(side, price, counter.price) else Counter.Answer.MET


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
    """Will end the inquiry of which this route is a hit, once dealers have answered all of them: traded where one was, else failed."""
    inquiry = batch.dealing.inquiry_of_route.get(route.id)
    if inquiry is None or inquiry.status != "AWARDED" or route.status not in DEAD:
        return
    hits = batch.dealing.hits[inquiry.id]
    hits[route.id] = Hit(is_over=True, has_traded=bool(route.cum_qty))
    if not all(hit.is_over for hit in hits.values()):
        return
    if any(hit.has_traded for hit in hits.values()):
        batch.inquiry_happens(inquiry, events.InquiryTraded())
    else:
        batch.inquiry_happens(inquiry, events.InquiryFailed(reason=route.text))
