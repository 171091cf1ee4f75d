"""
Orders that an upstream system stages with us over FIX 4.4: what it asks (35=D, E, F, G, H) and what we answer.

Until compliance has cleared it, a staged order is pending new (39=A): FIX 4.4 vol. 4 lets a pending order become new or
rejected, and a draft of ours may still be either. New (39=0) says that the desk may work it.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from .orders import TIFS, plain
from .reports import SHORT_EXEMPT, SIDE_TAGS, SIDES
from .wire import Fields, FramePart, Malformed, utc_text

REQUESTS = frozenset("DEFGH")
HEADER = frozenset({8, 9, 10, 34, 35, 43, 49, 52, 56, 97, 122})
TYPES = {"1": "MARKET", "2": "LIMIT", "3": "STOP", "4": "STOP_LIMIT", "P": "PEGGED"}
TIF_WORDS = {tag: word for word, tag in TIFS.items()}
FLAGS = {"1": "NOT_HELD", "E": "DO_NOT_INCREASE"}
PEGS = {"R": "PRIMARY", "M": "MID", "P": "MARKET"}
PENDING = ("DRAFT", "IN_REVIEW", "HELD", "TO_APPROVE", "PARKED")
REASONS = {"portfolio": "15", "instrument": "1", "qty": "13", "cash_qty": "13", "client_ref": "6"}  # OrdRejReason (103); else 99.
DUPLICATE, UNKNOWN, OTHER, BROKER_OPTION = "6", "5", "99", "0"


class Line(NamedTuple):
    """
    One order as it was asked for: ``terms`` as fields of a wish, ``wrong`` a refusal found here: (reason, text).
    ``symbol`` is Symbol (55) where SecurityID (48) names the instrument: both must mean the same one.
    """

    cl_ord_id: str
    terms: dict[str, str]
    fields: Sequence[FramePart]
    wrong: tuple[str, str] | None
    symbol: str = ""


class Asked(NamedTuple):
    """A request; of a list (35=E) all its lines, else one."""

    msg_type: str
    orig: str
    list_ref: str
    is_resend: bool
    lines: list[Line]


def request_key(fields: Fields) -> str:
    """What makes a request, heard twice, the same one: its sequence number and name."""
    if fields.find(35) not in REQUESTS:
        return ""
    return f"{fields.find(34)}/{fields.find(66) or fields.find(11)}"[:80]


def same_terms(fields: Sequence[FramePart]) -> str:
    """What was asked without header and times: equal of a message and its repeat."""
    return "|".join(sorted(f"{tag}={value}" for tag, value in fields if tag not in HEADER and tag != 60))


def read_request(fields: Fields) -> Asked:
    """:raises Malformed: where it does not say which order it is about"""
    kind = fields.find(35)
    parts = _entries(fields.all) if kind == "E" else [fields.all]
    if not parts:
        raise Malformed("the list has no orders (tag 73)")
    lines = [_line(part, kind) for part in parts]
    list_ref = fields.text(66, 64) if kind == "E" else fields.find(66)[:64]
    orig = fields.text(41, 64) if kind in "FG" else ""
    return Asked(kind, orig, list_ref, fields.find(97) == "Y", lines)


def _entries(fields: Sequence[FramePart]) -> list[list[FramePart]]:
    """The lines of a list: each begins with its ClOrdID (11), the first field of the group."""
    entries: list[list[FramePart]] = []
    for tag, value in fields:
        if tag == 11:
            entries.append([])
        if entries and tag != 10:
            entries[-1].append((tag, value))
    return entries


def _line(parts: Sequence[FramePart], kind: str) -> Line:
    said: dict[int, str] = {}
    for tag, value in parts:
        said.setdefault(tag, value)
    name = said.get(11, "")
    if not 0 < len(name) <= 64:
        raise Malformed("a ClOrdID (tag 11) is missing or longer than 64 characters")
    terms, wrong = ({}, None) if kind in "FH" else _terms(said)
    return Line(name, terms, parts, wrong, said.get(55, "") if said.get(48) else "")


def _terms(said: dict[int, str]) -> tuple[dict[str, str], tuple[str, str] | None]:
    wrong = None
    words = {}
    for tag, name, known, empty in (
        (54, "side", SIDES, ""), (40, "order_type", TYPES, ""), (59, "tif", TIF_WORDS, "DAY"),
    ):  # fmt: skip
        value = said.get(tag, "")
        words[name] = known.get(value, "") if value else empty
        if not words[name]:
            what = f"tag {tag}={value[:10]} is not taken here" if value else f"tag {tag} is missing"
            wrong = wrong or (OTHER, f"The {name.replace('_', ' ')} cannot be read: {what}. Use {', '.join(sorted(known))}.")
    insts = said.get(18, "").split()
    if words["order_type"] == "PEGGED":
        words["peg"] = next((PEGS[inst] for inst in insts if inst in PEGS), "")
    unknown = [i for i in insts if i not in FLAGS and not (words["order_type"] == "PEGGED" and i in PEGS)]
    if unknown:
        wrong = wrong or (OTHER, f"ExecInst (18) {unknown[0][:10]} is not taken here. Use {', '.join(FLAGS)}, or say it in 58.")
    if any(tag in said for tag in (78, 79)):
        wrong = wrong or ("15", "Allocations (78) are not taken here. Send one order for each portfolio, named in 1.")
    if said.get(38) and said.get(152):
        wrong = wrong or ("13", "Give units in OrderQty (38) or an amount in CashOrderQty (152), not both.")
    flags = [FLAGS[i] for i in insts if i in FLAGS] + (["CARE"] if said.get(21) == "3" else [])
    day = said.get(432, "")
    return words | {
        "portfolio": said.get(1, ""), "instrument": said.get(48) or said.get(55, ""), "qty": said.get(38, ""),
        "cash_qty": said.get(152, ""), "limit_price": said.get(44, ""), "stop_price": said.get(99, ""), "peg_offset": said.get(211, ""),
        "expire_date": f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else "", "min_qty": said.get(110, ""),
        "short_exempt": said.get(1688, "") or ("0" if said.get(54) == SHORT_EXEMPT else ""),
        "display_qty": said.get(1138) or said.get(111, ""), "flags": ",".join(flags), "instructions": said.get(58, ""),
        "currency": said.get(15, ""),
    }, wrong  # fmt: skip


def reject_code(field: str) -> str:
    """OrdRejReason (103) of a refused field."""
    return REASONS.get(field, OTHER)


def family_status(statuses: Sequence[str]) -> str:
    """How an order stands with all that was split from it: over when all of them are, at work when one is."""
    going = [status for status in statuses if status not in ("DONE", "CANCELLED", "REJECTED")]
    if not going:
        return next(status for status in ("DONE", "CANCELLED", "REJECTED") if status in statuses)
    is_at_work = len(going) < len(statuses) and "DONE" in statuses or {"CLEARED", "WORKING"} & set(going)
    return "WORKING" if is_at_work and len(statuses) > 1 else going[0]


def ord_status(status: str, qty: Decimal, filled: Decimal, tif: str) -> str:
    """OrdStatus (39) of an order of ours."""
    if status in PENDING:
        return "A"
    if status == "REJECTED":
        return "8"
    if filled >= qty:
        return "2"
    if status == "CANCELLED":
        return "4"
    if status == "DONE":
        return "C" if tif in ("DAY", "GTD", "OPG", "CLS") else "4"
    return "1" if filled else "0"


def answer_fields(
    exec_id: str, kind: str, status: str, *, cl_ord_id: str, order_id: str, symbol: str, side: str, qty: Decimal,
    cum: Decimal, leaves: Decimal, price: Decimal, at: datetime, **more: Any,
) -> list[FramePart]:  # fmt: skip
    """
    ExecutionReport (35=8). ``more``: orig (41), list_ref (66), reason (103), text (58), last (LastQty and LastPx),
    ref (ExecRefID 19), isin, account, limit, amount (CashOrderQty 152, said instead of OrderQty 38).

    :param side: our word, or the tag as it was sent
    :param price: AvgPx (6); 0 before the first fill
    """
    last = more.get("last") or ("", "")
    asked = (152, more["amount"]) if more.get("amount") else (38, plain(qty))
    fields: list[tuple[int, Any]] = [
        (37, order_id), (11, cl_ord_id), (41, more.get("orig")), (66, more.get("list_ref")), (17, exec_id),
        (19, more.get("ref")), (150, kind), (39, status), (103, more.get("reason")), (1, more.get("account")),
        (55, symbol or "[N/A]"), (48, more.get("isin")), (22, "4" if more.get("isin") else ""),
        (54, SIDE_TAGS.get(side, side) or "7"), asked, (44, more.get("limit")), (32, last[0]), (31, last[1]),
        (151, plain(leaves)), (14, plain(cum)), (6, plain(price)), (60, utc_text(at)), (58, (more.get("text") or "")[:400]),
    ]  # fmt: skip
    return [(tag, str(value)) for tag, value in fields if value not in (None, "")]


def list_status(list_ref: str, lines: Sequence[tuple[str, Decimal]], *, taken: bool, text: str) -> list[FramePart]:
    """ListStatus (35=N): the list was received (431=2), or refused as a whole (431=7)."""
    fields: list[FramePart] = [
        (66, list_ref), (429, "1"), (82, "1"), (431, "2" if taken else "7"), (83, "1"), (444, text[:400]),
        (68, str(len(lines))), (73, str(len(lines))),
    ]  # fmt: skip
    for name, qty in lines:
        leaves = plain(qty) if taken else "0"
        fields += [(11, name), (14, "0"), (39, "A" if taken else "8"), (151, leaves), (84, "0"), (6, "0")]
    return fields
