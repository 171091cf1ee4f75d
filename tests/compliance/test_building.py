"""The page that a rule is written on: fields of its measure, the sentence it makes, and what it would say while it is written."""

from datetime import date
from decimal import Decimal

import pytest
from django.forms import DateInput

from apps.compliance import services as compliance
from apps.compliance.engine.rules import MEASURES
from apps.compliance.forms import LimitForm
from apps.compliance.lists_forms import RestrictionForm
from apps.compliance.mandate_forms import MandateForm
from apps.compliance.models import Check, Rule, RuleDraft
from apps.compliance.position_limit_forms import PositionLimitForm
from apps.compliance.rule_forms import BuildForm
from apps.core.refusals import Invalid, NotAllowed
from apps.marketdata.models import Quote
from apps.orders.forms.orders import Terms
from apps.orders.models import Order
from apps.settlement.forms import StandingForm
from tests.pages import send, visit, words

D = Decimal
NEW = {"kind": "order_value", "name": "Small orders", "code": "small", "severity": "SOFT", "moments": ["submit"],
       "limit-max_amount": "1000"}  # fmt: skip
SHARE = {"kind": "instrument_share", "limit-max_pct": "26", "limit-exempt": "GOVT", "limit-max_age": "60", "severity": "SOFT",
         "moments": "submit", "try-portfolio": "P1", "try-side": "BUY"}  # fmt: skip


def tried(person, **asked) -> str:
    from urllib.parse import urlencode

    return words(visit(person, "compliance:try_rule", query="?" + urlencode(asked), htmx=True))


@pytest.mark.parametrize("kind", MEASURES)
def test_every_measure_has_a_form_made_of_what_it_takes(firm, omar, kind):
    page = words(visit(omar, "compliance:new_rule", query=f"?kind={kind}"))
    for name, param in MEASURES[kind].takes.items():
        assert f'name="limit-{name}"' in page and param.help[:15].replace("'", "&#x27;") in page
    part = words(visit(omar, "compliance:rule_limits", query=f"?kind={kind}", htmx=True))
    assert all(f'name="limit-{name}"' in part for name in MEASURES[kind].takes)


def test_it_is_saved_as_a_draft_and_edited_and_proposed(firm, omar):
    assert send(omar, "compliance:new_rule", NEW | {"teams": ["A"]}).status_code == 302
    draft = RuleDraft.objects.get()
    assert (draft.status, draft.params["max_amount"], draft.scope, draft.moments) == ("DRAFT", "1000", {"teams": ["A"]}, ["submit"])
    assert draft.text.startswith("No order is worth more than USD 1,000.")
    page = words(visit(omar, "compliance:draft_edit", draft.pk))
    assert 'value="1000"' in page and 'value="Small orders"' in page
    said = NEW | {"limit-max_amount": "2000", "how": "propose", "seen": "1"}
    refused = send(omar, "compliance:draft_edit", said, draft.pk)
    assert refused.status_code == 422 and "Give a reason" in words(refused)
    draft.refresh_from_db()
    assert (draft.version, draft.params["max_amount"]) == (1, "1000")
    assert send(omar, "compliance:draft_edit", said | {"reason": "So."}, draft.pk).status_code == 302
    draft.refresh_from_db()
    assert (draft.status, draft.params["max_amount"]) == ("PROPOSED", "2000")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"limit-max_amount": "much"}, "must be a number"), ({"code": "no blanks"}, "letters, digits and underscores"),
     ({"moments": []}, "at least one of"), ({"starts_on": "2027-01-02", "ends_on": "2027-01-01"}, "before the first")],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(firm, omar, wrong, message):
    answer = send(omar, "compliance:new_rule", NEW | wrong)
    assert answer.status_code == 422 and message in words(answer) and not RuleDraft.objects.exists()


def test_a_filter_that_cannot_be_read_is_marked_with_the_place(firm, omar):
    shown = tried(omar, kind="measure", **{"limit-filter": 'country = "US"', "limit-limit": "10", "try-portfolio": "P1", "try-side": "BUY",
                                           "moments": "submit", "severity": "SOFT"})  # fmt: skip
    slot = shown.split('id="problem-limit-filter"')[1].split("</ul>")[0]
    assert "<li>Line 1, column 9: " in slot and slot.count("column 9") == 1
    assert "Mend what is marked" in shown


def test_it_is_tried_on_each_position_while_it_is_written(firm, omar):
    shown = tried(omar, **SHARE)
    assert "No instrument but GOVT is above 26% of the portfolio" in shown
    assert "Does not count" in shown and "4 of 5 positions of P1 count" in shown
    assert not Order.objects.exists() and not Check.objects.exists()
    assert "Does not pass" in tried(omar, **SHARE | {"limit-max_pct": "5"})


def test_it_is_tried_on_an_order_that_nobody_entered(firm, omar):
    shown = tried(omar, **SHARE | {"try-symbol": "AAA", "try-qty": "10000"})
    assert "Would not pass" in shown and "AAA, this order" in shown and "AAA, held" in shown
    assert "Would pass" in tried(omar, **SHARE | {"try-symbol": "AAA", "try-qty": "1", "limit-max_pct": "30"})
    Quote.objects.filter(instrument__symbol="AAA").delete()
    assert "Cannot tell" in tried(omar, **SHARE | {"try-symbol": "AAA"})
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("order", "field"),
    [({"try-symbol": "NONE"}, "try-symbol"), ({"try-symbol": "AAA", "try-qty": "-1"}, "try-qty"),
     ({"try-portfolio": "P9"}, "try-portfolio"), ({"try-symbol": "AAA", "try-limit": "-1"}, "try-limit")],
)  # fmt: skip
def test_an_order_that_cannot_be_is_marked(firm, omar, order, field):
    assert "<li>" in tried(omar, **SHARE | order).split(f'id="problem-{field}"')[1].split("</ul>")[0]


def test_a_change_begins_with_what_the_rule_says_now(rules, omar):
    page = words(visit(omar, "compliance:rule", "price_collar"))
    assert 'value="5"' in page and "Price collar, 5%" in page and "checked" in page
    stale = NEW | {"kind": "price_collar", "limit-max_pct": "4", "seen": "9"}
    assert send(omar, "compliance:rule", stale, "price_collar").status_code == 409
    assert Rule.objects.get(code="price_collar").versions.count() == 1


def test_what_stands_in_days_and_fixtures_is_shown_as_a_browser_takes_it(rules, firm, omar):
    fresh = words(visit(omar, "compliance:new_rule"))
    assert ">null<" not in fresh and "null</textarea>" not in fresh
    said = NEW | {"starts_on": "2035-01-31", "fixtures": '[{"name": "One"}]', "name": ""}
    again = words(send(omar, "compliance:new_rule", said))
    assert 'value="2035-01-31"' in again and "{\n    &quot;name&quot;: &quot;One&quot;\n  }" in again
    assert "[oops" in words(send(omar, "compliance:new_rule", said | {"fixtures": "[oops"}))


def test_days_that_were_chosen_before_stand_in_their_fields(firm, omar):
    for form in (BuildForm, RestrictionForm, PositionLimitForm, LimitForm, MandateForm, Terms, StandingForm):
        days = [field for field in form.base_fields.values() if isinstance(field.widget, DateInput)]
        assert days and all("2035-01-31" in field.widget.render("x", date(2035, 1, 31)) for field in days)


def test_only_officers_try(firm, mira, by):
    text = compliance.RuleText("x", "order_value", "X", params={"max_amount": "1"})
    with pytest.raises(NotAllowed):
        compliance.try_rule(by(mira), text, compliance.Order("P1"))


def test_a_side_is_one_there_is(firm, omar, by):
    text = compliance.RuleText("x", "order_value", "X", params={"max_amount": "1"})
    with pytest.raises(Invalid):
        compliance.try_rule(by(omar), text, compliance.Order("P1", "LEND"))


def test_what_stands_where_nothing_is_written_is_said_and_not_called_optional(firm, omar):
    page = words(visit(omar, "compliance:rule_limits", query="?kind=order_value", htmx=True))
    assert "usually 25,000,000" in page and "usually 4,320" in page and "optional" not in page
    page = words(visit(omar, "compliance:rule_limits", query="?kind=measure", htmx=True))
    beside = {part.split("</label>")[0].split(">")[1].split("<")[0].strip(): "optional" in part.split("</label>")[0]
              for part in page.split("<label")[1:]}  # fmt: skip
    assert [name for name, is_optional in beside.items() if is_optional] == ["Filter", "Of", "Warning"] and "usually 10<" in page
    assert "optional" in words(visit(omar, "compliance:rule_limits", query="?kind=issuer_share", htmx=True))  # Else the mandate's.


def test_a_trial_across_the_firm_says_whose_value_it_measures(firm, omar):
    said = {"kind": "measure", "limit-across": "firm", "limit-group": "issuer", "severity": "SOFT", "moments": "submit",
            "try-portfolio": "P1", "try-side": "BUY"}  # fmt: skip
    assert "% of the firm&#x27;s NAV" in tried(omar, **said) or "% of the firm's NAV" in tried(omar, **said)
    page = tried(omar, **said | {"limit-across": "portfolio"})
    assert "% of NAV" in page and "firm's NAV" not in page and "firm&#x27;s NAV" not in page
