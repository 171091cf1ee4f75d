"""Tables at the least width of a desk's screen: none is pushed aside by long names, and each name can be read whole."""

import pytest

from apps.desk.lists import saved, specs
from apps.desk.sheets import get_sheet
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


BESIDE = """() => {
  const grid = document.querySelector(".grid");
  grid.scrollLeft = 300;
  const left = grid.getBoundingClientRect().left;
  const at = (row, n) => Math.round(row.cells[n].getBoundingClientRect().left - left);
  const total = document.querySelector("#list-total .n:not(:empty)");
  return [grid.scrollLeft, ...["thead tr", "tr[data-row]"].map((rows) => at(document.querySelector(`#list ${rows}`), 1)),
    getComputedStyle(total).overflow];
}"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_beside_a_drawer_rows_keep_their_names_in_sight_and_totals_are_never_cut(sits_down, firm, mira, tom, by):
    Street(firm, by, mira, tom).block("BBB", "BUY", {"P1": 4000})
    sheet = get_sheet("blocks", tom)
    spec = specs.usual(sheet)._replace(totals=["usd"])
    view = saved.save_view(by(tom), sheet, spec, name="Totalled")
    page = sits_down(tom, f"/blocks/?view={view.pk}")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#drawer h2").first.wait_for()
    assert page.evaluate(BESIDE) == [300, 0, 0, "visible"]
