"""What officers accepted of orders on an earlier day."""

from collections.abc import Mapping

import orjson
from django.db import connection

from ..engine.acceptance import is_accepted
from ..states import R


def accepted_before(checks: Mapping[int, int]) -> dict[int, str]:
    """
    Of orders that fail now, those that an officer let through earlier with a breach that covers this one, with the
    severity of what was overridden. What was decided before an order was amended covers nothing. One query.

    :param checks: order id to the check that it fails now
    """
    if not checks:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.order_id, d.severity, d.results, n.results FROM compliance_check n JOIN LATERAL ("
            "  SELECT r.status, r.severity, c.results, c.order_version FROM compliance_review r"
            "  JOIN compliance_check c ON c.id = r.verdict_id"
            "  WHERE r.order_id = n.order_id AND r.status IN (%s, %s, %s) ORDER BY r.id DESC LIMIT 1) d ON d.status = %s"
            " WHERE n.id = ANY(%s) AND NOT EXISTS (SELECT FROM audit_entry e WHERE e.subject = 'order'"
            "  AND e.subject_id = n.order_id AND e.nth > d.order_version AND e.event = 'order.amended')",
            [R.APPROVED, R.SENT_BACK, R.REJECTED, R.APPROVED, list(checks.values())],
        )
        rows = cursor.fetchall()
    return {pk: severity for pk, severity, then, now in rows if is_accepted(orjson.loads(then), orjson.loads(now))}
