"""The evidence of one check on paper: PDF made of the same values as the JSON, when it is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

WIDTH = 170 * mm
GREY, LINE = colors.HexColor("#55606e"), colors.HexColor("#cfd6de")
_STYLES = getSampleStyleSheet()
CELL = ParagraphStyle("cell", parent=_STYLES["BodyText"], fontSize=8, leading=10, spaceBefore=0, spaceAfter=0)
LABEL = ParagraphStyle("label", parent=CELL, textColor=GREY)
NOT_ASCII = str.maketrans({"−": "-", "≤": "<=", "≥": ">=", " ": " "})
Pack = Mapping[str, Any]


def evidence_pdf(pack: Pack) -> bytes:
    """The pack of ``selectors.evidence_of`` as PDF."""
    out = BytesIO()
    title = f"Evidence of check {pack['check']['id']}, {pack['order']['ref']}"
    document = SimpleDocTemplate(
        out, pagesize=A4, title=title, author="OMS Portal", invariant=1,
        leftMargin=20 * mm, rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=18 * mm,
    )  # fmt: skip

    def foot(canvas, _) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.setFillColor(GREY)
        canvas.drawString(20 * mm, 10 * mm, f"SHA-256 of the pack {pack['sha256']}")
        canvas.drawRightString(190 * mm, 10 * mm, str(canvas.getPageNumber()))

    document.build([Paragraph(_text(title), _STYLES["Title"]), *_parts(pack)], onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _parts(pack: Pack) -> Iterable[Flowable]:
    yield from _section("Order", {**pack["order"], **(pack["inputs"].get("order") or {})})
    yield from _section("Verdict", pack["check"])
    for rule in pack["rules"]:
        if rule["outcome"] == "PASS":
            continue
        yield Paragraph(_text(f"{rule['name']}, version {rule['version']}: {rule['outcome'].lower()}"), _STYLES["Heading2"])
        shown = ("text", "citation", "finding", "numerator", "denominator", "denominator_is", "now", "after", "limit", "unit",
                 "warning", "limit_from", "max_qty", "basis", "severity", "when_unsure", "written_by", "written_at")  # fmt: skip
        yield _pairs({name: rule.get(name) for name in shown})
        yield from _clauses(rule["clauses"])
        if rule["numbers"]:
            yield Spacer(1, 2 * mm)
            yield _rows(("Number used", "Value", "As of"), [(n["what"], _amount(n), n.get("at")) for n in rule["numbers"]])
    if passed := [rule for rule in pack["rules"] if rule["outcome"] == "PASS"]:
        yield from _table(
            "Rules that passed", ("Rule", "Version", "Now", "After", "Limit", "Warning"),
            [(r["name"], r["version"], r["now"], r["after"], r["limit"], r["finding"] if r.get("warned") else "") for r in passed],
        )  # fmt: skip
    yield from _inputs(pack["inputs"])
    if pack["review"]:
        yield from _section("Decision", pack["review"])
    for one in pack["overrides"]:
        yield from _section(f"Override {one['ref']}", one)
    yield from _table(
        "Questions and answers", ("Asked", "By", "Question", "Answer", "By", "At"),
        [(q["asked_at"], q["asked_by"], q["text"], q["answer"], q["answered_by"], q["answered_at"]) for q in pack["thread"]],
    )  # fmt: skip
    yield from _table(
        "Record", ("Entry", "At", "By", "What", "Reason"),
        [(e["entry"], e["at"], f"{e['by']} ({e['via']})", f"{e['event']} of {e['subject']}", e["reason"]) for e in pack["record"]],
    )  # fmt: skip


def _clauses(clauses: Sequence[Pack]) -> Iterable[Flowable]:
    if clauses:
        yield Spacer(1, 2 * mm)
        rows = [(_named(c), c["text"], f"{c['mapped_by']}, {c['approved_by']}") for c in clauses]
        yield _rows(("Clause", "It says", "Mapped by"), rows)


def _named(clause: Pack) -> str:
    page = f", page {clause['page']}" if clause["page"] else ""
    return f"{clause['document']} {clause['clause']}, edition {clause['edition']}{page}"


def _inputs(inputs: Pack) -> Iterable[Flowable]:
    if not inputs["stored"]:
        yield Paragraph("Inputs", _STYLES["Heading2"])
        yield Paragraph("This check is older than the storing of inputs: its numbers are those beside each rule.", CELL)
        return
    names = ("run", "moment", "at", "inputs_hash", "is_as_stored", "rules_hash")
    yield from _section("Inputs", {name: inputs[name] for name in names})
    yield from _table(
        "Positions, with the prices of that moment", ("Instrument", "Quantity", "Bid", "Ask", "Currency", "As of"),
        [(p["symbol"], p["qty"], p["bid"], p["ask"], p["currency"], p["priced_at"]) for p in inputs["positions"]],
    )  # fmt: skip
    yield from _table("Cash", ("Currency", "Amount"), [(c["currency"], c["amount"]) for c in inputs["cash"]])
    yield from _table("Rates", ("Currency", "Rate", "As of"), [(r["currency"], r["rate"], r["at"]) for r in inputs["rates"]])


def _section(title: str, values: Pack) -> Iterable[Flowable]:
    yield Paragraph(_text(title), _STYLES["Heading2"])
    yield _pairs(values)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterable[Flowable]:
    if rows:
        yield Paragraph(_text(title), _STYLES["Heading2"])
        yield _rows(head, rows)


def _pairs(values: Pack) -> Table:
    lines = [
        [Paragraph(_text(name.replace("_", " ").capitalize()), LABEL), Paragraph(_text(value), CELL)]
        for name, value in values.items()
        if value not in (None, "", [])
    ]
    return _styled(Table(lines or [["", ""]], colWidths=[45 * mm, WIDTH - 45 * mm]))


def _rows(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    lines = [[Paragraph(_text(name), LABEL) for name in head], *([Paragraph(_text(v), CELL) for v in row] for row in rows)]
    return _styled(Table(lines, colWidths=[WIDTH / len(head)] * len(head), repeatRows=1))


def _styled(table: Table) -> Table:
    table.setStyle(
        TableStyle([
            ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.25, LINE),
            ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ])  # fmt: skip
    )
    return table


def _amount(number: Pack) -> str:
    more = "".join(f", {name} {number[name]}" for name in ("qty", "price", "bid", "ask") if number.get(name))
    return f"{number.get('currency', '')} {number['value']}{more}".strip()


def _text(value: Any) -> str:
    """As text within reportlab's own markup."""
    said = "" if value is None else str(value)
    return said.translate(NOT_ASCII).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
