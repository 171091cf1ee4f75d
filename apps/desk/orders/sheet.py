"""The columns of the order list."""

from dataclasses import replace

from django.db.models import DateField, F
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.html import format_html

from apps.orders import selectors as orders
from apps.orders.models import OrderType, TimeInForce
from apps.orders.states import S

from ..lists import cells
from ..lists.columns import NUMBER, TEXT, Column, Key, Sheet, sheet
from ..templatetags import show

STATUSES = {str(one): show.humane(str(one).lower()) for one in S}
GATHERED = frozenset({"CLEARED", "WORKING", "DONE"})  # Whose block hangs below them.
TWIST = (
    '<button type="button" class="expand" aria-expanded="false" data-kids="/desk/below/order/{}/"'
    ' aria-label="Block of {}"></button>'
)
ROW = '<tr data-row="order:{}" data-href="/orders/{}/" data-stands="{}" class="{}{}">'
VALUE_DATE = Cast(KeyTextTransform("value_date", "terms"), DateField())
TICK = '<td><input type="checkbox" name="seen" value="{}:{}" aria-label="Select O-{}"></td>'
MARKS = {status: str(show.status(status)) for status in STATUSES}


def _ref(row) -> str:
    pk = row["pk"]
    ref = f"O-{pk:06d}"
    twist = format_html(TWIST, pk, ref) if row["status"] in GATHERED else cells.NO_TWIST
    return format_html('{}<a href="/orders/{}/">{}</a>', twist, pk, ref)


def _whole(row) -> str:
    pk = row["split_from_id"]
    return format_html('<a href="/orders/{}/">O-{}</a>', pk, str(pk).zfill(6)) if pk else ""


def _portfolio(row) -> str:
    name = row["portfolio__name"]
    name = name if len(name) <= 22 else f"{name[:21]}…"
    return format_html('{}<span class="sub">{}</span>', row["portfolio__code"], name)


def _status(row) -> str:
    if row["late"]:
        return format_html(LATE, show.status(row["status"]))
    return MARKS.get(row["status"], row["status"])


LATE = '{}<span class="tag" title="late for its cut-off: priced at the next valuation point">late</span>'


def _limit(row) -> str:
    return show.price(row["limit_price"]) if row["limit_price"] else "Market"


def _frame(row, tone: str, stands: str, ticks: bool) -> str:
    pk = row["pk"]
    held, tone = "held" if row["status"] == "HELD" else "", f" t-{tone}" if tone else ""
    begin = format_html(ROW, pk, pk, stands, held, tone)
    return format_html("{}{}", begin, format_html(TICK, pk, row["version"], f"{pk:06d}")) if ticks else begin


def _words(choices) -> dict[str, str]:
    return {str(code): str(word) for code, word in choices}


ORDERS: Sheet = sheet(
    "orders",
    "Orders",
    [
        Column("order", "Order", TEXT, "pk", ("pk", "status", "split_from_id"), _ref, lambda r: f"O-{r['pk']:06d}", 102, compares=False),
        replace(cells.side(), width=84),
        cells.instrument(),
        Column(
            "portfolio", "Portfolio", TEXT, "portfolio__code", ("portfolio__code", "portfolio__name"), _portfolio,
            lambda r: r["portfolio__code"], 128, groups=True,
        ),
        cells.asked_for(),
        cells.filled(),
        cells.quantity("filled_qty", "Filled qty", "filled_qty"),
        cells.quantity("leaves", "Leaves", "leaves", expression=F("qty") - F("filled_qty") - F("cancelled_qty")),
        Column("limit", "Limit", NUMBER, "limit_price", ("limit_price",), _limit, lambda r: r["limit_price"], 80),
        cells.choice("type", "Type", "order_type", _words(OrderType.choices), 80),
        cells.choice("tif", "TIF", "tif", _words(TimeInForce.choices), 50, cell=lambda r: r["tif"]),
        cells.usd("usd", "Value", "usd", 100),
        cells.number("decision", "Decision", "decision_price", 90, shown=show.price),
        cells.text("group", "Group", "group__name", 90, groups=True, longest=20),
        cells.choice("status", "Status", "status", STATUSES, 96, cell=_status),
        cells.age("age", "Age", "created_at"),
        replace(cells.day("value_date", "Value date", "value_date"), expression=VALUE_DATE),
        cells.text("instructions", "Instructions", "instructions", 180),
        cells.text("rationale", "Rationale", "rationale", 180),
        cells.text("client_ref", "Your reference", "client_ref", 120),
        cells.text("desk", "Desk", "desk__code", 80, groups=True),
        Column(
            "split_from", "Split from", TEXT, "split_from_id", ("split_from_id",), _whole,
            lambda r: f"O-{str(r['split_from_id']).zfill(6)}" if r["split_from_id"] else None, 90, compares=False,
        ),
        cells.text("by", "Entered by", "created_by__username", 100, groups=True),
        *cells.amounts(),
        *cells.about_instruments(),
    ],
    usual=(
        "order", "side", "instrument", "portfolio", "qty", "filled", "limit", "tif", "usd", "group", "status", "age",
    ),
    always=("pk", "version", "status", "late"),
    attention=(Key("rank"), Key("usd", True), Key("pk")),
    frame=_frame,
    urgent=2,
    by_class=cells.BY_CLASS | {"currencies": ("currency", "value_date"), "funds": ("cash", "currency")},
)  # fmt: skip


def orders_sheet() -> Sheet:
    """The columns of the house, and the firm's own fields. One query."""
    own = (cells.own(field, f"own_{n}") for n, field in enumerate(orders.own_fields()))
    return replace(ORDERS, columns={**ORDERS.columns, **{column.code: column for column in own}})
