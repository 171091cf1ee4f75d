"""Which rules are asked: those in force on a day, and versions as they were written."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from django.db import connection
from django.utils import timezone

from apps.users.models import Desk

from ..engine.judgement import RuleVersion
from ..engine.rules import read
from ..engine.scope import Scope
from ..states import InForce, Stage

COLUMNS = (
    "v.id, r.code, r.name, r.kind, v.number, v.severity, v.params, v.citation, v.scope, v.moments, v.when_unsure,"
    " (SELECT array_agg(d.id) FROM users_desk d WHERE v.scope -> 'desks' ? d.code)"
    " FROM compliance_rule r JOIN compliance_ruleversion v ON v.rule_id = r.id"
)


def active_rules(on: date | None = None, *stages: str) -> list[RuleVersion]:
    """
    Of each rule in force the newest version whose dates hold the day, today where none is given, by code, of those that are
    asked at one of the stages (``states.Stage``; without any, all). One query.
    """
    on = on or timezone.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT ON (r.code) {COLUMNS} WHERE r.status = %s AND (v.starts_on IS NULL OR v.starts_on <= %s)"
            " AND (v.ends_on IS NULL OR v.ends_on >= %s) ORDER BY r.code, v.number DESC",
            [InForce.ACTIVE, on, on],
        )
        rows = cursor.fetchall()
    wanted = set(stages or Stage)
    return [_version(row) for row in rows if not wanted.isdisjoint(orjson.loads(row[9]))]


def rule_versions(ids: Iterable[int]) -> dict[int, RuleVersion]:
    """Versions of rules as they were written, in force or not. One query."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} WHERE v.id = ANY(%s)", [list(ids)])
        return {row[0]: _version(row) for row in cursor.fetchall()}


def _version(row: Sequence[Any]) -> RuleVersion:
    pk, code, name, kind, number, severity, given, citation, scope, stages, when_unsure, desks = row
    return RuleVersion(
        pk, code, name, kind, number, severity, read(kind, orjson.loads(given)), citation, scope_of(orjson.loads(scope), desks or ()),
        amended_only(orjson.loads(stages)), when_unsure,
    )  # fmt: skip


def scope_of(said: Mapping[str, Sequence[str]], desks: Iterable[int]) -> Scope | None:
    """:param desks: ids of the desks it names"""
    if not any(said.values()):
        return None
    lists = {kind: frozenset(said.get(kind, ())) for kind in Scope._fields if kind != "desks"}
    return Scope(desks=frozenset(desks), **lists)


def desks_of(said: Mapping[str, Sequence[str]]) -> list[int]:
    """Ids of the desks that a scope names. One query, none where it names none."""
    return list(Desk.objects.filter(code__in=said["desks"]).values_list("pk", flat=True)) if said.get("desks") else []


def amended_only(stages: Sequence[str]) -> bool:
    """Whether of the orders that are submitted only those are asked that were answered for before."""
    return Stage.AMEND in stages and Stage.SUBMIT not in stages
