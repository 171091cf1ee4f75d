"""The mandate of one client of the demo firm, with the rules that prove its clauses; one is not proved yet."""

from datetime import date
from io import BytesIO
from typing import NamedTuple

from django.utils import timezone
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate

from apps.compliance import services as compliance
from apps.compliance.models import Clause, Rule
from apps.core.acts import Act
from apps.portfolios.models import Portfolio
from apps.users.models import User

TITLE = "Investment management agreement, Cedar Ridge Hospital Fund"


class Agreed(NamedTuple):
    """A clause and the code of the rule that proves it; empty where no rule does."""

    reference: str
    text: str
    rule: str
    why: str


CLAUSES = (
    Agreed("3.1", "The Manager shall keep between 45% and 65% of the Fund in equities and between 30% and 50% in fixed income.",
           "asset_class_band", "The band is asked of every order, by the mandate's ranges."),
    Agreed("3.2", "No more than 5% of the Fund shall be invested in the securities of any one issuer and its affiliates, government"
           " securities excepted.", "issuer_limit", "Issuers count with their group, and the exception is the rule's."),
    Agreed("3.3", "No more than 30% of the Fund shall be invested in any one sector.", "sector_limit", "By the mandate's limit."),
    Agreed("3.4", "At least 1% of the Fund shall be held in cash.", "least_cash", "By the mandate's least cash."),
    Agreed("3.5", "The Manager shall not sell securities that the Fund does not hold.", "nothing_unheld_is_sold",
           "Nothing is sold that is not held."),
    Agreed("3.6", "The Manager shall not borrow on behalf of the Fund.", "cash_by_currency", "No overdraft in any currency on any date."),
    Agreed("3.7", "The Fund shall not be invested in makers of tobacco products.", "", ""),
)  # fmt: skip
EXEMPT = compliance.Said("6.1", "The Manager shall report to the Trustees within fifteen days of the end of each quarter.", 2,
                         "It is about reports, and binds no order.")  # fmt: skip


def load() -> None:
    """Will enter the document as one officer does, have its mappings proposed, and approved by another."""
    omar, odile = (User.objects.get(username=name) for name in ("omar", "odile"))
    said = [compliance.Said(one.reference, one.text, 1) for one in CLAUSES]
    pk = compliance.enter_mandate(
        _by(omar), "IMA-P003", TITLE, date(2026, 1, 5), home=compliance.Home(Portfolio.objects.get(code="P003").pk),
        file=compliance.Pdf("IMA-P003.pdf", _pdf([*said, EXEMPT])), clauses=[*said, EXEMPT],
    )  # fmt: skip
    clauses = {clause.reference: clause for clause in Clause.objects.filter(document=pk)}
    rules = {rule.code: rule for rule in Rule.objects.all()}
    made = []
    for one in CLAUSES:
        if one.rule in rules:
            clause, rule = clauses[one.reference], rules[one.rule]
            seen = {"seen": {clause.pk: clause.version}, "rules_seen": {rule.pk: rule.version}}
            made += compliance.propose_mappings(_by(omar, one.why), [(clause.pk, rule.pk)], **seen)
    made += clauses[EXEMPT.reference].mappings.values_list("pk", flat=True)
    compliance.approve_mappings(_by(odile), made, seen=dict.fromkeys(made, 1))


def _by(person: User, reason: str = "") -> Act:
    return Act(by=person.pk, at=timezone.now(), via="command", reason=reason)


def _pdf(clauses: list[compliance.Said]) -> bytes:
    out, styles = BytesIO(), getSampleStyleSheet()
    parts = [Paragraph(TITLE, styles["Title"]), *(Paragraph(f"{one.reference}  {one.text}", styles["BodyText"]) for one in clauses)]
    SimpleDocTemplate(out, title=TITLE, invariant=1).build(parts)
    return out.getvalue()
