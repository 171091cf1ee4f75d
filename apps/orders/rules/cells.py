"""What was typed, as expressions over text columns: words, numbers in whole units, and what is wrong with a row."""

from typing import NamedTuple

import polars as pl

QTY_PLACES, PRICE_PLACES = 4, 8
QTY_UNIT, PRICE_UNIT = 10**QTY_PLACES, 10**PRICE_PLACES
QTY_DIGITS, PRICE_DIGITS = 14, 10  # Before the point; with the places they fit a signed 64-bit column.


class Rule(NamedTuple):
    """What is not so of a row: the field at fault, when, and what to tell the person."""

    field: str
    broken: pl.Expr
    message: pl.Expr


def as_text(column: str, places: int) -> pl.Expr:
    """Whole units as a decimal number in its shortest spelling; null stays null."""
    unit = 10**places
    size = pl.col(column).abs()
    sign = pl.when(pl.col(column) < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole = sign + (size // unit).cast(pl.String)
    rest = (size % unit).cast(pl.String).str.pad_start(places, "0").str.strip_chars_end("0")
    return pl.when(rest == "").then(whole).otherwise(whole + "." + rest).alias(column)


def trimmed(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars()


def bare(name: str) -> pl.Expr:
    return trimmed(name).str.to_lowercase().str.replace_all(r"[\s-]+", "_")


def word(name: str, words: dict[str, str]) -> pl.Expr:
    return bare(name).replace_strict(words, default=None, return_dtype=pl.String).alias(f"{name}_is")


def number(name: str, places: int, digits: int) -> tuple[pl.Expr, pl.Expr]:
    """``<name>_is``, in whole units or null, and ``<name>_problem``, why it is none."""
    text = trimmed(name)
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
