"""Rows that say when a currency trade is to settle: what is wrong with the day, and what the pair is worth for it."""

from datetime import datetime

import polars as pl

from apps.reference import rules as reference

from .. import selectors


def with_value_dates(asked: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """What is wrong with each ``value_date`` in ``value_date_problem``. Frames without any pay nothing."""
    said = pl.col("value_date").fill_null("").str.strip_chars()
    rows = asked.filter((said != "") & pl.col("instrument_id").is_not_null()).select(
        "row", "instrument_id", said.str.to_date("%Y-%m-%d", strict=False)
    )
    if not len(rows):
        return asked.with_columns(pl.lit(None, pl.String).alias("value_date_problem"))
    pairs = selectors.pairs_known(rows["instrument_id"].unique().to_list(), at)
    problems = [
        reference.forward_problem(pairs[pk].symbol, day, pairs[pk].spot, pairs[pk].holidays)
        if day and pk in pairs
        else "Only a trade in currencies has a value date; leave it empty."
        for _, pk, day in rows.rows()
    ]
    found = pl.DataFrame(
        {"row": rows["row"], "value_date_problem": problems}, schema={"row": pl.Int64, "value_date_problem": pl.String}
    )
    return asked.join(found, on="row", how="left", maintain_order="left")


def forward_prices(terms: pl.DataFrame, at: datetime) -> list[pl.Series]:
    """``decision_price`` of judged terms of which some say a value date: for those, the forward price. Without any, nothing."""
    if not terms["terms"].str.contains('"value_date"', literal=True).any():
        return []
    days = terms["terms"].str.json_path_match("$.value_date").str.to_date("%Y-%m-%d").to_list()
    asked = list(zip(terms["instrument_id"].to_list(), days, strict=True))
    spots = selectors.mids({pk for pk, _ in asked})
    forwards = selectors.forward_mids({one for one in asked if one[1]}, at)
    found = [forwards.get(one) if one[1] else spots.get(one[0]) for one in asked]
    return [pl.Series("decision_price", [None if price is None else str(price) for price in found], pl.String)]
