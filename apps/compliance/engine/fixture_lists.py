"""
What a fixture says of the firm's lists, of who owns whom among issuers, and by whom and from which desk orders are.

They are held against the orders as the portal does it (``lists``): what an entry says that is not the desk's to know is left
out before a rule sees it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from apps.reference.rules import HOLDERS

from . import columns as c
from .fixture_words import BadFixture, choice_in, day_in, known_in, mapping_in, rows_in, truth_in
from .lists import (
    FORBIDS,
    KINDS,
    OF_PEOPLE,
    REACHES,
    Entry,
    Family,
    Holding,
    Part,
    Thing,
    Wanted,
    met,
    named,
    without_secrets,
)

SAID, OF_ORDERS, OF_PORTFOLIOS, OF_INSTRUMENTS = ("lists", "owners"), ("by", "desk"), ("groups",), ("trade_date",)
NAMES, SCOPES = ("issuer", "instrument", "custodian"), ("portfolio", "group", "desk")
WORDS = {"list", *NAMES, *SCOPES, "person", "reach", "direction", "from", "to", "look_through", "sanctioned", "waits"}
FIRST_OF_OWNERS = 1_000_000
"""Number of the first issuer that only ``owners`` names."""

Known = Mapping[str, Mapping[str, int]]
"""Of each kind of thing that an entry names the fixture's names with their numbers."""


def put(where: Mapping[str, Any], s: c.Snapshot) -> None:
    """Puts into the snapshot whose the orders are, when things would trade, and which orders meet which entries."""
    people, desks = authors(where), desks_in(where)
    s.orders.user = np.array([people.get(str(row.get("by")), 0) for row in where["orders"]], np.int64)
    s.orders.desk = np.array([desks.get(str(row.get("desk")), 0) for row in where["orders"]], np.int64)
    s.instruments = [
        i._replace(trade_date=day_in(told["trade_date"], f"instruments.{i.symbol}.trade_date")) if "trade_date" in told else i
        for i, told in zip(s.instruments, where["instruments"].values(), strict=True)
    ]
    s.portfolios = [
        p._replace(groups=tuple(map(str, rows_in(told["groups"], f"portfolios.{p.code}.groups")))) if "groups" in told else p
        for p, told in zip(s.portfolios, where["portfolios"].values(), strict=True)
    ]
    family, issuers = _family(where, s)
    known = {
        "issuer": issuers, "instrument": {i.symbol: i.id for i in s.instruments},
        "custodian": {p.custodian: p.bank for p in s.portfolios if p.bank is not None},
        "portfolio": {p.code: p.id for p in s.portfolios}, "desk": desks, "person": people,
        "group": _numbered(group for p in s.portfolios for group in p.groups or ()),
    }  # fmt: skip
    entries = [
        _entry(n, row, f"lists[{n}]", s, family, known) for n, row in enumerate(rows_in(where.get("lists", []), "lists"))
    ]
    if entries:
        things = {i.id: _thing(s, i) for i in s.instruments}
        s.met = without_secrets(met(named(entries, things.values(), _holdings(s, things)), _wanted(s, known["group"])))


def authors(where: Mapping[str, Any]) -> dict[str, int]:
    """Who orders are by, numbered from 1."""
    return _numbered(row.get("by") for row in where["orders"])


def desks_in(where: Mapping[str, Any]) -> dict[str, int]:
    """From which desks orders are, numbered from 1."""
    return _numbered(row.get("desk") for row in where["orders"])


def _numbered(names: Iterable[Any]) -> dict[str, int]:
    return {name: n for n, name in enumerate(dict.fromkeys(str(name) for name in names if name is not None), start=1)}


def _family(where: Mapping[str, Any], s: c.Snapshot) -> tuple[Family, dict[str, int]]:
    """Who owns whom, a body its group where ``owners`` says nothing else of it; and every issuer's number."""
    numbers: dict[str, int] = {}
    parents: dict[int, int | None] = {}
    for i in s.instruments:
        numbers |= {i.issuer_name: i.issuer_group, i.body_name: i.body}
        parents.setdefault(i.issuer_group, None)
        if i.body != i.issuer_group:
            parents[i.body] = i.issuer_group
    for name, owner in mapping_in(where.get("owners", {}), "owners").items():
        daughter, parent = (numbers.setdefault(str(one), FIRST_OF_OWNERS + len(numbers)) for one in (name, owner))
        parents[daughter] = parent
        parents.setdefault(parent, None)
    family = Family(parents)
    try:
        for number in numbers.values():
            family.reach(number, "PARENTS")
    except ValueError:
        raise BadFixture("Among “owners” somebody owns itself.", field="owners") from None
    return family, numbers


def _entry(n: int, row: Any, at: str, s: c.Snapshot, family: Family, known: Known) -> Entry:
    row = mapping_in(row, at, WORDS)
    kind, reach, direction = row.get("list", "RESTRICTED"), row.get("reach", "GROUP"), row.get("direction", "ALL")
    for value, choices, word in ((kind, KINDS, "list"), (reach, REACHES, "reach"), (direction, FORBIDS, "direction")):
        choice_in(value, choices, f"{at}.{word}")
    if len(named := [word for word in NAMES if word in row]) != 1:
        raise BadFixture(f"An entry names one thing: {', '.join(NAMES[:-1])} or {NAMES[-1]}.", field=at)
    numbers = {word: known_in(known[word], row[word], word, f"{at}.{word}") for word in (*NAMES, *SCOPES, "person") if word in row}
    look, sanctioned, waits = (truth_in(row.get(word, False), f"{at}.{word}") for word in ("look_through", "sanctioned", "waits"))
    first, last = (day_in(row[word], f"{at}.{word}") if word in row else None for word in ("from", "to"))
    first = first or min(s.at.date(), last or s.at.date())
    if why := _problem(row, kind, named[0], first, last):
        raise BadFixture(why, field=at)
    issuer = numbers.get("issuer")
    return Entry(
        n + 1, str(row[named[0]]), direction, "as the fixture says", first, last,
        family.reach(issuer, reach) if issuer else frozenset(), numbers.get("instrument"), numbers.get("portfolio"),
        numbers.get("desk"), numbers.get("person"), kind, look, numbers.get("custodian"), waits, numbers.get("group"),
        sanctioned or waits,
    )  # fmt: skip


def _problem(row: Mapping[str, Any], kind: str, named: str, first, last) -> str:
    """What no list takes; empty where nothing is wrong."""
    if len([word for word in SCOPES if word in row]) > 1:
        return f"An entry is for one {', '.join(SCOPES[:-1])} or {SCOPES[-1]} alone, or for all."
    if (kind == "WALL" and "person" not in row) or ("person" in row and kind not in OF_PEOPLE):
        return f"A “person” is named by entries of {' and '.join(OF_PEOPLE)}, and by every entry of WALL."
    if kind != "RESTRICTED" and (named == "custodian" or row.get("sanctioned") or row.get("waits")):
        return "Custodians and sanctioned names are on the list RESTRICTED alone."
    if "reach" in row and named != "issuer":
        return "Only an issuer has a “reach”."
    return "The last day is before the first." if last is not None and last < first else ""


def _thing(s: c.Snapshot, i: c.Instrument) -> Thing:
    under = None if i.underlying_id is None else s.instruments[i.underlying_id - 1]
    fund = next((one.id for one in (i, under) if one is not None and one.asset_class in HOLDERS), None)
    on = (None, "", None) if under is None else (under.id, under.symbol, under.body)
    return Thing(i.id, i.symbol, i.body, i.trade_date, *on, fund)


def _holdings(s: c.Snapshot, things: Mapping[int, Thing]) -> dict[int, Holding]:
    return {
        fund: Holding(told.as_of, [Part(things[pk], weight, things[pk].fund_id == pk) for pk, weight in told.weights.items()])
        for fund, told in s.constituents.items()
    }


def _wanted(s: c.Snapshot, groups: Mapping[str, int]) -> list[Wanted]:
    o = s.orders
    return [
        Wanted(
            int(o.id[row]), s.instrument_of(row).id, home.id, int(o.desk[row]), int(o.user[row]), bool(o.sell[row]), home.bank,
            frozenset(groups[group] for group in home.groups or ()),
        )
        for row in range(len(o)) for home in [s.portfolio_of(row)]
    ]  # fmt: skip
