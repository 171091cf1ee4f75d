"""The rules in force. A change is a new version; what a version said is never altered."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Fact, differing
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids, one_at_a_time
from apps.orders import selectors as order_selectors
from apps.orders.rules import as_asked, value_asked
from apps.users.services import require

from .. import events
from ..engine import params as parameters
from ..engine import rules
from ..engine.rules import MEASURES
from ..states import RULE_LIFE

SEVERITIES = ("WARN", "SOFT", "HARD")


class StaleRule(Stale):
    """Somebody wrote a newer version after the officer looked."""


class KindIsFixed(Conflict):
    """A rule keeps its measure; another measure is another rule."""


class Draft(NamedTuple):
    code: str
    kind: str
    name: str
    text: str
    severity: str = "SOFT"
    params: Mapping[str, Any] = {}
    citation: str = ""


DEFAULT_RULES = (
    Draft("restricted_list", "restricted_list", "Restricted list",
          "No order trades against the restricted list: an issuer's whole group, an instrument, derivatives on either.",
          "HARD", citation="Firm policy; 17 CFR 275.204A-1"),
    Draft("nothing_unheld_is_sold", "holding", "Nothing sold that is not held",
          "No portfolio sells more than it holds, less what open sells have promised.", "HARD"),
    Draft("short_sale", "short_sale", "Short sale: mark, locate, price test",
          "A sale of what is not owned net is marked short and located; one that fell by a tenth is sold short above the bid alone.",
          "HARD", {"needs_locate": True, "price_test": True}, "17 CFR 242.200, 201, 203(b)(1)"),
    Draft("instrument_limit", "instrument_share", "Instrument, 10% of NAV",
          "No instrument but government bonds is above 10% of a portfolio's net asset value after a purchase.",
          params={"max_pct": "10", "exempt": ["GOVT"]}),
    Draft("issue_ownership", "issue_ownership", "Firm's part of an issue, 4.9%",
          "All portfolios together hold at most 4.9% of an equity's shares outstanding.", "HARD",
          {"max_pct": "4.9"}, "Firm policy; 17 CFR 240.13d-1"),
    Draft("issuer_limit", "issuer_share", "Issuer's group, mandate's limit",
          "No issuing group but governments is above the mandate's limit after a purchase.", params={"exempt": ["GOVT"]},
          citation="Client mandate"),
    Draft("sector_limit", "sector_share", "Sector, mandate's limit",
          "No sector but governments is above the mandate's limit after a purchase.", params={"exempt": ["GOVT"]},
          citation="Client mandate"),
    Draft("asset_class_band", "asset_class_band", "Asset-class band",
          "Equity and fixed income stay within the mandate's bands; a trade toward its band passes.",
          citation="Client mandate"),
    Draft("cash_by_currency", "cash_by_currency", "Cash by currency and date",
          "Every purchase is paid on its settlement date from cash and from sells that settle by then.",
          params={"overdraft": "0", "count_open_sells": True, "slip_pct": "0.5"}),
    Draft("least_cash", "cash_share", "Least cash of the mandate",
          "Cash is not below the mandate's least share of net asset value after a purchase.",
          params={"count_open_sells": True, "slip_pct": "0.5"}, citation="Client mandate"),
    Draft("order_value", "order_value", "One order, USD 25m", "No order is worth more than USD 25 million.", "HARD",
          {"max_amount": "25000000"}, "Firm policy, after 17 CFR 240.15c3-5"),
    Draft("order_volume", "order_volume", "One order, 25% of a day's volume",
          "No order is above 25% of the instrument's average daily volume.", params={"max_pct": "25"}),
    Draft("price_collar", "price_collar", "Price collar, 5%",
          "No limit is more than 5% through the quote, and no order is let through on a quote older than an hour.",
          params={"max_pct": "5", "max_age": "60", "market_orders": True},
          citation="Firm policy, after Delegated Regulation (EU) 2017/589 Art. 15"),
    Draft("duplicate", "duplicate", "Duplicate order",
          "No two unfinished orders of one portfolio within 30 minutes are alike.", params={"window": "30"},
          citation="Firm policy, after 17 CFR 240.15c3-5(c)(1)(ii)"),
)  # fmt: skip


@transaction.atomic
def save_rule(
    act: Act, code: str, params: Mapping[str, Any], *, severity: str, text: str, name: str = "", kind: str = "",
    citation: str | None = None, seen: int | None = None,
) -> int:  # fmt: skip
    """
    Will put a new version of a rule in force, or a new rule. Checks keep the version they were made by.

    :param params: what the measure takes; numbers as text
    :param kind: the measure, for a new rule (``engine.rules.MEASURES``); :param name: for a new rule
    :param seen: the version of the rule that the officer was looking at; None for a new rule
    :returns: the number of the version
    :raises BadRule: naming the parameter that is malformed; nothing is then written
    :raises StaleRule: if the rule changed since, or exists already
    """
    require(act, "compliance.write_rules")
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "compliance.rules")  # Two who write a new one of the same code.
        cursor.execute(
            "SELECT r.id, r.kind, r.name, r.citation, r.status, r.version, v.number, v.params::text, v.severity, v.text"
            " FROM compliance_rule r JOIN LATERAL (SELECT * FROM compliance_ruleversion WHERE rule_id = r.id"
            " ORDER BY number DESC LIMIT 1) v ON true WHERE r.code = %s FOR NO KEY UPDATE OF r",
            [code],
        )
        row = cursor.fetchone()
    if row is None:
        if seen is not None:
            raise NotFound(f"There is no rule “{code}”.")
        draft = Draft(code, kind, name, text, severity, params, citation or "")
        _write(act, [draft])
        return 1
    pk, old_kind, old_name, old_citation, status, version, number, old_params, old_severity, old_text = row
    if seen != version:
        raise StaleRule(
            f"“{old_name}” is not as you saw it. Reload it, look and save again.",
            stale=order_selectors.missed("rule", {pk: (old_name, seen, version)}),
        )
    if kind and kind != old_kind:
        raise KindIsFixed(f"“{old_name}” measures {MEASURES[old_kind].title}. For another measure write another rule.")
    draft = Draft(code, old_kind, name or old_name, text, severity, params, old_citation if citation is None else citation)
    canonical = _canonical(draft)
    after = RULE_LIFE.after(status, events.RuleActivated)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compliance_rule SET status = %s, name = %s, citation = %s, version = version + 1 WHERE id = %s",
            [after, draft.name, draft.citation, pk],
        )
        _write_versions(cursor, act, [(pk, number + 1, canonical, draft)])
    old = Draft(code, old_kind, old_name, old_text, old_severity, citation=old_citation)
    changed = differing(_told(old, old_params), _told(draft, canonical))
    record(act, [Fact(pk, version + 1, events.RuleActivated(number + 1, canonical, *changed))])
    return number + 1


@transaction.atomic
def retire_rules(act: Act, rule_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will take rules out of force, for the reason the act gives.

    :raises StaleRule: if one changed since the version seen
    :raises IllegalMove: if one is retired already
    """
    require(act, "compliance.write_rules")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
    wanted = sorted(set(rule_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, status, version FROM compliance_rule WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [wanted],
        )
        rows = cursor.fetchall()
        if len(rows) < len(wanted) or not rows:
            raise NotFound("There is no such rule. Reload the list.")
        stale = {pk: (name, seen.get(pk), version) for pk, name, _, version in rows if seen.get(pk) != version}
        if stale:
            raise StaleRule(
                f"“{next(iter(stale.values()))[0]}” is not as you saw it. Reload the list.",
                stale=order_selectors.missed("rule", stale),
            )
        for _, _, status, _ in rows:
            after = RULE_LIFE.after(status, events.RuleRetired)
        cursor.execute("UPDATE compliance_rule SET status = %s, version = version + 1 WHERE id = ANY(%s)", [after, wanted])
    retired = events.RuleRetired()
    record(act, [Fact(pk, version + 1, retired) for pk, _, _, version in rows])


@transaction.atomic
def install_default_rules(act: Act) -> int:
    """
    Will write the firm's first rules, those of ``DEFAULT_RULES`` whose code is not taken, when a firm is set up.

    :returns: how many were written; 0 where all were there
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM compliance_rule")
        taken = {code for (code,) in cursor.fetchall()}
    missing = [draft for draft in DEFAULT_RULES if draft.code not in taken]
    if missing:
        _write(act, missing)
    return len(missing)


def _write(act: Act, drafts: list[Draft]) -> None:
    canonical = [_canonical(draft) for draft in drafts]
    status = RULE_LIFE.born[events.RuleActivated]
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_rule", len(drafts))
        copy_in(
            cursor, "compliance_rule", ("id", "code", "name", "kind", "citation", "status", "version"),
            ((pk, d.code, d.name, d.kind, d.citation, status, 1) for pk, d in zip(ids, drafts, strict=True)),
        )  # fmt: skip
        _write_versions(cursor, act, [(pk, 1, text, d) for pk, text, d in zip(ids, canonical, drafts, strict=True)])
    told = [
        Fact(pk, 1, events.RuleActivated(1, text, {}, _told(draft, text)))
        for pk, text, draft in zip(ids, canonical, drafts, strict=True)
    ]
    record(act, told)


def _told(draft: Draft, canonical: str) -> dict[str, Any]:
    """What a version of a rule says, as the record keeps it."""
    said = {name: getattr(draft, name) for name in ("kind", "name", "severity", "citation")}
    return said | {"text": draft.text.strip(), "params": orjson.loads(canonical)}


def _write_versions(cursor, act: Act, rows: list[tuple[int, int, str, Draft]]) -> None:
    act_id = keep_act(act)
    copy_in(
        cursor, "compliance_ruleversion",
        ("rule_id", "number", "params", "text", "severity", "written_by_id", "written_at", "act_id"),
        ((pk, number, given, d.text.strip(), d.severity, act.by, act.at, act_id) for pk, number, given, d in rows),
    )  # fmt: skip


def _canonical(draft: Draft) -> str:
    """
    The parameters as JSON with sorted keys and numbers as text.

    :raises BadRule: where rule or parameters cannot be understood
    """
    if not draft.code or len(draft.code) > 40 or not draft.code.replace("_", "").isalnum():
        raise parameters.BadRule("A rule's code is up to 40 letters, digits and underscores.", field="code")
    if not draft.name.strip() or len(draft.name) > 120:
        raise parameters.BadRule("Give the rule a name of at most 120 characters.", field="name")
    if draft.kind not in MEASURES:
        raise parameters.BadRule(f"“{draft.kind}” is no measure; use one of {', '.join(MEASURES)}.", field="kind")
    if draft.severity not in SEVERITIES:
        raise parameters.BadRule("Severity is WARN, SOFT or HARD.", field="severity")
    if not draft.text.strip() or len(draft.text) > 400:
        raise parameters.BadRule("Say the rule as a sentence of at most 400 characters.", field="text")
    if len(draft.citation) > 200:
        raise parameters.BadRule("The citation is longer than 200 characters.", field="citation")
    read = rules.read(draft.kind, draft.params)
    plain = {name: _plain(value) for name, value in draft.params.items()}
    if read["own_field"]:
        plain["own_value"] = _asked_of_own(read["own_field"], read["own_value"])
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()


def _asked_of_own(code: str, text: str) -> str:
    """The value of a field of the firm's own as orders keep it. :raises BadRule: where no rule may ask for it"""
    field = next((one for one in order_selectors.own_fields() if one.code == code), None)
    if field is None:
        raise parameters.BadRule(f"There is no field “{code}” in use.", field="own_field")
    if not field.is_screened:
        raise parameters.BadRule(
            f"{field.label} is not a field that compliance may ask for. An administrator can let it.", field="own_field"
        )
    kept, problem = value_asked(field, text)
    if problem:
        raise parameters.BadRule(problem, field="own_value")
    return as_asked(kept)


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
