"""
Many orders, or many legs, in one message as a broker with a dialect wants them: each entry of the group is said as the order, or the
leg, would be by itself.

Tags of a broker's own stand within the group where the gateway's dictionaries let them (``OWN``); where a broker wants others of each
order, its orders go singly.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from .dialects import (
    BONDS,
    MOVE,
    SHARES,
    SOURCES,
    TEXT,
    About,
    CannotSay,
    Dialect,
    PriceUnit,
    TagRule,
    code_of,
    heard,
    is_named,
    said,
)
from .lists import IN_LIST
from .orders import plain
from .wire import FramePart

OWN = range(5000, 10000)
"""User-defined tags (FIX 4.4 vol. 1): what the gateway's dictionaries let stand within an order of a list and a leg of a package."""
ORDERS, NAME = 73, 11
LEGS, LEG = 555, 600
AFTER_LEGS = frozenset({60, 114})
OF_LEG = {"isin": 602, "side": 624, "symbol": 600, "venue": 616, "sedol": 0, "asset_class": 0}
OF_ORDER = {"account": 1, "cl_ord_id": 11, "currency": 15, "time_in_force": 59, "order_type": 40}


def takes_lists(d: Dialect) -> bool:
    """Whether what it wants of each order has a place in a list."""
    tags = [int(row.value) if row.kind == MOVE else row.tag for row in d.tags if "D" in row.on]
    return all(tag in IN_LIST or tag in OWN for tag in tags)


def list_said(d: Dialect, fields: Sequence[FramePart], about: Mapping[str, About]) -> list[FramePart]:
    """
    A list (35=E) as this broker wants it: each of its orders as a single one (35=D) is said.

    :param about: symbol to its instrument
    :raises CannotSay: where an order cannot be said, or says what a list has no place for
    """
    head, entries = _entries(fields, ORDERS, NAME)
    made = list(head)
    for entry in entries:
        one = said(d, "D", entry, about.get(dict(reversed(entry)).get(55, "")))
        lost = [tag for tag, _ in one if tag not in IN_LIST and tag not in OWN and tag not in (67, 583)]
        if lost:
            raise CannotSay(f"it wants tag {lost[0]} of each order, for which a list (35=E) has no place")
        made += [part for part in one if part[0] == NAME] + [part for part in one if part[0] != NAME]
    return made


def package_said(d: Dialect, msg_type: str, fields: Sequence[FramePart], about: Mapping[str, About]) -> list[FramePart]:
    """
    An order of several legs (35=AB, AC) as this broker wants it: legs named by its names, in its units; the net price in the unit that
    they share. What it wants of new orders (35=D) and replaces (G) it is told: of an instrument on each leg, else of the whole.

    :raises CannotSay: where a leg has no such name, the legs' prices are in several units, or what it requires is not said
    """
    head, entries = _entries(fields, LEGS, LEG)
    last = entries[-1]
    cut = next((n for n, (tag, _) in enumerate(last) if tag in AFTER_LEGS), len(last))
    entries[-1], tail = last[:cut], last[cut:]
    rows = [row for row in d.tags if ("D" if msg_type == "AB" else "G") in row.on]
    made, units = list(head), []
    for entry in entries:
        thing = about.get(dict(entry)[LEG])
        units.append(_unit(d, thing))
        made += _leg_said(d, rows, entry, thing)
    whole = {*units}
    if len(whole) > 1 and any(tag == 44 for tag, _ in tail):
        raise CannotSay("its legs are priced in several units, so their net price has none")
    unit = units[0] if len(whole) == 1 else None
    for tag, value in tail:
        if unit and tag == 44:
            value = plain(Decimal(value) * unit.per)
        elif unit and tag == 15:
            value = unit.code
        made.append((tag, value))
    said_of = dict(reversed(made))
    for row in rows:
        value = row.value if row.kind == TEXT else said_of.get(OF_ORDER.get(row.value, 0), "") if row.kind == "field" else ""
        if value:
            made = [part for part in made if part[0] != row.tag] + [(row.tag, value)]
    have = {tag for tag, _ in made}
    for need in d.required:
        if ("D" if msg_type == "AB" else "G") in need.on and need.tag not in have:
            raise CannotSay(f"it requires tag {need.tag}, which this order of several legs does not say")
    return made


def _unit(d: Dialect, thing: About | None) -> PriceUnit | None:
    if thing is None or thing.asset_class not in SHARES:
        return None
    return next((unit for unit in d.price_units if unit.currency == thing.currency), None)


def _leg_said(d: Dialect, rows: Sequence[TagRule], entry: Sequence[FramePart], thing: About | None) -> list[FramePart]:
    made: list[FramePart] = []
    unit = _unit(d, thing)
    per = d.bond_unit if thing and thing.asset_class in BONDS else 1
    code = code_of(d, thing) if thing and is_named(d, thing) else ""
    if thing and is_named(d, thing) and not code:
        raise CannotSay(f"it wants instruments by {d.symbology}, and there is none for {thing.symbol}")
    for tag, value in entry:
        if code and tag == LEG:
            made += [(LEG, code), *([(602, code), (603, SOURCES[d.symbology])] if d.symbology in SOURCES else [])]
        elif code and tag in (602, 603):
            continue
        elif unit and tag == 566:
            made.append((tag, plain(Decimal(value) * unit.per)))
        elif unit and tag == 556:
            made.append((tag, unit.code))
        elif per != 1 and tag in (623, 687):
            made.append((tag, plain(Decimal(value) / per)))
        else:
            made.append((tag, value))
    before = dict(entry)
    for row in rows:
        if row.kind == "field" and row.value in OF_LEG:
            if row.tag not in OWN:
                raise CannotSay(f"it wants tag {row.tag} of each instrument, for which a leg has no place")
            value = before.get(OF_LEG[row.value]) or (getattr(thing, row.value, "") if thing else "")
            made += [(row.tag, value)] if value else []
    return made


def list_heard(d: Dialect, fields: Sequence[FramePart], about: Mapping[str, About]) -> list[FramePart]:
    """
    What a broker says of a list (35=N) in our terms, each order in the units of its instrument.

    :param about: ClOrdID to the instrument of that order
    """
    head = list(fields)
    entries: list[list[FramePart]] = []
    for n, (tag, _) in enumerate(fields):
        if tag == NAME:
            head = head if entries else list(fields[:n])
            entries.append([])
        if entries:
            entries[-1].append(fields[n])
    return [*head, *_each_heard(d, entries, about)] if entries else head


def _each_heard(d: Dialect, entries: Sequence[Sequence[FramePart]], about: Mapping[str, About]) -> Iterator[FramePart]:
    for entry in entries:
        yield entry[0]
        yield from (part for part in heard(d, entry, about.get(entry[0][1])) if part[0] != NAME)


def _entries(fields: Sequence[FramePart], counter: int, first: int) -> tuple[list[FramePart], list[list[FramePart]]]:
    """What stands before a group, with its count, and its entries; the last has what stands after the group."""
    at = next(n for n, (tag, _) in enumerate(fields) if tag == counter) + 1
    entries: list[list[FramePart]] = []
    for tag, value in fields[at:]:
        if tag == first:
            entries.append([])
        entries[-1].append((tag, value))
    return list(fields[:at]), entries
