"""
What an order must be. All rules are asked of all rows at once: a frame of what was typed comes in, a frame of terms and
one of problems go out. Nothing is looked up here.

Numbers are whole: quantities in 1/10,000 (``QTY_UNIT``), prices in 1/100,000,000 (``PRICE_UNIT``), as they are stored.
"""

import polars as pl

from . import handling
from .cells import (
    PRICE_DIGITS,
    PRICE_PLACES,
    QTY_DIGITS,
    QTY_PLACES,
    Rule,
    as_text,
    bare,
    number,
    trimmed,
    word,
)
from .classes import CLASSES

SIDES = {
    "buy": "BUY", "b": "BUY", "1": "BUY", "sell": "SELL", "s": "SELL", "sl": "SELL", "2": "SELL",
    "subscribe": "BUY", "d": "BUY", "redeem": "SELL", "e": "SELL",
    "sell_short": "SELL_SHORT", "sellshort": "SELL_SHORT", "short": "SELL_SHORT", "ss": "SELL_SHORT", "5": "SELL_SHORT",
}  # fmt: skip
ORDER_TYPES = {
    "market": "MARKET", "mkt": "MARKET", "limit": "LIMIT", "lmt": "LIMIT", "stop": "STOP", "stp": "STOP",
    "stop_limit": "STOP_LIMIT", "stp_lmt": "STOP_LIMIT", "stoplimit": "STOP_LIMIT", "pegged": "PEGGED", "peg": "PEGGED",
}  # fmt: skip
TIFS = {
    "day": "DAY", "gtc": "GTC", "good_till_cancelled": "GTC", "ioc": "IOC", "immediate_or_cancel": "IOC", "fok": "FOK",
    "fill_or_kill": "FOK", "gtd": "GTD", "good_till_date": "GTD", "opg": "OPG", "on_open": "OPG", "moo": "OPG",
    "cls": "CLS", "on_close": "CLS", "moc": "CLS",
}  # fmt: skip
TEXT_LIMITS = {"instructions": 200, "rationale": 400, "client_ref": 64}

TYPED = (
    "side", "qty", "order_type", "limit_price", "tif", "instructions", "rationale", "client_ref", "currency",
    *handling.HANDLING, "intent", "intent_value",
)  # fmt: skip
FACTS = {
    "portfolio_id": pl.Int64,
    "portfolio_problem": pl.String,
    "instrument_id": pl.Int64,
    "instrument_problem": pl.String,
    "instrument_currency": pl.String,
    "asset_class": pl.String,
    "increment": pl.Int64,
    "min_piece": pl.Int64,
    "tick": pl.Int64,
    "desk_id": pl.Int64,
    "desk_problem": pl.String,
    "ref_problem": pl.String,
    "takes": pl.String,
    "takes_said": pl.String,
    "takes_where": pl.String,
    "today": pl.Date,
    "intent_json": pl.String,
    "intent_problem": pl.String,
    "value_date_problem": pl.String,
    "cash_problem": pl.String,
}
TERMS = (
    "row", "portfolio_id", "instrument_id", "side", "qty", "order_type", "limit_price", "tif", "instructions",
    "rationale", "client_ref", "currency", "desk_id", "terms", "intent",
)  # fmt: skip
SPOKEN = ("tif", "desk", "instructions")  # What the firm's rules fill in where a person left it empty.
CARRIED = ("defaulted", "own")  # Columns that are judged elsewhere and go along, where there are any.


def _of_class(term: str, otherwise: str) -> pl.Expr:
    """What the table of classes says for each row's instrument."""
    said = {code: getattr(terms, term) for code, terms in CLASSES.items()}
    return pl.col("asset_class").replace_strict(said, default=otherwise, return_dtype=pl.String)


def type_meant() -> pl.Expr:
    """The order type that was said; where none was, LIMIT if a limit price was, else what orders of the class are."""
    return (
        pl.when(bare("order_type") == "")
        .then(pl.when(trimmed("limit_price") == "").then(_of_class("bare_type", "MARKET")).otherwise(pl.lit("LIMIT")))
        .otherwise(bare("order_type").replace_strict(ORDER_TYPES, default=None, return_dtype=pl.String))
    )


def judged(asked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    Asks every rule of every row.

    :param asked: ``row`` (a number), what was typed as text (``TYPED``), and what is known about it (``FACTS``)
    :returns: the terms of the rows that broke no rule (``TERMS``; quantity and price as whole units), and the problems
        of the others (``row``, ``field``, ``message``), by row
    """
    read = asked.with_columns(
        word("side", SIDES),
        type_meant().alias("order_type_is"),
        pl.when(bare("tif") == "")
        .then(_of_class("tif", "DAY"))
        .otherwise(bare("tif").replace_strict(TIFS, default=None, return_dtype=pl.String))
        .alias("tif_is"),
        *number("qty", QTY_PLACES, QTY_DIGITS),
        *number("limit_price", PRICE_PLACES, PRICE_DIGITS),
        *(trimmed(name).alias(name) for name in (*TEXT_LIMITS, "currency")),
    )
    read = handling.read(read)
    problems = pl.concat(
        read.filter(rule.broken).select(
            "row", pl.lit(rule.field).alias("field"), rule.message.cast(pl.String).alias("message")
        )
        for rule in (RULES if "own_problem" not in read.columns else (*RULES, OWN))
    ).sort("row", maintain_order=True)
    if "broker_takes" in read.columns:
        problems = pl.concat([problems, _untaken(read)]).sort("row", maintain_order=True)
    if "defaulted" in read.columns and len(problems):
        problems = _naming_rules(problems, read)
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
        handling.as_json(),
        pl.col("intent_json").alias("intent"),
        *(name for name in CARRIED if name in read.columns),
    )
    return terms, problems


def _untaken(read: pl.DataFrame) -> pl.DataFrame:
    """
    The rows whose order the broker that a rule of the firm chose does not take, with what to do: the broker is not on
    the ticket.
    """
    able = pl.col("broker_takes").str.contains(pl.format("|{} {}|", "order_type_is", "tif_is"), literal=True)
    chosen = pl.col("defaulted").str.json_path_match("$.broker.value")
    by = pl.col("defaulted").str.json_path_match("$.broker.rule")
    message = pl.format(
        "{} does not take {} with {}; it takes {}. The firm's rule “{}” chose this broker: say another order type or time in"
        " force, or ask operations to change the rule.",
        chosen, "order_type_is", "tif_is", "broker_said", by,
    )  # fmt: skip
    return read.filter(~able).select("row", pl.lit("tif").alias("field"), message.alias("message"))


def _naming_rules(problems: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """The problems, with the firm's rule beside those of what it filled in: nobody typed that."""
    filled = [pl.col("defaulted").str.json_path_match(f"$.{name}.rule").alias(name) for name in SPOKEN]
    by = read.select("row", *filled).unpivot(index="row", variable_name="field", value_name="by").drop_nulls()
    named = pl.format("{} The firm's rule “{}” filled it in: say another here.", "message", "by")
    return (
        problems.join(by, on=["row", "field"], how="left", maintain_order="left")
        .with_columns(pl.coalesce(named, "message").alias("message"))
        .drop("by")
    )


_qty, _limit = pl.col("qty_is"), pl.col("limit_price_is")
_is_limit = pl.col("order_type_is").is_in(["LIMIT", "STOP_LIMIT"])
_may_have_limit = _is_limit | (pl.col("order_type_is") == "PEGGED")
_no_price = trimmed("limit_price") == ""

OWN = Rule("own", pl.col("own_problem").is_not_null(), pl.col("own_problem"))  # Where the firm's own fields are given.
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
    Rule("side", pl.col("side_is").is_null() & (trimmed("side") == ""), pl.lit("The side is missing: BUY, SELL or SELL_SHORT.")),
    Rule(
        "side",
        pl.col("side_is").is_null() & (trimmed("side") != ""),
        pl.format("“{}” is no side. Use BUY, SELL or SELL_SHORT.", trimmed("side").str.head(40)),
    ),
    Rule("side", (pl.col("side_is") == "SELL_SHORT") & (_of_class("no_short", "") != ""), _of_class("no_short", "")),
    Rule("intent_value", pl.col("intent_problem").is_not_null(), pl.col("intent_problem")),
    Rule(
        "qty",
        (trimmed("qty") == "") & pl.col("intent_problem").is_null() & pl.col("cash_problem").is_null(),
        pl.lit("The quantity is missing."),
    ),
    Rule("qty", pl.col("qty_problem").is_not_null(), pl.col("qty_problem")),
    Rule(
        "qty",
        _qty <= 0,
        pl.format("The quantity must be above zero; got {}. The side says whether to buy or sell.", trimmed("qty")),
    ),
    Rule(
        "qty",
        (_qty > 0) & (_qty % pl.col("increment") != 0),
        pl.format(
            "{} is not a multiple of {}, the increment of this instrument.",
            trimmed("qty"),
            as_text("increment", QTY_PLACES),
        ),
    ),
    Rule(
        "qty",
        (_qty > 0) & (_qty % pl.col("increment") == 0) & (_qty < pl.col("min_piece")),
        pl.format(
            "{} is below {}, the smallest piece of this instrument that trades.",
            trimmed("qty"),
            as_text("min_piece", QTY_PLACES),
        ),
    ),
    Rule(
        "order_type",
        pl.col("order_type_is").is_null(),
        pl.format("“{}” is no order type. Use MARKET, LIMIT, STOP, STOP_LIMIT or PEGGED.", trimmed("order_type").str.head(40)),
    ),
    Rule(
        "limit_price",
        _is_limit & _no_price,
        pl.when(bare("order_type") != "")
        .then(pl.lit("A limit order needs its limit price."))
        .otherwise(pl.lit("A limit order needs its limit price, and an order in this class is one unless it says MARKET.")),
    ),
    Rule(
        "limit_price",
        ~_may_have_limit & ~_no_price,
        pl.when(pl.col("order_type_is") == "STOP")
        .then(pl.lit("A stop order has no limit price. Choose STOP_LIMIT or leave the price empty."))
        .otherwise(pl.lit("A market order has no limit price. Choose LIMIT or leave the price empty.")),
    ),
    Rule(
        "limit_price",
        _may_have_limit & pl.col("limit_price_problem").is_not_null(),
        pl.col("limit_price_problem"),
    ),
    Rule("limit_price", _may_have_limit & (_limit <= 0), pl.lit("The limit price must be above zero.")),
    Rule(
        "limit_price",
        _may_have_limit & (_limit > 0) & (_limit % pl.col("tick") != 0),
        pl.format(
            "{} is not a multiple of the tick, {}.", trimmed("limit_price"), as_text("tick", PRICE_PLACES)
        ),
    ),
    Rule(
        "tif",
        pl.col("tif_is").is_null(),
        pl.format("“{}” is no time in force. Use DAY, GTC, GTD, IOC, FOK, OPG or CLS.", trimmed("tif").str.head(40)),
    ),
    Rule(
        "currency",
        (trimmed("currency") != "")
        & (trimmed("currency").str.to_uppercase() != pl.col("instrument_currency")),
        pl.format(
            "This instrument trades in {}, not {}.", pl.col("instrument_currency"), trimmed("currency").str.head(10)
        ),
    ),
    Rule("desk", pl.col("desk_problem").is_not_null(), pl.col("desk_problem")),
    *(
        Rule(
            name,
            trimmed(name).str.len_chars() > limit,
            pl.format("{} characters are too many: at most {}.", trimmed(name).str.len_chars(), pl.lit(limit)),
        )
        for name, limit in TEXT_LIMITS.items()
    ),
    Rule("client_ref", pl.col("ref_problem").is_not_null(), pl.col("ref_problem")),
    *handling.RULES,
    *handling.COMBINATIONS,
)
