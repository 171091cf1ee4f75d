"""Rows that say what is intended instead of how many units: their quantity, derived before they are judged."""

from datetime import datetime

import orjson
import polars as pl

from .. import rules, selectors


def with_quantities(asked: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """
    Side and quantity of the rows with an ``intent`` derived at the prices of now (of a forward, at that for its day), with
    what they were made from in ``intent_json`` or why there is none in ``intent_problem``. Frames without any pay nothing.
    """
    nothing = [pl.lit(None, pl.String).alias("intent_problem")]
    means = pl.col("intent").fill_null("").str.strip_chars() != ""
    rows = asked.filter(means & pl.col("portfolio_id").is_not_null() & pl.col("instrument_id").is_not_null())
    if not len(rows):
        return asked.with_columns(nothing)
    day = pl.col("value_date").fill_null("").str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    said = rows.select("row", "portfolio_id", "instrument_id", "intent", "intent_value", "side", day).rows()
    known = selectors.known_of({(home, thing) for _, home, thing, *_ in said})
    forwards = selectors.forward_mids({(thing, on) for _, _, thing, *_, on in said if on}, at)
    found = []
    for row, home, thing, kind, value, side, on in said:
        if (home, thing) in known:
            facts = known[home, thing]
            facts = facts._replace(price=forwards[thing, on]) if (thing, on) in forwards else facts
            one = rules.derived(kind, value or "", side or "", facts)
            made = orjson.dumps(one.made_from).decode() if one.made_from else None
            found.append((row, one.side, one.qty, made, one.problem))
    derived = pl.DataFrame(
        found,
        schema={"row": pl.Int64, "side_is_to": pl.String, "qty_is_to": pl.String, "intent_json_to": pl.String,
                "intent_problem": pl.String},
        orient="row",
    )  # fmt: skip
    return (
        asked.join(derived, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("side_is_to", "side").alias("side"),
            pl.coalesce("qty_is_to", "qty").alias("qty"),
            pl.coalesce("intent_json_to", "intent_json").alias("intent_json"),
        )
        .drop("side_is_to", "qty_is_to", "intent_json_to")
    )
