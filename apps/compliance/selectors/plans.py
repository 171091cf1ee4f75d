"""What the engine is told of retirement plans. Asked only where a portfolio is one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection

from apps.portfolios.models import Plan, PlanConsent
from apps.portfolios.plan_selectors import consents_in_force, parties_in_force
from apps.reference.models import Broker
from apps.reference.selectors import issuer_groups

from ..engine import columns as c
from ..engine import plans as p
from ..engine.judgement import FAIL, INDETERMINATE, LETS_GO
from ..engine.rules import plan_counterparties
from ..states import Stage
from .asked import active_rules
from .homes import homes_of

SECURITIES, DEALING = PlanConsent.Covers.SECURITIES, PlanConsent.Covers.DEALING


class Dealings(NamedTuple):
    """
    With whom retirement plans do not deal, by the firm's rules.

    :param plans: id of a portfolio to the plan that it is; :param dealers: id of a broker to who it is
    :param bound: ids of those whose rule holds back what goes to a party; :param unsure: what goes to whom nobody knows
    """

    plans: Mapping[int, p.Plan]
    dealers: Mapping[int, p.Dealer]
    bound: frozenset[int] = frozenset()
    unsure: frozenset[int] = frozenset()

    def why_not(self, portfolio_id: int, broker_id: int) -> str:
        """Why a portfolio does not deal with a broker; empty where it does, or nothing is known against it."""
        plan = self.plans.get(portfolio_id)
        why = plan.why_not(self.dealers[broker_id]) if plan else p.WhyNot()
        return why.text if portfolio_id in (self.bound if why.is_party else self.unsure) else ""


NO_DEALINGS = Dealings({}, {})


def plan_dealings(portfolio_ids: Collection[int], on: date) -> Dealings:
    """
    What rules that hold orders back as they are about to be sent say of these portfolios and any broker. One query where there is
    no such rule; seven at most.
    """
    rules = [one for one in active_rules(on, Stage.ROUTE) if one.kind == plan_counterparties.KIND]
    holding = [[one for one in rules if one.severity_of(outcome) not in LETS_GO] for outcome in (FAIL, INDETERMINATE)]
    if not any(holding):
        return NO_DEALINGS
    with connection.cursor() as cursor:
        homes = homes_of(cursor, sorted(portfolio_ids), on)
    bound, unsure = (
        frozenset(home.id for home in homes for rule in some if rule.scope is None or rule.scope.may_name(home)) for some in holding
    )
    found = {homes[place].id: plan for place, plan in plans_of(homes, on).items() if plan.kind in (p.ERISA, p.IRA)}
    found = {pk: plan for pk, plan in found.items() if pk in bound | unsure}
    return Dealings(found, dealers(), bound, unsure) if found else NO_DEALINGS


def dealers(ids: Collection[int] | None = None) -> dict[int, p.Dealer]:
    """Brokers by id, all where none are named, each with the group of the body that it is. Two queries."""
    groups = issuer_groups()
    rows = Broker.objects.all() if ids is None else Broker.objects.filter(pk__in=ids)
    return {pk: p.Dealer(name, groups.get(issuer)) for pk, name, issuer in rows.order_by("pk").values_list("pk", "name", "issuer")}


def plans_of(homes: Sequence[c.Portfolio], on: date) -> dict[int, p.Plan]:
    """Place of a portfolio to the plan that it is. Four queries, none where no portfolio is a plan."""
    places = {home.plan: n for n, home in enumerate(homes) if home.plan is not None}
    if not places:
        return {}
    groups = issuer_groups()
    parties: dict[int | None, list[p.Party]] = defaultdict(list)
    for plan, issuer, name, relation in parties_in_force(places, on).values_list("plan", "issuer", "issuer__name", "relation"):
        parties[plan].append(p.Party(groups[issuer], name, relation))
    exemptions: dict[tuple[int, str], list[p.Exemption]] = defaultdict(list)
    for plan, covers, issuer, rests_on in consents_in_force(places, on).values_list("plan", "covers", "issuer", "exemption"):
        exemptions[plan, covers].append(p.Exemption(groups[issuer], rests_on))
    rows = Plan.objects.filter(pk__in=places).order_by("pk").values_list(
        "pk", "kind", "employer", "employer__name", "allows_employer", "by_qpam", "qpam_agreement", "qpam_starts_on", "qpam_ends_on"
    )
    return {
        places[pk]: p.Plan(
            kind, groups.get(employer), name or "", allows,
            agreement if by_qpam and starts <= on and (ends is None or on <= ends) else "",
            tuple(parties[pk] + parties[None]), tuple(exemptions[pk, SECURITIES]), tuple(exemptions[pk, DEALING]),
        )
        for pk, kind, employer, name, allows, by_qpam, agreement, starts, ends in rows
    }  # fmt: skip
