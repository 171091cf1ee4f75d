"""
What an order must be. All rules are asked of all rows at once: a frame of what was typed comes in, a frame of terms and
one of problems go out. Nothing is looked up here.

Numbers are whole: quantities in 1/10,000 (``QTY_UNIT``), prices in 1/100,000,000 (``PRICE_UNIT``), as they are stored.
"""

from typing import NamedTuple

import polars as pl

QTY_PLACES, PRICE_PLACES = 4, 8
QTY_UNIT, PRICE_UNIT = 10**QTY_PLACES, 10**PRICE_PLACES
QTY_DIGITS, PRICE_DIGITS = 14, 10  # Before the point; with the places they fit a signed 64-bit column.

SIDES = {
    "buy": "BUY", "b": "BUY", "1": "BUY", "sell": "SELL", "s": "SELL", "sl": "SELL", "2": "SELL",
    "sell_short": "SELL_SHORT", "sellshort": "SELL_SHORT", "short": "SELL_SHORT", "ss": "SELL_SHORT", "5": "SELL_SHORT",
}  # fmt: skip
ORDER_TYPES = {"market": "MARKET", "mkt": "MARKET", "limit": "LIMIT", "lmt": "LIMIT"}
TIFS = {
    "day": "DAY", "gtc": "GTC", "good_till_cancelled": "GTC", "ioc": "IOC", "immediate_or_cancel": "IOC", "fok": "FOK",
    "fill_or_kill": "FOK",
}  # fmt: skip
TEXT_LIMITS = {"instructions": 200, "rationale": 400, "client_ref": 64}

TYPED = (
    "side", "qty", "order_type", "limit_price", "tif", "instructions", "rationale", "client_ref", "currency",
)  # fmt: skip
FACTS = {
    "portfolio_id": pl.Int64,
    "portfolio_problem": pl.String,
    "instrument_id": pl.Int64,
    "instrument_problem": pl.String,
    "instrument_currency": pl.String,
    "increment": pl.Int64,
    "min_piece": pl.Int64,
    "tick": pl.Int64,
    "desk_id": pl.Int64,
    "desk_problem": pl.String,
    "ref_problem": pl.String,
}
TERMS = (
    "row", "portfolio_id", "instrument_id", "side", "qty", "order_type", "limit_price", "tif", "instructions",
    "rationale", "client_ref", "currency", "desk_id",
)  # fmt: skip


class Rule(NamedTuple):
    """What is not so of a row: the field at fault, when, and what to tell the person."""

    field: str
    broken: pl.Expr
    message: pl.Expr


def judged(asked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    Asks every rule of every row.

    :param asked: ``row`` (a number), what was typed as text (``TYPED``), and what is known about it (``FACTS``)
    :returns: the terms of the rows that broke no rule (``TERMS``; quantity and price as whole units), and the problems
        of the others (``row``, ``field``, ``message``), by row
    """
    read = asked.with_columns(
        _word("side", SIDES),
        pl.when(_bare("order_type") == "")
        .then(pl.when(_trimmed("limit_price") == "").then(pl.lit("MARKET")).otherwise(pl.lit("LIMIT")))
        .otherwise(_bare("order_type").replace_strict(ORDER_TYPES, default=None, return_dtype=pl.String))
        .alias("order_type_is"),
        pl.when(_bare("tif") == "")
        .then(pl.lit("DAY"))
        .otherwise(_bare("tif").replace_strict(TIFS, default=None, return_dtype=pl.String))
        .alias("tif_is"),
        *_number("qty", QTY_PLACES, QTY_DIGITS),
        *_number("limit_price", PRICE_PLACES, PRICE_DIGITS),
        *(_trimmed(name).alias(name) for name in (*TEXT_LIMITS, "currency")),
    )
    problems = pl.concat(
        read.filter(rule.broken).select(
            "row", pl.lit(rule.field).alias("field"), rule.message.cast(pl.String).alias("message")
        )
        for rule in RULES
    ).sort("row", maintain_order=True)
    terms = read.join(problems.select("row").unique(), on="row", how="anti", maintain_order="left").select(
        "row",
        "portfolio_id",
        "instrument_id",
        pl.col("side_is").alias("side"),
        pl.col("qty_is").alias("qty"),
        pl.col("order_type_is").alias("order_type"),
        pl.col("limit_price_is").alias("limit_price"),
        pl.col("tif_is").alias("tif"),
        "instructions",
        "rationale",
        "client_ref",
        pl.col("instrument_currency").alias("currency"),
        "desk_id",
    )
    return terms, problems


def as_text(column: str, places: int) -> pl.Expr:
    """Whole units as a decimal number in its shortest spelling; null stays null."""
    unit = 10**places
    whole = (pl.col(column) // unit).cast(pl.String)
    rest = (pl.col(column) % unit).cast(pl.String).str.pad_start(places, "0").str.strip_chars_end("0")
    return pl.when(rest == "").then(whole).otherwise(whole + "." + rest).alias(column)


def _trimmed(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars()


def _bare(name: str) -> pl.Expr:
    return _trimmed(name).str.to_lowercase().str.replace_all(r"[\s-]+", "_")


def _word(name: str, words: dict[str, str]) -> pl.Expr:
    return _bare(name).replace_strict(words, default=None, return_dtype=pl.String).alias(f"{name}_is")


def _number(name: str, places: int, digits: int) -> tuple[pl.Expr, pl.Expr]:
    """``<name>_is``, in whole units or null, and ``<name>_problem``, why it is none."""
    text = _trimmed(name)
    tight = text.str.replace_all(r"[\s\u{a0}\u{202f}']", "")
    is_number = tight.str.contains(r"^[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?$")
    bare = tight.str.replace_all(",", "")
    whole = bare.str.extract(r"^[+-]?0*(\d*)", 1)
    rest = bare.str.extract(r"\.(\d*)$", 1).fill_null("").str.strip_chars_end("0")
    fits = is_number & (whole.str.len_chars() <= digits) & (rest.str.len_chars() <= places)
    units = whole.str.pad_start(1, "0").cast(pl.Int64, strict=False) * 10**places + rest.str.pad_end(places, "0").cast(
        pl.Int64, strict=False
    )
    value = pl.when(fits).then(pl.when(bare.str.starts_with("-")).then(-units).otherwise(units))
    problem = (
        pl.when(text == "")
        .then(None)
        .when(text.str.starts_with("="))
        .then(pl.format("“{}” is a formula. Give its value.", text))
        .when(tight.str.contains(r"^[+-]?[\d.,]+[eE][+-]?\d+$"))
        .then(pl.format("“{}” is in scientific notation. Write out all its digits.", text))
        .when(~is_number)
        .then(pl.format("“{}” is not a number. Use digits, with a point before decimals.", text.str.head(40)))
        .when(whole.str.len_chars() > digits)
        .then(pl.format("{} is too large: at most {} digits before the point.", text.str.head(40), pl.lit(digits)))
        .when(rest.str.len_chars() > places)
        .then(pl.format("{} has more than {} decimals.", text.str.head(40), pl.lit(places)))
    )
    return value.alias(f"{name}_is"), problem.alias(f"{name}_problem")


def _units(column: str, places: int) -> pl.Expr:
    return as_text(column, places)


_qty, _limit = pl.col("qty_is"), pl.col("limit_price_is")
_is_limit = pl.col("order_type_is") == "LIMIT"
_no_price = _trimmed("limit_price") == ""

RULES: tuple[Rule, ...] = (
    Rule(
        "portfolio",
        pl.col("portfolio_problem").is_not_null() | pl.col("portfolio_id").is_null(),
        pl.coalesce("portfolio_problem", pl.lit("The portfolio is missing.")),
    ),
    Rule(
        "instrument",
        pl.col("instrument_problem").is_not_null() | pl.col("instrument_id").is_null(),
        pl.coalesce("instrument_problem", pl.lit("The instrument is missing.")),
    ),
    Rule("side", pl.col("side_is").is_null() & (_trimmed("side") == ""), pl.lit("The side is missing: BUY, SELL or SELL_SHORT.")),
    Rule(
        "side",
        pl.col("side_is").is_null() & (_trimmed("side") != ""),
        pl.format("“{}” is no side. Use BUY, SELL or SELL_SHORT.", _trimmed("side").str.head(40)),
    ),
    Rule("qty", _trimmed("qty") == "", pl.lit("The quantity is missing.")),
    Rule("qty", pl.col("qty_problem").is_not_null(), pl.col("qty_problem")),
    Rule(
        "qty",
        _qty <= 0,
        pl.format("The quantity must be above zero; got {}. The side says whether to buy or sell.", _trimmed("qty")),
    ),
    Rule(
        "qty",
        (_qty > 0) & (_qty % pl.col("increment") != 0),
        pl.format(
            "{} is not a multiple of {}, the increment of this instrument.",
            _trimmed("qty"),
            _units("increment", QTY_PLACES),
        ),
    ),
    Rule(
        "qty",
        (_qty > 0) & (_qty % pl.col("increment") == 0) & (_qty < pl.col("min_piece")),
        pl.format(
            "{} is below {}, the smallest piece of this instrument that trades.",
            _trimmed("qty"),
            _units("min_piece", QTY_PLACES),
        ),
    ),
    Rule(
        "order_type",
        pl.col("order_type_is").is_null(),
        pl.format("“{}” is no order type. Use MARKET or LIMIT.", _trimmed("order_type").str.head(40)),
    ),
    Rule("limit_price", _is_limit & _no_price, pl.lit("A limit order needs its limit price.")),
    Rule(
        "limit_price",
        (pl.col("order_type_is") == "MARKET") & ~_no_price,
        pl.lit("A market order has no limit price. Choose LIMIT or leave the price empty."),
    ),
    Rule(
        "limit_price",
        _is_limit & pl.col("limit_price_problem").is_not_null(),
        pl.col("limit_price_problem"),
    ),
    Rule("limit_price", _is_limit & (_limit <= 0), pl.lit("The limit price must be above zero.")),
    Rule(
        "limit_price",
        _is_limit & (_limit > 0) & (_limit % pl.col("tick") != 0),
        pl.format(
            "{} is not a multiple of the tick, {}.", _trimmed("limit_price"), _units("tick", PRICE_PLACES)
        ),
    ),
    Rule(
        "tif",
        pl.col("tif_is").is_null(),
        pl.format("“{}” is no time in force. Use DAY, GTC, IOC or FOK.", _trimmed("tif").str.head(40)),
    ),
    Rule(
        "currency",
        (_trimmed("currency") != "")
        & (_trimmed("currency").str.to_uppercase() != pl.col("instrument_currency")),
        pl.format(
            "This instrument trades in {}, not {}.", pl.col("instrument_currency"), _trimmed("currency").str.head(10)
        ),
    ),
    Rule("desk", pl.col("desk_problem").is_not_null(), pl.col("desk_problem")),
    *(
        Rule(
            name,
            _trimmed(name).str.len_chars() > limit,
            pl.format("{} characters are too many: at most {}.", _trimmed(name).str.len_chars(), pl.lit(limit)),
        )
        for name, limit in TEXT_LIMITS.items()
    ),
    Rule("client_ref", pl.col("ref_problem").is_not_null(), pl.col("ref_problem")),
)
