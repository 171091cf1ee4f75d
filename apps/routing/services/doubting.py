"""What was under way as a session's numbers began anew: nobody asks for it by number again, so it is said again."""

from collections.abc import Iterable

from django.db import connection, transaction

from ..models import RouteRequest
from .messages import ASKS, LATELY, names_in_list

TELLS = ("AK", "Q")  # Whether these were heard is not kept; saying them twice does no harm.


@transaction.atomic
def doubt_unanswered(session_ids: Iterable[int]) -> list[int]:
    """
    Will have messages sent again, as possible resends, that went out under numbers that are no more, shortly before those began
    anew, and that nobody answered. Called as a session comes back; once it is sent again nothing is in doubt.

    :returns: their ids. The number of statements does not grow with that of messages
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id, m.msg_type, m.ref, m.text FROM routing_message m JOIN routing_sessionnumbers n USING (session_id)"
            " WHERE session_id = ANY(%s) AND m.is_out AND m.status = 'SENT' AND m.msg_type = ANY(%s)"
            " AND m.sent_at < n.since AND m.sent_at >= n.since - %s",
            [list(session_ids), [*ASKS, *TELLS], LATELY],
        )
        found = {pk: (kind, [ref, *names_in_list(kind, text)]) for pk, kind, ref, text in cursor.fetchall()}
        if not found:
            return []
        asked = [name for kind, names in found.values() if kind in ASKS for name in names]
        waiting = set(RouteRequest.objects.filter(cl_ord_id__in=asked, answer="WAITING").values_list("cl_ord_id", flat=True))
        unsure = [pk for pk, (kind, names) in found.items() if kind in TELLS or not waiting.isdisjoint(names)]
        cursor.execute("UPDATE routing_message SET status = 'SENDING' WHERE id = ANY(%s) AND status = 'SENT'", [unsure])
    return unsure
