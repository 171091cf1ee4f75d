"""
A dealer in bonds and currencies: quotes an inquiry around its own view of the market, and trades on its quote when hit.

Dealers differ because their inventories do. For each bond and side there is at any time one dealer most eager for
the other side of the client's trade (long what the client buys, short what it sells), who shades his quote through
the mid; the next is a little eager, and the rest want their spread. Who that is changes with the day and the
seed. A client who asks several finds the eager one more often than not: asking four of the five of
this street, the best quote lies on average some five basis points of price on the client's side of mid.
"""

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from .book import Book
from .clock import SESSION_SECONDS
from .market import Market
from .orders import OTHER_REJECT, ZERO, Order, Report, Terms
from .universe import DEALERS, Instrument

EAGER_BP = (-6.0, -2.5)  # What the most and the second most eager dealer give away, in bp of price against mid.
EAGER_NOISE_BP = 1.2
SPREADS = (0.6, 1.0, 1.4)  # What the others ask for, in half spreads.
SPREAD_NOISE = 0.2
FX_EAGERNESS = 0.03  # Of what a dealer gives away in a bond; currencies are quoted in tenths of a basis point.
DECLINE_PROBABILITY = 0.03
DELAY_SECONDS = (2.0, 12.0)  # Simulated.
NO_INVENTORY, UNKNOWN_SYMBOL = 9, 1  # QuoteRequestRejectReason(658).
ROOM_BP = (0.5, 3.0)  # By how much of price a dealer may still be moved, drawn for each quote.
MEETS_HALFWAY = 0.7  # How often one who is asked for more gives all the room there is; else it passes.


@dataclass(frozen=True)
class Inquiry:
    """
    What a QuoteRequest asks; `side` as the client's (1 buy, 2 sell, empty both), until when an answer is of use; `settles`
    as SettlDate (64), where it says one.
    """

    quote_req_id: str
    isin: str
    symbol: str
    side: str
    qty: Decimal
    expire_at: datetime | None = None
    valid_until: datetime | None = None
    settles: str = ""


@dataclass(frozen=True)
class DealerQuote:
    """Prices in percent of par; None on the side that was not asked."""

    quote_id: str
    inquiry: Inquiry
    instrument: Instrument
    bid: Decimal | None
    offer: Decimal | None
    valid_until: datetime
    at: datetime
    outcome: str = ""
    responds_to: str = ""


@dataclass(frozen=True)
class Decline:
    """A QuoteRequestReject; `reason` as in tag 658."""

    inquiry: Inquiry
    reason: int
    text: str


@dataclass(frozen=True)
class Hit:
    """A QuoteResponse: `kind` 1 hit or lift, 2 counter, 4 cover, 5 done away, 6 pass; a counter's `ref` is its QuoteRespID."""

    quote_id: str
    kind: str
    terms: Terms | None = None
    ref: str = ""


@dataclass(frozen=True)
class Indication:
    """An IOI: `kind` N new, C no more (of `of`); `side` as the dealer's (1 buys, 2 sells)."""

    ioi_id: str
    kind: str
    instrument: Instrument
    side: str
    qty: Decimal
    price: Decimal | None
    valid_until: datetime
    at: datetime
    of: str = ""


@dataclass(frozen=True)
class Pass:
    """A QuoteStatusReport: the client's counter is not met, and the quote it was to is no more."""

    inquiry: Inquiry
    quote_id: str
    responds_to: str
    text: str


class Dealer:
    """:param quote_life: real seconds for which a quote is firm, if the inquiry does not say less"""

    def __init__(self, book: Book, market: Market, *, seed: int, quote_life: float = 60.0):
        self.book = book
        self.market = market
        self.quote_life = quote_life
        self.decline_next = 0
        self.quotes: dict[str, DealerQuote] = {}
        self.indications: dict[str, Indication] = {}
        self._seed = seed
        self._waiting: list[tuple[float, Inquiry]] = []
        self._asked: dict[str, DealerQuote | Decline] = {}
        self.counter_next: list[str] = []  # How the next counters are answered: accept, requote or pass; else as drawn.
        self.size_next: list[Decimal] = []  # For what part of what is asked the next quotes are good; else all.
        self._countered: list[tuple[float, Hit]] = []
        self._heard: set[str] = set()

    @property
    def code(self) -> str:
        return self.book.party.code

    def inquire(self, inquiry: Inquiry) -> list[DealerQuote | Decline]:
        """Will answer after a delay; an inquiry repeated under its id gets the answer it had."""
        if inquiry.quote_req_id in self._asked:
            return [self._asked[inquiry.quote_req_id]]
        if any(waiting.quote_req_id == inquiry.quote_req_id for _, waiting in self._waiting):
            return []
        delay = self._draws(inquiry.quote_req_id, "delay").uniform(*DELAY_SECONDS)
        self._waiting.append((self.market.now + delay, inquiry))
        return []

    def step(self) -> list[DealerQuote | Decline | Pass]:
        """The answers whose time has come, in order of time; none where the client has stopped listening."""
        due = sorted((row for row in self._waiting if row[0] <= self.market.now), key=lambda row: row[0])
        self._waiting = [row for row in self._waiting if row[0] > self.market.now]
        answers = []
        for _, inquiry in due:
            if inquiry.expire_at and self.book.utc() > inquiry.expire_at:
                continue
            answer = self._answer(inquiry)
            self._asked[inquiry.quote_req_id] = answer
            answers.append(answer)
        heard = [row for row in self._countered if row[0] <= self.market.now]
        self._countered = [row for row in self._countered if row[0] > self.market.now]
        return answers + [self._to_counter(hit) for _, hit in sorted(heard, key=lambda row: row[0])]

    def _to_counter(self, hit: Hit) -> DealerQuote | Pass:
        """
        The answer to a counter: its price, where the room of the quote allows it; else mostly what it allows; else a pass.
        """
        quote, terms = self.quotes[hit.quote_id], hit.terms
        draws = self._draws(hit.ref, "counter")
        theirs = quote.offer if terms.buying else quote.bid
        room = theirs * Decimal(draws.uniform(*ROOM_BP)) / 10000
        last = theirs - room if terms.buying else theirs + room
        how = self.counter_next.pop(0) if self.counter_next else ""
        if how == "accept" or not how and (terms.limit >= last if terms.buying else terms.limit <= last):
            return self._anew(quote, hit, terms.limit)
        if how == "requote" or not how and draws.random() < MEETS_HALFWAY:
            ticks = (last / quote.instrument.tick).to_integral_value(ROUND_HALF_EVEN)
            return self._anew(quote, hit, ticks * quote.instrument.tick)
        return Pass(quote.inquiry, quote.quote_id, hit.ref, "Cannot do better.")

    def _anew(self, quote: DealerQuote, hit: Hit, price: Decimal) -> DealerQuote:
        now = self.book.utc()
        until = now + timedelta(seconds=self.quote_life)
        if quote.inquiry.valid_until:
            until = min(until, quote.inquiry.valid_until)
        buying = hit.terms.buying
        made = replace(
            quote, quote_id=self.book.ids(), inquiry=replace(quote.inquiry, qty=hit.terms.qty), bid=None if buying else price,
            offer=price if buying else None, valid_until=until, at=now, outcome="", responds_to=hit.ref,
        )  # fmt: skip
        self.quotes[made.quote_id] = made
        return made

    def _answer(self, inquiry: Inquiry) -> DealerQuote | Decline:
        instrument = self.market.universe.find(inquiry.isin, inquiry.symbol)
        if instrument is None:
            text = f"{inquiry.isin or inquiry.symbol} is not traded here."
            return Decline(inquiry, UNKNOWN_SYMBOL, text)
        draws = self._draws(inquiry.quote_req_id, "quote")
        if self.decline_next or draws.random() < DECLINE_PROBABILITY:
            self.decline_next = max(0, self.decline_next - 1)
            return Decline(inquiry, NO_INVENTORY, "No inventory.")
        now = self.book.utc()
        until = now + timedelta(seconds=self.quote_life)
        if inquiry.valid_until:
            until = min(until, inquiry.valid_until)
        mid = float(self.market.quote(instrument).mid) * self._forward(instrument, inquiry.settles, now.date())
        if self.size_next:
            inquiry = replace(inquiry, qty=inquiry.qty * self.size_next.pop(0))
        quote = DealerQuote(
            quote_id=self.book.ids(),
            inquiry=inquiry,
            instrument=instrument,
            bid=self._price(instrument, mid, "2", draws) if inquiry.side != "1" else None,
            offer=self._price(instrument, mid, "1", draws) if inquiry.side not in ("2", "5") else None,
            valid_until=until,
            at=now,
        )
        self.quotes[quote.quote_id] = quote
        return quote

    def _forward(self, instrument: Instrument, settles: str, today: date) -> float:
        """For a later day than spot, here two weekdays from today, what the spot price is multiplied with."""
        if not (instrument.is_fx and settles):
            return 1.0
        spot = today + timedelta(days=(2, 2, 2, 4, 4, 3, 2)[today.weekday()])
        return self.market.universe.forward(instrument, (date.fromisoformat(settles) - spot).days)

    def _price(self, instrument: Instrument, mid: float, client_side: str, draws: random.Random) -> Decimal:
        """Mid, and on it what this dealer wants from a client of this side, on the tick."""
        rank = eagerness(self._seed, instrument.symbol, client_side, self.market.now).index(self.code)
        half = instrument.spread_bp / 2
        if rank < len(EAGER_BP):
            wanted = draws.gauss(EAGER_BP[rank], EAGER_NOISE_BP) * (FX_EAGERNESS if instrument.is_fx else 1)
        else:
            wanted = half * max(0.1, draws.gauss(SPREADS[rank - len(EAGER_BP)], SPREAD_NOISE))
        worse = wanted if client_side == "1" else -wanted
        price = mid * (1 + worse / 10000)
        ticks = (Decimal(price) / instrument.tick).to_integral_value(ROUND_HALF_EVEN)
        return ticks * instrument.tick

    def indicate(self, instrument: Instrument, side: str, qty: Decimal, seconds: float = 3600.0) -> Indication:
        """Will say that it would buy (1) or sell (2), at its price of the moment."""
        draws = self._draws(self.book.ids(), "axe")
        price = self._price(instrument, float(self.market.quote(instrument).mid), "2" if side == "1" else "1", draws)
        now = self.book.utc()
        made = Indication(self.book.ids(), "N", instrument, side, qty, price, now + timedelta(seconds=seconds), now)
        self.indications[made.ioi_id] = made
        return made

    def withdraw(self, ioi_id: str) -> Indication:
        """:raises KeyError: where there is no such indication"""
        return replace(self.indications.pop(ioi_id), ioi_id=self.book.ids(), kind="C", of=ioi_id, at=self.book.utc())

    def respond(self, hit: Hit, *, poss_resend: bool = False) -> list[Report]:
        """
        Will trade if the quote is hit in time, all or a part of it; think about a counter; a cover, done away or pass closes the
        quote without a word.

        :returns: the fill (150=F, 39=2), or a rejection that says what is wrong with the hit
        """
        quote = self.quotes.get(hit.quote_id)
        if hit.kind == "2":
            self._counter(quote, hit)
            return []
        if hit.kind != "1":
            if quote:
                self.quotes[quote.quote_id] = replace(quote, outcome=quote.outcome or hit.kind)
            return []
        terms = hit.terms
        if terms.cl_ord_id in self.book.by_cl_ord_id:
            order = self.book.by_cl_ord_id[terms.cl_ord_id]
            return [self.book.state(order)] if poss_resend else self.book.again(terms, poss_resend)
        problem = self._problem(quote, terms)
        if problem:
            return [self.book.refuse(terms, OTHER_REJECT, problem)]
        price = quote.offer if terms.buying else quote.bid
        self.quotes[quote.quote_id] = replace(quote, outcome="1")
        known = replace(terms, isin=quote.instrument.isin, symbol=quote.instrument.symbol, mic=quote.instrument.mic)
        order = self.book.open(known, quote.instrument, quote_id=quote.quote_id)
        return [self.book.fill(order, terms.qty, price)]

    def _counter(self, quote: DealerQuote | None, hit: Hit) -> None:
        """Will answer after a delay, and the quote is no more; a repeated one is answered once, one to a quote that is over never."""
        if quote is None or quote.outcome or hit.ref in self._heard or hit.terms.limit is None:
            return
        self._heard.add(hit.ref)
        self.quotes[quote.quote_id] = replace(quote, outcome="2")
        delay = self._draws(hit.ref, "delay").uniform(*DELAY_SECONDS)
        self._countered.append((self.market.now + delay, hit))

    def _problem(self, quote: DealerQuote | None, terms: Terms) -> str:
        if quote is None:
            return "The quote is not known here."
        if quote.outcome:
            return "The quote has been answered before."
        if self.book.utc() > quote.valid_until:
            return "The quote has expired; ask again."
        price = quote.offer if terms.buying else quote.bid
        if price is None:
            return "The quote was not for this side."
        if terms.limit is not None and terms.limit != price:
            return f"The quote was {price}, not {terms.limit}."
        if not ZERO < terms.qty <= quote.inquiry.qty:
            return f"The quote was for {quote.inquiry.qty}, not {terms.qty}."
        return ""

    def status(self, terms: Terms) -> Report:
        order: Order | None = self.book.by_cl_ord_id.get(terms.cl_ord_id)
        return self.book.state(order) if order else self.book.unknown_state(terms)

    def new_order(self, terms: Terms, *, poss_resend: bool = False) -> list[Report]:
        """A dealer takes no orders: it says so, once and again."""
        if terms.cl_ord_id in self.book.by_cl_ord_id:
            return self.book.again(terms, poss_resend)
        return [self.book.refuse(terms, OTHER_REJECT, f"{self.code} trades by inquiry: send a QuoteRequest.")]

    def recover(self) -> None:
        """Trades come back from the journal. Quotes do not: those open at a restart have lapsed."""
        self.book.recover(self.market.universe.find)

    def _draws(self, *of: str) -> random.Random:
        return random.Random("/".join((str(self._seed), self.code, *of)))


def eagerness(seed: int, symbol: str, client_side: str, now: float) -> list[str]:
    """The dealers from most to least eager to take the other side, in this session of the market."""
    order = list(DEALERS)
    random.Random(f"{seed}/{symbol}/{client_side}/{int(now // SESSION_SECONDS)}").shuffle(order)
    return order
