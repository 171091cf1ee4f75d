"""
The terms that few orders have: stop, peg, the day an order ends, the least and the displayed quantity, whether it opens or
closes a position, why a short sale is exempt from the price test, and flags for who works it. They are kept together as one
JSON object, each only where it is said.
"""

import polars as pl

from .cells import PRICE_DIGITS, PRICE_PLACES, QTY_DIGITS, QTY_PLACES, Rule, as_text, bare, number, trimmed, word
from .classes import CLASSES

PEGS = {"primary": "PRIMARY", "mid": "MID", "midpoint": "MID", "market": "MARKET"}
FLAGS = {
    "not_held": "NOT_HELD", "nh": "NOT_HELD", "do_not_increase": "DO_NOT_INCREASE", "dni": "DO_NOT_INCREASE",
    "care": "CARE",
}  # fmt: skip
EFFECTS = {"open": "OPEN", "o": "OPEN", "close": "CLOSE", "c": "CLOSE"}
# What the exchange act's Rule 201 exempts from its price test, as FIX lists it (ShortSaleExemptionReason, 1688). "Unknown" is none.
EXEMPTIONS = {
    "1": "INCOMING", "2": "ABOVE_BID", "3": "DELAYED_DELIVERY", "4": "ODD_LOT", "5": "DOMESTIC_ARBITRAGE",
    "6": "INTERNATIONAL_ARBITRAGE", "7": "UNDERWRITING", "8": "RISKLESS_PRINCIPAL", "9": "VWAP",
}  # fmt: skip
EXEMPTION_TAGS = {word: tag for tag, word in EXEMPTIONS.items()}
HANDLING = (
    "stop_price", "peg", "peg_offset", "expire_date", "min_qty", "display_qty", "position_effect", "short_exempt", "flags",
    "value_date", "cash_qty",
)  # fmt: skip
DATES = ("expire_date", "value_date")
NUMBERS = {
    "stop_price": (PRICE_PLACES, PRICE_DIGITS), "peg_offset": (PRICE_PLACES, PRICE_DIGITS),
    "min_qty": (QTY_PLACES, QTY_DIGITS), "display_qty": (QTY_PLACES, QTY_DIGITS), "cash_qty": (QTY_PLACES, QTY_DIGITS),
}  # fmt: skip
SAID = {"stop_price": "a stop price", "peg": "a peg", "peg_offset": "an offset to its peg"}


def read(asked: pl.DataFrame) -> pl.DataFrame:
    """
    What was typed, with ``<name>_is`` of each of these terms and ``<name>_problem`` of the numbers. A column in which
    nobody said anything costs nothing.
    """
    said = asked.with_columns(trimmed(name).alias(name) for name in HANDLING)
    empty = {name for name in HANDLING if (said[name] == "").all()}
    return said.with_columns(
        *(
            expr
            for name, (places, digits) in NUMBERS.items()
            for expr in (
                (pl.lit(None, pl.Int64).alias(f"{name}_is"), pl.lit(None, pl.String).alias(f"{name}_problem"))
                if name in empty
                else number(name, places, digits)
            )
        ),
        pl.when((bare("peg") == "") & (pl.col("order_type_is") == "PEGGED"))
        .then(pl.lit("PRIMARY"))
        .otherwise(bare("peg").replace_strict(PEGS, default=None, return_dtype=pl.String))
        .alias("peg_is"),
        *(
            (pl.lit(None, pl.Date) if name in empty else pl.col(name).str.to_date("%Y-%m-%d", strict=False)).alias(f"{name}_is")
            for name in DATES
        ),
        (
            pl.lit(None, pl.String).alias("position_effect_is")
            if "position_effect" in empty
            else word("position_effect", EFFECTS)
        ),
        (
            pl.lit(None, pl.String).alias("short_exempt_is")
            if "short_exempt" in empty
            else word("short_exempt", EXEMPTIONS | {said.lower(): said for said in EXEMPTION_TAGS})
        ),
        (pl.lit(None, pl.List(pl.String)) if "flags" in empty else _flags()).alias("flags_are"),
    )


def as_json() -> pl.Expr:
    """These terms as one JSON object of texts, keys in a fixed order, with what is said alone."""
    values = {
        "cash_qty": as_text("cash_qty_is", QTY_PLACES),
        "display_qty": as_text("display_qty_is", QTY_PLACES),
        "expire_date": pl.col("expire_date_is").dt.to_string("%Y-%m-%d"),
        "flags": pl.when(pl.col("flags_are").list.len() > 0).then(pl.col("flags_are").list.join(",")),
        "min_qty": as_text("min_qty_is", QTY_PLACES),
        "peg": pl.col("peg_is"),
        "peg_offset": as_text("peg_offset_is", PRICE_PLACES),
        "position_effect": pl.col("position_effect_is"),
        "short_exempt": pl.col("short_exempt_is"),
        "stop_price": as_text("stop_price_is", PRICE_PLACES),
        "value_date": pl.col("value_date_is").dt.to_string("%Y-%m-%d"),
    }
    parts = [pl.format('"{}":"{}"', pl.lit(name), value) for name, value in values.items()]
    return ("{" + pl.concat_str(parts, separator=",", ignore_nulls=True) + "}").alias("terms")


def _flags() -> pl.Expr:
    words = bare("flags").str.replace_all(r"_*[,;|+]_*", ",").str.split(",").list.eval(pl.element().filter(pl.element() != ""))
    known = words.list.eval(pl.element().replace_strict(FLAGS, default="?", return_dtype=pl.String))
    return known.list.unique().list.sort()


_type, _qty = pl.col("order_type_is"), pl.col("qty_is")
_stops = _type.is_in(["STOP", "STOP_LIMIT"])
_pegged = _type == "PEGGED"


def _classes_that_say(term: str) -> list[str]:
    return [code for code, one in CLASSES.items() if term in one.says]


def _said(name: str) -> pl.Expr:
    return pl.col(name) != ""


RULES: tuple[Rule, ...] = (
    Rule("stop_price", _stops & ~_said("stop_price"), pl.lit("A stop order needs its stop price.")),
    Rule(
        "stop_price",
        _type.is_not_null() & ~_stops & _said("stop_price"),
        pl.lit("Only a stop order has a stop price. Choose STOP or STOP_LIMIT, or leave it empty."),
    ),
    Rule("stop_price", pl.col("stop_price_problem").is_not_null(), pl.col("stop_price_problem")),
    Rule("stop_price", pl.col("stop_price_is") <= 0, pl.lit("The stop price must be above zero.")),
    Rule(
        "stop_price",
        (pl.col("stop_price_is") > 0) & (pl.col("stop_price_is") % pl.col("tick") != 0),
        pl.format("{} is not a multiple of the tick, {}.", pl.col("stop_price"), as_text("tick", PRICE_PLACES)),
    ),
    *(
        Rule(
            name,
            _type.is_not_null() & ~_pegged & _said(name),
            pl.lit(f"Only a pegged order has {SAID[name]}. Choose PEGGED, or leave it empty."),
        )
        for name in ("peg", "peg_offset")
    ),
    Rule(
        "peg",
        _said("peg") & pl.col("peg_is").is_null(),
        pl.format("“{}” is nothing to peg to. Use PRIMARY, MID or MARKET.", pl.col("peg").str.head(40)),
    ),
    Rule("peg_offset", pl.col("peg_offset_problem").is_not_null(), pl.col("peg_offset_problem")),
    Rule(
        "expire_date",
        (pl.col("tif_is") == "GTD") & ~_said("expire_date"),
        pl.lit("An order good till a date needs that date."),
    ),
    Rule(
        "expire_date",
        pl.col("tif_is").is_not_null() & (pl.col("tif_is") != "GTD") & _said("expire_date"),
        pl.lit("Only an order good till a date has one. Choose GTD, or leave it empty."),
    ),
    *(
        Rule(
            name,
            _said(name) & pl.col(f"{name}_is").is_null(),
            pl.format("“{}” is no date. Write it as 2026-12-31.", pl.col(name).str.head(40)),
        )
        for name in DATES
    ),
    Rule(
        "value_date",
        pl.col("value_date_is").is_not_null() & pl.col("value_date_problem").is_not_null(),
        pl.col("value_date_problem"),
    ),
    Rule(
        "expire_date",
        pl.col("expire_date_is") < pl.col("today"),
        pl.format("{} has passed.", pl.col("expire_date")),
    ),
    *(
        rule
        for name, what in (("min_qty", "The minimum"), ("display_qty", "The displayed quantity"))
        for rule in (
            Rule(name, pl.col(f"{name}_problem").is_not_null(), pl.col(f"{name}_problem")),
            Rule(name, pl.col(f"{name}_is") <= 0, pl.lit(f"{what} must be above zero; leave it empty for none.")),
            Rule(
                name,
                pl.col(f"{name}_is") > _qty,
                pl.format(f"{what}, {{}}, is more than the order's quantity.", pl.col(name)),
            ),
            Rule(
                name,
                (pl.col(f"{name}_is") > 0) & (pl.col(f"{name}_is") % pl.col("increment") != 0),
                pl.format(
                    "{} is not a multiple of {}, the increment of this instrument.",
                    pl.col(name), as_text("increment", QTY_PLACES),
                ),
            ),
        )
    ),
    Rule("cash_qty", pl.col("cash_qty_problem").is_not_null(), pl.col("cash_qty_problem")),
    Rule("cash_qty", pl.col("cash_problem").is_not_null(), pl.col("cash_problem")),
    Rule(
        "position_effect",
        _said("position_effect") & pl.col("position_effect_is").is_null(),
        pl.format("“{}” is no effect on a position. Use OPEN or CLOSE.", pl.col("position_effect").str.head(40)),
    ),
    Rule(
        "position_effect",
        _said("position_effect") & ~pl.col("asset_class").is_in(_classes_that_say("position_effect")),
        pl.lit("Only options and futures open or close a position. Leave it empty."),
    ),
    Rule(
        "short_exempt",
        _said("short_exempt") & pl.col("short_exempt_is").is_null(),
        pl.format("“{}” is no listed exemption. Use {}.", pl.col("short_exempt").str.head(40), pl.lit(", ".join(EXEMPTION_TAGS))),
    ),
    Rule(
        "short_exempt",
        _said("short_exempt") & (pl.col("side_is") != "SELL_SHORT"),
        pl.lit("Only a short sale is exempt from the price test of short sales. Leave it empty."),
    ),
    Rule(
        "flags",
        pl.col("flags_are").list.contains("?"),
        pl.format("“{}” is no handling known here. Use NOT_HELD, DO_NOT_INCREASE, CARE.", pl.col("flags").str.head(60)),
    ),
)  # fmt: skip

_pair = pl.format("|{} {}|", "order_type_is", "tif_is")


def _taken(token: pl.Expr) -> pl.Expr:
    return pl.col("takes").str.contains(token, literal=True)


COMBINATIONS: tuple[Rule, ...] = (
    Rule(
        "order_type",
        ~_taken(pl.format("|{} ", "order_type_is")),
        pl.format("{} takes no such order. It takes {}.", "takes_where", "takes_said"),
    ),
    Rule(
        "tif",
        _taken(pl.format("|{} ", "order_type_is")) & ~_taken(_pair),
        pl.format("{} does not take {} with {}. It takes {}.", "takes_where", "order_type_is", "tif_is", "takes_said"),
    ),
    *(
        Rule(
            name,
            _said(name) & _taken(_pair) & ~_taken(pl.format("|{} {} {}|", pl.lit(letter), "order_type_is", "tif_is")),
            pl.format(f"{{}} takes no {what} with {{}} {{}}.", "takes_where", "order_type_is", "tif_is"),
        )
        for name, letter, what in (("min_qty", "M", "minimum quantity"), ("display_qty", "D", "displayed quantity"))
    ),
)
