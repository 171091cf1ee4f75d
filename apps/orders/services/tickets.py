"""Entering orders: what was asked is judged as a whole, then written as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import orjson
import polars as pl
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid
from apps.core.tables import copy_frame, next_ids
from apps.users.services import require

from .. import rules, selectors
from ..events import GroupCreated, OrderCreated, OrderSubmitted
from ..models import OrderGroup
from ..states import GROUP_LIFE, LIFE
from .funds import with_amounts
from .intents import with_quantities
from .value_dates import forward_prices, with_value_dates

PROBLEMS_NAMED = 1000
TAKEN = ("takes", "takes_said", "takes_where")


class BadWishes(Invalid):
    """Some of what was asked for cannot be an order; none of it was entered."""


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What somebody wants: one portfolio, one instrument, each by its id or, where that is None, by what the person called
    it: ``portfolio`` a code, ``instrument`` a symbol, ISIN, CUSIP, SEDOL or FIGI.

    What is left empty the firm's rules may fill in, else its time in force is DAY and its desk the firm's first.

    Quantity in units (face for bonds, contracts for options and futures, base currency for a pair) or, with an ``intent``
    (``rules.INTENTS``), derived from its value; price in the instrument's currency (percent of par for bonds); numbers as
    Decimals or as text. ``position_effect`` is of options and futures, ``short_exempt`` of short sales,
    ``value_date`` of a forward in currencies, ``cash_qty`` the money of an order in a fund by amount, which needs no quantity.
    ``currency`` is only compared with the instrument's; ``desk`` is a desk's code, the firm's first where empty;
    ``client_ref`` is the sender's own.
    """

    portfolio_id: int | None
    instrument_id: int | None
    side: str
    qty: Decimal | str
    order_type: str = ""
    limit_price: Decimal | str | None = None
    tif: str = ""
    instructions: str = ""
    rationale: str = ""
    client_ref: str = ""
    currency: str = ""
    desk: str = ""
    portfolio: str = ""
    instrument: str = ""
    stop_price: Decimal | str | None = None
    peg: str = ""
    peg_offset: Decimal | str | None = None
    expire_date: date | str | None = None
    min_qty: Decimal | str | None = None
    display_qty: Decimal | str | None = None
    position_effect: str = ""
    short_exempt: str = ""
    flags: str = ""
    value_date: date | str | None = None
    cash_qty: Decimal | str | None = None
    own: Mapping[str, object] | None = None
    intent: str = ""
    intent_value: Decimal | str | None = None


@transaction.atomic
def create_orders(
    act: Act, wishes: Sequence[Wish], *, group_name: str = "", batch_id: int | None = None, submit: bool = False
) -> list[int]:
    """
    Will enter all the wishes as orders, or none of them, and return their ids in the same order.

    :param group_name: links them as a group of this name
    :param batch_id: the import they came from
    :param submit: sends them to compliance in the same act, which answers before this returns
    :raises NotAllowed: if the actor may not enter orders
    :raises BadWishes: naming every bad field of every wish, by its index
    """
    user = require(act, "orders.create")
    terms = judged_wishes(act, user, wishes)
    return write_orders(act, terms, group_names=[group_name.strip()] * len(terms), batch_id=batch_id, submit=submit)[0]


def judged_wishes(act: Act, user, wishes: Sequence[Wish]) -> pl.DataFrame:
    """The wishes' terms, in their order (``rules.TERMS``). :raises BadWishes: as above"""
    if not wishes:
        raise BadWishes("There is nothing to enter: send at least one order.", rows=[])
    asked = _asked(wishes)
    if any(wish.portfolio_id is None or wish.instrument_id is None for wish in wishes):
        asked = named(user, asked, ("identifier",))
    hold_references(user, asked)
    terms, problems = rules.judged(with_facts(user, asked, act.at))
    if len(problems):
        raise bad_wishes(problems, len(wishes))
    return terms


def _asked(wishes: Sequence[Wish]) -> pl.DataFrame:
    columns = list(zip(*(_typed(wish) for wish in wishes), strict=True))
    names = ("portfolio_id", "instrument_id", *rules.TYPED, "desk", "portfolio", "identifier", "own")
    return pl.DataFrame(
        {"row": pl.Series(range(len(wishes)), dtype=pl.Int64)}
        | {
            name: pl.Series(name, values, pl.Int64 if name.endswith("_id") else pl.String)
            for name, values in zip(names, columns, strict=True)
        }
    )


def _typed(wish: Wish) -> tuple:
    return (
        wish.portfolio_id, wish.instrument_id, wish.side, _text(wish.qty), wish.order_type, _text(wish.limit_price),
        wish.tif, wish.instructions, wish.rationale, wish.client_ref, wish.currency,
        *(_text(getattr(wish, name)) for name in (*rules.HANDLING, "intent", "intent_value")),
        wish.desk, wish.portfolio, wish.instrument,
        orjson.dumps(dict(wish.own), default=str).decode() if wish.own else None,
    )  # fmt: skip


def named(user, asked: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
    """
    Finds the portfolios and instruments that rows without their ids name: by code in ``portfolio``, and by the
    identifiers in the columns ``kinds``. What names none is said in ``portfolio_found`` and ``instrument_found``.
    """
    lacking = asked.filter(pl.col("portfolio_id").is_null())
    codes = pl.DataFrame(
        selectors.portfolio_codes(user, lacking["portfolio"].unique().to_list()),
        schema={"portfolio": pl.String, "portfolio_meant": pl.Int64, "portfolio_found": pl.String}, orient="row",
    )  # fmt: skip
    names = asked.filter(pl.col("instrument_id").is_null()).select(kinds).unique(maintain_order=True)
    meant = selectors.instruments_named([tuple(zip(kinds, values, strict=True)) for values in names.iter_rows()])
    instruments = names.with_columns(
        pl.Series("instrument_meant", [pk for pk, _ in meant], pl.Int64),
        pl.Series("instrument_found", [problem for _, problem in meant], pl.String),
    )
    return (
        asked.join(codes, on="portfolio", how="left", maintain_order="left")
        .join(instruments, on=list(kinds), how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("portfolio_id").is_null()).then("portfolio_found").alias("portfolio_found"),
            pl.when(pl.col("instrument_id").is_null()).then("instrument_found").alias("instrument_found"),
            pl.coalesce("portfolio_id", "portfolio_meant").alias("portfolio_id"),
            pl.coalesce("instrument_id", "instrument_meant").alias("instrument_id"),
        )
    )


def _text(number: Decimal | date | str | None) -> str:
    if number is None:
        return ""
    return f"{number:f}" if isinstance(number, Decimal) else str(number)


def bad_wishes(problems: pl.DataFrame, asked: int, *, was: str = "entered") -> BadWishes:
    """:param was: what none of them was, for one thing is wrong with one of them"""
    rows = [
        {"index": row, "field": field, "message": message} for row, field, message in problems.head(PROBLEMS_NAMED).rows()
    ]
    bad = problems["row"].n_unique()
    if asked == 1:
        message = f"The order was not {was}. " + " ".join(r["message"] for r in rows)
    else:
        message = f"{bad} of {asked} orders cannot be {was}, so none was. Correct the fields named and send all again."
    return BadWishes(message, rows=rows, bad=bad, asked=asked)


def hold_references(user, asked: pl.DataFrame) -> None:
    """
    Makes entries of one person that carry references wait for each other, so that a reference sent twice at once is
    seen by the second.
    """
    if (asked["client_ref"].fill_null("") != "").any():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('orders.references'), %s)", [user.pk])


def with_facts(user, asked: pl.DataFrame, at: datetime, *, fills: bool = True) -> pl.DataFrame:
    """
    What was typed, joined with what is known about it (``rules.FACTS``). Problems that the asker found by itself, in
    ``portfolio_found`` and ``instrument_found``, win over those found here.

    :param fills: whether the firm's rules fill in what is empty; not where an empty field is what the person wants
    """
    today = at.date()
    asked = _with_own(asked)
    frame = asked = _with_defaults(asked, today) if fills else asked
    for key, columns, facts in (
        ("portfolio_id", ("portfolio_problem",), selectors.portfolio_facts(user, _distinct(asked, "portfolio_id"))),
        (
            "instrument_id",
            ("instrument_problem", "instrument_currency", "asset_class", "increment", "min_piece", "tick", *TAKEN),
            selectors.instrument_facts(_distinct(asked, "instrument_id"), today),
        ),
    ):
        known = pl.DataFrame(
            facts, schema={name: rules.FACTS[name] for name in (key, *columns)}, orient="row"
        )  # fmt: skip
        frame = frame.join(known, on=key, how="left", maintain_order="left")
    frame = _with_default_brokers(frame)
    for name in ("portfolio", "instrument"):
        if f"{name}_found" in asked.columns:
            frame = frame.with_columns(pl.coalesce(f"{name}_found", f"{name}_problem").alias(f"{name}_problem"))
    desks = pl.DataFrame(
        selectors.desk_facts(_distinct(asked, "desk")),
        schema={"desk": pl.String, "desk_id": pl.Int64, "desk_problem": pl.String}, orient="row",
    )  # fmt: skip
    frame = frame.with_columns(pl.col("desk").fill_null("")).join(desks, on="desk", how="left", maintain_order="left")
    frame = with_amounts(frame.with_columns(pl.lit(None, pl.String).alias("intent_json")))
    frame = with_value_dates(with_quantities(frame, at), at)
    return _with_reference_problems(user, frame.with_columns(pl.lit(today, pl.Date).alias("today")))


def _with_own(asked: pl.DataFrame) -> pl.DataFrame:
    """Values of the firm's own fields as they are kept, and what is wrong with them; each set of values read once."""
    if "own" not in asked.columns or asked["own"].is_null().all():
        return asked.drop("own", strict=False)
    fields = selectors.own_fields()
    kept, wrong = {}, {}
    for text in asked["own"].drop_nulls().unique().to_list():
        values, problems = rules.checked(fields, orjson.loads(text))
        kept[text], wrong[text] = orjson.dumps(values).decode() if values else None, " ".join(problems) or None
    read = pl.DataFrame(
        {"own": list(kept), "own_kept": list(kept.values()), "own_problem": [wrong[text] for text in kept]},
        schema={"own": pl.String, "own_kept": pl.String, "own_problem": pl.String},
    )
    return asked.join(read, on="own", how="left", maintain_order="left").drop("own").rename({"own_kept": "own"})


def _with_defaults(asked: pl.DataFrame, today) -> pl.DataFrame:
    """What nobody said, filled in by the firm's rules of the day."""
    defaults = selectors.defaults_on(today)
    if not defaults:
        return asked
    kinds = selectors.kinds_of(_distinct(asked, "instrument_id"))
    frame = asked.join(kinds, on="instrument_id", how="left", maintain_order="left")
    return rules.with_defaults(frame, defaults).drop("asset_class", "country")


def _with_default_brokers(frame: pl.DataFrame) -> pl.DataFrame:
    """What the brokers that rules chose take, as far as a table says so of them."""
    if "defaulted" not in frame.columns:
        return frame
    frame = frame.with_columns(pl.col("defaulted").str.json_path_match("$.broker.value").alias("broker_by"))
    pairs = frame.select("broker_by", "asset_class").drop_nulls().unique().rows()
    taking = selectors.brokers_taking(pairs) if pairs else []
    if not taking:
        return frame.drop("broker_by")
    columns = ("broker_by", "asset_class", "broker_takes", "broker_said")
    known = pl.DataFrame(taking, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame.join(known, on=["broker_by", "asset_class"], how="left", maintain_order="left").drop("broker_by")


def _distinct(frame: pl.DataFrame, column: str) -> list:
    values = frame[column].fill_null("") if column == "desk" else frame[column].drop_nulls()
    return values.unique().to_list()


def _with_reference_problems(user, frame: pl.DataFrame) -> pl.DataFrame:
    ref = pl.col("client_ref").fill_null("").str.strip_chars()
    refs = [r for r in frame.select(ref.unique()).to_series().to_list() if r]
    used = selectors.references_in_use(user, refs) if refs else {}
    known = pl.DataFrame(
        {"ref_key": list(used), "ref_order": list(used.values())}, schema={"ref_key": pl.String, "ref_order": pl.Int64}
    )
    place = pl.col("line") if "line" in frame.columns else pl.col("row") + 1
    where = "line" if "line" in frame.columns else "order"
    frame = frame.with_columns(ref.alias("ref_key")).join(known, on="ref_key", how="left", maintain_order="left")
    first = pl.col("ref_first") if "ref_first" in frame.columns else place.first().over("ref_key")
    return frame.with_columns(
        pl.when((pl.col("ref_key") != "") & (place > first))
        .then(pl.format("The reference “{}” is already used by {} {}.", "ref_key", pl.lit(where), first))
        .when(pl.col("ref_order").is_not_null())
        .then(
            pl.format(
                "The reference “{}” names your unfinished order O-{}.",
                "ref_key", pl.col("ref_order").cast(pl.String).str.zfill(6),
            )
        )
        .alias("ref_problem")
    )  # fmt: skip


def write_orders(
    act: Act, terms: pl.DataFrame, *, group_names: Sequence[str], batch_id: int | None = None, submit: bool = False
) -> tuple[list[int], list[int]]:
    """
    Will write judged terms as orders by one COPY and record their birth, and their submission where it is asked for:
    an order submitted as it is entered is written once, with both facts. The caller holds the transaction.

    :param group_names: of each order's group; empty where it has none
    :returns: the orders' ids in the order of the terms, and their groups'
    """
    if submit:
        require(act, "orders.submit")
    facts = []
    groups = _write_groups(act, list(dict.fromkeys(name for name in group_names if name)), facts)
    group_ids = [groups.get(name) for name in group_names]
    status, version = LIFE.born[OrderCreated], 1
    if submit:
        status, version = LIFE.after(status, OrderSubmitted), 2
    prices = selectors.mids(terms["instrument_id"].unique().to_list())
    known = pl.DataFrame(
        {"instrument_id": list(prices), "decision_price": [str(p) for p in prices.values()]},
        schema={"instrument_id": pl.Int64, "decision_price": pl.String},
    )
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "orders_order", len(terms))
        frame = (
            terms.drop("row")
            .join(known, on="instrument_id", how="left", maintain_order="left")
            .with_columns(
                *forward_prices(terms, act.at),
                rules.as_text("qty", rules.QTY_PLACES),
                rules.as_text("limit_price", rules.PRICE_PLACES),
                pl.Series("id", ids, pl.Int64),
                pl.Series("group_id", group_ids, pl.Int64),
                pl.lit(batch_id, pl.Int64).alias("batch_id"),
                pl.lit(act.by).alias("created_by_id"),
                pl.lit(act.at.isoformat()).alias("created_at"),
                pl.lit(str(status)).alias("status"),
                pl.lit(version).alias("version"),
                pl.lit("0").alias("filled_qty"),
                pl.lit("0").alias("cancelled_qty"),
            )
            .rename({"currency": "currency_id"})
        )
        copy_frame(cursor, "orders_order", frame)
    facts += _births(frame, batch_id)
    if submit:
        submitted = OrderSubmitted()
        facts += [Fact(pk, 2, submitted) for pk in ids]
    record(act, facts)
    return ids, list(groups.values())


def _births(frame: pl.DataFrame, batch_id: int | None) -> list[Fact]:
    """The orders' births with all that was entered, so that the record alone tells what each was."""

    def said(name: str) -> list:
        return frame[name].to_list() if name in frame.columns else [None] * len(frame)

    def read(name: str) -> list:
        return [orjson.loads(text) if text else None for text in said(name)]

    terms = [{} if text == "{}" else orjson.loads(text) for text in said("terms")]
    plain = ("portfolio_id", "instrument_id", "side", "qty", "order_type", "limit_price", "group_id")
    late = ("instructions", "rationale", "client_ref", "currency_id", "desk_id")
    columns = [
        *map(said, plain), [batch_id] * len(frame), said("tif"), terms, read("own"), *map(said, late), read("intent"),
        read("defaulted"), said("decision_price"),
    ]  # fmt: skip
    return [Fact(pk, 1, OrderCreated(*row)) for pk, *row in zip(said("id"), *columns, strict=True)]


def _write_groups(act: Act, names: Sequence[str], facts: list[Fact]) -> dict[str, int]:
    """Makes a group of each name. One statement, whatever their number."""
    if any(len(name) > 120 for name in names):
        raise Invalid("The group's name is longer than 120 characters; shorten it.", field="group_name")
    if any("\0" in name for name in names):
        raise Invalid("A NUL character cannot be kept in a group's name. Leave it out.", field="group_name")
    status = GROUP_LIFE.born[GroupCreated]
    made = OrderGroup.objects.bulk_create(
        OrderGroup(name=name, created_by_id=act.by, created_at=act.at, status=status) for name in names
    )
    facts += [Fact(group.pk, 1, GroupCreated(group.name, group.kind)) for group in made]
    return {group.name: group.pk for group in made}
