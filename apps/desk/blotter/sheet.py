"""The columns of the trader's blotter."""

from dataclasses import replace

from django.db.models import Case, DecimalField, ExpressionWrapper, F, Value, When
from django.db.models.functions import Coalesce, NullIf
from django.utils.html import format_html
from django.utils.timezone import localtime

from apps.blocks.states import B
from apps.reference.models import OrderType, TimeInForce
from apps.users.services import can

from ..lists import cells
from ..lists.columns import NUMBER, TEXT, Column, Key, Sheet, sheet
from ..templatetags import show

MONEY = DecimalField(max_digits=38, decimal_places=8)
AVERAGE = ExpressionWrapper(F("filled_value") / NullIf(F("filled_qty"), Value(0), output_field=MONEY), MONEY)
# Basis points of arrival that the average cost beyond it, as ``selectors.slippage_bp``.
SLIP = ExpressionWrapper(
    (AVERAGE - F("arrival_price"))
    / NullIf(F("arrival_price"), Value(0), output_field=MONEY)
    * Case(When(side="BUY", then=Value(10_000)), default=Value(-10_000), output_field=MONEY),
    MONEY,
)
UNPLACED = F("qty") - F("cancelled_qty") - F("placed_qty")
STATUSES = {
    str(B.OPEN): "Ready", str(B.WORKING): "Working", str(B.DONE): "Done", str(B.ALLOCATED): "Allocated",
    str(B.CANCELLED): "Cancelled",
}  # fmt: skip
ROUTED = ("strategy", "brokers")  # Columns of those who may see routes.
ROW = '<tr data-row="block:{}" data-href="/blocks/{}/" data-stands="{}" class="{}{}">'
TICK = '<td><input type="checkbox" name="seen" value="{}:{}" aria-label="Select B-{}"></td>'
TWIST = (
    '<button type="button" class="expand" aria-expanded="false" data-kids="/desk/below/block/{}/"'
    ' aria-label="Routes of B-{}"></button>'
)
WAVE = '<span class="tag">wave {}</span>'
DIRECTED = '<span class="tag">to {}</span>'


def _frame(row, tone: str, stands: str, ticks: bool) -> str:
    pk = row["pk"]
    begin = format_html(ROW, pk, pk, stands, "held" if row["rank"] < 2 else "", f" t-{tone}" if tone else "")
    return format_html("{}{}", begin, format_html(TICK, pk, row["version"], f"{pk:04d}")) if ticks else begin


def _ref(row) -> str:
    pk, count = row["pk"], row["orders"]
    ref = f"{pk:04d}"
    said = f"{count} order{'' if count == 1 else 's'}"
    twist = format_html(TWIST, pk, ref) if row["routes"] else cells.NO_TWIST
    wave = format_html(WAVE, row["wave"]) if row["wave"] > 1 else ""
    to = format_html(DIRECTED, row["directed_to__code"]) if row["directed_to__code"] else ""
    return format_html('{}<a href="/blocks/{}/">B-{}</a>{}{}<span class="sub">{}</span>', twist, pk, ref, wave, to, said)


def _status(row) -> str:
    if row["due_at"]:
        return format_html('<span class="st s-work">Quoting to {}</span>', f"{localtime(row['due_at']):%H:%M:%S}")
    return show.status(row["status"], row["word"], row["look"])


def _limit(row) -> str:
    return show.price(row["limit_price"]) if row["limit_price"] else "Market"


def _price(code: str, label: str, path: str, **more) -> Column:
    """A price with the decimals of its instrument's kind."""

    def cell(row) -> str:
        return show.price_like(row[path], row["instrument__symbol"])

    return replace(cells.number(code, label, path, 86, **more), needs=(path, "instrument__symbol"), cell=cell)


def _cost(row) -> str:
    return show.cost_class(row["slip_bp"])


def _words(choices) -> dict[str, str]:
    return {str(code): str(word) for code, word in choices}


def _told(code: str, label: str, width: int, longest: int = 24) -> Column:
    """What became of the block at brokers, in words: known once the rows are read, so not asked of the database."""

    def cell(row) -> str:
        said = row[code]
        return said if len(said) <= longest else f"{said[: longest - 1]}…"

    return Column(code, label, TEXT, "", (code,), cell, lambda r: r[code] or None, width)


BLOCKS: Sheet = sheet(
    "blocks",
    "Blocks",
    [
        Column(
            "block", "Block", TEXT, "pk", ("pk", "wave", "orders", "routes", "directed_to__code"), _ref, lambda r: f"B-{r['pk']:04d}", 150,
            compares=False,
        ),
        cells.side(),
        cells.instrument(),
        cells.asked_for(),
        cells.filled(),
        cells.quantity("filled_qty", "Filled qty", "filled_qty"),
        cells.quantity("leaves", "Leaves", "leaves", expression=F("qty") - F("filled_qty") - F("cancelled_qty")),
        cells.quantity("unplaced", "Not placed", "unplaced", expression=UNPLACED),
        _price("average", "Avg price", "average", expression=AVERAGE),
        _price("arrival", "Arrival", "arrival_price"),
        cells.number(
            "slip", "Slip bp", "slip_bp", 72, shown=lambda bp: show.sign(bp, 1), css=_cost, expression=SLIP
        ),
        cells.usd("usd", "Value", "usd", 76, shown=show.money_short),
        Column("limit", "Limit", NUMBER, "limit_price", ("limit_price",), _limit, lambda r: r["limit_price"], 80),
        cells.choice("type", "Type", "order_type", _words(OrderType.choices), 80),
        cells.choice("tif", "TIF", "tif", _words(TimeInForce.choices), 50, cell=lambda r: r["tif"]),
        _told("strategy", "Strategy", 104),
        _told("brokers", "Brokers", 150, 30),
        cells.choice("status", "Status", "status", STATUSES, 116, cell=_status),
        replace(cells.age("age", "Age", "since"), expression=Coalesce("frozen_at", "opened_at")),
        cells.text("owner", "Worked by", "owner__username", 100, groups=True),
        cells.text("meant_for", "Meant for", "meant_for__code", 100, groups=True),
        cells.text("desk", "Desk", "desk__code", 80, groups=True),
        cells.text("instructions", "Instructions", "instructions", 180),
        cells.number("wave", "Wave", "wave", 60),
        cells.day("trade_date", "Trade date", "trade_date"),
        cells.day("settle_date", "Settles", "settle_date"),
        *cells.amounts(),
        *cells.about_instruments(),
    ],
    usual=(
        "block", "side", "instrument", "qty", "filled", "average", "arrival", "slip", "usd", "strategy", "status", "age",
    ),
    always=(
        "pk", "version", "status", "rank", "qty", "cancelled_qty", "placed_qty", "filled_qty", "orders", "routes",
        "strategy", "brokers", "word", "look", "due_at",
    ),
    attention=(Key("rank"), Key("usd", True), Key("pk")),
    frame=_frame,
    urgent=2,
    added=frozenset({"orders", "routes", "strategy", "brokers", "word", "look", "due_at"}),
    by_class=cells.BY_CLASS | {"currencies": ("currency", "settle_date"), "funds": ("cash", "settle_date")},
)  # fmt: skip


def blocks_sheet(user) -> Sheet:
    """As this person may see it: what is at brokers is for those who may see routes."""
    if can(user, "routing.see"):
        return BLOCKS
    columns = {code: column for code, column in BLOCKS.columns.items() if code not in ROUTED}
    return replace(BLOCKS, columns=columns, usual=[code for code in BLOCKS.usual if code not in ROUTED])
