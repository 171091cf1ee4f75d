"""Cells pasted without a heading row: whether the first row is one, and what the columns hold by what stands in them."""

import re
from collections.abc import Collection, Sequence

import polars as pl

from .tickets import ORDER_TYPES, SIDES, TIFS

NUMBER = re.compile(r"[-+]?[\d,.' ]*\d[\d,.' ]*", re.ASCII)
NAMELESS = re.compile(r"column \d+")
LOOKED_AT = 500


def is_an_order(row: Sequence[str], *, names_fields: bool) -> bool:
    """
    Whether the first row of a file is an order already: it has a number and a side, or one of them where no cell of it
    is a usual name of a field.
    """
    has_number = any(NUMBER.fullmatch(cell.strip()) for cell in row)
    has_side = any(_word(cell) in SIDES and not cell.strip().isdigit() for cell in row)
    return has_number and has_side or (not names_fields and (has_number or has_side))


def is_headless(headings: Collection[str]) -> bool:
    """Whether these headings are those given to a file without any."""
    return bool(headings) and all(NAMELESS.fullmatch(heading) for heading in headings)


def columns_by_content(frame: pl.DataFrame, portfolios: Collection[str], instruments: Collection[str]) -> dict[str, str]:
    """
    Field to column, for what can be told from the cells themselves; a field that two columns could hold is left open.

    :param frame: text cells by column, without any other column
    :param portfolios: codes, in capitals, that are portfolios of the person
    :param instruments: names, in capitals, that instruments go by
    """
    able: dict[str, list[str]] = {}
    for name in frame.columns:
        cells = [cell.strip() for cell in frame[name].head(LOOKED_AT).to_list() if cell and cell.strip()]
        if cells and (field := _held(cells, portfolios, instruments)):
            able.setdefault(field, []).append(name)
    return {field: names[0] for field, names in able.items() if len(names) == 1}


def _held(cells: Sequence[str], portfolios: Collection[str], instruments: Collection[str]) -> str:
    tests = (
        ("side", lambda cell: _word(cell) in SIDES),
        ("portfolio", lambda cell: cell.upper() in portfolios),
        ("identifier", lambda cell: cell.upper() in instruments),
        ("qty", NUMBER.fullmatch),
        ("order_type", lambda cell: _word(cell) in ORDER_TYPES),
        ("tif", lambda cell: _word(cell) in TIFS),
    )
    # Most cells decide, not all: one bad cell is a bad line, to be told of as such.
    return next((field for field, fits in tests if sum(1 for cell in cells if fits(cell)) * 2 > len(cells)), "")


def _word(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_").replace("-", "_")
