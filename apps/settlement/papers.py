"""A confirmation on paper: one page of PDF, made when it is asked for."""

from decimal import Decimal
from io import BytesIO

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from apps.orders.rules import side_word

from .models import Confirmation

SIDES = {"BUY": "You bought", "SELL": "You sold", "SELL_SHORT": "You sold short"}
FUND_SIDES = {"BUY": "You subscribed", "SELL": "You redeemed"}


def confirmation_pdf(confirmation: Confirmation) -> bytes:
    """
    The confirmation as PDF.

    :param confirmation: with its allocation, instrument, portfolio, broker and currency at hand
    """
    allocation = confirmation.allocation
    styles = getSampleStyleSheet()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, title=f"Confirmation {confirmation.ref}", author="OMS Portal", invariant=1,
        leftMargin=22 * mm, rightMargin=22 * mm, topMargin=22 * mm, bottomMargin=22 * mm,
    )  # fmt: skip
    sides = FUND_SIDES if allocation.instrument.is_fund else SIDES
    heading = f"{sides[allocation.side]} {_number(allocation.qty)} {_plain(allocation.instrument.name)}"
    document.build(
        [
            Paragraph("Confirmation of trade", styles["Title"]),
            Paragraph(heading, styles["Heading2"]),
            Spacer(1, 4 * mm),
            _table([(label, value) for label, value in confirmation_lines(confirmation)]),
            Spacer(1, 8 * mm),
            Paragraph(
                "The price is the average of the executions of the block in which this account took part, at the"
                " counterparty named. Costs were shared by quantity.",
                styles["BodyText"],
            ),
        ]
    )
    return out.getvalue()


def confirmation_lines(confirmation: Confirmation) -> list[tuple[str, str]]:
    """What a confirmation says, line by line, for paper and page alike."""
    a = confirmation.allocation
    instrument, currency = a.instrument, a.currency_id
    unit = "% of par" if instrument.is_bond else currency

    def money(amount: Decimal) -> str:
        return f"{currency} {amount:,.{a.currency.minor_units}f}"

    return [
        ("Confirmation", confirmation.ref),
        ("Account", f"{a.portfolio.name} ({a.portfolio.custody_account})"),
        ("Counterparty", f"{confirmation.broker.name} ({confirmation.broker.code})"),
        ("Security", f"{instrument.name}, ISIN {instrument.isin or 'none'}"),
        ("Side", side_word(a.side, a.instrument.asset_class)),
        ("Face value" if instrument.is_bond else "Quantity", _number(a.qty)),
        ("Average price", f"{_number(a.price)} {unit}"),
        ("Trade date", a.trade_date.isoformat()),
        ("Settlement date", a.settle_date.isoformat()),
        ("Gross amount", money(a.gross_amount)),
        ("Accrued interest", money(a.accrued_amount)),
        *([("Taken as", a.get_process_code_display())] if a.process_code != "0" else []),
        ("Commission", money(a.commission_amount)),
        *((f"Fee {code}", money(Decimal(amount))) for code, _, amount in a.fees),
        ("Net to pay" if a.side == "BUY" else "Net to receive", money(a.net_amount)),
        ("Status", _status(confirmation)),
        ("Sent", f"{confirmation.sent_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]


def _status(confirmation: Confirmation) -> str:
    said = confirmation.status.capitalize()
    return f"{said} ({confirmation.answer})" if confirmation.answer else said


def _table(lines: list[tuple[str, str]]) -> Table:
    table = Table(lines, colWidths=[48 * mm, 118 * mm])
    table.setStyle(
        TableStyle(
            [
                ("FONTSIZE", (0, 0), (-1, -1), 10),
                ("TEXTCOLOR", (0, 0), (0, -1), colors.HexColor("#55606e")),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#cfd6de")),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _number(value: Decimal) -> str:
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(text: str) -> str:
    """As text within reportlab's own markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
