"""What rules say, how that is kept, and the firm's first rules. A change is a new version; none is ever altered."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as order_selectors
from apps.orders.rules import OwnField, as_asked, value_asked
from apps.portfolios.rules import MANDATE_TYPES
from apps.reference.own_selectors import own_attributes

from .. import events
from ..engine import params as parameters
from ..engine import rules, scope, sentence
from ..engine.attributes import FIELDS
from ..engine.bench import MOST_FIXTURES
from ..engine.filters import NUMBER, OWN, TEXT
from ..engine.fixtures import BadFixture
from ..engine.fixtures import read as read_fixture
from ..engine.rules import MEASURES
from ..engine.standing import ASKS
from ..states import AS_HELD, RULE_LIFE, USUAL, WHEN, Stage

SEVERITIES = ("INFO", "WARN", "SOFT", "HARD")
LONGEST_CITATION, LONGEST_JURISDICTION = 200, 40
SCOPES = {
    "teams": ("portfolios_portfolio", "team"), "desks": ("users_desk", "code"), "portfolios": ("portfolios_portfolio", "code"),
    "groups": ("portfolios_portfoliogroup", "code"),
}  # fmt: skip


class StaleRule(Stale):
    """Somebody put a newer version in force, or took the rule out of it, after the officer looked."""


class KindIsFixed(Conflict):
    """A rule keeps its measure; another measure is another rule."""


class RuleText(NamedTuple):
    """
    What a rule says.

    :param kind: its measure (``engine.rules.MEASURES``); :param params: what that takes, numbers as text
    :param scope: lists of codes (``engine.scope.WORDS``); one of any of them is enough; empty for the whole firm
    :param moments: when it is asked (``states.Stage``); :param fixtures: as ``engine.fixtures`` reads them
    :param starts_on: the first day, None for the day it is put in force; :param ends_on: the last one, None for no end
    :param when_unsure: how severe it is where it cannot tell (``WHEN_UNSURE``); empty: as where it does not pass
    """

    code: str
    kind: str
    name: str
    severity: str = "SOFT"
    params: Mapping[str, Any] = {}
    citation: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    jurisdiction: str = ""
    scope: Mapping[str, Sequence[str]] = {}
    moments: Sequence[str] = tuple(sorted(USUAL))
    fixtures: Sequence[Mapping[str, Any]] = ()
    when_unsure: str = ""


class Canonical(NamedTuple):
    """A rule's text as it is kept: parameters as JSON with sorted keys and numbers as text, and the sentence of them."""

    said: RuleText
    params: str
    text: str

    def told(self) -> dict[str, Any]:
        """As the record keeps it."""
        kept = {name: getattr(self.said, name) for name in ("kind", "name", "severity", "citation", "jurisdiction")}
        kept |= {"scope": dict(self.said.scope), "moments": list(self.said.moments)}
        days = {name: day.isoformat() for name in ("starts_on", "ends_on") if (day := getattr(self.said, name))}
        unsure = {"when_unsure": self.said.when_unsure} if self.said.when_unsure else {}
        return kept | unsure | {"text": self.text, "params": orjson.loads(self.params)} | days


class Written(NamedTuple):
    """A version to be written: of which rule, its number, who wrote it when, and who let it in force."""

    rule_id: int
    number: int
    what: Canonical
    written_by: int
    written_at: Any
    approved_by: int | None = None


DEFAULT_RULES = (
    RuleText("restricted_list", "restricted_list", "Restricted list", "HARD", {"max_age_days": "45"},
             "Firm policy; 17 CFR 275.204A-1"),
    RuleText("control_room", "control_room", "Lists of the control room", params={"max_age_days": "45"},
             citation="Firm policy; 15 USC 80b-4a; Regulation (EU) 596/2014 Art. 18"),
    RuleText("nothing_unheld_is_sold", "holding", "Nothing sold that is not held", "HARD"),
    RuleText("short_sale", "short_sale", "Short sale: mark, locate, price test", "HARD", {"needs_locate": True, "price_test": True},
             "17 CFR 242.200, 201, 203(b)(1)"),
    RuleText("instrument_limit", "instrument_share", "Instrument, 10% of NAV", params={"max_pct": "10", "exempt": ["GOVT"]}),
    RuleText("issue_ownership", "issue_ownership", "Firm's part of an issue, 4.9%", "HARD", {"max_pct": "4.9"},
             "Firm policy; 17 CFR 240.13d-1"),
    RuleText("issuer_limit", "issuer_share", "Issuer's group, mandate's limit", params={"exempt": ["GOVT"]}, citation="Client mandate"),
    RuleText("sector_limit", "sector_share", "Sector, mandate's limit", params={"exempt": ["GOVT"]}, citation="Client mandate"),
    RuleText("asset_class_band", "asset_class_band", "Asset-class band", citation="Client mandate"),
    RuleText("cash_by_currency", "cash_by_currency", "Cash by currency and date",
             params={"overdraft": "0", "count_open_sells": True, "slip_pct": "0.5"}),
    RuleText("least_cash", "cash_share", "Least cash of the mandate", params={"count_open_sells": True, "slip_pct": "0.5"},
             citation="Client mandate"),
    RuleText("order_value", "order_value", "One order, USD 25m", "HARD", {"max_amount": "25000000"},
             "Firm policy, after 17 CFR 240.15c3-5"),
    RuleText("order_volume", "order_volume", "One order, 25% of a day's volume", params={"max_pct": "25"}),
    RuleText("trading_limits", "trading_limits", "Trading limits", "HARD",
             citation="17 CFR 240.15c3-5(c)(1)(ii); Delegated Regulation (EU) 2017/589 Art. 15(1)"),
    RuleText("wash_sale", "wash_sale", "Wash sale", "WARN", citation="26 USC 1091; Rev. Rul. 2008-5"),
    RuleText("price_collar", "price_collar", "Price collar, 5%", params={"max_pct": "5", "max_age": "60", "market_orders": True},
             citation="Firm policy, after Delegated Regulation (EU) 2017/589 Art. 15"),
    RuleText("duplicate", "duplicate", "Duplicate order", params={"window": "30"},
             citation="Firm policy, after 17 CFR 240.15c3-5(c)(1)(ii)"),
)  # fmt: skip


@transaction.atomic
def install_default_rules(act: Act) -> int:
    """
    Will write the firm's first rules, those of ``DEFAULT_RULES`` whose code is not taken, when a firm is set up. They hold
    since ever.

    :returns: how many were written; 0 where all were there
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM compliance_rule")
        taken = {code for (code,) in cursor.fetchall()}
        missing = canonical([said for said in DEFAULT_RULES if said.code not in taken])
        if missing:
            ids = create_rules(cursor, missing)
            pairs = list(zip(ids, missing, strict=True))
            write_versions(cursor, act, [Written(pk, 1, what, act.by, act.at) for pk, what in pairs])
            record(act, [Fact(pk, 1, events.RuleActivated(1, what.params, {}, what.told())) for pk, what in pairs])
    return len(missing)


def create_rules(cursor, texts: Sequence[Canonical]) -> list[int]:
    """Writes rules without a version yet, in force. Returns their ids."""
    status = RULE_LIFE.born[events.RuleActivated]
    ids = next_ids(cursor, "compliance_rule", len(texts))
    copy_in(
        cursor, "compliance_rule", ("id", "code", "name", "kind", "status", "version"),
        ((pk, t.said.code, t.said.name, t.said.kind, status, 1) for pk, t in zip(ids, texts, strict=True)),
    )  # fmt: skip
    return ids


def write_versions(cursor, act: Act, rows: Sequence[Written]) -> list[int]:
    """Writes versions. Returns their ids."""
    act_id = keep_act(act)
    ids = next_ids(cursor, "compliance_ruleversion", len(rows))
    copy_in(
        cursor, "compliance_ruleversion",
        ("id", "rule_id", "number", *SAID, "written_by_id", "written_at", "approved_by_id", "act_id"),
        (
            (pk, w.rule_id, w.number, *said_in(w.what), w.written_by, w.written_at, w.approved_by, act_id)
            for pk, w in zip(ids, rows, strict=True)
        ),
    )  # fmt: skip
    _hold_attributes(cursor, zip(ids, rows, strict=True))
    return ids


def _hold_attributes(cursor, versions: Iterable[tuple[int, Written]]) -> None:
    """Keeps the attributes of the firm's own that versions hang on from being taken away."""
    pairs = [(pk, code) for pk, w in versions for code in sorted(rules.own_in(w.what.said.kind, w.what.said.params))]
    if not pairs:
        return
    cursor.execute(
        "INSERT INTO compliance_askedattribute (version_id, attribute_id) SELECT u.version, a.id"
        " FROM unnest(%s::bigint[], %s::text[]) u(version, code) JOIN reference_ownattribute a ON a.code = u.code",
        [[pk for pk, _ in pairs], [code for _, code in pairs]],
    )
    if cursor.rowcount != len(pairs):
        raise Conflict("An attribute that a rule asks for was taken away meanwhile. Look at the rule again.")


SAID = ("params", "text", "severity", "citation", "jurisdiction", "scope", "moments", "fixtures", "starts_on", "ends_on", "when_unsure")


def said_in(what: Canonical) -> tuple:
    """The values of the columns ``SAID``, which versions and drafts have alike."""
    s = what.said
    lists = _json(dict(s.scope)), _json(list(s.moments)), _json(list(s.fixtures))
    return what.params, what.text, s.severity, s.citation, s.jurisdiction, *lists, s.starts_on, s.ends_on, s.when_unsure


def canonical(texts: Iterable[RuleText]) -> list[Canonical]:
    """
    Rules as they are kept. The number of statements does not grow with the rules.

    :raises BadRule: where a rule or its parameters cannot be understood
    """
    texts = [_in_order(said) for said in texts]
    _refuse_unknown_scopes(texts)
    asks = any(said.params.get("own_field") for said in texts)
    fields = {field.code: field for field in order_selectors.own_fields()} if asks else {}
    found = [one_canonical(said, fields) for said in texts]
    _refuse_unknown_attributes(texts)
    return found


def one_canonical(said: RuleText, fields: Mapping[str, OwnField]) -> Canonical:
    """:param fields: those of the firm's own in use. :raises BadRule: naming the field at fault"""
    _refuse_malformed(said)
    read = rules.read(said.kind, said.params)
    _refuse_unreadable(said.fixtures)
    plain = {name: _plain(value) for name, value in said.params.items()}
    if read["own_field"]:
        read["own_value"] = plain["own_value"] = _asked_of_own(read["own_field"], read["own_value"], fields)
    return Canonical(said, _json(plain), sentence.of(said.kind, read) + scope.sentence(said.scope) + sentence.WHEN_UNSURE[said.when_unsure])


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _in_order(said: RuleText) -> RuleText:
    """
    With scope and moments sorted, each once, and nothing that is empty.

    :raises BadRule: where they are no lists of words
    """
    for field, lists in (("scope", list(said.scope.values())), ("moments", [said.moments])):
        if not all(isinstance(words, list | tuple) and all(isinstance(word, str) for word in words) for words in lists):
            raise parameters.BadRule(f"“{field}” takes lists of words.", field=field)
    kept = {name: sorted(set(codes)) for name, codes in said.scope.items() if codes}
    return said._replace(scope=kept, moments=sorted({str(stage) for stage in said.moments}))


def _refuse_unknown_scopes(texts: Sequence[RuleText]) -> None:
    """One statement for each kind of scope that is used."""
    named = {kind: {code for said in texts for code in said.scope.get(kind, ())} for kind in scope.WORDS}
    if unknown := sorted(named["mandate_types"] - set(MANDATE_TYPES)):
        known = ", ".join(MANDATE_TYPES)
        raise parameters.BadRule(f"There is no type of mandate “{unknown[0]}”; there are {known}.", field="mandate_types")
    for kind, (table, column) in SCOPES.items():
        wanted = named[kind]
        if not wanted:
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} = ANY(%s)", [list(wanted)])
            unknown = sorted(wanted - {code for (code,) in cursor.fetchall()})
        if unknown:
            raise parameters.BadRule(f"There is no {kind.removesuffix('s')} “{unknown[0]}”.", field=kind)


def _refuse_unknown_attributes(texts: Sequence[RuleText]) -> None:
    """Attributes of the firm's own that are not defined, or are of another kind than the rule takes them for. One query."""
    asking = [said for said in texts if rules.own_in(said.kind, said.params)]
    if not asking:
        return
    known = {f"{OWN}{a.code}": NUMBER if a.kind == "number" else TEXT for a in own_attributes()}
    for said in asking:
        for name, param in MEASURES[said.kind].takes.items():
            value = said.params.get(name)
            if param.kind == "group" and str(value).startswith(OWN) and value not in known:
                raise parameters.BadRule(f"There is no attribute “{value}”. There are: {', '.join(known) or 'none yet'}.", field=name)
            if param.kind == "filter" and isinstance(value, str) and value.strip():
                parameters.read_condition(name, value, FIELDS | known)


def _refuse_malformed(said: RuleText) -> None:
    def refuse(message: str, field: str) -> parameters.BadRule:
        return parameters.BadRule(message, field=field)

    if not said.code or len(said.code) > 40 or not (said.code.replace("_", "").isalnum() and said.code.isascii()):
        raise refuse("A rule's code is up to 40 letters, digits and underscores.", "code")
    if not said.name.strip() or len(said.name) > 120:
        raise refuse("Give the rule a name of at most 120 characters.", "name")
    if said.kind not in MEASURES:
        raise refuse(f"“{said.kind}” is no measure; use one of {', '.join(MEASURES)}.", "kind")
    if said.severity not in SEVERITIES:
        raise refuse(f"Severity is one of {', '.join(SEVERITIES)}.", "severity")
    if said.when_unsure not in sentence.WHEN_UNSURE:
        known = ", ".join(filter(None, sentence.WHEN_UNSURE))
        raise refuse(f"Where it cannot tell it is one of {known}, or empty: as severe as where it does not pass.", "when_unsure")
    if len(said.citation) > LONGEST_CITATION:
        raise refuse(f"The citation is longer than {LONGEST_CITATION} characters.", "citation")
    if len(said.jurisdiction) > LONGEST_JURISDICTION:
        raise refuse(f"The jurisdiction is longer than {LONGEST_JURISDICTION} characters.", "jurisdiction")
    if unknown := set(said.scope) - set(scope.WORDS):
        raise refuse(f"A scope is of {', '.join(scope.WORDS)}; “{unknown.pop()}” is none of them.", "scope")
    if not said.moments or (unknown := set(said.moments) - set(Stage)):
        raise refuse(f"Say when it is asked: at least one of {', '.join(Stage)}.", "moments")
    if said.kind not in ASKS and set(said.moments) <= AS_HELD:
        raise refuse(
            f"“{MEASURES[said.kind].title}” asks orders, and says nothing of what is held: it would never be asked. Add another moment.",
            "moments",
        )
    if said.scope.get("desks") and said.kind in ASKS and (held := [stage for stage in Stage if stage in AS_HELD & set(said.moments)]):
        raise refuse(
            f"When {' and when '.join(WHEN[stage] for stage in held)}, portfolios are asked as they stand, and a desk works orders, not"
            " portfolios. Take the desk out of the scope, or that out of the moments.", "desks",
        )  # fmt: skip
    if said.starts_on and said.ends_on and said.ends_on < said.starts_on:
        raise refuse("The last day is before the first. Correct one of them.", "ends_on")


def _refuse_unreadable(fixtures: Sequence[Mapping[str, Any]]) -> None:
    if not isinstance(fixtures, list | tuple) or len(fixtures) > MOST_FIXTURES:
        raise parameters.BadRule(f"Fixtures are a list of at most {MOST_FIXTURES}.", field="fixtures")
    for number, told in enumerate(fixtures, start=1):
        try:
            read_fixture(told)
        except BadFixture as refusal:
            message = f"Fixture {number}: {refusal.message}"
            raise parameters.BadRule(message, field="fixtures", number=number, place=refusal.facts["field"]) from None


def _asked_of_own(code: str, text: str, fields: Mapping[str, OwnField]) -> str:
    """The value of a field of the firm's own as orders keep it. :raises BadRule: where no rule may ask for it"""
    field = fields.get(code)
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
