"""
How figures, times and states are shown on pages: ``{% load show %}``.

Every number filter takes a Decimal, Fraction, int, float or numeric text; ``None`` and ``""`` show as an en dash.
Thousands are separated by commas, the decimals are fixed, the rounding is half-up, a negative has a true
minus (U+2212), and what rounds to zero has no sign.

The drawn parts (``status``, ``side``, ``fillbar``, ``limitbar``, ``driftbar``) are tags, because a blotter draws
thousands of them; ``components/<name>.html`` wraps each for ``include``. None writes a style attribute: the
Content-Security-Policy forbids it, so widths are SVG attributes.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.money import rounded
from apps.orders.rules import side_word, unit_of

from .. import bars
from ..figures import MINUS, fixed, read_number

register = template.Library()

NONE = "–"
SIGNS = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥"}
PLACES = {"JPY": 0, "KRW": 0}  # ISO 4217 minor units; every other currency the desk trades has 2.


def _in_currency(figure: str, currency: str | None) -> str:
    """$1.00, −$1.00 and CHF 1.00, −CHF 1.00: the sign stands before the currency."""
    if not currency:
        return figure
    mark = SIGNS.get(currency) or f"{currency}\N{NO-BREAK SPACE}"
    lead = figure[0] if figure[0] in f"+{MINUS}" else ""
    return f"{lead}{mark}{figure[len(lead) :]}"


@register.filter
def money(value, currency: str | None = None) -> str:
    """An amount to its currency's minor unit: ``{{ amount|money:"USD" }}`` is $1,234.50; no currency, 1,234.50."""
    number = read_number(value)
    return NONE if number is None else _in_currency(fixed(number, PLACES.get(currency or "", 2)), currency)


@register.filter
def money0(value, currency: str | None = None) -> str:
    """An amount to the whole unit: $1,235."""
    number = read_number(value)
    return NONE if number is None else _in_currency(fixed(number, 0), currency)


@register.filter
def money_short(value, currency: str | None = None) -> str:
    """An amount for a headline: $950, $87.4K, $9.5M, $2.00B."""
    number = read_number(value)
    if number is None:
        return NONE
    for unit, letter, places in ((1, "", 0), (10**3, "K", 1), (10**6, "M", 1), (10**9, "B", 2)):
        figure = fixed(number / unit, places) + letter
        if rounded(abs(number) / unit, places) < 1000:
            break
    return _in_currency(figure, currency)


@register.filter
def signed_money(value, currency: str | None = None) -> str:
    """A gain or a loss to the whole unit, with its sign: +$87,412, −CHF 1,730."""
    number = read_number(value)
    return NONE if number is None else _in_currency(fixed(number, 0, plus=True), currency)


@register.filter
def qty(value, places: int | None = None) -> str:
    """A quantity: as many decimals as it has (fund units), or a fixed number of them in a column."""
    number = read_number(value)
    if number is None:
        return NONE
    if places is None:
        exact = number if isinstance(number, Decimal) else rounded(number, 6)
        places = max(0, -int(exact.normalize().as_tuple().exponent))
    return fixed(number, int(places))


@register.filter
def figure(value, unit: str = "") -> str:
    """A number that a rule found, in its unit: money to the cent, all else to four decimals; what is less than that says so."""
    number = read_number(value)
    if number is None:
        return NONE
    places = 2 if unit in ("USD", "EUR", "GBP", "CHF") else 4
    return "<0.0001" if places == 4 and 0 < number < Decimal("0.00005") else fixed(number, places)


@register.filter
def price(value, places: int = 4) -> str:
    """A price: per share, or percent of par for a bond; four decimals unless told."""
    number = read_number(value)
    return NONE if number is None else fixed(number, int(places))


@register.filter
def qty_of(value, instrument) -> str:
    """A quantity with its unit where that is not shares: 1,000,000 EUR of a pair, 12 contracts, 10.5 units, 5,000 face USD."""
    unit = unit_of(instrument.asset_class, instrument.currency_id, instrument.base_currency_id or "")
    return qty(value) if value is None or not unit else f"{qty(value)} {_of_one(unit, value)}"


@register.filter
def wanted(thing) -> str:
    """What an order, block, route or inquiry is for: the amount of money where that binds, else its quantity with its unit."""
    asked = thing if hasattr(thing, "terms") else thing.block
    cash = asked.terms.get("cash_qty")
    return money(cash, asked.currency_id) if cash else qty_of(thing.qty, asked.instrument)


@register.simple_tag
def quantity(value, asset_class: str, currency: str, base: str | None = "", cash: str | None = None) -> SafeString | str:
    """
    A quantity in a list, its unit less loud behind it; a list names dollars nowhere.

    ``{% quantity r.qty r.asset_class r.currency r.base r.cash %}``

    :param cash: the amount of money that binds in its place
    """
    if cash:
        return money(cash, currency)
    unit = _of_one(unit_of(asset_class, currency, base or ""), value).removesuffix(" USD")
    return format_html(IN_UNITS, qty(value), unit) if unit and value is not None else qty(value)


def _of_one(unit: str, value) -> str:
    """1 contract, 2 contracts."""
    return unit.removesuffix("s") if value == 1 else unit


IN_UNITS = '{}<span class="unit">{}</span>'


@register.filter
def price_of(value, instrument) -> str:
    """A price with its unit: 98.1200% of par, 50.1200 USD, 1.14657 USD for 1 EUR."""
    if read_number(value) is None:
        return NONE
    if instrument.is_bond:
        return f"{price(value)}% of par"
    if instrument.is_pair:
        return f"{price(value, 5)} {instrument.currency_id} for 1 {instrument.base_currency_id}"
    return f"{price(value)} points" if instrument.is_margined else f"{price(value)} {instrument.currency_id}"


@register.filter
def price_like(value, symbol: str) -> str:
    """A price in a list, by the symbol beside it: five decimals for a pair of currencies, else four."""
    return price(value, 5 if "/" in symbol[3:4] else 4)


@register.filter
def sign(value, places: int = 0) -> str:
    """A difference with its sign, for a column whose head names the unit: +1.8, −730, 0."""
    number = read_number(value)
    return NONE if number is None else fixed(number, int(places), plus=True)


@register.filter
def bp(value, places: int = 1) -> str:
    """Basis points, signed, with the unit: −1.7 bp."""
    number = read_number(value)
    return NONE if number is None else f"{fixed(number, int(places), plus=True)}\N{NO-BREAK SPACE}bp"


@register.filter
def pct(value, places: int = 1) -> str:
    """A ratio as percent: 0.054 is 5.4%."""
    number = read_number(value)
    return NONE if number is None else f"{fixed(number * 100, int(places))}%"


@register.filter
def percent(value, places: int = 1) -> str:
    """What is in percent already: 5.4 is 5.4%."""
    number = read_number(value)
    return NONE if number is None else f"{fixed(number, int(places))}%"


@register.filter
def good_bad(value) -> str:
    """CSS class of a gain (ok) or a loss (bad); of a cost, ask for the negative with ``cost_class``."""
    number = read_number(value)
    return "" if not number else "ok" if number > 0 else "bad"


@register.filter
def cost_class(value) -> str:
    """CSS class of a cost or slippage: less than nothing is ok."""
    number = read_number(value)
    return "" if not number else "ok" if number < 0 else "bad"


@register.filter
def ago(at: datetime | None, now: datetime | None = None) -> SafeString | str:
    """
    How long since: 0.3 s, 42 s, 6 min, 2 h 10, 3 d; app.js lets it grow while the page stands. A time to come counts as
    now (clocks differ a little).
    """
    if at is None:
        return NONE
    shown = _age(max(0.0, ((now or timezone.now()) - at).total_seconds()))
    return format_html('<time data-ago="{}">{}</time>', f"{at.timestamp():.1f}", shown)


def _age(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}" if hours < 48 else f"{hours // 24} d"


@register.filter
def when(at: datetime | None, detail: str = "") -> SafeString | str:
    """
    A moment in UTC, the whole of it in the title: 14:02:13 of today, 22 Nov 14:02 of this year, else with the year.

    :param detail: ``ms`` adds milliseconds, ``us`` microseconds; ``full`` always shows the date
    """
    if at is None:
        return NONE
    moment, today = at.astimezone(UTC), timezone.now().astimezone(UTC)
    clock = f"{moment:%H:%M:%S}" + {"ms": f".{moment.microsecond // 1000:03}", "us": f".{moment:%f}"}.get(detail, "")
    if detail == "full" or moment.year != today.year:
        shown = f"{moment.day} {moment:%b %Y} {clock}"
    elif moment.date() != today.date():
        shown = f"{moment.day} {moment:%b} {clock}"
    else:
        shown = clock
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S.%f}", shown
    )


@register.filter
def day(value: date | None) -> str:
    """A business date: Wed 25 Nov 2026."""
    return NONE if value is None else f"{value:%a} {value.day} {value:%b %Y}"


@register.filter
def initials(person) -> str:
    """Two letters for the face beside a name: Tom Tran is TT, ada is AD."""
    words = str(person).split()
    return ("".join(w[0] for w in (words[0], words[-1])) if len(words) > 1 else str(person)[:2]).upper()


@register.filter
def humane(code) -> str:
    """A stored code as words: stale_order is Stale order."""
    words = str(code or "").replace("_", " ")
    return words[:1].upper() + words[1:]


# What a state looks like: working, done, held (a person must act), idle, bad. The word is the app's own label.
LOOKS = {
    "s-work": "working submitted in_review cleared sent new partially_filled part_filled routing routed quoting open "
    "running pending_new pending_send replaced accepted matching sending in_progress screening allocating "
    "waiting_settlement partly_filled collecting awarded uploaded",
    "s-done": "done filled passed pass allocated booked confirmed affirmed matched settled approved sealed complete "
    "completed won closed imported overridden verified delivered traded committed",
    "s-hold": "held hold waiting pending_cancel pending_replace indeterminate stale suspended late sent_back parked "
    "warning unmatched disputed staged",
    "s-bad": "rejected refused failed fail breached breach busted error broken down mismatched short_filled lost "
    "poison",
}
LOOK_OF = {word: look for look, words in LOOKS.items() for word in words.split()}


@register.filter
def status_class(value) -> str:
    """CSS class of a state by its stored value; an unknown one is idle (draft, ready, cancelled, expired …)."""
    return LOOK_OF.get(str(value or "").lower().replace("-", "_").replace(" ", "_"), "s-idle")


@register.simple_tag
def status(value, label: str = "", look: str = "") -> SafeString:
    """``{% status order.status order.get_status_display %}``; ``look`` (work, done, hold, idle, bad) beats it."""
    word = label or humane(str(value or "").lower()) or NONE
    return format_html('<span class="st {}">{}</span>', f"s-{look}" if look else status_class(value), word)


@register.simple_tag
def side(value, label: str = "", asset_class: str = "") -> SafeString:
    """
    ``{% side order.side %}``: buys (and to cover) in one colour, sells and short sales in another, with the word. Units of
    a fund are subscribed and redeemed, where it is told the asset class.
    """
    text = str(value or "")
    if asset_class == "FUND":
        label = side_word(text, asset_class)
    kind = "buy" if text.lower() in ("buy", "b", "1", "buy_to_cover", "cover") else "sell"
    return format_html('<span class="{}">{}</span>', kind, label or humane(text.lower()))


for bar in (bars.fillbar, bars.driftbar, bars.limitbar):
    register.simple_tag(bar)
