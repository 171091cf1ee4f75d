"""Tables at the least width of a desk's screen: none is pushed aside by long names, and each name can be read whole."""

import pytest

from apps.portfolios.models import Portfolio
from apps.reference.models import Broker
from apps.settlement import services as settlement
from apps.settlement.models import Confirmation, Instruction
from tests.allocations.filling import Street, keep_promises

LONG = "Westbrook Insurance General Account of the Trustees"
WIDER = """() => [...document.querySelectorAll('main, main .grid')]
  .filter((part) => part.scrollWidth > part.clientWidth).map((part) => `${part.className} ${part.scrollWidth}`)"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_tables_fit_the_narrowest_desk_whatever_things_are_called(sits_down, firm, mira, tom, olga, by, theme):
    settlement.install_default_ssis(by("loader"))
    Portfolio.objects.update(name=LONG)
    Broker.objects.update(name="Aldgate International Dealers and Brokers Limited")
    street = Street(firm, by, mira, tom)
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000}, [(8000, "50.123456", "120.50")])
    street.block("BBB", "BUY", {"P1": 4000})
    keep_promises("settlement.")
    assert (Confirmation.objects.count(), Instruction.objects.count()) == (2, 2)
    page = sits_down(olga, "/")
    home = page.url.rstrip("/")
    page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])

    wider = {}
    for width in (1280, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("/settlement/", "/settlement/?confirmations=", "/portfolios/", "/routes/", "/inquiries/"):
            page.goto(f"{home}{path}")
            assert page.locator("html").get_attribute("data-theme") == theme
            if found := page.evaluate(WIDER):
                wider[width, path] = found
            cut = page.locator(f"td.cut[title='{LONG}']")
            assert cut.count() == {"/portfolios/": Portfolio.objects.count(), "/routes/": 0, "/inquiries/": 0}.get(path, 2)
    assert wider == {}
