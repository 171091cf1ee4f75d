"""With whom the desk deals for retirement plans: by the firm's rule, as orders are about to be sent."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.blocks.models import Block, Member
from apps.compliance.models import Check
from apps.compliance.selectors import replay_day
from apps.portfolios.models import PartyInInterest, Plan, PlanConsent
from apps.reference.models import Broker, Issuer
from apps.routing import services as routing
from apps.routing.models import Inquiry, Message, Route
from apps.routing.services.counterparties import BarredBroker
from tests.compliance.ruling import put_in_force

D = Decimal
TODAY = date.today()
pytestmark = pytest.mark.django_db


@pytest.fixture
def house(firm) -> Issuer:
    """The group that Harbor is of; who the others are is on file too."""
    for code, broker in firm.brokers.items():
        body = Issuer.objects.create(code=f"B-{code}", name=f"{broker.name} Inc", country="US", sector="Banks")
        Broker.objects.filter(pk=broker.pk).update(issuer=body)
    return Issuer.objects.get(code="B-HARBOR")


@pytest.fixture
def plan(firm, house) -> Plan:
    """P2 is a plan that Harbor's group serves."""
    made = Plan.objects.create(portfolio=firm.portfolios["P2"], kind="ERISA", employer=firm.instruments["CCC"].issuer, fiduciary="T")
    PartyInInterest.objects.create(issuer=house, plan=made, relation="SERVES", starts_on=TODAY, reason="Form 5500")
    return made


@pytest.fixture
def rule(by, people, firm):
    def make(severity: str = "HARD", **more) -> None:
        given = {"name": "No party", "kind": "plan_counterparties", "moments": ["route"]} | more
        put_in_force(by, "parties", {}, severity=severity, **given)

    return make


@pytest.fixture
def to(tom, by):
    def route(block: Block, broker: str | None = None) -> routing.Routed:
        seen = dict(Block.objects.filter(pk=block.pk).values_list("pk", "version"))
        return routing.route_blocks(by(tom, "He asked for it."), [block.pk], seen=seen, broker_code=broker)

    return route


def test_a_party_is_refused_for_its_plan_and_what_could_be_done_is_said(a_block, plan, rule, to):
    rule()
    block = a_block("AAA", "BUY", 600, 400)
    with pytest.raises(BarredBroker, match="P2: a retirement plan: the broker is of Harbor Inc, who serves the plan") as refused:
        to(block, "HARBOR")
    apart = list(Member.objects.filter(block=block, order__portfolio__code="P2").values_list("order", flat=True))
    assert (refused.value.facts["portfolios"], refused.value.facts["split_off"]) == (["P2"], apart)
    assert "HARBOR" not in refused.value.facts["allowed"] and not Message.objects.exists()
    assert to(a_block("CCC", "BUY", 500), "HARBOR").routes  # Of P1 alone.
    assert to(block, "MERIDIAN").routes


def test_a_sale_is_no_better_and_the_rule_passes_over_the_party(a_block, plan, rule, to):
    rule()
    for _ in range(3):
        to(a_block("AAA", "SELL", 100, 100))
    assert "HARBOR" not in set(Route.objects.values_list("broker__code", flat=True)) and Route.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "goes"),
    [
        ({"covers": "DEALING"}, True), ({"covers": "SECURITIES"}, False),
        ({"covers": "DEALING", "ends_on": TODAY}, True), ({"covers": "DEALING", "starts_on": TODAY + timedelta(1)}, False),
    ],
)  # fmt: skip
def test_an_exemption_for_dealing_lets_it_while_it_is_in_force(a_block, plan, rule, to, house, change, goes):
    rule()
    given = {"exemption": "PTE 75-1", "agreed_by": "A", "document": "d", "starts_on": TODAY} | change
    PlanConsent.objects.create(plan=plan, issuer=house, **given)
    block = a_block("AAA", "BUY", 600, 400)
    if goes:
        assert to(block, "HARBOR").routes
        [said] = [one for one in Check.objects.latest("pk").results if one["rule"] == "parties"] or [{"outcome": "PASS"}]
        assert said["outcome"] == "PASS"
    else:
        with pytest.raises(BarredBroker):
            to(block, "HARBOR")


def test_a_qpam_deals_with_who_serves_the_plan_and_never_with_our_own(a_block, plan, rule, to, house):
    rule()
    Plan.objects.update(by_qpam=True, qpam_agreement="Of January", qpam_starts_on=TODAY)
    assert to(a_block("AAA", "BUY", 600, 400), "HARBOR").routes
    PartyInInterest.objects.create(issuer=house, relation="ADVISER", starts_on=TODAY, reason="Register")
    with pytest.raises(BarredBroker, match="an affiliate of ours"):
        to(a_block("BBB", "BUY", 600, 400), "HARBOR")


def test_who_is_not_on_file_is_not_dealt_with(a_block, plan, rule, to, firm):
    rule()
    Broker.objects.filter(code="MERIDIAN").update(issuer=None)
    with pytest.raises(BarredBroker, match="the body that it is is not on file"):
        to(a_block("AAA", "BUY", 600, 400), "MERIDIAN")


def test_without_the_rule_or_for_others_nobody_is_barred(a_block, plan, rule, to, house):
    assert to(a_block("AAA", "BUY", 600, 400), "HARBOR").routes
    rule(scope={"portfolios": ["P1"]})
    assert to(a_block("BBB", "BUY", 600, 400), "HARBOR").routes


def test_a_rule_that_only_warns_is_told_and_keeps_nobody(a_block, plan, rule, to):
    rule("WARN")
    routed = to(a_block("AAA", "BUY", 600, 400), "HARBOR")
    assert routed.routes and [one["rule"] for one in routed.told] == ["parties"]
    assert "P2 is a plan under ERISA and Harbor is of Harbor Inc" in routed.told[0]["text"]
    assert replay_day(TODAY).is_same


def test_a_dealer_that_became_a_party_since_is_not_taken(a_block, plan, rule, to, street, tom, by):
    rule()
    to(a_block("BOND", "BUY", 100_000, 100_000))
    first, *_ = Inquiry.objects.get().quotes.order_by("pk")
    street.quote(first, "97")
    PartyInInterest.objects.create(issuer=first.dealer.issuer, plan=plan, relation="OTHER", starts_on=TODAY, reason="Form 5500")
    inquiry = Inquiry.objects.get()
    with pytest.raises(BarredBroker):
        routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version})
    late = by("scheduler")
    late.at += timedelta(seconds=31)
    routing.decide_due_inquiries(late)
    inquiry.refresh_from_db()
    assert inquiry.status == "PASSED" and not Route.objects.exists()
