"""Columns that several lists have, and the drawing of their cells."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from django.db.models import Case, DateField, DecimalField, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.db.models.lookups import Regex
from django.utils.html import format_html

from apps.orders.rules import OwnField, unit_of
from apps.reference.models import AssetClass

from .. import bars
from ..templatetags import show
from .columns import AGE, CHOICE, DATE, NUMBER, TEXT, Column
from .rendering import money_total


def text(code: str, label: str, path: str, width: int = 110, *, groups: bool = False, longest: int = 40) -> Column:
    """A text as it is stored."""

    def cell(row) -> str:
        said = row[path] or ""
        return said if len(said) <= longest else f"{said[: longest - 1]}…"

    return Column(code, label, TEXT, path, (path,), cell, lambda r: r[path] or None, width, groups=groups)


def number(
    code: str, label: str, path: str, width: int = 90, *, shown: Callable = show.qty, none: str = "–", sums: bool = False,
    css: Callable | None = None, expression=None,
) -> Column:  # fmt: skip
    def cell(row) -> str:
        return none if row[path] is None else shown(row[path])

    return Column(code, label, NUMBER, path, (path,), cell, lambda r: r[path], width, sums=sums, css=css, expression=expression)


def usd(code: str, label: str, path: str, width: int = 100, shown: Callable = show.money0) -> Column:
    """Money in USD, which may be summed."""
    return Column(
        code, label, NUMBER, path, (path,), lambda r: shown(r[path], "USD"), lambda r: r[path], width, sums=True,
        total=money_total,
    )  # fmt: skip


def choice(
    code: str, label: str, path: str, choices: Mapping[str, str], width: int = 90, *, cell: Callable | None = None
) -> Column:
    """One of a few stored values, shown by its word."""
    plain = cell or (lambda r: choices.get(r[path], r[path] or "–"))
    return Column(code, label, CHOICE, path, (path,), plain, lambda r: r[path], width, choices, groups=True)


def day(code: str, label: str, path: str, width: int = 110) -> Column:
    def cell(row) -> str:
        at = row[path]
        return f"{at.day} {at:%b %Y}" if at else "–"

    return Column(code, label, DATE, path, (path,), cell, lambda r: r[path], width)


def age(code: str, label: str, path: str, width: int = 62) -> Column:
    return Column(code, label, AGE, path, (path,), lambda r: show.ago(r[path]), lambda r: r[path], width)


def own(field: OwnField, path: str) -> Column:
    """A field of the firm's own on orders. What was kept while the field was of another kind stands as nothing."""
    said = KeyTextTransform(field.code, "own")
    code, label = f"own.{field.code}", field.label
    if field.kind == "number":
        figure = Cast(said, DecimalField(max_digits=38, decimal_places=8))
        kept = Case(When(Regex(said, r"^-?\d{1,20}(\.\d{1,8})?$"), then=figure))
        return replace(number(code, label, path, 100, sums=True, expression=kept), total=show.qty)
    if field.kind == "date":
        kept = Case(When(Regex(said, r"^\d{4}-\d{2}-\d{2}$"), then=Cast(said, DateField())))
        return replace(day(code, label, path), expression=kept)
    if field.kind == "text":
        return replace(text(code, label, path, 130, groups=True), expression=said)
    lists = field.choices.values() if isinstance(field.choices, dict) else [field.choices]
    words = {"true": "Yes", "false": "No"} if field.kind == "yes_no" else {one: one for some in lists for one in some}
    return replace(choice(code, label, path, words, 110), expression=said)


CLASS, CASH = "instrument__asset_class", "terms__cash_qty"
UNIT = (CLASS, "currency_id", "instrument__base_currency_id")  # What the unit of a quantity follows from.


def quantity(code: str, label: str, path: str, width: int = 144, *, expression=None) -> Column:
    """A quantity with its unit where that is not shares."""

    def cell(row) -> str:
        return show.quantity(row[path], *map(row.__getitem__, UNIT))

    return replace(number(code, label, path, width, expression=expression), needs=(path, *UNIT), cell=cell)


def asked_for(width: int = 144) -> Column:
    """What is asked for: a quantity with its unit, or the amount of money that binds in its place."""

    def cell(row) -> str:
        return show.quantity(row["qty"], *map(row.__getitem__, UNIT), row[CASH])

    return replace(quantity("qty", "Quantity", "qty", width), needs=("qty", *UNIT, CASH), cell=cell)


def amounts() -> list[Column]:
    """What a file needs to read the quantities: their unit, and the money of what is by amount."""

    def unit(row) -> str:
        return unit_of(row[CLASS], row["currency_id"], row["instrument__base_currency_id"] or "") or "shares"

    cash = Cast(KeyTextTransform("cash_qty", "terms"), DecimalField(max_digits=38, decimal_places=4))
    return [
        Column("unit", "Unit", TEXT, "", UNIT, unit, unit, 90),
        number("cash", "By amount", "cash_qty", 110, shown=show.money, expression=cash),
    ]


def side() -> Column:
    """Buy and sell; of a fund, subscribe and redeem."""
    words = {"BUY": "Buy", "SELL": "Sell", "SELL_SHORT": "Sell short"}

    def cell(row) -> str:
        return side_mark(row["side"], row[CLASS])

    return replace(choice("side", "Side", "side", words, 74, cell=cell), needs=("side", CLASS))


def side_mark(side: str, asset_class: str) -> str:
    found = FUND_SIDES if asset_class == "FUND" else SIDES
    return found.get(side) or show.side(side)


SIDES = {"BUY": show.side("BUY"), "SELL": show.side("SELL"), "SELL_SHORT": show.side("SELL_SHORT", "Short")}
FUND_SIDES = {code: show.side(code, "", "FUND") for code in ("BUY", "SELL")}


def filled() -> Column:
    """A bar and its percent; filtered and ordered by the quantity. What an amount never came to was not to be filled."""

    def cell(row) -> str:
        return fillbar(row["filled_qty"], row["qty"] - row["cancelled_qty"] if row[CASH] and row["filled_qty"] else row["qty"])

    return Column(
        "filled", "Filled", NUMBER, "filled_qty", ("filled_qty", "qty", "cancelled_qty", CASH), cell,
        lambda r: r["filled_qty"], 108, css=lambda r: "bar-cell",
    )  # fmt: skip


def fillbar(done, total) -> str:
    if not done:
        return EMPTY_BAR
    return FULL_BAR if done == total else bars.fillbar(done, total)


NO_TWIST = format_html('<span class="{}"></span>', "no-expand")  # Where nothing opens below a row, for its name to stand in line.
EMPTY_BAR, FULL_BAR = str(bars.fillbar(0, 1)), str(bars.fillbar(1, 1))


def instrument() -> Column:
    """Symbol, name and venue; of an option its name first, for its symbol says little to a reader."""

    def cell(row) -> str:
        first, name = row["instrument__symbol"], row["instrument__name"]
        if row[CLASS] == AssetClass.OPTION:
            first, name = name, first
        currency = "" if row["currency_id"] == "USD" else f" · {row['currency_id']}"
        return format_html(
            '{}<span class="sub">{} · {}{}</span>', first, name, row["instrument__venue__mic"], currency
        )

    return Column(
        "instrument", "Instrument", TEXT, "instrument__symbol",
        ("instrument__symbol", "instrument__name", CLASS, "instrument__venue__mic", "currency_id"), cell,
        lambda r: r["instrument__symbol"], 164, groups=True,
    )  # fmt: skip


def about_instruments() -> list[Column]:
    """What an instrument is, of every asset class: what a class has not stands as a dash."""
    classes = {str(code): str(word) for code, word in AssetClass.choices}
    return [
        text("name", "Name", "instrument__name", 200),
        choice("class", "Class", "instrument__asset_class", classes, 120),
        text("isin", "ISIN", "instrument__isin", 120),
        text("cusip", "CUSIP", "instrument__cusip", 90),
        text("issuer", "Issuer", "instrument__issuer__name", 160, groups=True),
        text("sector", "Sector", "instrument__sector", 130, groups=True),
        text("country", "Country", "instrument__country", 70, groups=True),
        text("venue", "Venue", "instrument__venue__mic", 70, groups=True),
        text("currency", "Currency", "currency_id", 76, groups=True),
        number("coupon", "Coupon %", "instrument__coupon_pct", 94, shown=lambda v: show.qty(v, 3)),
        day("maturity", "Maturity", "instrument__maturity_date"),
        text("rating", "Rating", "instrument__rating", 70, groups=True),
        number("strike", "Strike", "instrument__strike_price", 90, shown=lambda v: show.price(v, 2)),
        choice("put_call", "Put/call", "instrument__put_or_call", {"PUT": "Put", "CALL": "Call"}, 76),
        number("multiplier", "Multiplier", "instrument__price_factor", 90),
        number("lot", "Lot", "instrument__lot_size", 70),
    ]


BY_CLASS = {
    "bonds": ("coupon", "maturity", "rating"),
    "equity": ("sector",),
    "derivatives": ("maturity", "strike", "put_call", "multiplier"),
}
