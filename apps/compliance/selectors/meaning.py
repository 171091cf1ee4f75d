"""What a scope means today: which portfolios, by which of its words, and what about that changed since a day."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import Q

from apps.core.refusals import NotFound
from apps.portfolios.models import Portfolio
from apps.portfolios.rules import MANDATE_TYPES

from ..engine import rows
from ..engine.scope import WORDS, Said, Scope, words
from ..models import RuleVersion
from .rulebook import rules_seen_by


class Meant(NamedTuple):
    """
    A portfolio that a scope means.

    :param by: its words that name it; empty where that cannot be told, for what is asked for is not on file
    """

    id: int
    code: str
    name: str
    team: str
    mandate_type: str
    groups: Sequence[str]
    by: Sequence[str]

    @property
    def type_name(self) -> str:
        return MANDATE_TYPES.get(self.mandate_type, "")


class Moved(NamedTuple):
    """A change of who a scope means: when, by whom (empty where nobody is known), and what in words."""

    at: datetime
    by: str
    what: str


class Meaning(NamedTuple):
    """
    :param all: how many open portfolios there are; :param desks: words for desks, which name orders and not portfolios
    :param since: since when ``moved`` tells; None where it does not
    """

    meant: list[Meant]
    unsure: list[Meant]
    all: int
    desks: list[str]
    since: datetime | None = None
    moved: Sequence[Moved] = ()


def meaning_of(said: Said) -> Meaning:
    """Which of the open portfolios a scope means now; of the whole firm all. One query, however many there are."""
    alone = {word: _one(kind, code) for kind in WORDS if kind != "desks" for code in said.get(kind, ()) for word in words({kind: [code]})}
    whole_firm = not any(said.values())
    meant, unsure = [], []
    homes = list(_open_portfolios())
    for home in homes:
        asked = rows.Portfolio(home.id, home.code, team=home.team, groups=home.groups, mandate_type=home.mandate_type)
        by = [word for word, scope in alone.items() if scope.names(asked)]
        if by or whole_firm:
            meant.append(home._replace(by=by))
        elif any(scope.may_name(asked) for scope in alone.values()):
            unsure.append(home)
    return Meaning(meant, unsure, len(homes), words({"desks": said.get("desks", ())}))


def _one(kind: str, code: str) -> Scope:
    return Scope(**{kind: frozenset([code])})


def _open_portfolios() -> Iterator[Meant]:
    codes = ArrayAgg("groups__code", filter=Q(groups__isnull=False), order_by="groups__code", default=[])
    found = Portfolio.objects.filter(is_open=True).annotate(codes=codes).order_by("code")
    for pk, code, name, team, kind, groups in found.values_list("pk", "code", "name", "team", "mandate__type", "codes"):
        yield Meant(pk, code, name, team, kind or "", groups, ())


def meaning_of_rule(user, rule_id: int) -> tuple[RuleVersion, Meaning]:
    """
    What the scope of a rule means now, as it is in force, and what of that changed since that version was approved. Five
    queries, however many portfolios there are.

    :raises NotFound: where there is no such rule, or it is hidden
    """
    rule = rules_seen_by(user).filter(pk=rule_id).first()
    if rule is None:
        raise NotFound("There is no such rule.")
    version = RuleVersion.objects.select_related("rule", "act").get(rule=rule_id, number=rule.number)
    moved = [*_members_moved(version.scope, version.act.at), *_types_moved(version.scope, version.act.at)]
    return version, meaning_of(version.scope)._replace(since=version.act.at, moved=sorted(moved, reverse=True))


def _members_moved(said: Said, since: datetime) -> Iterator[Moved]:
    """Who joined and who left a group that a scope names, change by change."""
    if not said.get("groups"):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.code, h.history_date, coalesce(u.username, ''),"
            " coalesce(array_agg(p.code::text) FILTER (WHERE p.id IS NOT NULL), '{}')"
            " FROM portfolios_historicalportfoliogroup h"
            " LEFT JOIN portfolios_historicalportfoliogroup_members i ON i.history_id = h.history_id"
            " LEFT JOIN portfolios_portfolio p ON p.id = i.portfolio_id LEFT JOIN users_user u ON u.id = h.history_user_id"
            " WHERE h.code = ANY(%s) GROUP BY h.history_id, u.username ORDER BY h.code, h.history_date, h.history_id",
            [list(said["groups"])],
        )
        kept = cursor.fetchall()
    then: dict[str, set[str]] = {}
    for row, (code, at, by, members) in enumerate(kept):
        if row + 1 < len(kept) and _goes_on(kept[row], kept[row + 1]) and not at <= since < kept[row + 1][1]:
            continue
        before, now = then.get(code, set()), set(members)
        then[code] = now
        if at > since and before != now:
            gone = [f"{', '.join(_few(codes))} {verb}" for codes, verb in ((now - before, "joined"), (before - now, "left")) if codes]
            yield Moved(at, by, f"group {code}: {'; '.join(gone)}")


def _goes_on(one: Sequence, other: Sequence) -> bool:
    """Whether two rows of a group's history are of one save, which writes one for who left and one for who joined."""
    return one[0] == other[0] and one[2] == other[2] and other[1] - one[1] < timedelta(seconds=5)


def _few(codes: set[str], most: int = 10) -> list[str]:
    shown = sorted(codes)[:most]
    return shown + ([f"{len(codes) - most} more"] if len(codes) > most else [])


def _types_moved(said: Said, since: datetime) -> Iterator[Moved]:
    """Mandates that became of a type that a scope names, or are no more."""
    if not said.get("mandate_types"):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.code, t.history_date, coalesce(u.username, ''), t.was, t.type FROM ("
            " SELECT portfolio_id, history_date, history_user_id, type,"
            "  lag(type) OVER (PARTITION BY portfolio_id ORDER BY history_date, history_id) AS was FROM portfolios_historicalmandate"
            ") t JOIN portfolios_portfolio p ON p.id = t.portfolio_id LEFT JOIN users_user u ON u.id = t.history_user_id"
            " WHERE t.history_date > %s AND t.was IS DISTINCT FROM t.type AND (t.was = ANY(%s) OR t.type = ANY(%s))",
            [since, list(said["mandate_types"]), list(said["mandate_types"])],
        )
        for code, at, by, was, now in cursor.fetchall():
            then = "" if was is None else f"{MANDATE_TYPES.get(was, 'not on file')} before, "
            yield Moved(at, by, f"mandate of {code}: {then}{MANDATE_TYPES.get(now, 'not on file')} now")
