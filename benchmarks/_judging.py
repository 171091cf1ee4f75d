"""What the benchmark ``screening`` compares. Imported once Django is set up on the benchmark's servers."""

import json
import time

import datalogic_py
import numpy as np
import polars as pl
from django.db import connection
from django.utils import timezone

from apps.audit.services import keep_act
from apps.compliance.engine import storing
from apps.compliance.engine.columns import PRICE, QTY, Snapshot
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.screening import screen
from apps.compliance.models import Rule, RuleVersion
from apps.compliance.selectors import replay_day
from apps.core.acts import Act

FILTER = 'asset_class != "GOVT"'
GROUP = {"issuer_share": "issuer", "sector_share": "sector", "instrument_share": "instrument"}


def write_rules(count: int, kinds, user) -> None:
    """Fills the firm's rules up to so many in force with more of these kinds, each with a limit of its own."""
    missing = count - Rule.objects.filter(status="ACTIVE").count()
    act = Act(by=user.pk, at=timezone.now(), via="command")
    act_id = keep_act(act)
    for n in range(missing):
        kind, step = kinds[n % len(kinds)], n // len(kinds)
        limit = {
            "order_value": {"max_amount": str(20_000_000 + 100_000 * step)},
            "measure": {"filter": FILTER, "group": ("issuer", "instrument")[step % 2], "limit": str(20 + step)},
        }.get(kind, {"max_pct": str(20 + step)})
        rule = Rule.objects.create(code=f"bench_{n}", name=f"Bench {n}", kind=kind)
        RuleVersion.objects.create(
            rule=rule, number=1, params=limit, text="A rule of the benchmark.", severity="SOFT", written_by=user,
            written_at=act.at, act_id=act_id,
        )  # fmt: skip


def can_be_said(rule) -> bool:
    """Whether it is one comparison: not with the limit of each mandate."""
    return rule.params["filter"] == FILTER if rule.kind == "measure" else rule.params.get("max_pct", 1) is not None


def group_of(rule) -> str | None:
    return rule.params["group"] if rule.kind == "measure" else GROUP.get(rule.kind)


def share_of(rule) -> float:
    return float(rule.params["limit" if rule.kind == "measure" else "max_pct"]) / 100


class Watched:
    """Times the verdicts of the next screening, from lock to written checks, and keeps what it looked at."""

    def __init__(self, module):
        self.judge, self.seconds, self.snapshot, self.rules = module.judge, 0.0, None, ()
        module.judge = self

    def __call__(self, act, facts):
        began = time.perf_counter()
        asked, found, checks = self.judge(act, facts)
        self.seconds = time.perf_counter() - began
        self.snapshot, self.rules = asked.snapshot, found.rules
        return asked, found, checks


def stored(orders: int) -> dict:
    """What the last screening keeps, in bytes an order: its inputs and figures, and the checks' own JSON."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT octet_length(r.inputs), (SELECT sum(octet_length(figures)) FROM compliance_runfigures WHERE run_id = r.id),"
            " (SELECT sum(octet_length(results::text)) FROM compliance_check WHERE run_id = r.id)"
            " FROM compliance_run r ORDER BY r.id DESC LIMIT 1"
        )
        inputs, figures, results = map(int, cursor.fetchone())
    return {
        "bytes_an_order": round((inputs + figures + results) / orders, 1),
        "inputs_bytes": inputs, "figures_bytes": figures, "results_bytes": results,
    }  # fmt: skip


def replayed() -> dict:
    """Every screening of today judged again: how many verdicts, how long it took, and what came out otherwise."""
    began = time.perf_counter()
    report = replay_day(timezone.now().date())
    return {
        "replayed": report.judged, "replay_seconds": round(time.perf_counter() - began, 3),
        "replay_differs": len(report.differences) + len(report.faults),
    }  # fmt: skip


# --- the engine ------------------------------------------------------------------------------------------------------


def fresh(s: Snapshot) -> Snapshot:
    """The same with nothing worked out yet."""
    return storing.unpacked(storing.packed(s))


def judge(s: Snapshot, rules) -> np.ndarray:
    return np.array([v.outcome for v in screen(s, rules).verdicts])


# --- bare polars ------------------------------------------------------------------------------------------------------


def columns_of(s: Snapshot) -> dict[str, pl.DataFrame]:
    """The columns the engine is given, as frames of one row an order and a position; nothing is summed up yet."""
    things = {
        "issuer": [i.underlying_group if i.asset_class in ("OPTION", "FUTURE") else i.issuer_group for i in s.instruments],
        "sector": [i.sector for i in s.instruments], "instrument": [i.id for i in s.instruments],
        "counts": [i.asset_class != "GOVT" and not i.base_currency for i in s.instruments],
    }  # fmt: skip
    things = {name: pl.Series(values) for name, values in things.items()}

    def of(place: np.ndarray) -> dict[str, pl.Series]:
        return {name: values.gather(place) for name, values in things.items()}

    place = s.orders.instrument
    factor = np.array([float(i.price_factor) for i in s.instruments])[place] * s.rate[s.currency][place]
    daily = np.array([np.nan if i.daily_qty is None else float(i.daily_qty) for i in s.instruments])[place]
    orders = pl.DataFrame(
        {
            "portfolio": s.orders.portfolio, **of(place), "buy": ~s.orders.sell, "qty": s.orders.qty / QTY,
            "unit": s.unit[place], "dearer": np.maximum(s.unit[place], s.orders.limit / PRICE * factor),
            "nav": s.nav[s.orders.portfolio], "daily": daily, "traded": s.is_traded[place],
        }
    ).with_row_index("row")  # fmt: skip
    held = s.positions
    positions = pl.DataFrame({"portfolio": held.portfolio, **of(held.thing), "value": held.amount / QTY * s.unit[held.thing]})
    other = s.others
    promised = pl.DataFrame(
        {"portfolio": other.portfolio, **of(other.instrument), "buy": ~other.sell, "value": other.leaves / QTY * s.unit[other.instrument]}
    )
    return {"orders": orders, "positions": positions, "promised": promised}


def bare(frames: dict[str, pl.DataFrame], rules) -> pl.DataFrame:
    """Every rule's verdict: true, false, or null where it does not ask."""
    orders = frames["orders"].with_columns(value=pl.col("qty") * pl.col("unit"))
    asked = orders.filter(pl.col("buy") & pl.col("counts"))
    for group in GROUP.values():
        key = ["portfolio", group]
        held = frames["positions"].filter("counts").group_by(key).agg(held=pl.col("value").sum())
        promised = frames["promised"].filter(pl.col("counts") & pl.col("buy")).group_by(key).agg(promised=pl.col("value").sum())
        after = (
            asked.join(held, on=key, how="left").join(promised, on=key, how="left").sort("row").select(
                "row",
                (pl.col("held").fill_null(0) + pl.col("promised").fill_null(0) + pl.col("value").cum_sum().over(key))
                .alias(f"after_{group}"),
            )
        )  # fmt: skip
        orders = orders.join(after, on="row", how="left")
    return orders.sort("row").select([_predicate(rule).alias(rule.code) for rule in rules])


def _predicate(rule) -> pl.Expr:
    if rule.kind == "order_value":
        return pl.col("dearer") * pl.col("qty") <= float(rule.params["max_amount"])
    share = share_of(rule)
    if rule.kind == "order_volume":
        return pl.when("traded").then(pl.col("qty") <= share * pl.col("daily"))
    return pl.col(f"after_{group_of(rule)}") <= share * pl.col("nav")


def differing(said: np.ndarray, told: pl.DataFrame) -> int:
    """How many verdicts of the bare side are other ones, of those the engine could tell."""
    other = 0
    for row, name in zip(said, told.columns, strict=True):
        theirs = told[name].cast(pl.Int8).fill_null(-1).to_numpy()
        ours = np.select([row == PASS, row == FAIL], [1, 0], -1)
        other += int(((ours != theirs) & (row != INDETERMINATE)).sum())
    return other


# --- a general rule library ---------------------------------------------------------------------------------------


def by_library(s: Snapshot, rules, said: np.ndarray) -> tuple[int, float, int]:
    """
    Each order asked each rule that is about it, one after another: how many, seconds, and how many came out otherwise.
    What an order is told of its portfolio is made before the clock starts, and so is each rule, compiled.
    """
    engine = datalogic_py.Engine()
    frames = columns_of(s)
    rows = frames["orders"].to_dicts()
    books = _books(frames, rows)
    compiled: dict[tuple[str, object], object] = {}
    work = []
    for n, rule in enumerate(rules):
        for row, order in enumerate(rows):
            if said[n][row] in (NOT_ASKED, INDETERMINATE):
                continue
            group = order[group_of(rule)] if group_of(rule) else None
            key = rule.code, group
            if key not in compiled:
                compiled[key] = engine.compile(json.dumps(_logic(rule, group)))
            work.append((compiled[key], books[row], bool(said[n][row] == PASS)))
    seconds = []
    for _ in range(3):
        wrong, began = 0, time.perf_counter()
        for logic, book, passes in work:
            wrong += logic.evaluate(book) is not passes
        seconds.append(time.perf_counter() - began)
    return len(work), min(seconds), wrong


def _books(frames, rows) -> list[dict]:
    """For each order its portfolio's positions, what was promised before it, and itself."""
    names = ("issuer", "sector", "instrument", "counts", "value")
    held, promised = ({} for _ in range(2))
    for portfolio, *values in frames["positions"].select("portfolio", *names).rows():
        held.setdefault(portfolio, []).append(dict(zip(names, values, strict=True)))
    for portfolio, *values in frames["promised"].filter("buy").select("portfolio", *names).rows():
        promised.setdefault(portfolio, []).append(dict(zip(names, values, strict=True)))
    books = []
    for order in rows:
        open_buys = promised.setdefault(order["portfolio"], [])
        value = order["qty"] * order["unit"]
        books.append(
            {
                "held": held.get(order["portfolio"], []), "open": list(open_buys), "nav": order["nav"],
                "order": {"value": value, "qty": order["qty"], "worth": order["qty"] * order["dearer"], "daily": order["daily"]},
            }
        )  # fmt: skip
        if order["buy"]:
            open_buys.append({name: order[name] for name in names[:-1]} | {"value": value})
    return books


def _logic(rule, group) -> dict:
    if rule.kind == "order_value":
        return {"<=": [{"var": "order.worth"}, float(rule.params["max_amount"])]}
    share = share_of(rule)
    if rule.kind == "order_volume":
        return {"<=": [{"var": "order.qty"}, {"*": [share, {"var": "order.daily"}]}]}
    mine = {"and": [{"==": [{"var": group_of(rule)}, group]}, {"var": "counts"}]}

    def total(name: str) -> dict:
        return {"reduce": [{"filter": [{"var": name}, mine]}, {"+": [{"var": "accumulator"}, {"var": "current.value"}]}, 0]}

    return {"<=": [{"+": [total("held"), total("open"), {"var": "order.value"}]}, {"*": [share, {"var": "nav"}]}]}
