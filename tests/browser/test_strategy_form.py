"""A trader fills a broker's own form: it minds its rules as it is typed, says what is sent, and routes."""

import pytest
from playwright.sync_api import expect

from apps.routing import services as routing
from apps.routing.models import BrokerStrategy, Message, Route
from tests.browser import pictures
from tests.routing.conftest import a_block, alone, counterparties  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FORM = b"""<Strategies xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:lay="lay" xmlns:val="val" xmlns:flow="flow"
 strategyIdentifierTag="5001" versionIdentifierTag="5002">
<Strategy name="Seeker" uiRep="Seeker" wireValue="SEEK" version="1">
 <Parameter name="Start" xsi:type="UTCTimestamp_t" fixTag="168" use="required"/>
 <Parameter name="Rate" xsi:type="Percentage_t" fixTag="7700" maxValue="0.3"/>
 <Parameter name="Mood" xsi:type="Char_t" fixTag="7701" use="required">
  <EnumPair enumID="calm" wireValue="C"/><EnumPair enumID="keen" wireValue="K"/></Parameter>
 <Parameter name="Dark" xsi:type="Boolean_t" fixTag="7702"/>
 <lay:StrategyLayout>
  <lay:StrategyPanel title="When" orientation="HORIZONTAL" collapsible="false" border="Line">
   <lay:Control ID="start" xsi:type="lay:Clock_t" label="Start" parameterRef="Start" initValue="09:30:00"/>
   <lay:Control ID="dark" xsi:type="lay:CheckBox_t" label="Dark pools" parameterRef="Dark"/>
  </lay:StrategyPanel>
  <lay:StrategyPanel title="How" orientation="GRID" collapsible="false">
   <lay:Control ID="mood" xsi:type="lay:RadioButtonList_t" label="Mood" parameterRef="Mood" orientation="HORIZONTAL" row="0" col="0">
    <lay:ListItem enumID="calm" uiRep="Calm"/><lay:ListItem enumID="keen" uiRep="Keen"/></lay:Control>
   <lay:Control ID="rate" xsi:type="lay:SingleSpinner_t" label="Percent of volume" parameterRef="Rate" row="0" col="1">
    <flow:StateRule enabled="false" value="{NULL}"><val:Edit field="mood" operator="EQ" value="keen"/></flow:StateRule></lay:Control>
  </lay:StrategyPanel>
 </lay:StrategyLayout>
 <val:StrategyEdit errorMessage="A calm order says its percent of volume."><val:Edit logicOperator="OR">
  <val:Edit field="Mood" operator="NE" value="C"/><val:Edit field="Rate" operator="EX"/></val:Edit></val:StrategyEdit>
</Strategy></Strategies>"""


def test_a_form_is_filled_by_keyboard_and_sent(a_block, by, tom, tess, sits_down):  # noqa: F811
    block = a_block("AAA", "BUY", 10_000)
    pk = routing.load_strategies(by(tess), "HARBOR", "seeker.xml", FORM)
    routing.approve_strategies(by(tom), pk, seen={pk: 1})
    row = BrokerStrategy.objects.get()
    page = sits_down(tom, f"/strategies/{row.pk}/?block={block.pk}")
    expect(page.get_by_label("Start")).to_have_value("09:30:00")
    page.get_by_label("Calm").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("A calm order says its percent of volume.")).to_be_visible()
    page.get_by_label("Percent of volume").fill("31")
    page.keyboard.press("Tab")
    expect(page.get_by_text("It is at most 30%.")).to_be_visible()
    pictures.keep(page, "strategy-wrong")
    page.get_by_label("Percent of volume").fill("25")
    page.keyboard.press("Tab")
    expect(page.locator("#strategy-tags")).to_contain_text("7700=0.25")
    page.get_by_label("Keen").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("Percent of volume")).to_be_disabled()
    expect(page.locator("#strategy-tags")).not_to_contain_text("7700")
    page.get_by_label("Calm").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("Percent of volume")).to_be_enabled()
    page.get_by_label("Percent of volume").fill("25")
    page.get_by_label("Dark pools").check()
    page.get_by_label("Reason").fill("Thin book today")
    expect(page.locator("#strategy-tags")).to_contain_text("7702=Y")
    pictures.keep(page, "strategy-filled")
    page.get_by_role("button", name="Route with Seeker").click()
    page.wait_for_url("**/routes/**")
    assert Route.objects.get().strategy == "Seeker"
    assert "|5001=SEEK|5002=1|" in Message.objects.get(msg_type="D").text
