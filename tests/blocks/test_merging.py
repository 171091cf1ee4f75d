"""What the firm asks of orders besides being alike before they are worked as one."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.blocks import services
from apps.blocks.models import Block, Member, MergeRule
from apps.orders import services as orders
from apps.orders.models import Order, OrderGroup, OwnField
from apps.users.models import Desk


def blocks() -> list[tuple[str, int]]:
    return [(block.apart, int(block.qty)) for block in Block.objects.order_by("apart", "pk")]


@pytest.fixture
def two(cleared):
    """Like orders of 100 for P1 and 50 for P2."""
    return lambda **terms: cleared(("P1", "AAA", "BUY", "100"), ("P2", "AAA", "BUY", "50"), **terms)


class TestMergeRules:
    def test_what_a_rule_asks_for_keeps_orders_apart(self, two, gather):
        MergeRule.objects.create(by_portfolio=True)
        gather(two())
        gather(two())
        assert blocks() == [("portfolio P1", 200), ("portfolio P2", 100)]

    def test_a_field_of_the_firms_own_and_the_team(self, two, gather):
        field = OwnField.objects.create(code="sleeve", label="Sleeve", kind="text")
        MergeRule.objects.create(by_team=True, own_field=field)
        gather(two(own={"sleeve": "Core"}) + two(own={"sleeve": "Satellite"}) + two())
        [none, core, satellite] = blocks()
        assert {none[1], core[1], satellite[1]} == {150} and none[0] == core[0].removesuffix(", Sleeve Core")
        assert none[0].startswith("team ") and satellite[0].endswith(", Sleeve Satellite")

    def test_programs_in_blocks_of_their_own_and_orders_of_none_together(self, two, gather, firm, by, mira):
        MergeRule.objects.create(by_group=True)
        ids = two()
        ids += orders.create_orders(
            by(mira), [orders.Wish(firm.portfolios["P3"].pk, firm.instruments["AAA"].pk, "BUY", "7")], group_name="Idea", submit=True
        )
        gather(ids)
        waiting = Order.objects.get(pk=ids[-1])
        if waiting.status == "CLEARED":
            gather([waiting.pk])
        group = OrderGroup.objects.get()
        assert blocks() == [("", 150), (f"group Idea ({group.pk})", 7)]

    def test_the_nearest_rule_counts_and_one_that_is_switched_off_does_not(self, two, gather, firm):
        MergeRule.objects.create(by_order=True)
        MergeRule.objects.create(asset_class="EQUITY", by_portfolio=True)
        MergeRule.objects.create(desk=Desk.objects.create(code="FAR", name="Far"), asset_class="EQUITY", by_order=True)
        nearest = MergeRule.objects.create(desk=firm.desk, by_person=True)
        gather(two())
        assert blocks() == [("entered by mira", 150)]

        MergeRule.objects.filter(pk=nearest.pk).update(is_active=False)
        gather(two())
        assert blocks()[1:] == [("portfolio P1", 100), ("portfolio P2", 50)]

    def test_an_open_block_stays_until_it_is_unblocked(self, two, gather, by, tom):
        gather(two())
        MergeRule.objects.create(by_order=True)
        gather(two())
        assert [qty for _, qty in blocks()] == [150, 100, 50]
        block = Block.objects.get(apart="")
        services.unblock_blocks(by(tom), [block.pk], seen={block.pk: block.version})
        gather(_orders_without_block())
        assert sorted(qty for apart, qty in blocks() if apart) == [50, 50, 100, 100]

    def test_a_part_is_kept_apart_as_the_whole_was(self, two, gather, by, tom):
        MergeRule.objects.create(by_team=True)
        gather(two())
        block = Block.objects.get()
        child = services.split_block_by_qty(by(tom), block.pk, Decimal(30), seen={block.pk: block.version})
        assert Block.objects.get(pk=child).apart == block.apart != ""

    def test_costs_no_statement(self, two, gather):
        counts = []
        for ask in (False, True):
            if ask:
                MergeRule.objects.create(by_portfolio=True, by_group=True)
            ids = two()
            with CaptureQueriesContext(connection) as asked:
                gather(ids)
            counts.append(len(asked))
        assert counts[0] == counts[1]

    def test_one_in_force_a_desk_and_class_and_never_one_that_asks_for_nothing(self, firm):
        MergeRule.objects.create(by_team=True)
        MergeRule.objects.create(by_team=True, is_active=False)
        for bad in ({"by_order": True}, {"desk": firm.desk}):
            with pytest.raises(IntegrityError), transaction.atomic():
                MergeRule.objects.create(**bad)


def _orders_without_block() -> list[int]:
    return list(Order.objects.filter(status="CLEARED").exclude(pk__in=Member.objects.values("order")).values_list("pk", flat=True))


def test_is_kept_under_reference_data_with_every_change_and_shown(two, gather, firm, alan, tom):
    client = Client()
    client.force_login(alan)
    where = reverse("admin:blocks_mergerule_add")
    refused = client.post(where, {"asset_class": "EQUITY", "is_active": "on"})
    assert refused.status_code == 200 and "Choose what orders of one block" in refused.content.decode()
    assert client.post(where, {"asset_class": "EQUITY", "by_portfolio": "on", "is_active": "on"}).status_code == 302
    rule = MergeRule.objects.get()
    assert [(h.by_portfolio, h.history_user) for h in rule.history.all()] == [(True, alan)]

    client.force_login(tom)
    assert client.get(where).status_code == 403
    gather(two())
    block = Block.objects.order_by("pk").first()
    client.force_login(tom)
    assert f"for {block.apart}, by a merge rule" in client.get(reverse("blocks:detail", args=[block.pk])).content.decode()
    assert client.get("/api/v1/merge-rules/").json()[0]["asks"] == ["portfolio"]
    assert client.get(f"/api/v1/blocks/{block.pk}/").json()["apart"] == block.apart
