"""A rule from the library to an order that it holds, and two officers who let that stand: at a browser."""

import re

import pytest
from playwright.sync_api import expect

from apps.compliance.models import Rule
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import Mandate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_a_rule_is_taken_approved_holds_an_order_and_is_let_stand_by_two(firm, people, by, sits_down):
    Mandate.objects.filter(portfolio__code="P1").update(type="RIC")
    omar = sits_down(people["omar"], "/rule-library/")
    omar.get_by_label("Tick RIC: one issuer, 25% of total assets").check()
    omar.get_by_role("button", name="Take the ticked as drafts").click()
    omar.get_by_role("link", name=re.compile("RIC: one issuer")).click()
    drafted = omar.locator("#draft")
    expect(drafted).to_contain_text("is at most 25% of total assets after a purchase")
    expect(drafted).to_contain_text("It means 1 of 3 open portfolios today, and of 2 it cannot be told")
    drafted.get_by_label("Reason").fill("We manage regulated investment companies.")
    drafted.get_by_role("button", name="Propose").click()
    expect(drafted).to_contain_text("You wrote it, so another officer has to approve it.")
    assert not Rule.objects.exists()

    odile = sits_down(people["odile"], "/rule-drafts/")
    odile.get_by_role("link", name=re.compile("RIC: one issuer")).click()
    odile.locator("#draft").get_by_role("button", name="Approve").click()
    expect(odile.locator("#draft")).to_contain_text("Approved by Odile")

    wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "BUY", "10000")
    (order,) = orders.create_orders(by(people["mira"]), [wish], submit=True)  # With what its issuer's daughter is worth far above.
    assert Order.objects.get(pk=order).status == "HELD"
    omar.goto(omar.url.split("/rule-")[0] + "/reviews/")
    omar.get_by_role("link", name=re.compile("AAA")).first.click()
    review = omar.locator("#review")
    expect(review).to_contain_text("RIC: one issuer, 25% of total assets")
    review.get_by_label("Reason (kept on the record)").fill("The client asked for it in writing.")
    review.get_by_label("To approve it, because").select_option("CLIENT")
    review.get_by_role("button", name="Ask to approve").click()
    expect(review).to_contain_text("Another officer has to confirm it.")
    assert Order.objects.get(pk=order).status == "HELD"

    odile.goto(odile.url.split("/rule-")[0] + "/reviews/")
    odile.get_by_role("link", name=re.compile("AAA")).first.click()
    odile.locator("#review").get_by_label("Reason (kept on the record)").fill("I read the letter.")
    odile.locator("#review").get_by_role("button", name="Confirm").click()
    expect(odile.locator("#review")).to_contain_text("Approved by Odile")
    assert Order.objects.get(pk=order).status == "CLEARED"
