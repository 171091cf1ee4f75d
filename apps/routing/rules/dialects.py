"""
How one broker wants to be spoken to beside what FIX lays down, as data: tags of its own, fields it requires, how it names
instruments, the units of its prices and quantities. Said and heard: what comes back is in our terms again, exactly.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from .orders import plain
from .tags import TAGS
from .wire import NUMBER, FramePart, Malformed

LISTED, TICKER, ISIN, SEDOL, RIC = "LISTED", "TICKER", "ISIN", "SEDOL", "RIC"
SYMBOLOGIES = {
    LISTED: "ticker in 55 and ISIN in 48", TICKER: "ticker alone", ISIN: "ISIN in 55 and 48", SEDOL: "SEDOL in 55 and 48",
    RIC: "ticker with the venue's suffix (RIC)",
}  # fmt: skip
SOURCES = {ISIN: "4", SEDOL: "2", RIC: "5"}
SHARES, BONDS = frozenset({"EQUITY", "ETF"}), frozenset({"GOVT", "CORP"})
PRICES_OUT, PRICES_IN = frozenset({44, 99, 211}), frozenset({6, 31, 44, 99, 132, 133, 211, 426})
QTYS_OUT, QTYS_IN = frozenset({38, 110, 111}), frozenset({14, 32, 38, 84, 110, 111, 134, 135, 151, 424, 425})
TEXT, FIELD, MOVE, DROP = "text", "field", "move", "drop"
KINDS = (TEXT, FIELD, MOVE, DROP)
ON = "DFGH"
SAID = (*ON, "R", "AJ")  # What was heard is refused (35=Q) in the words it came in; confirmations are plain FIX.
REQUIRED_ON = "DG"  # A cancel is never kept back: out is always open.
NAMED = {
    "account": 1, "cl_ord_id": 11, "currency": 15, "instructions": 58, "isin": 48, "side": 54, "symbol": 55, "time_in_force": 59,
    "order_type": 40, "venue": 207, "strategy": 847, "participation": 849, "trade_date": 75,
}  # fmt: skip
OF_INSTRUMENT = ("sedol", "asset_class")
PROTECTED = frozenset(
    {8, 9, 10, 11, 14, 15, 22, 34, 35, 37, 38, 40, 41, 43, 44, 48, 49, 52, 54, 55, 56, 59, 60, 90, 91, 95, 96, 97, 99, 110, 111, 122,
     150, 151, 152, 211, 432}
)  # fmt: skip
UNITS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
MOST_LINES, LONGEST = 60, 80


class TagRule(NamedTuple):
    """On which messages a tag is said and as what: a text, a named field, where another tag's value moves to, or not at all."""

    on: str
    tag: int
    kind: str
    value: str = ""


class Required(NamedTuple):
    on: str
    tag: int


class PriceUnit(NamedTuple):
    """Prices of shares in a currency are said in ``code``, of which ``per`` make one: GBP in GBX, 100."""

    currency: str
    code: str
    per: int


class Dialect(NamedTuple):
    symbology: str = LISTED
    suffixes: Mapping[str, str] = {}
    price_units: Sequence[PriceUnit] = ()
    bond_unit: int = 1
    tags: Sequence[TagRule] = ()
    required: Sequence[Required] = ()
    list_fills: bool = False  # Fills of lists come by ListStatus (35=N) alone.

    def moves_money(self, other: "Dialect") -> bool:
        """Whether prices, quantities or instruments are said otherwise than by the other, or fills come otherwise."""
        return (self.symbology, dict(self.suffixes), sorted(self.price_units), self.bond_unit, self.list_fills) != (
            other.symbology, dict(other.suffixes), sorted(other.price_units), other.bond_unit, other.list_fills,
        )  # fmt: skip


PLAIN = Dialect()


class About(NamedTuple):
    """What a dialect must know of an instrument; empty where it has none."""

    symbol: str
    isin: str
    sedol: str
    mic: str
    asset_class: str
    currency: str


class CannotSay(ValueError):
    """Something that the broker wants said is not known; the message says what to do about it."""


def of_data(data: Mapping[str, Any]) -> Dialect:
    """:param data: a dialect as it is stored, and as it is sent over the API"""
    return Dialect(
        data["symbology"], dict(data["suffixes"]), tuple(PriceUnit(**row) for row in data["price_units"]), data["bond_unit"],
        tuple(TagRule(**row) for row in data["tags"]), tuple(Required(**row) for row in data["required"]), data.get("list_fills", False),
    )  # fmt: skip


def problems(d: Dialect) -> Iterator[tuple[str, str]]:
    """What is wrong with a dialect: the field, and why, naming the line."""
    if d.symbology not in SYMBOLOGIES:
        yield "symbology", f"Choose one of {', '.join(SYMBOLOGIES)}."
    if d.symbology == RIC and not d.suffixes:
        yield "suffixes", "Give each venue's suffix: XLON L."
    for mic, suffix in d.suffixes.items():
        if len(mic) != 4 or not suffix.isalnum() or len(suffix) > 4:
            yield "suffixes", f"“{mic} {suffix}” is no venue (MIC) and suffix, as XLON L."
    yield from _unit_problems(d)
    for name, rows in (("tags", d.tags), ("required", d.required), ("price_units", d.price_units), ("suffixes", d.suffixes)):
        if len(rows) > MOST_LINES:
            yield name, f"At most {MOST_LINES} lines."
    yield from _tag_problems(d.tags)
    for n, row in enumerate(d.required, 1):
        if not row.on or set(row.on) - set(REQUIRED_ON):
            yield "required", f"Line {n}: a field is required of {' and '.join(REQUIRED_ON)}; cancels are never kept back."
        if not 0 < row.tag < 100_000:
            yield "required", f"Line {n}: {row.tag} is no tag."


def _unit_problems(d: Dialect) -> Iterator[tuple[str, str]]:
    if d.bond_unit not in UNITS:
        yield "bond_unit", f"Face is counted in units of {', '.join(map(str, UNITS))}."
    seen = set()
    for n, unit in enumerate(d.price_units, 1):
        if not all(len(code) == 3 and code.isalpha() and code.isascii() for code in (unit.currency, unit.code)):
            yield "price_units", f"Line {n}: give currency, code and how many make one: GBP GBX 100."
        elif unit.per not in UNITS or unit.per == 1:
            yield "price_units", f"Line {n}: {unit.per} is not one of {', '.join(map(str, UNITS[1:]))}."
        elif unit.code == unit.currency:
            yield "price_units", f"Line {n}: the code must be another than the currency's, or it is not known which is meant."
        elif {unit.currency, unit.code} & seen:
            yield "price_units", f"Line {n}: {unit.currency} or {unit.code} is named twice."
        seen |= {unit.currency, unit.code}


def _tag_problems(rows: Sequence[TagRule]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, int]] = set()
    for n, row in enumerate(rows, 1):
        named = {(on, row.tag) for on in row.on}
        if not row.on or set(row.on) - set(ON):
            yield "tags", f"Line {n}: tags are said on {', '.join(ON)}."
        elif row.kind not in KINDS:
            yield "tags", f"Line {n}: “{row.kind}” is not one of {', '.join(KINDS)}."
        elif not 0 < row.tag < 100_000 or row.tag in PROTECTED:
            yield "tags", f"Line {n}: tag {row.tag} {_word(row.tag)}is the order's own; a dialect cannot change it."
        elif row.kind == TEXT and (not row.value or len(row.value) > LONGEST or not row.value.isprintable()):
            yield "tags", f"Line {n}: give a text of 1 to {LONGEST} characters."
        elif row.kind == FIELD and row.value not in (*NAMED, *OF_INSTRUMENT):
            yield "tags", f"Line {n}: “{row.value}” is no field; use one of {', '.join((*NAMED, *OF_INSTRUMENT))}."
        elif row.kind == MOVE and not (row.value.isdecimal() and 0 < int(row.value) < 100_000 and int(row.value) not in PROTECTED):
            yield "tags", f"Line {n}: give the tag it moves to, none of the order's own."
        elif row.kind == DROP and row.value:
            yield "tags", f"Line {n}: what is dropped has no value."
        elif named & seen:
            yield "tags", f"Line {n}: tag {row.tag} is named before on {row.on}."
        seen |= named


def _word(tag: int) -> str:
    return f"({TAGS[tag]}) " if tag in TAGS else ""


def said(d: Dialect, msg_type: str, fields: Sequence[FramePart], about: About | None) -> list[FramePart]:
    """
    A message of ours as this broker wants it.

    :param fields: in FIX 4.4, without header; of an order, request or inquiry
    :param about: its instrument
    :raises CannotSay: where a field that the broker requires is missing, or the instrument has no such name
    """
    before = dict(reversed(fields))
    made = list(fields)
    if about:
        made = _units_said(d, made, about)
        made = _named(d, made, about, is_cancel=msg_type in ("F", "H"))
    for row in d.tags:
        if msg_type in row.on:
            made = _tagged(row, made, before, about)
    has = {tag for tag, _ in made}
    for row in d.required:
        if msg_type in row.on and row.tag not in has:
            raise CannotSay(f"it requires tag {row.tag} {_word(row.tag)}in 35={msg_type}, which this order does not say")
    return made


def _units_said(d: Dialect, fields: list[FramePart], about: About) -> list[FramePart]:
    unit = next((u for u in d.price_units if u.currency == about.currency), None) if about.asset_class in SHARES else None
    per = d.bond_unit if about.asset_class in BONDS else 1
    if unit is None and per == 1:
        return fields
    made: list[FramePart] = []
    for tag, value in fields:
        if unit and tag in PRICES_OUT:
            value = plain(Decimal(value) * unit.per)
        elif unit and tag == 15:
            value = unit.code
        elif per != 1 and tag in QTYS_OUT:
            value = plain(Decimal(value) / per)
        made.append((tag, value))
    return made


def code_of(d: Dialect, about: About) -> str:
    """What this broker calls an instrument; empty where it has no such name."""
    if d.symbology == RIC:
        return f"{about.symbol}.{d.suffixes[about.mic]}" if about.mic in d.suffixes else ""
    return {TICKER: about.symbol, ISIN: about.isin, SEDOL: about.sedol}.get(d.symbology, about.symbol)


def is_named(d: Dialect, about: About) -> bool:
    return d.symbology != LISTED and about.asset_class in SHARES | BONDS


def _named(d: Dialect, fields: list[FramePart], about: About, *, is_cancel: bool) -> list[FramePart]:
    if not is_named(d, about):
        return fields
    code = code_of(d, about)
    if not code:
        if is_cancel:
            return fields
        lacks = f"no suffix for {about.mic}" if d.symbology == RIC else f"no {d.symbology} for {about.symbol}"
        raise CannotSay(f"it wants instruments by {SYMBOLOGIES[d.symbology]}, and there is {lacks}")
    made: list[FramePart] = []
    for tag, value in fields:
        if tag == 55:
            made.append((55, code))
            if d.symbology in SOURCES:
                made += [(48, code), (22, SOURCES[d.symbology])]
        elif tag not in (48, 22):
            made.append((tag, value))
    return made


def _tagged(row: TagRule, fields: list[FramePart], before: Mapping[int, str], about: About | None) -> list[FramePart]:
    if row.kind == MOVE:
        return [(int(row.value), value) if tag == row.tag else (tag, value) for tag, value in fields]
    rest = [(tag, value) for tag, value in fields if tag != row.tag]
    if row.kind == DROP:
        return rest
    if row.kind == TEXT:
        return [*rest, (row.tag, row.value)]
    if row.value in OF_INSTRUMENT:
        value = getattr(about, row.value, "") if about else ""
    else:
        value = before.get(NAMED[row.value], "")
    return [*rest, (row.tag, value)] if value else rest


def heard(d: Dialect, fields: Sequence[FramePart], about: About | None) -> list[FramePart]:
    """
    What a broker said, in our terms: prices and quantities in our units, the instrument by its ISIN.

    A report that names a currency itself is taken by its word: one in GBX is in pence, one in GBP in pounds.

    :raises Malformed: where a number that must be converted is none
    """
    made = _units_heard(d, fields, about) if about else list(fields)
    if about and is_named(d, about):
        made = _instrument_heard(d, made, about)
    return made


def _units_heard(d: Dialect, fields: Sequence[FramePart], about: About) -> list[FramePart]:
    said = dict(reversed(fields))
    unit = next((u for u in d.price_units if u.currency == about.currency), None) if about.asset_class in SHARES else None
    if unit and said.get(15, unit.code) != unit.code:
        unit = None
    per = d.bond_unit if about.asset_class in BONDS else 1
    made: list[FramePart] = []
    for tag, value in fields:
        if unit and tag in PRICES_IN:
            value = _divided(tag, value, unit.per)
        elif unit and tag == 15:
            value = unit.currency
        elif unit and tag == 12 and (said.get(13) == "1" or said.get(479) == unit.code) and said.get(13) != "2":
            value = _divided(tag, value, unit.per)
        elif per != 1 and tag in QTYS_IN:
            value = _number(tag, value, per)
        made.append((tag, value))
    return made


def _divided(tag: int, value: str, per: int) -> str:
    return plain(_decimal(tag, value) / per)


def _number(tag: int, value: str, per: int) -> str:
    return plain(_decimal(tag, value) * per)


def _decimal(tag: int, value: str) -> Decimal:
    if not NUMBER.fullmatch(value):
        raise Malformed(f"tag {tag} is not a number: “{value[:30]}”")
    return Decimal(value)


def _instrument_heard(d: Dialect, fields: list[FramePart], about: About) -> list[FramePart]:
    """Named as we name it where the broker means it; where it means another, so that the difference is seen."""
    said = dict(reversed(fields))
    source = SOURCES.get(d.symbology)
    name = said.get(48, "") if source and said.get(22) == source else said.get(55, "") if 48 not in said else ""
    code = code_of(d, about)
    if not name or not code:
        return fields
    means = about.isin if name == code else name
    rest = [(tag, value) for tag, value in fields if tag not in (22, 48, 55)]
    return [*rest, (55, about.symbol if name == code else name), *([(48, means), (22, "4")] if means else [])]


# --- as people write it, a line each ----------------------------------------------------------------------------------


class BadLine(ValueError):
    """A line that cannot be read; says which."""


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return ((n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip())


def read_tags_lines(text: str) -> list[TagRule]:
    """``DG 9001 field account``, ``DG 9002 text ALGO``, ``D 847 move 7601``, ``DFG 5700 drop``. :raises BadLine:"""
    rows = []
    for n, line in _lines(text):
        on, _, rest = line.partition(" ")
        tag, _, rest = rest.strip().partition(" ")
        kind, _, value = rest.strip().partition(" ")
        if not tag.isdecimal() or len(tag) > 6 or not kind:
            raise BadLine(f"Line {n}: write messages, tag, {', '.join(KINDS)} and value: DG 9001 field account.")
        rows.append(TagRule(on.upper(), int(tag), kind, value.strip()))
    return rows


def read_required_lines(text: str) -> list[Required]:
    """``DG 1``. :raises BadLine:"""
    rows = []
    for n, line in _lines(text):
        on, _, tag = line.partition(" ")
        if not tag.strip().isdecimal() or len(tag.strip()) > 6:
            raise BadLine(f"Line {n}: write messages and tag: DG 1.")
        rows.append(Required(on.upper(), int(tag)))
    return rows


def read_unit_lines(text: str) -> list[PriceUnit]:
    """``GBP GBX 100``. :raises BadLine:"""
    rows = []
    for n, line in _lines(text):
        parts = line.split()
        if len(parts) != 3 or not parts[2].isdecimal() or len(parts[2]) > 9:
            raise BadLine(f"Line {n}: write currency, code and how many make one: GBP GBX 100.")
        rows.append(PriceUnit(parts[0], parts[1], int(parts[2])))
    return rows


def read_suffix_lines(text: str) -> dict[str, str]:
    """``XLON L``. :raises BadLine:"""
    found: dict[str, str] = {}
    for n, line in _lines(text):
        parts = line.split()
        if len(parts) != 2 or parts[0] in found:
            raise BadLine(f"Line {n}: write a venue once and its suffix: XLON L.")
        found[parts[0]] = parts[1]
    return found


def lines_of(d: Dialect) -> dict[str, str]:
    """The same as texts, by field."""
    return {
        "suffixes": "\n".join(f"{mic} {suffix}" for mic, suffix in d.suffixes.items()),
        "price_units": "\n".join(f"{u.currency} {u.code} {u.per}" for u in d.price_units),
        "tags": "\n".join(f"{r.on} {r.tag} {r.kind} {r.value}".strip() for r in d.tags),
        "required": "\n".join(f"{r.on} {r.tag}" for r in d.required),
    }


def data_of(d: Dialect) -> dict[str, Any]:
    """As it is stored."""
    return {
        "symbology": d.symbology, "suffixes": dict(d.suffixes), "price_units": [u._asdict() for u in d.price_units],
        "bond_unit": d.bond_unit, "tags": [r._asdict() for r in d.tags], "required": [r._asdict() for r in d.required],
        "list_fills": d.list_fills,
    }  # fmt: skip
