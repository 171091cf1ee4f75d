"""Files of orders as people send them."""

import csv
import io
import zipfile

import openpyxl

HEADING = ("Portfolio", "ISIN", "Symbol", "Side", "Quantity", "Order type", "Limit price", "TIF", "Rationale", "Ref")


def line(portfolio="P1", symbol="AAA", side="BUY", qty="100", order_type="", limit="", tif="", why="", ref="", isin=""):
    return (portfolio, isin, symbol, side, qty, order_type, limit, tif, why, ref)


def csv_of(rows, heading=HEADING, delimiter=",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(heading)
    writer.writerows(rows)
    return out.getvalue().encode()


def xlsx_of(rows, heading=HEADING) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    page.append(heading)
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def bomb() -> bytes:
    """A small workbook that unpacks to half a gigabyte."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
        with packed.open("xl/worksheets/sheet1.xml", "w") as part:
            for _ in range(512):
                part.write(b" " * 1024**2)
    return out.getvalue()


def many(count: int) -> list[tuple]:
    """Good lines over the small firm's portfolios and instruments."""
    symbols = ("AAA", "BBB", "CCC", "BOND", "TSY")
    return [
        line(("P1", "P2", "P3")[n % 3], symbols[n % 5], "SELL" if n % 2 else "BUY", "1000", ref=f"m-{n}") for n in range(count)
    ]
