"""
The evidence of one check, whole: what was asked, of what, by which words of which rules, what was found, and what people
did with it. Of what was stored and recorded alone, so the same state gives the same pack and the same hash.
"""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from apps.audit.models import Entry
from apps.core.refusals import NotFound
from apps.users.services import can

from ..engine.columns import PRICE, QTY, Snapshot
from ..engine.storing import digest, expanded, unpacked
from ..models import Check, ClauseMapping, Override, Question, Review, RuleVersion
from ..states import CODES
from .mandates import clauses_cited
from .runs import passed_by

BELOW = ("Net asset value", "shares outstanding", "average daily volume")
"""What the evidence calls the number that a percentage is of."""
Pack = dict[str, Any]


def evidence_of(user, check_id: int) -> Pack:
    """
    Everything about one check as plain values. Twelve queries at most.

    :raises NotFound: where there is none, or it is not for the person to see
    """
    found = Check.objects.select_related("order__portfolio", "order__instrument", "order__created_by", "run")
    check = found.filter(pk=check_id).first() if can(user, "compliance.see") else None
    if check is None:
        raise NotFound("There is no such check, or it is not for you to see.")
    review = Review.objects.filter(verdict=check).select_related("decided_by").first()
    overrides = list(Override.objects.filter(review=review).select_related("rule", "first_by", "second_by").order_by("pk"))
    thread = list(Question.objects.filter(review=review).select_related("asked_by", "answered_by").order_by("pk"))
    pack = {
        "check": _check(check),
        "order": _order(check),
        "rules": _rules(check, [*check.results, *passed_by([check]).get(check.pk, [])]),
        "inputs": _inputs(check),
        "review": review and _review(review),
        "overrides": [_override(one) for one in overrides],
        "thread": [_question(one) for one in thread],
        "record": _record(review, overrides, thread),
    }
    plain = orjson.loads(orjson.dumps(pack, default=str))
    return plain | {"sha256": hash_of(plain)}


def hash_of(pack: Mapping[str, Any]) -> str:
    """SHA-256 of all of a pack but its hash, as JSON with sorted keys and no spaces."""
    rest = {name: value for name, value in pack.items() if name != "sha256"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _check(check: Check) -> Pack:
    return {
        "id": check.pk, "at": check.at, "outcome": check.outcome, "order_version": check.order_version,
        "rules_asked": check.rules_asked, "max_passing_qty": check.max_passing_qty, "binding_rule": check.binding_rule,
        "inputs_hash": check.inputs_hash, "order_hash": check.order_hash,
    }  # fmt: skip


def _order(check: Check) -> Pack:
    """As the check saw it where what it saw was stored."""
    order = check.order
    return {
        "ref": order.ref, "portfolio": order.portfolio.code, "instrument": order.instrument.symbol,
        "name": order.instrument.name, "author": order.created_by.username, "created_at": order.created_at,
    }  # fmt: skip


def _rules(check: Check, results: Sequence[Mapping[str, Any]]) -> list[Pack]:
    ids = {one["version"] for one in results}
    cited = clauses_cited({one["rule"] for one in results}, check.order.portfolio, check.at)
    versions = {one.pk: one for one in RuleVersion.objects.filter(pk__in=ids).select_related("rule", "written_by")}
    return [
        _rule(one, versions[one["version"]]) | {"clauses": [_clause(row) for row in cited.get(one["rule"], ())]} for one in results
    ]


def _clause(row: ClauseMapping) -> Pack:
    """A clause that the rule proved when it was asked, in the words that two officers looked at."""
    said, document = row.wording, row.clause.document
    return {
        "document": document.code, "title": document.title, "edition": said.edition.number, "file_sha256": said.edition.sha256,
        "clause": row.clause.reference, "page": said.page, "text": said.text, "sha256": said.sha256, "mapping": row.ref,
        "mapped_by": row.written_by.username, "approved_by": row.decided_by.username, "approved_at": row.decided_at,
    }  # fmt: skip


def _rule(result: Mapping[str, Any], version: RuleVersion) -> Pack:
    above, below, of = _fraction(result)
    return {
        "rule": version.rule.code, "name": result.get("name") or version.rule.name, "version": version.number,
        "version_id": version.pk, "text": version.text, "citation": result.get("citation") or version.citation,
        "measure": version.rule.kind, "params": version.params, "severity": result.get("severity") or version.severity,
        "when_unsure": version.when_unsure,
        "written_by": version.written_by.username, "written_at": version.written_at, "outcome": result["outcome"],
        "numerator": above, "denominator": below, "denominator_is": of, "now": result.get("now"),
        "after": result.get("after"), "limit": result.get("limit"), "unit": result.get("unit", ""),
        "limit_from": result.get("limit_from", ""), "max_qty": result.get("max_qty"), "basis": result.get("basis", ""),
        "numbers": result.get("data", []), "finding": result.get("text", ""),
        **{name: result[name] for name in ("warning", "warned") if name in result},
    }  # fmt: skip


def _fraction(result: Mapping[str, Any]) -> tuple[str | None, str | None, str]:
    """What was compared as numerator and denominator: of a percentage what it is of, else the number itself over 1."""
    after, unit = result.get("after"), result.get("unit") or ""
    if after is None:
        return None, None, ""
    if not unit.startswith("%"):
        return after, "1", unit
    for line in result.get("data", []):
        if any(line["what"].endswith(name) for name in BELOW):
            try:
                below = Decimal(str(line["value"]))
            except InvalidOperation:
                continue
            return f"{Decimal(after) * below / 100:.4f}", str(below), line["what"]
    return after, "100", unit


def _inputs(check: Check) -> Pack:
    """The portfolio's positions, cash and prices with their times, as the check saw them; of an old one, that they are not stored."""
    run = check.run
    if run is None:
        return {"stored": False}
    content = expanded(bytes(run.inputs))
    s: Snapshot = unpacked(content)
    row = s.orders.id.tolist().index(check.order_id)
    place = s.orders.portfolio[row]
    held = s.rows_of("positions", place)
    return {
        "stored": True, "run": run.ref, "moment": run.moment, "at": run.at, "engine": run.engine,
        "inputs_hash": run.inputs_hash, "is_as_stored": digest(content) == run.inputs_hash, "rules_hash": run.rules_hash,
        "order": {
            "side": "SELL" if s.orders.sell[row] else "BUY", "qty": _whole(s.orders.qty[row], QTY),
            "limit": _whole(s.orders.limit[row], PRICE) if s.orders.limit[row] else None,
        },
        "instrument": _instrument(s, s.orders.instrument[row]),
        "positions": [_instrument(s, s.positions.thing[i]) | {"qty": _whole(s.positions.amount[i], QTY)} for i in held],
        "cash": [
            {"currency": s.currencies[s.cash.thing[i]], "amount": _whole(s.cash.amount[i], QTY)}
            for i in s.rows_of("cash", place)
        ],
        "rates": [{"currency": code, "rate": one.rate, "at": one.at} for code, one in sorted(s.rates.items())],
    }  # fmt: skip


def _instrument(s: Snapshot, place: int) -> Pack:
    i = s.instruments[place]
    return {
        "symbol": i.symbol, "currency": i.currency, "bid": i.bid, "ask": i.ask, "priced_at": i.priced_at,
        "price_factor": i.price_factor, "issuer": i.issuer_name, "sector": i.sector,
    }  # fmt: skip


def _whole(value: Any, of: int) -> str:
    text = f"{Decimal(int(value)) / of:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _review(review: Review) -> Pack:
    return {
        "ref": review.ref, "status": review.status, "severity": review.severity, "leading_rule": review.leading_rule,
        "amount_usd": review.amount_usd, "opened_at": review.opened_at, "decided_at": review.decided_at,
        "decided_by": review.decided_by and review.decided_by.username, "reason": review.reason,
    }  # fmt: skip


def _override(one: Override) -> Pack:
    return {
        "ref": one.ref, "status": one.status, "rule": one.rule.code, "version_id": one.rule_version_id, "value": one.value,
        "limit": one.limit, "unit": one.unit, "code": one.code, "code_says": CODES[one.code], "reason": one.reason,
        "tolerance_pct": one.tolerance_pct, "expires_at": one.expires_at, "first_by": one.first_by.username,
        "first_at": one.first_at, "second_by": one.second_by and one.second_by.username, "second_at": one.second_at,
        "second_reason": one.second_reason,
    }  # fmt: skip


def _question(one: Question) -> Pack:
    return {
        "status": one.status, "text": one.text, "asked_by": one.asked_by.username, "asked_at": one.asked_at,
        "answer": one.answer, "answered_by": one.answered_by and one.answered_by.username, "answered_at": one.answered_at,
    }  # fmt: skip


def _record(review: Review | None, overrides: Sequence[Override], thread: Sequence[Question]) -> list[Pack]:
    """What the record says of the review, its overrides and its questions, in order."""
    if review is None:
        return []
    wanted = {"review": [review.pk], "override": [o.pk for o in overrides], "question": [q.pk for q in thread]}
    rows: list[Entry] = []
    for subject, ids in wanted.items():
        rows += Entry.objects.filter(subject=subject, subject_id__in=ids).select_related("act__by") if ids else []
    return [
        {
            "entry": e.pk, "at": e.act.at, "by": e.act.by.username, "via": e.act.via, "event": e.event,
            "subject": f"{e.subject} {e.subject_id}", "nth": e.nth, "reason": e.act.reason, "said": e.payload,
        }
        for e in sorted(rows, key=lambda e: e.pk)
    ]  # fmt: skip
