"""A decision on a phone, and by the keyboard alone."""

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Override, Review
from apps.orders import services as orders

WIDER = """() => [document.documentElement, ...document.querySelectorAll('#review, #review .box')]
  .filter((part) => part.scrollWidth > part.clientWidth).map((part) => `${part.innerText.slice(0, 40)} ${part.scrollWidth}`)"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_an_officer_decides_on_a_phone_and_another_confirms_by_keys(sits_down, firm, mira, omar, odile, by):
    compliance.install_default_rules(by("loader"))
    wish = orders.Wish(firm.portfolios["P1"].pk, firm.instruments["AAA"].pk, "SELL", "160000")
    orders.create_orders(by(mira), [wish], submit=True)
    review = Review.objects.get()

    page = sits_down(omar, f"/reviews/{review.pk}/")
    home = page.url.split("/reviews/")[0]
    page.set_viewport_size({"width": 390, "height": 844})
    for theme in ("dark", "light"):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": home}])
        page.goto(f"{home}/reviews/{review.pk}/")
        page.locator("#review details summary").first.click()
        assert page.evaluate(WIDER) == []
    page.get_by_role("link", name="Decide", exact=True).click()
    page.get_by_label("Reason").fill("A transfer is on its way.")
    page.get_by_label("To approve it, because").select_option("CURE")
    page.get_by_role("button", name="Ask to approve").click()
    page.locator("#decide p", has_text="asked to let it through").wait_for()

    second = sits_down(odile, f"/reviews/{review.pk}/")
    second.get_by_label("Reason").focus()
    second.keyboard.type("Seen it.")
    second.keyboard.press("Tab")
    second.keyboard.press("a")
    second.locator("#decide p", has_text="Approved").wait_for()
    assert set(Override.objects.values_list("status", "second_by")) == {("LIVE", odile.pk)}
