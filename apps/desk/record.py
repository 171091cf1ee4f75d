"""The record on pages: search, one subject's timeline, verification."""

import json
import re
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from apps.algos import selectors as algos
from apps.allocations import csa_selectors as csa
from apps.audit import seals
from apps.audit import selectors as audit
from apps.audit.models import Entry, Seal
from apps.blocks import selectors as blocks
from apps.compliance.models import Clause, MandateDocument, Rule
from apps.compliance.states import WHEN
from apps.core.edges import whole_number
from apps.core.events import REGISTRY
from apps.core.refusals import Invalid, NotFound
from apps.crossing import selectors as crossing
from apps.groups import selectors as groups
from apps.orders import selectors as orders
from apps.orders.models import ApprovalRule, OrderGroup
from apps.portfolios.models import Portfolio
from apps.reference.models import AssetClass, Broker, ContractFamily, Custodian, Instrument, Issuer
from apps.routing.models import AlertRule, RoutingRule
from apps.users.doors import door
from apps.users.models import Desk, User
from apps.users.services import can

from .selectors import kept_from
from .templatetags import show

PAGE = 100
TONES = {"held": "hold", "rejected": "bad", "refused": "bad", "cancelled": "bad", "busted": "bad", "failing": "bad",
         "unmatched": "hold", "settled": "done", "done": "done", "cleared": "done", "affirmed": "done"}  # fmt: skip
SEEN_BY = {"order": orders.get_order_seen_by, "block": blocks.get_block_seen_by,
           "opposition": blocks.get_opposition_seen_by, "cross": crossing.get_cross_seen_by, "rotation": blocks.get_rotation_seen_by,
           "algo": algos.get_algo_seen_by, "linked_group": groups.get_group_seen_by, "step_out": csa.get_step_out_seen_by}
THREADS = {"order": blocks.thread_of_order, "block": blocks.thread_of_block}
NEEDED = {
    "route": "routing.see", "execution": "routing.see", "inquiry": "routing.see", "message": "routing.see",
    "halt": "routing.see", "estimate": "routing.see", "alert": "routing.see", "session": "routing.see", "grant": "routing.see_staging",
    "axis": "routing.see", "play": "routing.see",
    "reconciliation": "routing.see", "rate_card": "routing.see_cards", "charge": "settlement.see", "csa": "settlement.see",
    "dialect": "routing.see_dialects", "session_stop": "routing.see_sessions", "sequence_reset": "routing.see_sessions",
    "strategy_file": "routing.see", "slice": "routing.see", "wheel_change": "routing.see", "season": "routing.see", "draw": "routing.see",
    "leg": "routing.see",
    "allocation": "audit.see", "confirmation": "settlement.see", "instruction": "settlement.see",
    "exchange": "settlement.see",
    "review": "compliance.see", "rule": "compliance.see", "draft": "compliance.see", "restriction": "compliance.see",
    "limit": "compliance.see", "limit_end": "compliance.see",
    "throttle": "routing.see", "rule_change": "routing.see", "decision": "routing.see",
    "term": "portfolios.see_all", "screening": "compliance.see",
    "standing": "compliance.see",
    "mandate": "compliance.see", "clause": "compliance.see", "mapping": "compliance.see",
    "entry": "compliance.control_room", "match": "compliance.see", "close_out": "settlement.see", "position_limit": "compliance.see",
    "override": "compliance.see", "question": "compliance.see", "reservation": "compliance.see",
    "own_attribute": "reference.see", "instrument_value": "reference.see", "issuer_value": "reference.see",
    "benchmark": "reference.see", "benchmark_weight": "reference.see", "named_issuer": "portfolios.see_all",
    "day": "compliance.see", "incident": "compliance.see", "filing": "compliance.see",
    "import": "audit.see", "group": "audit.see", "approval": "audit.see", "chain": "audit.see",
    "deputy": "audit.see", "person": "audit.see",
    "proposal": "audit.see", "template": "audit.see", "view": "audit.see", "export": "audit.see", "note": "audit.see",
}  # fmt: skip


REFS = {"order_id": "O-{:06d}", "source_id": "O-{:06d}", "parent_id": "O-{:06d}", "block_id": "B-{:04d}",
        "part_id": "O-{:06d}", "into": "B-{:04d}", "split_from": "B-{:04d}", "order_ids": "O-{:06d}", "parts": "O-{:06d}",
        "bought_in_id": "B-{:04d}", "sold_in_id": "B-{:04d}", "buy_id": "B-{:04d}", "sell_id": "B-{:04d}",
        "opposition_id": "X-{:04d}", "cross_id": "XC-{:04d}", "route_id": "R-{:04d}", "allocation_id": "A-{:06d}",
        "linked_group_id": "LG-{:04d}", "charge_id": "CH-{:06d}",
        "review_id": "V-{:06d}", "algo_id": "AL-{:04d}", "limit_id": "TL-{:04d}", "end_id": "LE-{:04d}"}  # fmt: skip
NAMES = {
    "portfolio_id": (Portfolio, "code"), "instrument_id": (Instrument, "symbol"), "broker_id": (Broker, "name"),
    "custodian_id": (Custodian, "name"),
    "dealer_id": (Broker, "name"), "desk_id": (Desk, "code"), "owner_id": (User, "username"),
    "meant_for_id": (Broker, "name"), "directed_to_id": (Broker, "name"),
    "family_id": (ContractFamily, "code"), "issuer_id": (Issuer, "name"), "group_id": (OrderGroup, "name"),
    "approval_rule_id": (ApprovalRule, "name"), "alert_rule_id": (AlertRule, "name"), "routing_rule_id": (RoutingRule, "name"),
    "compliance_rule_id": (Rule, "name"), "mandate_id": (MandateDocument, "code"), "clause_id": (Clause, "reference"),
    "before_id": (User, "username"), "person_id": (User, "username"), "deputy_id": (User, "username"), "acts_for_id": (User, "username"),
}  # fmt: skip
RULES = {"approval": "approval_rule_id", "alert": "alert_rule_id", "override": "compliance_rule_id",
         "mapping": "compliance_rule_id"}  # Which rule a fact of theirs means.  # fmt: skip
TITLES = {"rule": Rule, "group": OrderGroup, "chain": ApprovalRule}  # Subjects that people call by a name.
Names = dict[str, dict[int, str]]
SUBJECTS = {"order": "O-{:06d}", "block": "B-{:04d}", "route": "R-{:04d}", "inquiry": "Q-{:04d}", "allocation": "A-{:06d}",
            "confirmation": "C-{:06d}", "instruction": "I-{:06d}", "exchange": "E-{:06d}", "review": "V-{:06d}", "override": "VO-{:06d}",
            "opposition": "X-{:04d}", "cross": "XC-{:04d}", "draft": "D-{:04d}", "screening": "S-{:06d}",
            "mapping": "CM-{:05d}", "limit": "TL-{:04d}", "limit_end": "LE-{:04d}", "position_limit": "PL-{:04d}", "match": "N-{:05d}",
            "close_out": "CO-{:05d}",
            "linked_group": "LG-{:04d}",
            "algo": "AL-{:04d}", "axis": "AX-{:05d}", "play": "PY-{:04d}",
            "draw": "DR-{:05d}", "wheel_change": "WC-{:04d}", "alert": "L-{:04d}", "halt": "H-{:04d}", "dialect": "DI-{:04d}",
            "rate_card": "RC-{:04d}", "charge": "CH-{:06d}", "csa": "CSA-{:04d}", "step_out": "SO-{:05d}",
            "reconciliation": "RN-{:04d}", "session_stop": "SS-{:04d}", "sequence_reset": "SR-{:04d}"}  # fmt: skip
# What a field is called whose own name is not the word for it, and what the codes of FIX 4.4 mean (tags 150 and 39).
WORDS = {
    "tif": "time in force", "cum_qty": "filled", "filled_qty": "filled", "leaves_qty": "still open", "net_amount": "net",
    "cancelled_qty": "cancelled", "exec_id": "execution", "exec_type": "report", "ord_status": "at the broker",
    "cl_ord_id": "our number", "msg_type": "message", "ref": "reference", "sha256": "SHA-256", "params": "limits", "number": "version",
    "weight_pct": "weight, %", "inputs_hash": "SHA-256 of the inputs", "rules_hash": "SHA-256 of the rules",
    "statement_hash": "SHA-256 of the statement", "indeterminate": "not decidable", "usd": "USD",
}  # fmt: skip
STATES = {
    "0": "new", "1": "partly filled", "2": "filled", "3": "done for the day", "4": "canceled", "5": "replaced",
    "6": "cancel pending", "7": "stopped", "8": "rejected", "9": "suspended", "A": "new pending", "B": "calculated",
    "C": "expired", "E": "replace pending",
}  # fmt: skip
CODES = {
    "ord_status": STATES,
    "moment": {str(stage): words for stage, words in WHEN.items()}, "asset_class": dict(AssetClass.choices),
    "exec_type": STATES | {"D": "restated", "F": "trade", "G": "trade corrected", "H": "trade cancelled", "I": "status"},
}


class Line(NamedTuple):
    """An entry in words."""

    at: datetime
    what: str
    text: str
    tone: str


def in_words(entries: Iterable[Entry], subject: str = "") -> list[Line]:
    """
    Who did what and why, with every value the event kept; what is kept by its number is called by its name. What
    happened to another subject than the one told of names it. At most a query for each kind of thing named.
    """
    entries = list(entries)
    payloads = [_payload(e) for e in entries]
    names = _names(payloads)
    return [
        Line(
            e.act.at,
            _what(e, subject),
            " · ".join(
                filter(
                    None,
                    [
                        f"by {e.act.by}",
                        _changes(payload, e.nth, names),
                        _values(payload, names),
                        f"“{e.act.reason}”" if e.act.reason else "",
                    ],
                )
            ),
            TONES.get(e.event.split(".")[1], ""),
        )
        for e, payload in zip(entries, payloads, strict=True)
    ]


def _payload(entry: Entry) -> dict:
    """What the event kept, with the kind of rule it means."""
    return {RULES.get(entry.subject, name) if name == "rule_id" else name: value for name, value in entry.payload.items()}


def _names(payloads: Iterable[dict]) -> Names:
    """What the numbers in the payloads stand for, by field."""
    asked: dict[str, set[int]] = {}
    for payload in payloads:
        nested = [one for value in payload.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
        for part in (payload, payload.get("before"), payload.get("after"), *nested):
            for field in NAMES.keys() & (part.keys() if isinstance(part, dict) else ()):
                if isinstance(part[field], int):
                    asked.setdefault(field, set()).add(part[field])
        for field in NAMES:
            if isinstance(payload.get(f"{field}s"), list):
                asked.setdefault(field, set()).update(one for one in payload[f"{field}s"] if isinstance(one, int))
    return {
        field: dict(NAMES[field][0].objects.filter(pk__in=ids).values_list("pk", NAMES[field][1]))
        for field, ids in asked.items()
    }


def titled(subjects: Iterable[tuple[str, int]]) -> list[str]:
    """Subjects as people call them: “Order O-000012”, “Rule “Issuer at most 5%””. A query for each kind that has names."""
    subjects = list(subjects)
    named = {kind: {pk for of, pk in subjects if of == kind} for kind in TITLES}
    names = {kind: TITLES[kind].objects.in_bulk(ids) for kind, ids in named.items() if ids}
    return [
        f"{kind.capitalize()} “{names[kind][pk].name}”" if pk in names.get(kind, ())
        else f"{kind.capitalize().replace('_', ' ')} {SUBJECTS.get(kind, '{}').format(pk)}"
        for kind, pk in subjects
    ]  # fmt: skip


def events_in_words(without: Collection[str] = ()) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every kind of event by its subject, but ``without`` some: its code, and what happened."""
    found: dict[str, list[tuple[str, str]]] = {}
    for code in sorted(code for code in REGISTRY if code.split(".")[0] not in without):
        found.setdefault(code.split(".")[0].capitalize().replace("_", " "), []).append((code, _happened(code)))
    return list(found.items())


def _happened(event: str) -> str:
    return event.split(".")[1].replace("_", " ").capitalize()


def _what(entry: Entry, subject: str) -> str:
    happened = _happened(entry.event)
    return happened if subject in ("", entry.subject) else f"{entry.subject.capitalize().replace('_', ' ')} {happened.lower()}"


def _changes(payload: dict, nth: int, names: Names) -> str:
    """Each field that was another before: “qty 100 → 200”; of what is new, or gone, what it says. Empty for other events."""
    before, after = payload.get("before"), payload.get("after")
    if isinstance(after, dict) and nth == 1:
        return _values(after, names)
    if isinstance(before, dict) and before and "after" not in payload:
        return f"was {_values(before, names)}"
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    return ", ".join(
        f"{_named(name)} {_in_words(name, _or_none(before.get(name)), names)}"
        f" → {_in_words(name, _or_none(after.get(name)), names)}"
        for name in {**before, **after}
    )


def _or_none(value: object) -> object:
    return "none" if value in (None, "") else value


def _named(name: str) -> str:
    return WORDS.get(name) or name.removesuffix("_id").replace("_", " ").replace("qty", "quantity")


def _values(payload: dict, names: Names) -> str:
    """What an event kept besides what it changed; where it tells of a change, not again what is so since."""
    told = {name for name in ("before", "after") if isinstance(payload.get(name), dict)}
    if told and payload.get("after"):
        told |= {"terms", "spec", "params"}
    return ", ".join(
        f"“{value}”" if name == "text" else f"{_named(name)} {_in_words(name, value, names)}"
        for name, value in payload.items()
        if value not in (None, "", [], {}, "{}") and name not in told
    )


def _in_words(name: str, value: object, names: Names) -> str:
    """
    A thing by its name, a code as its word, a quantity or money with its thousands apart, a moment to the second, a day;
    anything else as it is kept.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ", ".join(_in_words(name.removesuffix("s"), one, names) for one in value)
    if name == "legs" and isinstance(value, list) and all(isinstance(one, list) for one in value):
        # Of linked blocks: block, role and quantity of each.
        return ", ".join(f"{show.qty(qty)} of {REFS['block_id'].format(pk)} ({str(role).lower()})" for pk, role, qty in value)
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return "; ".join(_in_words(name, one, names) for one in value)
    try:
        if name == "params" and isinstance(value, str):
            value = json.loads(value)
        if isinstance(value, dict):
            return ", ".join(f"{_named(key)} {_in_words(key, one, names)}" for key, one in value.items())
        if name in REFS and isinstance(value, int):
            return REFS[name].format(value)
        if name == "parts" and isinstance(value, list) and len(value) == 2 and isinstance(value[0], int):
            return f"{_in_words(name, value[0], names)} {show.qty(value[1])}"
        if name in names:
            return names[name].get(value, str(value))
        if name in CODES:
            return CODES[name].get(str(value), str(value))
        if name in ("side", "order_type", "kind", "severity", "when_unsure", "direction"):
            return str(value).replace("_", " ").lower()
        if name.endswith("qty"):
            return show.qty(value)
        if name.endswith("price"):
            return f"{Decimal(str(value)).normalize():f}"
        if name.endswith("amount"):
            return f"{Decimal(str(value)):,}"
        if name.endswith("_date"):
            return show.day(date.fromisoformat(str(value)))
        if isinstance(value, list):
            return ", ".join(_in_words(name, one, names) for one in value)
        if name.endswith("_at"):
            return f"{datetime.fromisoformat(str(value)).astimezone(UTC):%d %b %H:%M:%S}"
    except (ArithmeticError, ValueError):
        return str(value)
    return str(value)


def _told_with(user, subject: str, subject_id: int) -> list[tuple[str, list[int]]]:
    """
    The subject, and with an order or block the whole thread about it and (for an order) what became of its block; with linked blocks
    what became of each leg.
    """
    told = [(subject, [subject_id])]
    if subject in THREADS:
        told.append(("note", [said.note.pk for said in THREADS[subject](user, subject_id)]))
    if subject == "order":
        mine = blocks.blocks_seen_by(user).filter(members__order=subject_id)
        told.append(("block", list(mine.values_list("pk", flat=True))))
    if subject == "linked_group":
        told.append(("leg", groups.legs_of(subject_id)))
    return told


@door("desk.see")
@require_GET
def timeline(request: HttpRequest, subject: str, subject_id: int) -> HttpResponse:
    """
    One subject's life from the record alone, for whoever may see the subject itself.

    :raises NotFound: for a subject that is hidden or of a kind that does not exist
    """
    if subject in SEEN_BY:
        SEEN_BY[subject](request.user, subject_id)
    elif subject not in NEEDED or not can(request.user, NEEDED[subject]):
        raise NotFound("There is no such thing on the record, or it is not for your role.")
    entries = audit.timelines(_told_with(request.user, subject, subject_id))
    context = {"entries": in_words(entries, subject), "subject": subject, "title": titled([(subject, subject_id)])[0]}
    part = "drawer" if request.htmx and request.htmx.target == "drawer" else "life"
    template = f"desk/record.html#{part}" if request.htmx else "desk/timeline.html"
    return render(request, template, context)


@door("audit.see")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """The record, newest first, by words, subject, event, person and time; a page is addressed by its last entry."""
    asked = request.GET
    rows = audit.search(
        text=asked.get("q", "")[:100],
        subject=_subject(asked.get("subject", "")[:60].strip()),
        event=asked.get("event", "")[:60],
        by=whole_number(asked["by"], "by", 1) if asked.get("by") else None,
        since=_moment(asked.get("since"), "since"),
        until=_moment(asked.get("until"), "until"),
        without=kept_from(request.user),
    )
    if asked.get("before"):
        rows = rows.filter(pk__lt=whole_number(asked["before"], "before", 1))
    found = list(rows[: PAGE + 1])
    context = {
        "rows": [
            *zip(found[:PAGE], in_words(found[:PAGE]), titled((e.subject, e.subject_id) for e in found[:PAGE]), strict=True)
        ],
        "next": found[PAGE - 1].pk if len(found) > PAGE else None,
        "events": events_in_words(kept_from(request.user)),
        "people": User.objects.order_by("username"),
        "asked": asked,
        "last_seal": Seal.objects.order_by("-pk").first(),
        "may_verify": can(request.user, "audit.verify"),
    }
    return render(request, "desk/record.html#entries" if request.htmx else "desk/record.html", context)


def _subject(text: str) -> str:
    """What a subject is called in the record, by its kind and number or as the pages call it: “order 12” of O-000012."""
    called = re.fullmatch(r"(?:\w+ )?([A-Z]+)-0*(\d{1,18})", text, re.IGNORECASE)
    kind = called and next((kind for kind, ref in SUBJECTS.items() if ref.split("-")[0] == called[1].upper()), None)
    return f"{kind} {called[2]}" if kind else text.lower()


def _moment(text: str | None, field: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text}” is no time; write it as 2026-11-23T14:00.", field=field) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@door("audit.verify")
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Seals what is new and recomputes every seal of the record."""
    while seals.make_seal():
        continue
    return render(request, "desk/record.html#verdict", {"verdict": seals.verify()})
