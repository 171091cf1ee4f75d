"""What the engine is told of retirement plans. Asked only where a portfolio is one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from apps.portfolios.models import Plan
from apps.portfolios.plan_selectors import consents_in_force, parties_in_force
from apps.reference.selectors import issuer_groups

from ..engine import columns as c
from ..engine import plans as p


def plans_of(homes: Sequence[c.Portfolio], on: date) -> dict[int, p.Plan]:
    """Place of a portfolio to the plan that it is. Four queries, none where no portfolio is a plan."""
    places = {home.plan: n for n, home in enumerate(homes) if home.plan is not None}
    if not places:
        return {}
    groups = issuer_groups()
    parties: dict[int | None, list[p.Party]] = defaultdict(list)
    for plan, issuer, name, relation in parties_in_force(places, on).values_list("plan", "issuer", "issuer__name", "relation"):
        parties[plan].append(p.Party(groups[issuer], name, relation))
    exemptions: dict[int, list[p.Exemption]] = defaultdict(list)
    for plan, issuer, rests_on in consents_in_force(places, on).values_list("plan", "issuer", "exemption"):
        exemptions[plan].append(p.Exemption(groups[issuer], rests_on))
    rows = Plan.objects.filter(pk__in=places).order_by("pk").values_list(
        "pk", "kind", "employer", "employer__name", "allows_employer", "by_qpam", "qpam_agreement", "qpam_starts_on", "qpam_ends_on"
    )
    return {
        places[pk]: p.Plan(
            kind, groups.get(employer), name or "", allows,
            agreement if by_qpam and starts <= on and (ends is None or on <= ends) else "",
            tuple(parties[pk] + parties[None]), tuple(exemptions[pk]),
        )
        for pk, kind, employer, name, allows, by_qpam, agreement, starts, ends in rows
    }  # fmt: skip
