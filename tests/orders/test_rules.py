"""What a ticket must be: rules over columns, without a database."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.orders import rules

GOOD = {
    "row": 0, "portfolio_id": 1, "portfolio_problem": None, "instrument_id": 1, "instrument_problem": None,
    "instrument_currency": "USD", "increment": 1000 * rules.QTY_UNIT, "min_piece": 2000 * rules.QTY_UNIT,
    "tick": rules.PRICE_UNIT // 100, "desk_id": 1, "desk_problem": None, "ref_problem": None, "side": "BUY",
    "qty": "2000", "order_type": "", "limit_price": "", "tif": "", "instructions": "", "rationale": "",
    "client_ref": "", "currency": "",
}  # fmt: skip
SCHEMA = {"row": pl.Int64, **rules.FACTS, **dict.fromkeys(rules.TYPED, pl.String)}


def judge(*changes: dict) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = [GOOD | change | {"row": n} for n, change in enumerate(changes)]
    return rules.judged(pl.DataFrame(rows, schema=SCHEMA))


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"qty": ""}, "qty", "missing"),
        ({"qty": "0"}, "qty", "above zero"),
        ({"qty": "-2000"}, "qty", "above zero"),
        ({"qty": "2,00"}, "qty", "not a number"),
        ({"qty": "2.000,00"}, "qty", "not a number"),
        ({"qty": "NaN"}, "qty", "not a number"),
        ({"qty": "∞"}, "qty", "not a number"),
        ({"qty": "2E3"}, "qty", "scientific"),
        ({"qty": "=A1"}, "qty", "formula"),
        ({"qty": "2000.00001"}, "qty", "more than 4 decimals"),
        ({"qty": "1" + "0" * 14}, "qty", "too large"),
        ({"qty": "2500"}, "qty", "not a multiple of 1000"),
        ({"qty": "1000"}, "qty", "below 2000"),
        ({"side": ""}, "side", "missing"),
        ({"side": "HOLD"}, "side", "“HOLD” is no side"),
        ({"order_type": "ICEBERG"}, "order_type", "no order type"),
        ({"order_type": "LIMIT"}, "limit_price", "needs its limit"),
        ({"order_type": "MARKET", "limit_price": "5"}, "limit_price", "has no limit"),
        ({"limit_price": "5.005"}, "limit_price", "multiple of the tick, 0.01"),
        ({"limit_price": "0"}, "limit_price", "above zero"),
        ({"limit_price": "cheap"}, "limit_price", "not a number"),
        ({"tif": "SOON"}, "tif", "no time in force"),
        ({"currency": "EUR"}, "currency", "trades in USD, not EUR"),
        ({"instructions": "x" * 201}, "instructions", "201 characters"),
        ({"rationale": "x" * 401}, "rationale", "401 characters"),
        ({"client_ref": "x" * 65}, "client_ref", "65 characters"),
        ({"portfolio_problem": "P"}, "portfolio", "P"),
        ({"instrument_problem": "I"}, "instrument", "I"),
        ({"desk_problem": "D"}, "desk", "D"),
        ({"ref_problem": "R"}, "client_ref", "R"),
    ],
)
def test_names_the_field_and_what_is_wrong(change, field, says):
    terms, problems = judge(change, {})
    assert terms["row"].to_list() == [1]
    [(row, named, message)] = problems.rows()
    assert (row, named) == (0, field) and says in message


def test_names_all_that_is_wrong_with_a_row():
    _, problems = judge({"qty": "x", "side": "y", "tif": "z", "order_type": "w"})
    assert sorted(problems["field"].to_list()) == ["order_type", "qty", "side", "tif"]


@pytest.mark.parametrize(
    ("change", "term", "value"),
    [
        ({"side": " b "}, "side", "BUY"),
        ({"side": "Sell Short"}, "side", "SELL_SHORT"),
        ({"side": "ss"}, "side", "SELL_SHORT"),
        ({"qty": "1,234,000"}, "qty", 1_234_000 * rules.QTY_UNIT),
        ({"qty": "12 000"}, "qty", 12_000 * rules.QTY_UNIT),
        ({"qty": "+3000.0000"}, "qty", 3000 * rules.QTY_UNIT),
        ({"limit_price": "5"}, "order_type", "LIMIT"),
        ({"limit_price": "99.5"}, "limit_price", 9_950_000_000),
        ({"order_type": "mkt"}, "order_type", "MARKET"),
        ({"tif": "good till cancelled"}, "tif", "GTC"),
        ({"currency": "usd"}, "currency", "USD"),
        ({"rationale": "  why  "}, "rationale", "why"),
    ],
)
def test_understands_what_people_write(change, term, value):
    terms, problems = judge(change)
    assert problems.is_empty() and terms[term].to_list() == [value]


@given(st.decimals("0.0001", "99999999999999", places=4), st.sampled_from(["{:f}", "{:,f}", " {:f} ", "+{:f}"]))
def test_a_quantity_is_read_and_written_exactly(qty, spelling):
    rows = [GOOD | {"qty": spelling.format(qty), "increment": 1, "min_piece": 1}]
    terms, problems = rules.judged(pl.DataFrame(rows, schema=SCHEMA))
    assert problems.is_empty() and terms["qty"][0] == int(qty * rules.QTY_UNIT)
    assert Decimal(terms.select(rules.as_text("qty", rules.QTY_PLACES)).item()) == qty


@given(st.lists(st.sampled_from([{}, {"qty": "0"}, {"side": "?"}, {"tif": "?", "qty": "x"}]), min_size=1, max_size=30))
def test_every_row_is_either_good_or_told_what_is_wrong(changes):
    terms, problems = judge(*changes)
    good, bad = set(terms["row"].to_list()), set(problems["row"].to_list())
    assert good | bad == set(range(len(changes))) and not good & bad


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_no_text_in_a_number_crashes(texts):
    judge(*({"qty": text, "limit_price": text} for text in texts))


def terms(**said):
    return {"qty": "100", "limit_price": "50", "order_type": "LIMIT", "tif": "DAY"} | said


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ({}, {}, False),
        ({"stop_price": "51"}, {"stop_price": "52"}, True),
        ({"peg": "MID"}, {"peg": "PRIMARY"}, True),
        ({"order_type": "MARKET", "limit_price": ""}, {}, False),
        ({}, {"order_type": "STOP_LIMIT"}, True),
        ({"tif": "GTC"}, {}, False),
        ({}, {"tif": "IOC"}, True),
        ({"tif": "GTD", "expire_date": "2026-12-01"}, {"tif": "GTD", "expire_date": "2026-12-02"}, True),
        ({"tif": "GTD", "expire_date": "2026-12-02"}, {"tif": "GTD", "expire_date": "2026-12-01"}, False),
        ({"min_qty": "50"}, {"min_qty": "60"}, False),
        ({"min_qty": "50"}, {}, True),
        ({}, {"display_qty": "10"}, False),
        ({"display_qty": "10"}, {}, True),
        ({"display_qty": "10"}, {"display_qty": "9"}, False),
        ({"flags": "CARE"}, {}, True),
        ({"flags": "NOT_HELD"}, {}, False),
        ({"position_effect": "CLOSE"}, {"position_effect": "OPEN"}, True),
        ({"cash_qty": "5000"}, {"cash_qty": "5000", "qty": "110"}, False),
        ({"cash_qty": "5000"}, {"cash_qty": "5001", "qty": "90"}, True),
        ({"cash_qty": "5000"}, {"qty": "90"}, True),
        ({}, {"cash_qty": "5000", "qty": "90"}, True),
    ],
)
def test_all_economic_terms_count_for_whether_more_is_asked(before, after, more):
    assert any(c.asks_more for c in rules.compared(terms(**before), terms(**after), "BUY")) is more
