"""What people say about orders and blocks: who reads it, what is new to whom, and that it is kept."""

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.blocks import selectors
from apps.blocks import services as blocks
from apps.blocks.models import Member, Note
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from tests.pages import send, visit, words


@pytest.fixture
def block(a_block):
    """A block of orders of P1, P2 (team A) and P3 (team B), all entered by Mira."""
    return a_block("AAA", "BUY", 100, 200, 300)


def order_of(block, code: str) -> int:
    return Member.objects.get(block=block, order__portfolio__code=code).order_id


def texts(thread) -> list[str]:
    return [said.note.text for said in thread]


class TestWhoReads:
    def test_manager_and_trader_speak_about_an_order_and_its_block(self, block, mira, tom, by):
        order = order_of(block, "P1")
        blocks.write_note(by(mira), "Go slowly, please", order_id=order)
        blocks.write_note(by(tom), "Half of it by noon", block_id=block.pk)

        assert texts(selectors.thread_of_order(mira, order)) == ["Go slowly, please", "Half of it by noon"]
        assert texts(selectors.thread_of_block(tom, block.pk)) == ["Go slowly, please", "Half of it by noon"]

    def test_another_team_reads_of_the_block_only_its_own_orders(self, block, mira, paul, by):
        blocks.write_note(by(mira), "Of team A", order_id=order_of(block, "P1"))
        blocks.write_note(by(mira), "Of team B", order_id=order_of(block, "P3"))

        assert texts(selectors.thread_of_block(paul, block.pk)) == ["Of team B"]
        with pytest.raises(NotFound):
            selectors.thread_of_order(paul, order_of(block, "P1"))

    def test_refuses_who_may_not_write_or_does_not_see_it_and_keeps_nothing(self, block, paul, ada, tom, by):
        hidden = order_of(block, "P1")
        with pytest.raises(NotAllowed):
            blocks.write_note(by(ada), "I only look", order_id=hidden)
        with pytest.raises(NotFound):
            blocks.write_note(by(paul), "Not mine", order_id=hidden)
        for wrong in ({"order_id": hidden, "block_id": block.pk}, {}):
            with pytest.raises(Invalid):
                blocks.write_note(by(tom), "About what?", **wrong)
        for text in ("   ", "x" * 2001):
            with pytest.raises(Invalid):
                blocks.write_note(by(tom), text, block_id=block.pk)

        assert Note.objects.count() == Entry.objects.filter(subject="note").count() == 0

    def test_nobody_changes_what_was_said(self, block, tom, by):
        note = blocks.write_note(by(tom), "As it is", block_id=block.pk)

        with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
            Note.objects.filter(pk=note).update(text="Otherwise")


class TestUnread:
    def test_is_new_until_it_was_shown_and_never_to_who_wrote_it(self, block, mira, tom, by):
        order = order_of(block, "P1")
        note = blocks.write_note(by(tom), "Done by noon", block_id=block.pk)

        assert [said.is_new for said in selectors.thread_of_order(mira, order)] == [True]
        assert [said.is_new for said in selectors.thread_of_block(tom, block.pk)] == [False]
        assert [(u.block_id, u.count, u.by) for u in selectors.unread_by(mira)] == [(block.pk, 1, "Tom")]
        assert selectors.unread_by(tom) == []

        blocks.mark_read(mira, [note])
        blocks.mark_read(mira, [note])

        assert [said.is_new for said in selectors.thread_of_order(mira, order)] == [False]
        assert selectors.unread_by(mira) == []

    def test_reaches_the_owner_of_the_block_and_nobody_whom_it_does_not_concern(self, block, mira, tom, tess, by):
        blocks.pick_up_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        blocks.write_note(by(mira), "Stop at 51", order_id=order_of(block, "P2"))

        assert [u.text for u in selectors.unread_by(tom)] == ["Stop at 51"]
        assert selectors.unread_by(tess) == []

    def test_asks_as_often_for_many_as_for_one(self, block, mira, tom, by):
        selectors.unread_by(mira)  # What a role may do is remembered from here on.
        cost = []
        for count in (1, 9):
            for n in range(count):
                blocks.write_note(by(tom), f"Note {n}", block_id=block.pk)
            with CaptureQueriesContext(connection) as queries:
                selectors.unread_by(mira)
                selectors.thread_of_block(mira, block.pk)
            cost.append(len(queries))
        assert cost[0] == cost[1]


class TestPagesAndApi:
    def test_a_conversation_in_the_drawers_and_on_the_homes(self, block, mira, tom):
        order = order_of(block, "P1")
        assert "Go slowly" in words(send(mira, "blocks:notes_of_order", {"text": "Go slowly"}, order))
        assert send(mira, "blocks:notes_of_order", {"text": " "}, order).status_code == 422
        shown = words(send(tom, "blocks:notes_of_block", {"text": "As you <b>wish</b>"}, block.pk))
        assert "As you &lt;b&gt;wish&lt;/b&gt;" in shown

        assert "As you &lt;b&gt;wish" in words(visit(mira, "blocks:notes_unread", htmx=True))
        assert "1 new" in words(visit(mira, "blocks:notes_of_order", order, htmx=True))
        note = Note.objects.latest("pk").pk
        assert send(mira, "blocks:notes_read", {"note": [note]}).status_code == 204
        assert "new</span>" not in words(visit(mira, "blocks:notes_of_order", order, htmx=True))

    def test_over_the_api(self, block, client, mira, ada):
        order = order_of(block, "P1")
        client.force_login(mira)
        said = client.post(f"/api/v1/orders/{order}/notes", {"text": "Go slowly"}, content_type="application/json")
        assert (said.status_code, said.json()["by"]) == (201, "mira")
        assert [n["text"] for n in client.get(f"/api/v1/blocks/{block.pk}/notes/").json()] == ["Go slowly"]
        client.force_login(ada)
        assert [n["text"] for n in client.get(f"/api/v1/orders/{order}/notes/").json()] == ["Go slowly"]


class TestTimeline:
    def test_tells_before_and_after_of_every_field_what_was_said_and_what_became_of_the_block(
        self, a_block, mira, tom, by
    ):
        block = a_block("AAA", "BUY", 100, 200)
        order = order_of(block, "P1")
        blocks.write_note(by(mira), "Twice as much", order_id=order)
        blocks.write_note(by(tom), "Do you mean it?", block_id=block.pk)
        assert "Do you mean it?" in words(visit(mira, "desk:timeline", "order", order, htmx=True))
        assert "Twice as much" in words(visit(tom, "desk:timeline", "block", block.pk, htmx=True))
        orders.amend_orders(by(mira, "more cash"), {order: {"qty": "200"}}, seen={order: 3})

        shown = words(visit(mira, "desk:timeline", "order", order, htmx=True))

        assert "quantity 100 → 200" in shown
        assert "“more cash”" in shown
        assert "Twice as much" in shown
        assert "Note written" in shown
        of_block = words(visit(mira, "desk:timeline", "order", order_of(block, "P2"), htmx=True))
        assert "Block opened" in of_block


def test_the_timeline_calls_things_by_their_names(block, tom, tess, by):
    blocks.pick_up_blocks(by(tess), [block.pk], seen={block.pk: block.version})

    of_order = words(visit(tom, "desk:timeline", "order", order_of(block, "P1"), htmx=True))
    of_block = words(visit(tom, "desk:timeline", "block", block.pk, htmx=True))

    assert "portfolio P1" in of_order and "instrument AAA" in of_order
    assert "owner tess" in of_block
