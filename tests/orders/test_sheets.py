"""Reading files: what is understood, what is refused, and that nothing in them is computed or believed."""

import datetime
import io

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.orders.rules import sheets

from .files import HEADING, bomb, csv_of, line, xlsx_of


def cells(sheet: sheets.Sheet, field: str) -> list[str]:
    return sheet.frame[sheet.columns[field]].to_list()


@pytest.mark.parametrize(
    "content",
    [
        csv_of([line(), line("P2")]),
        csv_of([line(), line("P2")], delimiter=";"),
        csv_of([line(), line("P2")], delimiter="\t"),
        b"\xef\xbb\xbf" + csv_of([line(), line("P2")]),
        csv_of([line(), line("P2")]).decode().encode("utf-16"),
        csv_of([line(), line("P2")]).replace(b"\r\n", b"\r\n\r\n"),
        xlsx_of([line(), line("P2")]),
    ],
    ids=["comma", "semicolon", "tab", "BOM", "UTF-16", "empty lines", "XLSX"],
)
def test_reads_the_same_orders_from_each_kind(content):
    sheet = sheets.read("orders", content)
    assert cells(sheet, "portfolio") == ["P1", "P2"] and cells(sheet, "qty") == ["100", "100"]
    assert set(sheet.columns) == {
        "portfolio", "isin", "symbol", "side", "qty", "order_type", "limit_price", "tif", "rationale", "client_ref",
    }  # fmt: skip


def test_tells_the_line_where_a_row_begins():
    content = b'\nportfolio,symbol,side,qty,notes\nP1,AAA,BUY,1,"two\nlines"\n\nP2,AAA,BUY,2,\n'
    assert sheets.read("orders.csv", content).frame[sheets.LINE].to_list() == [3, 6]


@pytest.mark.parametrize(
    "heading", ["ACCOUNT;Ticker;B/S;Order Qty", "fund;cusip;Direction;Face Amount", "Client;Instrument;side;SHARES"]
)
def test_headings_may_be_written_in_many_ways(heading):
    assert set(sheets.read("x.csv", f"{heading}\nP1;AAA;BUY;1\n".encode()).columns) >= {"portfolio", "side", "qty"}


def test_keeps_numbers_and_quotes_formulas_of_a_workbook():
    content = xlsx_of(
        [("P1", "", "AAA", "BUY", 1000.0, "LIMIT", 10.1, None, datetime.date(2026, 1, 2), "=1+1"),
         ("P1", "", "AAA", "BUY", "=A1*2", "LIMIT", 0.00001, None, True, 5)]
    )  # fmt: skip
    sheet = sheets.read("x.xlsx", content)
    assert cells(sheet, "qty") == ["1000", "=A1*2"]
    assert cells(sheet, "limit_price") == ["10.1", "0.00001"]
    assert cells(sheet, "client_ref") == ["=1+1", "5"]


def test_reads_all_rows_whatever_the_workbook_says_of_its_size():
    book = openpyxl.load_workbook(io.BytesIO(xlsx_of([line()] * 30)))
    book.active.calculate_dimension = lambda: "A1:B2"
    out = io.BytesIO()
    book.save(out)
    assert len(sheets.read("x.xlsx", out.getvalue()).frame) == 30


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (csv_of([]), "no orders below"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a CSV or XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 100, "old Excel file"),
        (b"PK\x03\x04 cut off", "damaged"),
        (csv_of([line()], heading=(*HEADING, *(f"c{n}" for n in range(60)))), "columns; at most"),
        (b'portfolio,symbol,side,qty\nP1,AAA,BUY,"' + b"9" * 200_000, "line 2"),
    ],
)
def test_says_why_a_file_is_not_read(content, says):
    with pytest.raises(sheets.Unreadable, match=says):
        sheets.read("orders.csv", content)


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        (b"portfolio,side\nP1,BUY\n", "It has no column for symbol, ISIN or CUSIP, quantity."),
        (b"portfolio,symbol,side,qty,shares\nP1,AAA,BUY,1,1\n", "Both “qty” and “shares” give the qty."),
        (csv_of([line()]), ""),
    ],
)
def test_says_what_is_not_clear_about_its_columns(content, doubt):
    assert sheets.read("orders.csv", content).doubt == doubt


def test_a_heading_is_never_a_pattern():
    sheet = sheets.read("x.csv", b"*,^.*$,side\n1,2,BUY\n")
    assert sheet.headings == ["column 1 *", "column 2 ^.*$", "side"]


def test_headings_written_otherwise_have_the_same_signature():
    assert sheets.signature(["Order Qty", "ISIN"]) == sheets.signature(["order_qty ", "isin"])
    assert sheets.signature(["Order Qty", "ISIN"]) != sheets.signature(["ISIN", "Order Qty"])
    assert sheets.signature(["数量"]) != sheets.signature(["銘柄"])


def test_refuses_a_bomb_before_opening_it():
    content = bomb()
    assert len(content) < 1024**2
    with pytest.raises(sheets.Unreadable, match="unpacks to 512 MB"):
        sheets.read("x.xlsx", content)


def test_refuses_a_workbook_damaged_inside():
    content = bytearray(xlsx_of([line()] * 50))
    content[len(content) // 3 : len(content) // 3 + 40] = b"\x00" * 40
    with pytest.raises(sheets.Unreadable, match="damaged"):
        sheets.read("x.xlsx", bytes(content))


def test_refuses_too_many_rows(monkeypatch):
    monkeypatch.setattr(sheets, "MAX_ROWS", 10)
    with pytest.raises(sheets.Unreadable, match="more than 10 orders"):
        sheets.read("x.csv", csv_of([line()] * 11))


def test_names_rows_of_another_shape_and_strips_what_cannot_be_stored():
    content = b"portfolio,symbol,side,qty\nP1,AAA,BUY,1,surplus\nP1,AAA\nP1,A\x07AA,BUY,1\nP1," + b"x" * 2000 + b",BUY,1\n"
    frame = sheets.read("x.csv", content).frame
    assert frame[sheets.PROBLEM].to_list() == [
        "The line has 5 cells, the heading 4.", None, None, "A cell has 2000 characters: at most 1000.",
    ]  # fmt: skip
    assert frame["symbol"].to_list()[2] == "AAA" and len(frame["symbol"][3]) == 1000


def test_is_the_same_after_it_was_stored():
    sheet = sheets.read("x.csv", csv_of([line(), line("P2", why="naïve")]))
    again = sheets.unstored(sheets.stored(sheet))
    assert again.frame.equals(sheet.frame) and again.columns == sheet.columns


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_anything_else_is_a_refusal_and_never_a_crash(noise):
    for content in (noise, b"portfolio,symbol,side,qty\n" + noise, b"PK\x03\x04" + noise):
        try:
            sheets.read("noise", content)
        except sheets.Unreadable:
            continue
