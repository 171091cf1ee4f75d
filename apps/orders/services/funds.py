"""Orders in funds by an amount of money: their quantity is derived before they are judged."""

import orjson
import polars as pl

from .. import rules, selectors

REFUSED = "Only an order in a fund is by amount in this way; give units, or an intent."


def with_amounts(asked: pl.DataFrame) -> pl.DataFrame:
    """
    Quantity of the rows with ``cash_qty``, and of those whose intent is an amount of a fund; what is wrong with them in
    ``cash_problem``. Frames without any pay nothing.
    """
    asked = asked.with_columns(pl.lit(None, pl.String).alias("cash_problem"))
    cash, intent = (pl.col(name).fill_null("").str.strip_chars() for name in ("cash_qty", "intent"))
    rows = asked.filter(
        ((cash != "") | (intent.str.to_uppercase() == "AMOUNT"))
        & pl.col("portfolio_id").is_not_null() & pl.col("instrument_id").is_not_null()
    )  # fmt: skip
    if not len(rows):
        return asked
    said = rows.select("row", "portfolio_id", "instrument_id", "cash_qty", "intent_value").rows()
    funds = selectors.funds_among({thing for _, _, thing, *_ in said})
    known = selectors.known_of({(home, thing) for _, home, thing, *_ in said if thing in funds})
    found = []
    for row, home, thing, amount, value in said:
        if thing in funds:
            qty, made, problem = rules.by_amount(amount or value or "", known[home, thing])
            found.append((row, qty, amount or value, "", orjson.dumps(made).decode() if made else None, problem))
        elif amount:
            found.append((row, None, amount, None, None, REFUSED))
    to = ("qty", "cash_qty", "intent", "intent_json", "cash_problem")
    derived = pl.DataFrame(
        found, schema={"row": pl.Int64} | {f"{name}_to": pl.String for name in to}, orient="row"
    )  # fmt: skip
    return (
        asked.join(derived, on="row", how="left", maintain_order="left")
        .with_columns(pl.coalesce(f"{name}_to", name).alias(name) for name in to)
        .drop(f"{name}_to" for name in to)
    )
