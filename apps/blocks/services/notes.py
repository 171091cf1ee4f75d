"""What people say to one another about orders and blocks: written once, read by whoever sees the thing."""

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid
from apps.orders import selectors as orders
from apps.users.models import User
from apps.users.services import require

from .. import events, selectors
from ..models import Note

LONGEST = 2000


@transaction.atomic
def write_note(act: Act, text: str, *, order_id: int | None = None, block_id: int | None = None) -> int:
    """
    Will say something about an order or about a block, to whoever sees it.

    :returns: the note's id
    :raises NotFound: where the order or block is hidden from the actor or missing
    :raises Invalid: for nothing, for more than 2,000 characters, or about not exactly one thing
    """
    user = require(act, "blocks.write_notes")
    if (order_id is None) == (block_id is None):
        raise Invalid("A note is about one order or about one block.", field="order_id")
    if order_id is not None:
        orders.get_order_seen_by(user, order_id)
    else:
        selectors.get_block_seen_by(user, block_id)
    text = text.strip()
    if not 1 <= len(text) <= LONGEST:
        raise Invalid(f"Write 1 to {LONGEST:,} characters; this is {len(text):,}.", field="text")
    note = Note.objects.create(order_id=order_id, block_id=block_id, text=text, by=user, at=act.at)
    record(act, [Fact(note.pk, 1, events.NoteWritten(text=text, order_id=order_id, block_id=block_id))])
    return note.pk


def mark_read(user: User, note_ids: list[int]) -> None:
    """Will remember that the person has read these notes and those before. It is nobody's business: it is not recorded."""
    if not note_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO blocks_noteread (user_id, order_id, block_id, last_note)"
            " SELECT %s, order_id, block_id, max(id) FROM blocks_note WHERE id = ANY(%s) GROUP BY 2, 3"
            " ON CONFLICT (user_id, order_id, block_id)"
            " DO UPDATE SET last_note = greatest(blocks_noteread.last_note, excluded.last_note)",
            [user.pk, list(note_ids)],
        )
