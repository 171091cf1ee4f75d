"""What a fixture says of bodies that portfolios deal with: their dealers, and of plans their employers and parties."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import plans
from .claims import Party
from .fixture_words import BadFixture, mapping_in, number_in, rows_in, truth_in


def deals_said(homes: Mapping[str, Any], issuers: dict[str, int]) -> tuple[list[Party], list[tuple[int, int, str, Decimal]]]:
    """The dealers of all portfolios, and (place of a portfolio, of a dealer, currency, amount)"""
    parties, owed = [], []
    for home, (code, told) in enumerate(homes.items()):
        for n, row in enumerate(rows_in(told.get("deals", []), f"portfolios.{code}.deals")):
            at = f"portfolios.{code}.deals[{n}]"
            row = mapping_in(row, at, {"dealer", "issuer", "is_credit_institution", "amounts"}, {"dealer", "amounts"})
            issuer, supervised = row.get("issuer"), row.get("is_credit_institution")
            group = None if issuer is None else issuers.setdefault(str(issuer), len(issuers) + 1)
            supervised = None if supervised is None else truth_in(supervised, f"{at}.is_credit_institution")
            parties.append(Party(str(row["dealer"]), group, supervised))
            for currency, amount in mapping_in(row["amounts"], f"{at}.amounts").items():
                owed.append((home, len(parties) - 1, currency, number_in(amount, f"{at}.amounts.{currency}")))
    return parties, owed


def plan_said(told: Any, at: str, issuers: dict[str, int]) -> plans.Plan:
    """A retirement plan; ``parties`` names an issuer and how it stands to the plan, ``exempt`` issuers with a consent on file,
    to what they issue, and ``may_deal`` those with one to dealing with them."""
    told = mapping_in(told, at, {"kind", "employer", "allows_employer", "qpam", "parties", "exempt", "may_deal"}, {"kind"})
    if told["kind"] not in (plans.ERISA, plans.IRA, plans.OTHER):
        raise BadFixture(f"A plan is ERISA, IRA or OTHER; got “{told['kind']}”.", field=f"{at}.kind")

    def group(name: Any) -> int:
        return issuers.setdefault(str(name), len(issuers) + 1)

    parties = []
    for name, relation in mapping_in(told.get("parties", {}), f"{at}.parties").items():
        if relation not in plans.RELATIONS:
            raise BadFixture(f"A party is one of {', '.join(plans.RELATIONS)}; got “{relation}”.", field=f"{at}.parties.{name}")
        parties.append(plans.Party(group(name), name, relation))
    exempt, may_deal = (
        tuple(plans.Exemption(group(name), "on file") for name in rows_in(told.get(key, []), f"{at}.{key}"))
        for key in ("exempt", "may_deal")
    )
    employer = told.get("employer")
    return plans.Plan(
        told["kind"], None if employer is None else group(employer), str(employer or ""), bool(told.get("allows_employer")),
        str(told.get("qpam", "")), tuple(parties), exempt, may_deal,
    )  # fmt: skip


def dealer_said(name: str, dealers: Mapping[str, Any], issuers: dict[str, int]) -> plans.Dealer:
    """Who would be sent an order: of the issuer that ``dealers`` says, of none on file where that is null, else of its own name."""
    issuer = dealers.get(name, name)
    return plans.Dealer(name, None if issuer is None else issuers.setdefault(str(issuer), len(issuers) + 1))
