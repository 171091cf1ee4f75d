"""Rules put in force as officers do: one writes and proposes, another approves."""

from collections.abc import Mapping
from typing import Any

from apps.compliance import services as compliance
from apps.compliance.models import Rule, RuleDraft
from apps.users.models import User

WHY = "Asked by the board."


def put_in_force(by, code: str, params: Mapping[str, Any], writer="omar", approver="odile", **says) -> int:
    """
    A new rule, or a new version of one, which keeps what is not said. Returns the number of the version.

    :param by: the fixture, person to act
    """
    rule = Rule.objects.filter(code=code).first()
    if rule is not None:
        last = rule.versions.latest("number")
        says = {"kind": rule.kind, "name": rule.name, "severity": last.severity, "citation": last.citation,
                "when_unsure": last.when_unsure} | says  # fmt: skip
    text = compliance.RuleText(code, params=params, **says)
    return approved(by, compliance.Change(text, rule and rule.pk, rule and rule.version), writer, approver).became.number


def take_out(by, *codes: str) -> None:
    """Rules out of force; without a code all."""
    for rule in Rule.objects.filter(code__in=codes) if codes else Rule.objects.all():
        approved(by, compliance.Change(None, rule.pk, rule.version), "omar", "odile")


def approved(by, change: compliance.Change, writer: str, approver: str) -> RuleDraft:
    writer, approver = (User.objects.get(username=name) for name in (writer, approver))
    (pk,) = compliance.write_drafts(by(writer, WHY), [change])
    compliance.propose_drafts(by(writer), [pk], seen={pk: 1})
    compliance.approve_drafts(by(approver), [pk], seen={pk: 2})
    return RuleDraft.objects.select_related("became").get(pk=pk)
