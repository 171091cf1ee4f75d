"""Questions to stored screenings: by which rules, and what was found of what passed."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from ..engine import figures
from ..engine.storing import expanded
from ..engine.warned import in_words
from ..models import Check
from .asked import rule_versions

__all__ = ["passed_by", "rule_versions", "rules_hash"]

Result = dict[str, Any]


def rules_hash(version_ids: Sequence[int]) -> str:
    """
    SHA-256 of what versions of rules say, in the order given. What one says of what it cannot tell is in it where it says that:
    runs from before rules could say so keep their hash. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(sha256(convert_to(coalesce(string_agg((jsonb_build_array(v.id, r.code, r.kind, v.number,"
            " v.severity, v.params, v.scope, v.moments) || CASE v.when_unsure WHEN '' THEN '[]' ELSE jsonb_build_array(v.when_unsure)"
            " END)::text, E'\\n' ORDER BY u.n), ''), 'UTF8')), 'hex')"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS u(id, n)"
            " JOIN compliance_ruleversion v ON v.id = u.id JOIN compliance_rule r ON r.id = v.rule_id",
            [list(version_ids)],
        )
        return cursor.fetchone()[0]


def passed_by(checks: Sequence[Check]) -> dict[int, list[Result]]:
    """
    Check id to what the rules found that its order passed; at its warning or beyond with ``warned``, ``name``, ``severity``
    and ``text``. One query, one more where anything is warned of, none where no check has a run.
    """
    wanted = [check.pk for check in checks if check.run_id]
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id, array_agg(c.id), array_agg(c.order_id), p.figures FROM compliance_check c"
            " JOIN compliance_runfigures p ON p.run_id = c.run_id AND c.order_id BETWEEN p.first_order AND p.last_order"
            " WHERE c.id = ANY(%s) GROUP BY p.id",
            [wanted],
        )
        rows = cursor.fetchall()
    found: dict[int, list[Result]] = {}
    for _, pks, order_ids, content in rows:
        told = figures.read(expanded(bytes(content)))
        found |= {pk: told.passed(order) for pk, order in zip(pks, order_ids, strict=True)}
    warned = [one for results in found.values() for one in results if one.get("warned")]
    rules = rule_versions({one["version"] for one in warned}) if warned else {}
    for one in warned:
        rule = rules[one["version"]]
        one |= {"name": rule.name, "number": rule.number, "severity": rule.severity, "text": in_words(one)}
    return found
