"""The ticket of each asset class at a browser: its words, fields and proposals, and the order that comes of it."""

import re
from decimal import Decimal

import pytest

from apps.orders.models import Order, OwnField
from apps.reference.models import Combination
from tests.journeys.test_currency_trade import forward_day
from tests.world import with_fund, with_pair

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
D = Decimal
FEW = {"order_type", "limit_price", "tif", "position_effect", "value_date", "min_qty", "display_qty"}


@pytest.fixture
def classes(firm, listed):
    """An instrument of each class, and what is taken of each."""
    for kind, tif in (("MARKET", "DAY"), ("LIMIT", "DAY"), ("LIMIT", "GTC")):
        for asset_class in ("EQUITY", "OPTION", "FUTURE", "FX"):
            Combination.objects.create(asset_class=asset_class, order_type=kind, tif=tif)
    Combination.objects.create(asset_class="FUND", order_type="MARKET", tif="DAY")
    with_fund(firm)
    firm.forward = forward_day(with_pair(firm))
    return firm


class Ticket:
    def __init__(self, page):
        self.page = page

    def choose(self, symbol: str, label: str) -> None:
        """Until the ticket speaks of it."""
        self.page.locator("#id_instrument").fill(symbol)
        self.page.locator("label[for=id_qty]", has_text=label).wait_for()

    def shown(self) -> set[str]:
        return {name for name in FEW if self.page.locator(f"#id_{name}").is_visible()}

    def value(self, name: str) -> str:
        return self.page.locator(f"#id_{name}").input_value()

    def enter(self, **terms) -> Order:
        """Fills in and submits with the Enter key; the order that it became."""
        for name, value in terms.items():
            field = self.page.locator(f"#id_{name}")
            field.select_option(value) if field.evaluate("f => f.tagName") == "SELECT" else field.fill(value)
        self.page.locator("#id_qty").press("Enter")
        self.page.wait_for_url(re.compile(r"/orders/\d+/"))
        return Order.objects.latest("pk")

    def again(self) -> None:
        self.page.goto(re.sub(r"/orders/.*", "/orders/new/", self.page.url))
        self.page.get_by_label("Portfolio").select_option(label="P1 · Portfolio P1")


def test_each_class_has_its_words_fields_and_proposals(sits_down, classes, mira):
    ticket = Ticket(sits_down(mira, "/orders/new/"))
    ticket.again()
    ticket.choose("AAA", "Shares")
    assert (ticket.value("order_type"), ticket.shown()) == ("MARKET", {"order_type", "tif", "min_qty", "display_qty"})

    ticket.choose("AAA301220C00055000", "Contracts")
    assert (ticket.value("order_type"), ticket.shown()) == ("LIMIT", {"order_type", "limit_price", "tif", "position_effect"})
    assert "Each is 100 of AAA" in ticket.page.locator("#id_qty_helptext").inner_text()
    option = ticket.enter(qty="3", limit_price="5.10", position_effect="OPEN")
    assert (option.qty, option.order_type, option.limit_price, option.terms) == (3, "LIMIT", D("5.1"), {"position_effect": "OPEN"})

    ticket.again()
    ticket.page.locator("#id_tif").select_option("DAY")
    ticket.choose("FUT", "Contracts")
    assert ticket.shown() == {"order_type", "limit_price", "tif", "position_effect", "min_qty", "display_qty"}
    ticket.page.locator("#id_order_type").select_option("MARKET")
    ticket.choose("BOND", "Face, USD")
    assert (ticket.value("order_type"), ticket.value("tif")) == ("MARKET", "DAY")  # What a person said stays.
    ticket.choose("FUT", "Contracts")
    future = ticket.enter(side="SELL", qty="2", position_effect="OPEN")
    assert (future.side, future.qty, future.order_type, future.limit_price) == ("SELL", 2, "MARKET", None)

    ticket.again()
    ticket.choose("EUR/USD", "Amount, EUR")
    assert ticket.shown() == {"order_type", "tif", "value_date"}
    assert not ticket.page.locator("#id_side option[value=SELL_SHORT]").is_enabled()
    spot = ticket.enter(qty="50000")
    assert (spot.qty, spot.order_type, spot.terms) == (50_000, "MARKET", {})
    ticket.again()
    ticket.choose("EUR/USD", "Amount, EUR")
    forward = ticket.enter(side="SELL", qty="50000", value_date=f"{classes.forward}")
    assert (forward.side, forward.terms) == ("SELL", {"value_date": f"{classes.forward}"})

    ticket.again()
    ticket.choose("FUND", "Units")
    assert ticket.shown() == set()
    assert ticket.page.locator("#id_side option").all_inner_texts()[:2] == ["Subscribe", "Redeem"]
    ticket.page.get_by_role("button", name="Save as a draft").click()
    ticket.page.locator(".field .errors", has_text="This field is required").wait_for()
    assert ticket.page.locator(".field", has=ticket.page.locator("#id_qty")).locator(".errors").count() == 1
    ticket.page.locator("#id_intent").select_option("AMOUNT")
    ticket.choose("FUND", "Amount, USD")
    fund = ticket.enter(qty="100,000")
    assert (fund.side, fund.order_type, fund.tif, fund.terms) == ("BUY", "MARKET", "DAY", {"cash_qty": "100000"})


def test_a_list_of_the_firms_own_offers_what_goes_with_the_one_it_hangs_on(sits_down, firm, mira):
    sleeve = OwnField.objects.create(code="sleeve", label="Sleeve", kind="list", choices=["Core", "Satellite"], place=1)
    themes = {"Core": ["Income"], "Satellite": ["AI", "Water"]}
    OwnField.objects.create(code="theme", label="Theme", kind="list", choices=themes, place=2, parent=sleeve)
    ticket = Ticket(sits_down(mira, "/orders/new/"))
    ticket.again()
    offered = "list => [...list.options].filter((o) => !o.closest('optgroup[disabled]')).map((o) => o.value)"
    theme = ticket.page.locator("#id_own_theme")

    assert theme.evaluate(offered) == [""]
    ticket.page.locator("#id_own_sleeve").select_option("Satellite")
    assert theme.evaluate(offered) == ["", "AI", "Water"]
    theme.select_option("Water")
    ticket.page.locator("#id_own_sleeve").select_option("Core")
    assert (theme.evaluate(offered), theme.input_value()) == (["", "Income"], "")
    theme.select_option("Income")
    ticket.choose("AAA", "Shares")
    assert ticket.enter(qty="10").own == {"sleeve": "Core", "theme": "Income"}
