"""Links between orders that managers ask for, as the desk is shown them."""

import pytest
from django.urls import reverse

from apps.audit.models import Entry
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.events import Fact
from apps.groups import selectors
from apps.groups import services as groups
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.orders.services import LegIn
from tests.clearing import let_through

pytestmark = pytest.mark.django_db


@pytest.fixture
def linked(firm, counterparties, alone, mira, by):
    """``linked("SPREAD", ("AAA", "BUY", 100), ("CCC", "SELL", 200))``: orders linked by their manager, in open blocks."""

    def make(kind: str, *legs, gathered=True) -> list[Block]:
        portfolio = next(iter(firm.portfolios.values()))
        wishes = [orders.Wish(portfolio.pk, firm.instruments[symbol].pk, side, str(qty)) for symbol, side, qty in legs]
        ids = orders.create_orders(by(mira), wishes)
        parts = [LegIn(pk, ratio=qty) for pk, (*_, qty) in zip(ids, legs, strict=True)]
        orders.link_orders(by(mira), kind, f"A {kind.lower()}", parts, seen=dict.fromkeys(ids, 1))
        orders.submit_orders(by(mira), ids, seen=dict.fromkeys(ids, 2))
        let_through(by, ids)
        if gathered:
            blocks.gather_orders(by("worker"), [Fact(pk, 4, order_events.OrderCleared(1)) for pk in ids])
        return [Block.objects.get(members__order=pk) for pk in ids] if gathered else []

    return make


LEGS = (("AAA", "BUY", 100), ("CCC", "SELL", 200))


@pytest.mark.parametrize(("kind", "asked"), [("OCO", "OCO"), ("PAIR", "PAIR"), ("SPREAD", "MULTILEG")])
def test_a_link_of_orders_is_proposed_for_their_blocks(linked, tom, kind, asked):
    made = linked(kind, *LEGS)

    (one,) = selectors.proposed_to(tom)
    assert (one.kind, one.orders, [b.pk for b in one.blocks], one.others) == (asked, [f"A {kind.lower()}"], [b.pk for b in made], 0)


def test_links_that_come_to_the_same_blocks_are_one_and_other_orders_are_counted(linked, a_block, tom):
    a_block("AAA", "BUY", 50)
    linked("SPREAD", *LEGS)
    linked("SPREAD", *LEGS)

    (one,) = selectors.proposed_to(tom)
    assert (len(one.orders), one.others) == (2, 1)


def test_what_is_linked_on_its_way_or_not_the_persons_is_not_proposed(linked, tom, mira, by):
    made = linked("OCO", *LEGS)
    assert selectors.proposed_to(mira) == []
    groups.compose_group(by(tom), "OCO", [b.pk for b in made], seen={b.pk: b.version for b in made})

    assert selectors.proposed_to(tom) == []


def test_is_shown_on_the_page_and_over_the_api_and_opens_the_dialog(linked, client, tom):
    made = linked("SPREAD", *LEGS)
    client.force_login(tom)
    page = client.get(reverse("groups:list")).content.decode()

    assert "Asked for by managers" in page and "A spread" in page
    said = client.get(reverse("api-linked-groups-proposed")).json()
    assert [(one["kind"], [b["id"] for b in one["blocks"]]) for one in said] == [("MULTILEG", [b.pk for b in made])]
    seen = "&".join(f"seen={b['id']}:{b['version']}" for b in said[0]["blocks"])
    dialog = client.get(f"{reverse('groups:compose')}?kind=MULTILEG&{seen}").content.decode()
    assert '<option value="MULTILEG" selected>' in dialog
    assert not Entry.objects.filter(event="linked_group.composed").exists()


def test_the_legs_moves_are_in_the_groups_timeline(linked, client, tom, by):
    made = linked("OCO", *LEGS)
    client.force_login(tom)
    pk = groups.compose_group(by(tom), "OTO", [b.pk for b in made], seen={b.pk: b.version for b in made})
    groups.send_group(by(tom), pk, seen={pk: 1})

    page = client.get(reverse("desk:timeline", args=["linked_group", pk])).content.decode()
    assert "Leg moved" in page
    assert f"100 of {made[0].ref} (parent), 200 of {made[1].ref} (child)" in page
